"""Takes the functions of torch.nn.init as one step each where a construction is recorded.

Some of them do nothing on the meta device. The others end in methods of tensors, which are recorded too, but at length: what
a function does to a tensor of one shape and dtype, by its further arguments, is learned from its first call, and noted from
then on without calling it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import copysign
from typing import Any

from torch import Tensor
from torch.nn import init

from fastinit.runtime.scoped_patch import Replacement
from fastinit.torch.construction.steps import Ref, Step, refs
from fastinit.torch.construction.tape import FILL, NATIVE, current_tape
from fastinit.torch.drawing.replacements import copied, is_far_out, orthogonal_, sparse_

_fastinit_noted_: Callable[..., Tensor]  # below: `noted`
_fastinit_orthogonal_, _fastinit_sparse_ = orthogonal_, sparse_

TAKEN: dict[str, Callable[..., Tensor]] = {
    "uniform_": lambda tensor, a, b, generator: _fastinit_noted_("uniform_", tensor, a, b, generator),
    "normal_": lambda tensor, mean, std, generator: _fastinit_noted_("normal_", tensor, mean, std, generator),
    "trunc_normal_": lambda tensor, mean, std, a, b, generator: _fastinit_noted_(
        "trunc_normal_", tensor, mean, std, a, b, generator
    ),
    "xavier_uniform_": lambda tensor, gain, generator: _fastinit_noted_("xavier_uniform_", tensor, gain, generator),
    "xavier_normal_": lambda tensor, gain, generator: _fastinit_noted_("xavier_normal_", tensor, gain, generator),
    "kaiming_uniform_": lambda tensor, a, mode, nonlinearity, generator: _fastinit_noted_(
        "kaiming_uniform_", tensor, a, mode, nonlinearity, generator
    ),
    "kaiming_normal_": lambda tensor, a, mode, nonlinearity, generator: _fastinit_noted_(
        "kaiming_normal_", tensor, a, mode, nonlinearity, generator
    ),
    "constant_": lambda tensor, val: _fastinit_noted_("constant_", tensor, val),
    "ones_": lambda tensor: _fastinit_noted_("ones_", tensor),
    "zeros_": lambda tensor: _fastinit_noted_("zeros_", tensor),
    "orthogonal_": lambda tensor, gain, generator: _fastinit_orthogonal_(tensor, gain, generator),
    "sparse_": lambda tensor, sparsity, std, generator: _fastinit_sparse_(tensor, sparsity, std, generator),
    "dirac_": lambda tensor, groups: _fastinit_dirac_(tensor, groups),
}
"""By name, the code that torch.nn.init's functions have within a recording, under whatever name they were imported. It runs
among the names of torch.nn.init, into which those that it uses are put."""

FUNCTIONS = {name: getattr(init, name) for name in TAKEN}
STOCK = {name: copied(function) for name, function in FUNCTIONS.items()}

CALLED = {
    **{name: getattr(init, name) for name in ("calculate_gain", "_calculate_fan_in_and_fan_out", "_calculate_correct_fan")},
    **{name: getattr(init, name) for name in ("_no_grad_uniform_", "_no_grad_normal_", "_no_grad_fill_", "_no_grad_zero_")},
}
"""What decides on their results: functions of torch.nn.init that they call, which others may replace."""

KNOWN: dict[tuple[Any, ...], Step] = {}
"""What a function did: by its name, the tensor's shape and dtype, the further arguments and their types."""

MOST_KNOWN = 4096


def noted(name: str, tensor: Tensor, *arguments: Any) -> Tensor:
    """torch.nn.init's function of this name, which draws or fills with a number."""
    tape = current_tape()
    if tape is None or not tape.takes(tensor) or not all(map(_is_plain, arguments)) or not are_in_place(CALLED):
        return STOCK[name](tensor, *arguments)
    asked = (name, tensor.shape, tensor.dtype, *arguments, *map(type, arguments))
    known = KNOWN.get(asked)
    if known is not None:
        return tape.did(known, tensor)
    steps = tape.recording.steps
    before = len(steps)
    made = STOCK[name](tensor, *arguments)
    new = steps[before:]
    if len(new) == 1 and is_one_fill(new[0], tape.ref(tensor)) and not _warns(name, arguments):
        if len(KNOWN) >= MOST_KNOWN:
            KNOWN.clear()
        KNOWN[asked] = new[0]
    return made


def are_in_place(functions: Mapping[str, Callable[..., Any]]) -> bool:
    """Whether nobody has replaced these functions of torch.nn.init."""
    return all(vars(init)[name] is of for name, of in functions.items())


def _is_plain(value: Any) -> bool:
    """Whether equal ones mean the same: not so tensors, and -0.0, which equals 0.0."""
    return type(value) in PLAIN and not (value == 0 and copysign(1, value) < 0)


PLAIN = (bool, int, float, str, type(None))


def is_one_fill(step: Step, ref: Ref) -> bool:
    """Whether the step draws, or fills with a number, all of the tensor and looks at no other."""
    is_known = step.distribution is not None or step.operation == FILL
    return is_known and step.args[0] == ref and step.outputs == step.written == (ref,) and not any(refs(step.args[1:]))


def _warns(name: str, arguments: tuple[Any, ...]) -> bool:
    return name == "trunc_normal_" and is_far_out(*arguments[:4])


def _in_c() -> Callable[..., Tensor]:
    """`noted` in C, which calls it for what is not known; itself where C is not built."""
    if NATIVE is None:
        return noted
    NATIVE.bind_draws(vars(init), KNOWN, CALLED, noted)
    return NATIVE.recorded_draw  # type: ignore[no-any-return]


_fastinit_noted_ = _in_c()


def _fastinit_dirac_(tensor: Tensor, groups: int) -> Tensor:
    tape = current_tape()
    if tape is None or not tape.records(tensor):
        return STOCK["dirac_"](tensor, groups)
    return tape.wrote(tensor, "init.dirac_", (groups,))


USED = {name: value for name, value in globals().items() if name.startswith("_fastinit_")}
"""The names that the code above has among those of torch.nn.init."""


def replacements() -> Iterator[Replacement]:
    """What to replace in torch.nn.init."""
    for name, value in USED.items():
        yield init, name, value
    for name, taken in TAKEN.items():
        yield FUNCTIONS[name], "__code__", taken.__code__
