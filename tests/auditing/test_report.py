"""The report says what was found, as text, JSON and a picture."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from fastinit.auditing import EDGES, Report, audit
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers import Parts, Stacked
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
        target.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(figure.Figure, "savefig", fails_midway)
    with pytest.raises(OSError, match="no space left"):
        report.plot(path)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("audit.png", "the old one")]


def panels_of(model, expected):
    """The axes of the histograms, by title, and those of the standard deviations."""
    pytest.importorskip("matplotlib")
    from fastinit.auditing.picture import draw_figure

    report = audit(model, expected)
    above, below = draw_figure(report.tensors, report.findings, "title").subfigs
    return {ax.get_title(): ax for ax in above.axes if ax.get_title()}, below.axes[0]


def test_the_picture_shows_tensors_with_findings_before_larger_ones():
    from fastinit.auditing.picture import MOST_HISTOGRAMS

    stds = {f"good.{i}": 0.01 * (i + 1) for i in range(MOST_HISTOGRAMS)}
    model = {name: drawn(Normal(0.0, std), (99, 100), seed=i) for i, (name, std) in enumerate(stds.items())}
    model |= {"small": drawn(Normal(0.0, 0.01), (50, 50), seed=99), "dead": np.full((5, 5), 0.5)}
    expected = {name: Normal(0.0, std) for name, std in stds.items()} | {"small": W, "dead": W}
    panels, stds = panels_of(model, expected)
    assert [*panels] == ["small", "dead", *(f"good.{i}" for i in range(MOST_HISTOGRAMS - 2))]
    assert [label.get_text() for label in stds.get_xticklabels()] == list(model)


def test_tensors_of_one_distribution_are_one_bell():
    model = {f"h.{i}.w": drawn(shape=(50, 60), seed=i) for i in range(12)}
    model |= {"wte": drawn(shape=(70, 50), seed=20), "half": drawn(shape=(50, 50), dtype="float16", seed=21)}
    panels, _ = panels_of(model, dict.fromkeys(model, W))
    assert [*panels] == ["h.{0-11}.w and 1 more", "half"]
    assert "n = 39,500" in panels["h.{0-11}.w and 1 more"].texts[0].get_text()


@pytest.mark.parametrize("expected", [None, {"zeros": W, "w": W}])
def test_a_tensor_of_zeros_has_a_panel_and_a_place_among_the_stds(expected):
    panels, stds = panels_of({"zeros": np.zeros((50, 50), np.float32), "w": drawn()}, expected)
    assert {"zeros", "w"} == panels.keys()
    assert "all 0" in [text.get_text() for text in panels["zeros"].texts]
    assert [label.get_text() for label in stds.get_xticklabels()] == ["zeros", "w"]
    assert len(stds.collections[-1].get_offsets()) == 2


def test_parts_and_stacks_have_the_line_of_their_distribution():
    fused = Parts(-1, ((0.5, "normal"), (0.5, "he_normal")))
    model = {"fused": fused((50, 64), seed=0), "stack": Stacked("he_normal")((4, 50, 60), seed=1, layout="oi")}
    report = audit(model, {"fused": fused, "stack": Stacked("he_normal").distribution_for((4, 50, 60), layout="oi")})
    assert [row.expected_histogram is None for row in report.tensors] == [False] * 3


def test_the_band_is_where_the_alarm_is_silent():
    _, stds = panels_of({"w": drawn(), "few": drawn(shape=20, seed=1)}, {"w": W, "few": W})
    rows = audit({"w": drawn(), "few": drawn(shape=20, seed=1)}, {"w": W, "few": W}).tensors
    bands = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in stds.patches]
    assert bands == [pytest.approx(row.std_limits) for row in rows]


@pytest.mark.parametrize("n", [8, 20, 1000, 100_000])
@pytest.mark.parametrize("distribution", [W, Uniform(-0.5, 0.5), TruncatedNormal(0.0, 1.0, 0.0, math.inf)], ids=str)
def test_an_std_is_an_error_beyond_its_limits_and_not_within(distribution, n):
    values = drawn(distribution, n, "float64", seed=3)
    (row,) = audit({"w": values}, {"w": distribution}).tensors
    unbiased = row.std * math.sqrt(n / (n - 1)) / row.expected_std
    for limit, outwards in zip(row.std_limits, (-1, 1)):
        if limit <= 0:  # so few values are never too near to each other
            continue
        for off, is_error in ((-1e-3, False), (1e-3, True)):
            scaled = row.mean + (values - row.mean) * (limit + outwards * off) / unbiased
            findings = kinds(audit({"w": scaled + row.expected_mean - row.mean}, {"w": distribution}))
            assert ("std" in findings) == is_error


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
