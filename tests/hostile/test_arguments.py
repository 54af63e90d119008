"""Any command line ends with exit status 0, 1 or 2, and where it is wrong, in one line on standard error."""

import random
import sys

import pytest

from fastinit.cli.app import run

COMMANDS = ["init", "verify", "audit", "record", "diff", "models", "config", "intit", ""]
WORDS = [
    "mlp", "nothing", "", ".", "..", "/", "spec.toml", "none.toml", "there.safetensors", "m.safetensors.index.json",
    "a:b", ":", "os:getcwd", "timm:", "folder", "folder/x.safetensors", "out.safetensors", "out.toml", "out.png",
    "-o", "-o=", "--output", "--seed", "--seed=", "--sed", "--dtype", "--threads", "--shard-size", "--overwrite",
    "--dry-run", "--json", "--spec", "--picture", "--name", "--help", "--", "-", "---",
    "0", "1", "-1", "1e9", "1.5", "nan", "9" * 30, "9" * 5000, "0x10", "5GB", "5KiB", "0GB", "float32", "bfloat16", "int8",
    "x" * 300, "é", "☃.safetensors", "[red]m[/b]", "\x1b[31m", "a\nb", "%s", "$HOME", "*", "'",
]  # fmt: skip
MOST = 5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "spec.toml").write_text('[tensors]\nw = [3, 4]\n[[rules]]\nmatch = "*"\ninit = "normal"')
    (tmp_path / "there.safetensors").write_text("precious")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("lines", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_any_command_line_ends_with_a_status_and_at_most_a_line(folder, lines, monkeypatch, capfd):
    """All but `stream`, which does not end. One process runs them one after the other."""
    draw = random.Random("arguments")
    for _ in range(lines):
        arguments = [draw.choice(COMMANDS), *draw.choices(WORDS, k=draw.randrange(MOST))]
        monkeypatch.setattr(sys, "argv", ["fastinit", *arguments])
        with pytest.raises(SystemExit) as end:
            run()
        said = capfd.readouterr().err
        assert end.value.code in (None, 0, 1, 2), (arguments, said)
        assert all(line.startswith("fastinit: ") for line in said.splitlines()), (arguments, said)
        assert end.value.code != 2 or said.count("\n") == 1, (arguments, said)
        assert (folder / "there.safetensors").read_text() == "precious" or "--overwrite" in arguments, arguments
        assert not list(folder.rglob("*.partial")), arguments
