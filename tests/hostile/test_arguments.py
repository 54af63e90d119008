"""Any command line ends with exit status 0, 1 or 2, and where it is wrong, in one line on standard error."""

import random
import subprocess
import sys

import pytest

COMMANDS = ["init", "verify", "audit", "record", "diff", "models", "config", "stream", "intit", ""]
WORDS = [
    "mlp", "gpt2", "nothing", "", ".", "..", "/", "spec.toml", "none.toml", "there.safetensors", "m.safetensors.index.json",
    "a:b", ":", "os:getcwd", "timm:", "folder", "folder/x.safetensors", "out.safetensors", "out.toml", "out.png",
    "-o", "-o=", "--output", "--seed", "--seed=", "--sed", "--dtype", "--threads", "--shard-size", "--overwrite", "--dry-run",
    "--json", "--spec", "--picture", "--name", "--help", "--", "-", "---",
    "0", "1", "-1", "1e9", "1.5", "nan", "9" * 30, "9" * 5000, "0x10", "5GB", "5KiB", "0GB", "float32", "bfloat16", "int8",
    "x" * 300, "é", "☃.safetensors", "[red]m[/b]", "\x1b[31m", "a\nb", "%s", "$HOME", "*", "'",
]  # fmt: skip
MOST = 5
SECONDS = 300  # after which a command counts as waiting for ever


def command_line(draw):
    return [draw.choice(COMMANDS), *draw.choices(WORDS, k=draw.randrange(MOST))]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spec.toml").write_text('[tensors]\nw = [3, 4]\n[[rules]]\nmatch = "*"\ninit = "normal"')
    (tmp_path / "there.safetensors").write_text("precious")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("lines", [12, pytest.param(400, marks=pytest.mark.slow)])
def test_any_command_line_ends_with_a_status_and_at_most_a_line(folder, lines):
    draw = random.Random("arguments")
    for _ in range(lines):
        arguments = command_line(draw)
        is_endless = arguments[0] == "stream"
        done = subprocess.run(
            [sys.executable, "-m", "fastinit", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=open_for_endless(folder) if is_endless else subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
        )
        said = done.stderr.decode()
        assert done.returncode in (0, 1, 2, 141), (arguments, said)
        assert "Traceback" not in said, (arguments, said)
        assert said.count("\n") <= 1 or all(line.startswith("fastinit: ") for line in said.splitlines()), (arguments, said)
        assert (folder / "there.safetensors").read_text() == "precious" or "--overwrite" in arguments, arguments
        assert not list(folder.rglob("*.partial")), arguments


def open_for_endless(folder):
    """A file that takes nothing, so that an endless stream ends at once."""
    return open("/dev/full", "wb")  # the process's
