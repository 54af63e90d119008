"""`fastinit audit`, as a user runs it: its exit status, its output to a pipe and to a terminal, and its picture."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

COMMAND = [sys.executable, "-m", "fastinit"]
BAD = "layers.2.weight"


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, **options)


def run_on_terminal(columns, *arguments):
    """The exit status, and all that a terminal of this width shows of the results."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("COLUMNS", None)  # it would stand in for the terminal's own width
    running = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while piece := _read(leader):
        shown += piece
    os.close(leader)
    return running.wait(), shown.decode()


def _read(leader):
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        return b""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The directory of good.safetensors, as `fastinit init mlp` makes it, and damaged.safetensors."""
    directory = tmp_path_factory.mktemp("model")
    assert run("init", "mlp", "-o", directory / "good.safetensors").returncode == 0
    tensors = load_file(directory / "good.safetensors")
    tensors[BAD] = tensors[BAD] * np.float32(0.5**0.5)
    save_file(tensors | {"steps": np.array([3])}, directory / "damaged.safetensors")
    return directory


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


# ---- what it finds --------------------------------------------------------------------------------------------------


def test_a_good_file_exits_with_0_and_finds_nothing(model):
    done = run("audit", model / "good.safetensors", "--spec", "mlp")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 tensors, 535,818 values: 0 errors, 0 warnings" in done.stdout


def test_a_damaged_file_exits_with_1_and_names_the_tensor_and_the_cause(model):
    done = run("audit", model / "damaged.safetensors", "--spec", "mlp")
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert finding.startswith(f"error: {BAD}: std: ")
    assert finding.endswith("a factor of 2 is missing in the variance: ReLU's gain, perhaps")


def test_without_a_spec_a_file_is_examined_by_itself(model):
    assert run("audit", model / "damaged.safetensors").returncode == 0


def test_a_warning_alone_exits_with_0(tmp_path):
    save_file({"w": np.zeros((4, 4), np.float32)}, tmp_path / "dead.safetensors")
    done = run("audit", tmp_path / "dead.safetensors")
    assert done.returncode == 0
    assert "warning: w: dead: every value is 0" in done.stdout


def test_the_spec_may_be_a_toml_file(model, tmp_path):
    spec = tmp_path / "other.toml"
    spec.write_text('model = "mlp"\n[[rules]]\nmatch = "*.weight"\ninit = "normal"\nstd = 0.5')
    done = run("audit", model / "good.safetensors", "--spec", spec)
    assert done.returncode == 1
    assert "3 errors, 0 warnings" in done.stdout


def test_as_json_it_is_one_object(model):
    done = run("audit", model / "damaged.safetensors", "--spec", "mlp", "--json", "--threads", 1)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert (found["file"], found["ok"]) == (str(model / "damaged.safetensors"), False)
    assert [(finding["name"], finding["kind"]) for finding in found["findings"]] == [(BAD, "std")]
    assert len(found["tensors"]) == 7


# ---- on a terminal --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "there", "left_out"),
    [(80, ["std/distribution"], ["distinct", "zeros"]), (200, ["std/distribution", "mean off", "distinct"], [])],
)
def test_a_terminal_gets_the_columns_it_has_room_for(model, columns, there, left_out):
    status, shown = run_on_terminal(columns, "audit", model / "damaged.safetensors", "--spec", "mlp")
    lines = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown).splitlines()
    (heads,) = [line for line in lines if "tensor" in line and "shape" in line]
    assert status == 1
    assert all(f" {name} " in heads for name in there)
    assert not any(f" {name} " in heads for name in left_out)
    assert ("The terminal is too narrow for" in shown) == bool(left_out)
    assert max(len(line) for line in lines if line.startswith(("┏", "└"))) <= columns


def test_a_terminal_gets_a_progress_bar_and_findings_in_red(model):
    _, shown = run_on_terminal(120, "audit", model / "damaged.safetensors", "--spec", "mlp")
    assert "auditing" in shown
    assert f"\x1b[31merror: {BAD}: std: " in shown


def test_brackets_in_a_name_are_no_markup(tmp_path):
    save_file({"h[red].w": np.ones((4, 4), np.float32)}, tmp_path / "m.safetensors")
    _, shown = run_on_terminal(120, "audit", tmp_path / "m.safetensors")
    assert "h[red].w" in shown and "warning: h[red].w: dead" in shown


def test_a_pipe_gets_plain_text_of_all_columns(model):
    shown = run("audit", model / "damaged.safetensors", env={**os.environ, "COLUMNS": "40"}).stdout
    assert shown.isascii()
    assert shown.splitlines()[0].split()[-1] == "distinct"


# ---- the picture ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_picture_replaces_what_was_there(model, tmp_path, suffix, start):
    pytest.importorskip("matplotlib")
    picture = tmp_path / f"audit.{suffix}"
    picture.write_text("the old one")
    done = run("audit", model / "damaged.safetensors", "--spec", "mlp", "--picture", picture)
    assert (done.returncode, done.stderr) == (1, "")
    assert picture.read_bytes().startswith(start)
    assert names_in(tmp_path) == [picture.name]


def test_without_matplotlib_the_picture_says_what_to_install(model, tmp_path):
    hide = "import sys; sys.modules['matplotlib.figure'] = None; from fastinit.__main__ import main; main()"
    arguments = ["audit", str(model / "good.safetensors"), "--picture", str(tmp_path / "audit.png")]
    done = subprocess.run([sys.executable, "-c", hide, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fastinit: a picture needs matplotlib: pip install -e '.[plot]' in fastinit's clone\n"
    assert names_in(tmp_path) == []


# ---- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.safetensors"], "no.safetensors: No such file or directory"),
        (["text.safetensors"], "text.safetensors is no safetensors file that can be read: "),
        (["good.safetensors", "--spec", "mpl"], "unknown model 'mpl': did you mean 'mlp'?"),
        (["good.safetensors", "--spec", "no.toml"], "no.toml: No such file or directory"),
        (["good.safetensors", "--spec", "gpt2"], "expected has none of the tensors' names: it has "),
        (["good.safetensors", "--picture", "no/audit.png"], "no directory no"),
        (["good.safetensors", "--picture", "audit.jpg"], "a picture's path must end in .png, .svg, .pdf, got 'audit.jpg'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_exit_status_2_and_no_file(model, tmp_path, arguments, message):
    (tmp_path / "good.safetensors").symlink_to(model / "good.safetensors")
    (tmp_path / "text.safetensors").write_text("not a header, for sure")
    done = run("audit", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fastinit: {message}")
    assert done.stderr.count("\n") == 1
    assert names_in(tmp_path) == ["good.safetensors", "text.safetensors"]
