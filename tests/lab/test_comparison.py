"""`lab.compare` and `lab.search`: equal conditions, resuming, interrupts, failures, verdicts."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")

from torch import nn  # noqa: E402

import fastinit  # noqa: E402
from fastinit import lab  # noqa: E402
from tests.lab.networks import normal_batch  # noqa: E402

X = normal_batch(200, 4)
DATA = lab.Supervised(X, (X[:, 0] > 0).long(), learning_rate=0.1, batch_size=20)


def make():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def comparison(strategies, **options):
    return lab.compare(make, options.pop("data", DATA), strategies, **{"seeds": 4, "epochs": 2, "jobs": 1, **options})


def numbers(result):
    return [(run.key, run.losses, run.metrics) for run in sorted(result.runs, key=lambda run: run.key)]


def test_processes_give_the_same_runs_as_one():
    strategies = {"he": "he_normal", "small": fastinit.Normal(0.0, 0.01)}
    assert numbers(comparison(strategies, seeds=2)) == numbers(comparison(strategies, seeds=2, jobs=2))


def test_equal_strategies_have_equal_runs():
    """Common random numbers: a seed decides all but the strategy."""
    result = comparison({"one": "he_normal", "other": fastinit.HeNormal()})
    assert result.scores["one"] == result.scores["other"]
    assert result.verdict.startswith("No difference shown between one and other, of 4 seeds")


def test_what_does_not_train_is_said_not_to():
    result = comparison(["he_normal", "zeros"], seeds=6, epochs=8)
    mean = result.summaries["he_normal"].mean
    assert result.verdict == f"Only he_normal trains, to {mean:.3f} accuracy. zeros did not train (p = 0.031)."
    assert result.best_strategy == "he_normal"


def test_a_failing_strategy_keeps_the_others():
    def fails(model, batch, seed):
        raise RuntimeError("no weights today\nsecond line")

    result = comparison({"torch": "torch", "he": "he_normal", "mine": fails})
    assert result.summaries["mine"].failed == 4 and result.summaries["he"].failed == 0
    assert "mine failed (RuntimeError: no weights today)" in result.verdict


def test_divergence_ends_a_run_and_is_counted():
    result = comparison({"huge": fastinit.Normal(0.0, 1e30), "he": "he_normal"})
    assert result.summaries["huge"].diverged == 4 and "huge diverged in 4 of 4 runs" in result.verdict
    json.dumps(result.as_dict(), allow_nan=False)


def test_a_comparison_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "runs.jsonl"

    def stop(run, done, total):
        if done == 3:
            raise KeyboardInterrupt

    first = comparison(["torch", "he_normal"], resume=path, progress=stop)
    assert first.interrupted and len(first.runs) == 3
    assert first.verdict.startswith("Stopped after 3 of 8 runs.")
    again = []
    result = comparison(["torch", "he_normal"], resume=path, progress=lambda run, done, total: again.append(done))
    assert again == [4, 5, 6, 7, 8] and not result.interrupted
    assert numbers(result) == numbers(comparison(["torch", "he_normal"]))


def test_the_file_of_another_comparison_is_refused(tmp_path):
    comparison(["torch", "he_normal"], seeds=1, resume=tmp_path / "runs")
    with pytest.raises(ValueError, match="has the runs of another comparison"):
        comparison(["torch", "he_normal"], seeds=1, epochs=3, resume=tmp_path / "runs")
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(ValueError, match="resume must name a file of this function's"):
        comparison(["torch", "he_normal"], resume=tmp_path / "text")


def test_a_budget_ends_a_comparison_between_runs():
    result = comparison(["torch", "he_normal"], budget=1e-9)
    assert result.interrupted and result.runs == ()
    assert result.verdict == "Stopped after 0 of 8 runs. No seed is done with every strategy: nothing can be compared."


def test_folds_hold_out_each_sample_once_for_each_seed():
    held = np.concatenate([DATA._split(3, fold, 5)[1].numpy() for fold in range(5)])
    assert sorted(held) == [*range(200)]
    result = comparison(["torch", "he_normal"], folds=3, seeds=2)
    assert len(result.runs) == 12 and result.tests.blocks == 2


def test_the_best_is_a_recipe():
    recipe = comparison(["zeros", "he_normal"], epochs=5).best()
    assert isinstance(recipe, fastinit.Recipe) and "HeNormal()" in str(recipe)
    assert isinstance(comparison(["zeros", "torch"], epochs=5).best(), fastinit.Recipe)


def test_what_depends_on_data_has_no_recipe():
    with pytest.raises(ValueError, match="lsuv has no Recipe"):
        comparison(["zeros", "lsuv"], epochs=5).best()


def test_numbers_are_learned_by_squared_error():
    result = comparison(["torch", "xavier_normal"], data=(X, X[:, :2]), epochs=6)
    assert result.task.metric == "R^2" and result.summaries["torch"].mean > 0
    assert result.target < result.task.chance_loss


def test_nothing_of_torch_is_changed():
    torch.manual_seed(123)  # another state than that which a comparison begins with
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    comparison(["torch", "he_normal"], seeds=1)
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)


def test_a_search_ends_with_the_best_of_many():
    stds = (1e-7, 1e-6, 1e-5, 1e-4, 0.5)
    result = lab.search(make, DATA, {str(std): fastinit.Normal(0.0, std) for std in stds}, seeds=4, epochs=6, jobs=1)
    assert result.best_strategy == "0.5" and len(result.strategies) < 5


@pytest.mark.parametrize(
    ("strategies", "options", "error", "message"),
    [
        ("he_normal", {}, TypeError, "strategies must be a list of at least two, got the string 'he_normal'"),
        (["he_normal"], {}, ValueError, "strategies must be at least two to be compared, got 1"),
        (["torch", "torch"], {}, ValueError, "strategies has 'torch' twice"),
        (["torch", "he_norml"], {}, ValueError, "he_norml"),
        (["torch", 3], {}, TypeError, "strategies must be names, initializers, Recipes or functions, got int"),
        (["torch", "zeros"], {"seeds": 0}, ValueError, "seeds must be an int of at least 1, got 0"),
        (["torch", "zeros"], {"folds": 1}, ValueError, "folds must be an int of at least 2, got 1"),
        (["torch", "zeros"], {"data": X}, TypeError, r"data must be a pair \(inputs, targets\)"),
        (["torch", "zeros"], {"data": (X, X[:9, 0])}, ValueError, "must have as many samples, got 200 and 9"),
        (["torch", "zeros"], {"data": (X * math.nan, X)}, ValueError, "inputs must have finite values"),
        (
            ["torch", "zeros"],
            {"data": (X[:, :3], X[:, 0] > 0)},
            ValueError,
            r"batch of shape \(64, 3\) does not go through the model",
        ),
    ],
)
def test_wrong_arguments_are_refused(strategies, options, error, message):
    with pytest.raises(error, match=message):
        comparison(strategies, **options)


# ---- published orderings ----


def deep(depth, width, activation, classes=10):
    inner = [part for _ in range(depth - 2) for part in (nn.Linear(width, width), activation())]
    return nn.Sequential(nn.Linear(64, width), activation(), *inner, nn.Linear(width, classes))


@pytest.fixture(scope="module")
def digits():
    inputs, targets = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return ((inputs - 4.9) / 6.0).astype(np.float32), targets


@pytest.mark.slow
def test_a_relu_network_of_30_layers_trains_with_he_and_not_with_xavier(digits):
    """He et al. 2015, figure 3."""
    task = lab.Supervised(*digits, learning_rate=0.01)
    result = lab.compare(lambda: deep(30, 64, nn.ReLU), task, ["he_normal", "xavier_normal"], seeds=10, epochs=10)
    assert result.summaries["he_normal"].trains and not result.summaries["xavier_normal"].trains
    assert result.tests.between("he_normal", "xavier_normal").significant


@pytest.mark.slow
def test_orthogonal_beats_gaussian_at_depth_100(digits):
    """Saxe et al. 2014, section 3: a linear network of 100 layers, whose Gaussian product has a few large directions."""
    task = lab.Supervised(*digits, learning_rate=0.001)
    strategies = {"orthogonal": "orthogonal", "gaussian": fastinit.initializers.LecunNormal()}
    result = lab.compare(lambda: deep(100, 64, nn.Tanh), task, strategies, seeds=6, epochs=6)
    better = result.tests.between("orthogonal", "gaussian")
    assert better.significant and better.mean > 0


@pytest.mark.slow
def test_lsuv_trains_what_he_does(digits):
    """Mishkin and Matas 2015, table 2."""
    task = lab.Supervised(*digits, learning_rate=0.01)
    result = lab.compare(lambda: deep(20, 64, nn.ReLU), task, ["he_normal", "lsuv", "xavier_normal"], seeds=6, epochs=10)
    assert result.summaries["lsuv"].trains and result.summaries["he_normal"].trains


class DeepCNN(nn.Module):
    """13 convolutions with relu, as the LSUV paper's FitNet-1 without its maxout."""

    def __init__(self, width=16, depth=12):
        super().__init__()
        inner = [part for _ in range(depth) for part in (nn.Conv2d(width, width, 3, padding=1), nn.ReLU())]
        self.features = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), *inner, nn.AdaptiveAvgPool2d(2))
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x):
        return self.head(self.features(x.reshape(-1, 1, 8, 8)).flatten(1))


@pytest.mark.slow
def test_lsuv_trains_a_convolutional_network_as_he_does(digits):
    """Mishkin and Matas 2015, table 2: thin, deep networks of convolutions, where torch's own weights lose the signal."""
    task = lab.Supervised(*digits, learning_rate=0.02)
    result = lab.compare(DeepCNN, task, ["he_normal", "lsuv", "torch"], seeds=6, epochs=8)
    print(result)
    assert result.summaries["lsuv"].trains and result.summaries["he_normal"].trains
    assert result.tests.between("lsuv", "torch").significant and result.tests.between("lsuv", "torch").mean > 0


@pytest.mark.slow
def test_orthogonal_beats_gaussian_in_a_linear_network_of_100_layers(digits):
    """Saxe et al. 2014, section 3: the product of 100 Gaussian matrices keeps a few directions alone."""
    task = lab.Supervised(*digits, learning_rate=0.001)
    strategies = {"orthogonal": "orthogonal", "gaussian": fastinit.initializers.LecunNormal()}
    result = lab.compare(lambda: deep(100, 64, nn.Identity), task, strategies, seeds=6, epochs=6)
    print(result)
    better = result.tests.between("orthogonal", "gaussian")
    assert better.significant and better.mean > 0


@pytest.mark.slow
def test_no_difference_is_shown_between_shallow_networks(digits):
    task = lab.Supervised(*digits)
    result = lab.compare(lambda: deep(2, 32, nn.ReLU), task, ["he_normal", "xavier_normal", "lecun_normal"], epochs=8)
    assert result.verdict.startswith("No difference shown between")
