"""The report says what was found, as text, JSON and a picture."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from fastinit.auditing import EDGES, Report, audit
from fastinit.distributions import Constant, Normal
from tests.auditing.samples import W, drawn, kinds


@pytest.fixture
def report():
    tensors = {"good": drawn(), "bad": drawn(Normal(0.0, 0.0004), seed=1), "ids": np.arange(3), "nan": np.full(4, np.nan)}
    return audit(tensors, {"good": W, "bad": W})


def test_json_gives_the_report_back(report):
    assert json.loads(report.to_json()) == report.as_dict()
    assert "NaN" not in report.to_json().replace('"NaN"', "").replace("are NaN", "")
    first = report.as_dict()["tensors"][0]
    assert (first["name"], first["shape"], first["n"]) == ("good", [256, 256], 65536)
    assert first["expected_beyond"]["3"] == pytest.approx(65536 * 2 * stats.norm.sf(3), rel=1e-6)


def test_the_text_has_a_line_for_each_tensor_and_each_finding(report):
    lines = str(report).splitlines()
    assert lines[0].split()[:3] == ["tensor", "shape", "dtype"]
    assert [line.split()[0] for line in lines[1:5]] == ["good", "bad", "ids", "nan"]
    assert len({line.index("float32") for line in lines[1:3]}) == 1  # the columns stand in line
    assert [line for line in lines if line.startswith("error:")] == [str(finding) for finding in report.findings]
    assert lines[-2] == "4 tensors, 131,079 values: 2 errors, 0 warnings"


def test_only_errors_make_a_report_not_ok(report):
    assert not report.ok
    assert audit({"w": np.zeros((4, 4))}).ok and kinds(audit({"w": np.zeros((4, 4))})) == ["dead"]
    assert Report((), ()).ok


def test_rows_carry_their_histogram(report):
    good = report.tensors[0]
    assert len(good.histogram) == len(EDGES) + 1 and good.histogram.sum() == good.n
    assert good.expected_histogram.sum() == pytest.approx(good.n)
    assert (good.centre, good.sigma) == (0.0, pytest.approx(0.02))


@pytest.mark.parametrize("tensors", ["none drawn", "one", "hundreds"])
@pytest.mark.parametrize("with_distributions", [False, True])
def test_the_picture_is_a_png(tmp_path, tensors, with_distributions):
    image = pytest.importorskip("matplotlib.image")
    n = {"none drawn": 0, "one": 1, "hundreds": 300}[tensors]
    model = {f"$w_{i}$": drawn(shape=(4, 100 + i), seed=i) for i in range(n)} | {"ones": np.ones(3)}
    path = tmp_path / "audit.png"
    audit(model, dict.fromkeys(model, W) | {"ones": Constant(1)} if with_distributions else None).plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    height, width, _ = image.imread(path).shape
    assert 1000 < width < 2000 and 300 < height < 2000


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("audit.txt", ValueError, "a picture's path must end in .png, .svg, .pdf, got "),
        ("no/audit.png", FileNotFoundError, "no directory "),
        ("taken.png", IsADirectoryError, "taken.png is a directory"),
    ],
)
def test_a_picture_that_cannot_be_written_says_why(report, tmp_path, name, error, message):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(error, match=message):
        report.plot(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_a_picture_that_fails_midway_leaves_the_old_one_and_nothing_else(report, tmp_path, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    path = tmp_path / "audit.png"
    path.write_text("the old one")

    def fails_midway(self, target, **options):
        target.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(figure.Figure, "savefig", fails_midway)
    with pytest.raises(OSError, match="no space left"):
        report.plot(path)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("audit.png", "the old one")]


def test_the_picture_shows_tensors_with_findings_before_larger_ones(tmp_path):
    pytest.importorskip("matplotlib")
    from fastinit.auditing.picture import MOST_HISTOGRAMS, draw_figure

    model = {f"good.{i}": drawn(shape=(99, 100), seed=i) for i in range(MOST_HISTOGRAMS)}
    model |= {"small": drawn(Normal(0.0, 0.01), (50, 50), seed=99), "dead": np.full((5, 5), 0.5)}
    report = audit(model, dict.fromkeys(model, W))
    figure = draw_figure(report.tensors, report.findings, "title")
    above, below = figure.subfigs
    assert [ax.get_title() for ax in above.axes] == ["small", *(f"good.{i}" for i in range(MOST_HISTOGRAMS - 1))]
    named = [label.get_text() for label in below.axes[0].get_xticklabels()]
    assert named == list(model)  # the dead one too, though it has no histogram


def test_without_matplotlib_a_picture_says_what_to_install(report, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[plot\]' in fastinit's clone"):
        report.plot(tmp_path / "audit.png")


def test_fastinit_audit_is_the_function_and_is_not_loaded_before_it_is_used():
    code = (
        "import sys, fastinit; assert not {'fastinit.auditing', 'scipy', 'matplotlib'} & set(sys.modules); "
        "print(fastinit.audit({'w': [1.0, 2.0]}).ok, {'scipy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True set()\n", "")
