"""`fastinit lab`: reports, bad input in a line each, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")
pytest.importorskip("jinja2")

from fastinit.cli import lab_output  # noqa: E402
from fastinit.cli.app import app  # noqa: E402

NETWORKS = """
import torch
from torch import nn

def make():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

def empty():
    return nn.Sequential(nn.Flatten())

def breaks():
    raise RuntimeError("no weights today\\nsecond line")

class Infinite(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
    def forward(self, x):
        return self.layer(x) / 0

def data(width=4):
    x = torch.randn(60, width, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 0).long()

def wide():
    return data(5)

def nothing():
    return 3
"""


@pytest.fixture(autouse=True)
def networks(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(NETWORKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)


def run(command, code=0):
    """What the command says, which ends with this exit status."""
    done = CliRunner().invoke(app, ["lab", *command.replace(":own", ":").replace("own:", "own_networks:").split()])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


COMPARE = "compare own:make --data own:data --seeds 2 --epochs 1 --jobs 1"


def test_a_network_of_ones_own_is_inspected():
    said = run("inspect own:make --data normal:16,4 -s torch -s he_normal -o page.html")
    assert "he_normal" in said and "wrote page.html" in said and "linear" in said


def test_files_hold_batches_and_tasks(tmp_path):
    x = np.random.default_rng(0).standard_normal((30, 4))
    np.save("x.npy", x)
    np.savez("xy.npz", inputs=x, targets=(x[:, 0] > 0).astype(int))
    run("inspect own:make --data x.npy")
    shown = json.loads(run("compare own:make --data xy.npz --seeds 1 --epochs 1 --jobs 1 -s torch -s zeros --json"))
    assert [*shown["strategies"]] == ["torch", "zeros"]


def test_a_comparison_is_printed_and_written(tmp_path):
    said = run(f"{COMPARE} -s torch -s zeros -o c.json -o c.md")
    assert "2 seeds are too few to test anything" in said
    verdict = json.loads((tmp_path / "c.json").read_text())["sections"][0]["comparison"]["verdict"]
    assert verdict in said and verdict in (tmp_path / "c.md").read_text()


def test_a_failing_strategy_is_a_line_and_the_others_are_kept():
    said = run(f"{COMPARE} -s torch -s dirac -s zeros")
    lines = [line for line in said.splitlines() if line.startswith("fastinit: dirac failed in 2 of 2 runs: ")]
    assert len(lines) == 1 and "use identity" in lines[0]
    assert "torch     0." in said


def test_losses_that_are_nan_are_said_to_be():
    said = run("compare own:Infinite --data own:data --seeds 2 --epochs 1 --jobs 1 -s torch -s zeros")
    assert "torch diverged in 2 of 2 runs; zeros diverged in 2 of 2 runs" in said
    assert "NaN or infinity" in run("inspect own:Infinite --data normal:8,4", code=1)


def test_recipes_in_files_are_strategies(tmp_path):
    (tmp_path / "own.toml").write_text(
        'rules = [{ match = "*.weight", init = "he_normal" }, { match = "*", init = "zeros" }]\n'
    )
    assert "own.toml" in run(f"{COMPARE} -s torch -s own.toml")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("compare own:empty --data own:data", "model must have parameters to train: Sequential has none"),
        ("inspect own:empty --data normal:8,4", "model must have parameters: Sequential has none"),
        ("compare own:make --data own:wide", "batch of shape (60, 5) does not go through the model: "),
        ("inspect own:make --data own:nothing", ": batch must hold a tensor, got 3"),
        ("inspect own:make --data normal:8,5", "batch of shape (8, 5) does not go through the model: "),
        ("compare own:breaks --data own:data", "own_networks:breaks raised RuntimeError: no weights today"),
        ("compare own:make --data own:nothing", "must give a pair (inputs, targets) or a task, got 3"),
        ("compare own:make --data own:none", "own_networks has no 'none'"),
        ("compare own:make --data missing:data", "there is no module 'missing'"),
        ("compare own:make --data missing.npz", "missing.npz: No such file or directory"),
        ("compare own:make --data own:data -s torch", "--strategy must be given at least twice, got torch"),
        ("compare own:make --data own:data -s torch -s torch", "--strategy torch is given twice"),
        ("compare own:make --data own:data -s torch -s he_norml", "he_norml"),
        ("compare own:make --data own:data --learning-rate -1", "learning_rate must be"),
        ("inspect own:make --data normal:8,x", "--data must be positive sizes after normal:"),
        ("inspect own:make --data what", "--data must be normal:SHAPE, a file ending in"),
        ("inspect make --data normal:8,4", "the network must be MODULE:FACTORY"),
        ("tour", "--output must name the report to write: fastinit lab tour -o report.html"),
        ("tour -o report.pdf", "a report's path must end in .html, .md, .json, got 'report.pdf'"),
        ("tour -o missing/report.html", "no directory missing"),
        ("tour -o report.html --only first", "parts must be one of"),
    ],
)
def test_bad_input_is_one_line(command, line, tmp_path):
    said = run(command, code=2)
    assert said.count("\n") == 1 and said.startswith("fastinit: ") and line in said
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".html", ".json")] == []


@pytest.mark.parametrize(
    "command", ["tour -o r.html", "inspect own:make --data normal:8,4", "compare own:make --data own:data"]
)
def test_a_library_that_is_missing_is_named_with_what_installs_it(command, monkeypatch):
    monkeypatch.setattr(lab_output, "find_spec", lambda name: None if name == "torch" else name)
    said = run(command, code=2)
    assert said.startswith("fastinit: fastinit lab needs torch: pip install ") and "[lab]" in said and said.count("\n") == 1


def test_a_report_is_replaced_only_where_that_is_asked(tmp_path):
    (tmp_path / "r.md").write_text("mine")
    assert "r.md exists already; --overwrite replaces it" in run("tour --quick --only example --jobs 1 -o r.md", code=2)
    assert (tmp_path / "r.md").read_text() == "mine"
    run("tour --quick --only example --jobs 1 -o r.md --overwrite")
    assert (tmp_path / "r.md").read_text().startswith("# Which initialization, and why")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_after_ctrl_c_the_report_has_what_is_done(tmp_path, jobs):
    """Pressed where the bar, which a terminal is shown, says that the second part is trained."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TERM": "xterm"}
    words = f"lab tour --quick --jobs {jobs} --only example --only text -o r.json"
    ours, its = os.openpty()
    command = [sys.executable, "-m", "fastinit", *words.split()]
    process = subprocess.Popen(command, env=environment, stderr=its, cwd=tmp_path, start_new_session=True)
    os.close(its)
    said = _read_until(ours, "Text: characters")
    assert "The tutorial's example" in said and "/48" in said  # 36 trainings and 12
    os.killpg(process.pid, signal.SIGINT)
    said = _read_until(ours, None)
    assert process.wait() == 130 and "what is done is in r.json" in said and "Traceback" not in said, said
    sections = json.loads((tmp_path / "r.json").read_text())["sections"]
    assert "The tutorial's example" in sections[1]["title"] and sections[-1]["complete"] is False


def _read_until(terminal, text):
    """What is shown until the text is, or until the end where that is None."""
    said = ""
    while text is None or text not in said:
        try:
            read = os.read(terminal, 1 << 16)
        except OSError:  # the other side is closed
            read = b""
        if not read:
            assert text is None, said
            return said
        said += read.decode("utf-8", "replace")
    return said
