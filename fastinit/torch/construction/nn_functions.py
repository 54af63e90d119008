"""Takes the functions of torch.nn.init as one step each where a construction is recorded.

Some of them do nothing on the meta device. The others end in methods of tensors, which are recorded too, but at length: what
a function does to a tensor of one shape and dtype, by its further arguments, is learned from its first call, and noted from
then on without calling it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.nn import init

from fastinit.runtime.scoped_patch import Replacement
from fastinit.torch.construction.steps import Ref, Step
from fastinit.torch.construction.tape import FILL, Tape, current_tape
from fastinit.torch.drawing.replacements import copied, is_far_out, orthogonal_, sparse_

_fastinit_orthogonal_, _fastinit_sparse_ = orthogonal_, sparse_

TAKEN: dict[str, Callable[..., Tensor]] = {
    "uniform_": lambda tensor, a, b, generator: _fastinit_drawn_("uniform_", tensor, a, b, generator),
    "normal_": lambda tensor, mean, std, generator: _fastinit_drawn_("normal_", tensor, mean, std, generator),
    "trunc_normal_": lambda tensor, mean, std, a, b, generator: _fastinit_drawn_(
        "trunc_normal_", tensor, mean, std, a, b, generator
    ),
    "xavier_uniform_": lambda tensor, gain, generator: _fastinit_drawn_("xavier_uniform_", tensor, gain, generator),
    "xavier_normal_": lambda tensor, gain, generator: _fastinit_drawn_("xavier_normal_", tensor, gain, generator),
    "kaiming_uniform_": lambda tensor, a, mode, nonlinearity, generator: _fastinit_drawn_(
        "kaiming_uniform_", tensor, a, mode, nonlinearity, generator
    ),
    "kaiming_normal_": lambda tensor, a, mode, nonlinearity, generator: _fastinit_drawn_(
        "kaiming_normal_", tensor, a, mode, nonlinearity, generator
    ),
    "constant_": lambda tensor, val: _fastinit_filled_("constant_", tensor, val, (val,)),
    "ones_": lambda tensor: _fastinit_filled_("ones_", tensor, 1.0, ()),
    "zeros_": lambda tensor: _fastinit_filled_("zeros_", tensor, 0, ()),
    "orthogonal_": lambda tensor, gain, generator: _fastinit_orthogonal_(tensor, gain, generator),
    "sparse_": lambda tensor, sparsity, std, generator: _fastinit_sparse_(tensor, sparsity, std, generator),
    "dirac_": lambda tensor, groups: _fastinit_dirac_(tensor, groups),
}
"""By name, the code that torch.nn.init's functions have within a recording, under whatever name they were imported. It runs
among the names of torch.nn.init, into which those that it uses are put."""

FUNCTIONS = {name: getattr(init, name) for name in TAKEN}
STOCK = {name: copied(function) for name, function in FUNCTIONS.items()}

_known: dict[tuple[Any, ...], Step] = {}
"""What a function did: by its name, the tensor's shape and dtype, the other arguments and their types."""

MOST_KNOWN = 4096
NUMBERS = {bool, int, float}
PLAIN = NUMBERS | {str, type(None)}


def _fastinit_drawn_(name: str, tensor: Tensor, *parameters: Any) -> Tensor:
    """torch.nn.init's function of this name, which draws."""
    tape, types = current_tape(), tuple(map(type, parameters))
    if tape is None or not PLAIN.issuperset(types) or not tape.takes(tensor):
        return STOCK[name](tensor, *parameters)
    asked = (name, tensor.shape, tensor.dtype, parameters, types)
    known = _known.get(asked)
    if known is None:
        return _learned(tape, asked, tensor)
    return tape.did(known, tensor)


def _learned(tape: Tape, asked: tuple[Any, ...], tensor: Tensor) -> Tensor:
    """Call torch's function, and keep what it did if that is one draw of the whole tensor without a warning."""
    name, steps = asked[0], tape.recording.steps
    before = len(steps)
    made = STOCK[name](tensor, *asked[3])
    new = steps[before:]
    if len(new) == 1 and _is_one_draw(new[0], tape.ref(tensor)) and not _warns(name, asked[3]):
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[asked] = new[0]
    return made


def _is_one_draw(step: Step, ref: Ref) -> bool:
    draws_it = step.distribution is not None and step.args[0] == ref and step.outputs == step.written == (ref,)
    return draws_it and not any(isinstance(arg, Ref) for arg in step.args[1:])


def _warns(name: str, parameters: tuple[Any, ...]) -> bool:
    return name == "trunc_normal_" and is_far_out(*parameters[:4])


def _fastinit_filled_(name: str, tensor: Tensor, value: Any, parameters: tuple[Any, ...]) -> Tensor:
    """torch.nn.init's function of this name, which fills with a number."""
    tape = current_tape()
    if tape is None or type(value) not in NUMBERS or not tape.takes(tensor):
        return STOCK[name](tensor, *parameters)
    return tape.wrote(tensor, FILL, (value,))


def _fastinit_dirac_(tensor: Tensor, groups: int) -> Tensor:
    tape = current_tape()
    if tape is None or not tape.records(tensor):
        return STOCK["dirac_"](tensor, groups)
    return tape.wrote(tensor, "init.dirac_", (groups,))


def replacements() -> Iterator[Replacement]:
    """What to replace in torch.nn.init."""
    for new in (_fastinit_drawn_, _fastinit_filled_, _fastinit_dirac_):
        yield init, new.__name__, new
    yield init, "_fastinit_orthogonal_", _fastinit_orthogonal_
    yield init, "_fastinit_sparse_", _fastinit_sparse_
    for name, taken in TAKEN.items():
        yield FUNCTIONS[name], "__code__", taken.__code__
