"""The benchmark suite runs, writes what it says, and survives libraries that fail."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # the suite is not installed

from bench import charts, memory, peers, rates, report, required  # noqa: E402
from bench.rounds import Failures, Timing, interleaved  # noqa: E402
from bench.worker import Child, ChildError  # noqa: E402

COMMAND = [sys.executable, "-m", "bench"]
NBYTES = 2**20

needs_a_compiler = pytest.mark.skipif(not shutil.which(os.environ.get("CC", "cc")), reason="limits.c needs a C compiler")


def bench(*arguments):
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def child():
    child = Child("numpy", NBYTES)
    yield child
    child.close()


def fail():
    """A maker that fails."""
    raise RuntimeError("no luck\nin two lines")


def ends():
    """A maker of work that ends the process when it is timed, not when it is warmed up."""
    calls = iter((lambda: None, lambda: os._exit(3)))
    return lambda: next(calls)()


def process_id():
    """A maker that fails, to tell its process."""
    raise ValueError(os.getpid())


@needs_a_compiler
def test_a_quick_run_writes_json_and_markdown(tmp_path):
    done = bench("--quick", "--only", "numpy", "--only", "normal float32 warm", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    assert {row["library"] for row in run["rates"]} == {"limit", "fastinit", "numpy"}
    assert all(len(row["rates"]) == 5 for row in run["rates"])
    assert [row["what"] for row in run["must show"]] == [it.what for it in required.REQUIREMENTS]
    assert done.stdout == report.markdown(run)
    tables = [line for line in (tmp_path / "run.md").read_text().splitlines() if line.startswith("|")]
    assert any(line.startswith("| float32 normal, warm | >= 0.38 of") for line in tables)


def test_a_name_that_there_is_none_of_lists_those_there_are():
    done = bench("--only", "nunpy")
    assert done.returncode == 2
    assert "--only nunpy names nothing" in done.stderr
    assert all(name in done.stderr for name in (*peers.LIBRARIES, *rates.WORKS, "slices", "startup"))


def test_a_library_that_fails_is_a_line_and_the_next_one_goes_on(child):
    with pytest.raises(ChildError, match="numpy: RuntimeError: no luck"):
        child.make("work", fail)
    assert child.make("work", peers.draw, "numpy", "normal", "float32", 100)
    assert child.time("work", calls=3) > 0


def test_a_process_that_ends_leaves_the_others_rounds_alone(child):
    good = Child("good", NBYTES)
    assert child.make("work", ends)
    assert good.make("work", peers.draw, "numpy", "normal", "float32", 100)
    failures, timings = Failures(), [Timing(child, "work", 400), Timing(good, "work", 400)]
    alive = interleaved(timings, 3, failures)
    good.close()
    assert alive == timings[1:]
    assert len(timings[1].seconds) == 3
    assert failures == ["numpy: its process has ended, exit status 3"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_children_end_with_their_parent():
    program = """
import time
from bench.worker import Child, ChildError
from tests.test_bench import process_id
if __name__ == "__main__":
    try:
        Child("child", 4096).make("work", process_id)
    except ChildError as error:
        print(str(error).split()[-1], flush=True)
    time.sleep(60)
"""
    script = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    child = int(script.stdout.readline())
    script.send_signal(signal.SIGKILL)
    script.wait()
    for _ in range(100):
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_fastinit_draws_every_distribution(fresh, dtype, monkeypatch):
    monkeypatch.setattr(memory, "_buffer", memory._buffer)
    memory.reserve(NBYTES)
    for distribution, work in peers.LIBRARIES["fastinit"].draws(dtype, 1000, fresh).items():
        values = work().astype(float)
        assert values.shape == (1000,)
        assert -2 < values.min() < values.max() < 2 or distribution == "normal"


def test_a_rewritten_page_keeps_what_is_around_the_last_run(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for text in ("new", "newer"):
        report.rewrite_readme(page, text)
        assert page.read_text() == f"before\n{report.BEGIN}\n\n{text}\n{report.END}\nafter\n"
    assert report.BEGIN in (ROOT / "bench" / "README.md").read_text()


def test_requirements_are_met_from_the_figure_asked_on():
    def run_with(share):
        row = {"library": "fastinit", "work": "uniform float32 warm", "rate": 1.0, "share": share, "itemsize": 4}
        return {"rates": [row], "machine": {"level": "avx2"}}

    verdicts = [required.compared(run_with(share))[0]["met"] for share in (0.89, 0.9, 0.91)]
    assert verdicts == [False, True, True]
    assert {row["met"] for row in required.compared(run_with(0.9))[1:]} == {None}


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def last_run():
    return json.loads((ROOT / "bench" / "results" / "run.json").read_text())


@pytest.mark.parametrize("name", ["sizes", "growth"])
def test_curves_of_a_panel_differ_and_their_labels_are_free_of_each_other_and_of_other_panels(name, last_run):
    pytest.importorskip("matplotlib")
    figure = charts.CHARTS[name](last_run)
    figure.draw_without_rendering()
    panels = [ax.get_window_extent() for ax in figure.axes]
    for ax, panel in zip(figure.axes, panels):
        drawn = [(line.get_color(), line.get_linestyle()) for line in ax.lines if line.get_linestyle() != "--"]
        assert len(set(drawn)) == len(drawn)
        labels = [text.get_window_extent() for text in ax.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(labels) for b in labels[:i])
        assert not any(label.overlaps(other) for label in labels for other in panels if other is not panel)
        assert all(label.y1 <= panel.y1 + label.height for label in labels), "none is above its panel"


def test_a_colour_of_a_library_is_not_given_to_another_curve(last_run):
    pytest.importorskip("matplotlib")
    curves = {"fastinit": [{"threads": 1, "rate": 1.0}], "another": [{"threads": 1, "rate": 2.0}]}
    (axes,) = charts.growth({**last_run, "scaling": {"threads": {"curves": curves}}}).axes
    assert len({line.get_color() for line in axes.lines}) == 2
