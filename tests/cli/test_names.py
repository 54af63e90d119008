"""Names from files are printed as they are: no markup, nothing that a terminal obeys, in every encoding."""

import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from fastinit.cli.app import app
from fastinit.recipes import Recipe
from fastinit.runtime.printable import printable

ODD = {
    "w[/b]": "w[/b]",
    "m[bold]x": "m[bold]x",
    ":smile:": ":smile:",
    "\x1b[31mred": "\\x1b[31mred",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\u202egpj": "\\u202egpj",
    "two\nlines": "two\\nlines",
    "back\rto": "back\\rto",
    "\x9b31m": "\\x9b31m",
    "$x^$": "$x^$",
    "😀": "😀",
}
"""Names, and how they are printed."""


def run(*arguments):
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.fixture(params=ODD, ids=ascii)
def file(request, tmp_path):
    """A file with a tensor of an odd name, in a folder of that name where there can be one; and the name as printed."""
    folder = tmp_path / request.param.replace("/", "|") if "\n" not in request.param else tmp_path
    folder.mkdir(exist_ok=True)
    save_file({request.param: np.full((3, 4), 7, np.float32)}, folder / "old.safetensors")
    return folder / "old.safetensors", ODD[request.param]


def is_plain(text):
    return all(character.isprintable() or character == "\n" for character in text)


def test_every_sub_command_prints_a_name_as_it_is(file):
    path, name = file
    new = path.with_name("new.safetensors")
    said = {
        "init": run("init", path, "-o", new),
        "dry run": run("init", path, "--dry-run"),
        "audit": run("audit", path),
        "verify": run("verify", path, new),
        "diff": run("diff", path, "mlp"),
        "an error": run("init", path, "-o", new),
    }
    assert new.exists()
    assert all(is_plain(text) for text in said.values()), said
    assert all(name in said[command] for command in ("dry run", "audit", "verify", "diff")), said
    folder = printable(path.parent.name)
    assert folder in said["an error"] and folder in said["init"]


def test_a_plan_and_a_recipe_print_names_on_one_line():
    recipe = Recipe([("two\n\x1b[31mlines", "normal")])
    assert str(recipe.plan({"two\n\x1b[31mlines": 4})).splitlines()[1].startswith("two\\n\\x1b[31mlines  (4,)")
    assert str(recipe).startswith("two\\n\\x1b[31mlines  Normal")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_encoding_lacks_is_printed_as_an_escape(tmp_path, encoding):
    path = tmp_path / "😀.safetensors"
    save_file({"😀": np.zeros((3, 4), np.float32)}, path)
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (["init", path, "--dry-run"], ["init", path, "-o", path], ["verify", path, path]):
        done = subprocess.run(
            [sys.executable, "-m", "fastinit", *map(str, arguments)], env=environment, capture_output=True, text=True
        )
        assert "codec" not in done.stderr and "\\U0001f600" in done.stdout + done.stderr


def test_a_very_long_error_is_cut(tmp_path):
    spec = tmp_path / "many.toml"
    spec.write_text("[tensors]\n" + "\n".join(f'"{"w" * 50}{i}" = 1' for i in range(1000)))
    said = run("init", spec, "--dry-run")
    assert said.startswith(f"fastinit: {spec}: no rule matches tensor 'ww") and len(said) < 2100 and said.endswith(" ...\n")
