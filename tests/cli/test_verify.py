"""`fastinit verify`: a file of fastinit says what it was made from, and what is asked otherwise is one line."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from fastinit.cli.app import app


def run(*arguments, code=0):
    """What the command says, which ends with this exit status."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def metadata_of(path):
    with safe_open(path, "np") as file:
        return file.metadata()


@pytest.fixture
def specs(tmp_path):
    """SPECs of each kind, by what they are, in a folder whose name must not be found in what is written from them."""
    folder = tmp_path / "home-of-somebody"
    folder.mkdir()
    arrays = {"wte": np.arange(32, dtype=np.float16).reshape(8, 4), "ids": np.arange(3), "bias": np.zeros(4, np.float32)}
    save_file(arrays, folder / "old.safetensors")
    (folder / "own.toml").write_text('[tensors]\nw = [4, 4]\nb = 4\n[[rules]]\ninit = "ones"\nmatch = "b"\n'
                                     '[[rules]]\nstd = 0.5\ninit = "normal"\nmatch = "*"\n')  # fmt: skip
    (folder / "kept.toml").write_text('like = "old.safetensors"\nskip = ["ids"]\n')
    (folder / "model.toml").write_text('model = "mlp"\nrules = [{ match = "*.weight", init = "he_normal" }]\n')
    return {
        "model": "mlp",
        "toml": folder / "own.toml",
        "toml of a model": folder / "model.toml",
        "toml that keeps": folder / "kept.toml",
    }


KINDS = ["model", "toml", "toml of a model", "toml that keeps"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_alone_is_verified(specs, tmp_path, kind):
    new = tmp_path / "new.safetensors"
    run("init", specs[kind], "-o", new, "--seed", 5, "--dtype", "bfloat16")
    shutil.rmtree(tmp_path / "home-of-somebody")
    assert run("verify", new).endswith("tensors are as seed 5 makes them\n")


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_is_written_into_a_file(specs, tmp_path, kind):
    run("init", specs[kind], "-o", tmp_path / "new.safetensors")
    assert b"somebody" not in (tmp_path / "new.safetensors").read_bytes()


def test_specs_that_say_the_same_give_the_same_bytes(tmp_path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text('# one\n[tensors]\nw = [4, 4]\nb = 4\n[[rules]]\nmatch = "*"\ninit = "normal"\nstd = 0.5\n')
    second.write_text(
        'rules = [{ std = 0.5, init = "normal", match = "*" }]\nskip = []\ntensors = { w = [4, 4], b = { shape = [4] } }'
    )
    for spec in (first, second):
        run("init", spec, "-o", spec.with_suffix(".safetensors"))
    assert first.with_suffix(".safetensors").read_bytes() == second.with_suffix(".safetensors").read_bytes()


def test_shards_are_verified_by_their_index_alone(tmp_path):
    run("init", "mlp", "-o", tmp_path / "m.safetensors", "--shard-size", "1MB", "--seed", 3)
    assert "all 6 tensors are as seed 3" in run("verify", tmp_path / "m.safetensors.index.json")


def test_one_shard_alone_is_said_to_lack_the_others_in_a_line(tmp_path):
    run("init", "mlp", "-o", tmp_path / "m.safetensors", "--shard-size", "1MB")
    said = run("verify", tmp_path / "m-00001-of-00002.safetensors", code=1)
    assert "lacks 5 of 6 tensors, the others are right" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (["mlp", "--seed", 6], "says that it was made with seed 5, not 6: 3 of 6 tensors differ"),
        (["--seed", 6], "says that it was made with seed 5, not 6: 3 of 6 tensors differ"),
        (["--dtype", "float16"], "says that it was made with dtype of its SPEC, not float16: 6 of 6 tensors differ"),
        (["gpt2"], "says that it was made with SPEC 'mlp': 154 of 154 tensors differ"),
    ],
)
def test_what_is_asked_otherwise_than_the_file_says_is_one_line(tmp_path, asked, line):
    file = tmp_path / "m.safetensors"
    run("init", "mlp", "-o", file, "--seed", 5)
    assert run("verify", file, *asked, code=1) == f"{file} {line}\n"


def test_another_dtype_is_one_line_also_for_a_file_that_says_nothing(tmp_path):
    run("init", "mlp", "-o", tmp_path / "m.safetensors", "--dtype", "float16")
    save_file(load_file(tmp_path / "m.safetensors"), tmp_path / "bare.safetensors")
    said = run("verify", tmp_path / "bare.safetensors", "mlp", code=1)
    assert said == "6 of 6 tensors differ: they are float16, expected float32; --dtype float16 asks for that\n"
    run("verify", tmp_path / "bare.safetensors", "mlp", "--dtype", "float16")


def test_a_kept_tensor_that_was_changed_is_found_without_the_file_it_is_from(specs, tmp_path):
    new = tmp_path / "new.safetensors"
    run("init", specs["toml that keeps"], "-o", new)
    save_file({**load_file(new), "ids": np.arange(1, 4)}, new, metadata_of(new))
    assert run("verify", new, code=1) == "ids: is not as it was kept\n1 of 3 tensors differ\n"


def test_many_differences_are_a_few_lines(tmp_path):
    tensors = "".join(f'"{chr(97 + i)}{chr(97 + j)}" = [{i + 1}, {j + 1}]\n' for i in range(8) for j in range(8))
    (tmp_path / "s.toml").write_text(f'[tensors]\n{tensors}[[rules]]\nmatch = "*"\ninit = "normal"\n')
    run("init", tmp_path / "s.toml", "-o", tmp_path / "m.safetensors")
    save_file({k: v + 1 for k, v in load_file(tmp_path / "m.safetensors").items()}, tmp_path / "other.safetensors")
    said = run("verify", tmp_path / "other.safetensors", tmp_path / "s.toml", code=1).splitlines()
    assert len(said) == 22 and said[-2:] == ["... and 44 more; --json names all", "64 of 64 tensors differ"]


def with_metadata(tmp_path, **changes):
    path = tmp_path / "m.safetensors"
    run("init", "mlp", "-o", path, "--seed", 5)
    said = {**metadata_of(path), **{f"fastinit.{key}": text for key, text in changes.items()}}
    save_file(load_file(path), path, {key: text for key, text in said.items() if text is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec": None}, "does not say what it was made from: give SPEC, --seed and --dtype"),
        ({"seed": None}, "does not say what it was made from: give SPEC, --seed and --dtype"),
        ({"seed": "-1"}, "its seed is '-1', which is none"),
        ({"seed": "9" * 5000}, "Exceeds the limit"),
        ({"dtype": "int8"}, "dtype must be one of 'float32', "),
        ({"stream": "2"}, "its values are of streams of version '2', those of this fastinit of 1"),
        ({"kept": "[]"}, "fastinit.kept must be a table of names and strings, got []"),
        ({"kept": '{"a": 1}'}, "kept 'a' must be a string, got 1"),
        ({"spec": "../secret.toml"}, "unknown model '../secret.toml'"),
        ({"spec": '{"like": "../secret.safetensors"}'}, "key must be one of 'model', 'dtype', "),
        ({"spec": '{"model": 5}'}, "model must be a string, got 5"),
        ({"spec": '{"model": "mlp"'}, "Expecting ',' delimiter"),
        ({"spec": "os:getcwd"}, "was made by the code 'os:getcwd', which is run only where you give it as SPEC"),
        ({"spec": '{"model": ' + "[" * 100_000}, "its tables and lists are nested more than 32 deep"),
    ],
)
def test_what_a_file_says_of_itself_is_not_trusted(tmp_path, changes, message):
    path = with_metadata(tmp_path, **changes)
    said = run("verify", path, code=2)
    assert message in said and said.startswith("fastinit: ") and said.count("\n") == 1


def test_json_has_what_the_file_says_and_what_was_asked(tmp_path):
    run("init", "mlp", "-o", tmp_path / "m.safetensors", "--seed", 5)
    said = json.loads(run("verify", tmp_path / "m.safetensors", "--seed", 6, "--json", code=1))
    assert (said["seed"], said["says"]["seed"], said["says"]["spec"]) == (6, 5, "mlp")
    assert len(said["different"]) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux")
def test_a_spec_in_a_folder_whose_name_is_no_text_gives_a_file_that_opens(tmp_path):
    folder = tmp_path / os.fsdecode(b"x\xff")
    folder.mkdir()
    (folder / "own.toml").write_text('[tensors]\nw = [4, 4]\n[[rules]]\nmatch = "*"\ninit = "normal"\n')
    run("init", folder / "own.toml", "-o", folder / "new.safetensors")
    run("verify", folder / "new.safetensors")
    assert load_file(folder / "new.safetensors")["w"].shape == (4, 4)
