"""Small plain tensors that C fills under `accelerate` have the values, versions and errors of the methods in Python."""

import sys
import threading

import pytest

pytest.importorskip("torch")

import torch

from fastinit.backends import c_calls
from fastinit.torch import accelerate
from fastinit.torch.drawing import replacements, streams
from fastinit.torch.tensors import DTYPES

pytestmark = pytest.mark.skipif(c_calls.native() is None, reason="fastinit._calls was not built")

CALLS = {
    "normal_()": lambda tensor: tensor.normal_(),
    "normal_(1, 2)": lambda tensor: tensor.normal_(1, 2),
    "normal_(std=0.02)": lambda tensor: tensor.normal_(std=0.02),
    "normal_(mean=-3, std=2.0, generator=None)": lambda tensor: tensor.normal_(mean=-3, std=2.0, generator=None),
    "uniform_()": lambda tensor: tensor.uniform_(),
    "uniform_(-0.0, 2)": lambda tensor: tensor.uniform_(-0.0, 2),
    "normal_(1.0, 0.0)": lambda tensor: tensor.normal_(1.0, 0.0),
    "uniform_(to=3.0)": lambda tensor: tensor.uniform_(to=3.0),
}
FOR_PYTHON = {
    "transposed": lambda: torch.empty(3, 4).T,
    "of complex numbers": lambda: torch.empty(5, dtype=torch.complex64),
    "that requires gradients": lambda: torch.empty(5, requires_grad=True) * 1,
    "of nothing": lambda: torch.empty(0),
    "large": lambda: torch.empty(64 * 1024 + 1),
    "negated": lambda: torch.complex(torch.empty(5), torch.empty(5)).conj().imag,
    "on the meta device": lambda: torch.empty(5, device="meta"),
}


@pytest.fixture
def in_python(monkeypatch):
    """The tensors that the methods in Python have filled so far."""
    seen, filled = [], replacements.filled
    monkeypatch.setattr(
        replacements, "filled", lambda tensor, *args, **named: seen.append(tensor) or filled(tensor, *args, **named)
    )
    return seen


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_values_and_versions_are_those_of_python(call, dtype, in_python):
    fill, made = CALLS[call], []
    for hold in (0, 1):
        streams.hold(hold)
        try:
            with accelerate(seed=3):
                tensors = [torch.empty(shape, dtype=dtype) for shape in ((), (7,), (3, 5), (9000,))]
                before = [tensor._version for tensor in tensors]
                assert all(fill(tensor) is tensor for tensor in tensors)
                made.append((tensors, [tensor._version - of for tensor, of in zip(tensors, before)]))
        finally:
            streams.hold(-hold)
    assert len(in_python) == 4  # those of the second time
    assert made[0][1] == made[1][1] == [1] * 4
    for one, other in zip(made[0][0], made[1][0]):
        assert torch.equal(one.view(torch.uint8) if one.ndim else one, other.view(torch.uint8) if other.ndim else other)


@pytest.mark.parametrize("kind", FOR_PYTHON)
def test_other_tensors_are_left_to_python(kind, in_python):
    tensor = FOR_PYTHON[kind]()
    with accelerate(seed=3), torch.no_grad() if tensor.is_leaf else torch.enable_grad():
        tensor.normal_()
    assert len(in_python) == 1 and in_python[0] is tensor


@pytest.mark.parametrize(
    "fill",
    [
        lambda tensor: tensor.normal_(0.0, 1.0, generator=torch.Generator().manual_seed(1)),
        lambda tensor: tensor.normal_(torch.tensor(0.0), 1.0),
    ],
    ids=["a generator", "a tensor for a number"],
)
def test_other_arguments_are_left_to_python(fill, in_python):
    with accelerate(seed=3):
        fill(torch.empty(5))
    assert len(in_python) == 1


@pytest.mark.parametrize(
    "fill",
    [
        lambda tensor: tensor.normal_(0.0, -1.0),
        lambda tensor: tensor.normal_(0.0, float("nan")),
        lambda tensor: tensor.uniform_(3.0, 1.0),
        lambda tensor: tensor.normal_("0"),
        lambda tensor: tensor.normal_(0.0, 1.0, 2.0),
        lambda tensor: tensor.normal_(0.0, mean=1.0),
        lambda tensor: tensor.normal_(scale=1.0),
        lambda tensor: torch.Tensor.normal_(5),
    ],
)
def test_what_torch_refuses_stays_its_error_and_fills_nothing(fill):
    raised = []
    for block in (torch.no_grad(), accelerate(seed=3)):
        tensor = torch.full((5,), 7.0)
        with block, pytest.raises((RuntimeError, TypeError)) as error:
            fill(tensor)
        raised.append(error.type)
        assert (tensor == 7).all()
    assert raised[0] is raised[1]


def test_the_words_are_those_of_torchs_default_generator():
    def draws():
        torch.manual_seed(11)
        return [torch.empty(6).normal_() for _ in range(3)], torch.get_rng_state()

    with accelerate():
        (in_c, after), hold = draws(), streams.hold(1)
        try:
            in_python, after_python = draws()
        finally:
            streams.hold(-1)
    assert all(map(torch.equal, in_c, in_python)) and torch.equal(after, after_python) and hold is None


def test_threads_that_fill_at_once_share_no_stream():
    made: list[list[torch.Tensor]] = [[] for _ in range(4)]

    def fill(into):
        for _ in range(300):
            into.append(torch.empty(50).normal_())

    with accelerate(seed=3):
        expected = {torch.empty(50).normal_().numpy().tobytes() for _ in range(1200)}
    with accelerate(seed=3):
        threads = [threading.Thread(target=fill, args=(into,)) for into in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {tensor.numpy().tobytes() for tensors in made for tensor in tensors} == expected


def test_no_reference_of_a_fill_is_lost_or_left_over():
    tensor, mean, std, counts = torch.empty(5), 0.125, 3.5, []
    with accelerate(seed=3):
        for _ in range(3):
            for _ in range(100):
                tensor.normal_(mean, std)
                tensor.uniform_(mean, to=std)
            counts.append([sys.getrefcount(of) for of in (tensor, mean, std, None, torch.float32)])
    assert counts[0][:3] == counts[1][:3] == counts[2][:3] and abs(counts[2][4] - counts[1][4]) < 50
