"""Records the operations of a construction, in which every tensor is on the meta device, as steps on storages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch._C import (
    _DisableTorchDispatch,
    _get_dispatch_stack_at,
    _increment_version,
    _len_torch_dispatch_stack,
    _len_torch_function_stack,
)
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from fastinit.backends import c_calls
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Distribution, Normal, Uniform
from fastinit.initializers import Initializer, distribution_of
from fastinit.torch.construction.kinds import EMPTY, NOT_RUN, STANDARD, Kind, aten, kind_of
from fastinit.torch.construction.recording import Recording, steps_to
from fastinit.torch.construction.replay import ByStream, replay
from fastinit.torch.construction.steps import GIVEN, Ref, Step, each, name_of, with_refs
from fastinit.torch.drawing import recorder
from fastinit.torch.drawing.filling import is_of_arguments
from fastinit.torch.tensors import DTYPES, PLAIN_TYPES, TORCH, check_range, fill_, is_fillable

NATIVE = c_calls.native()
"""What is recorded most without running Python code (csrc/bindings/recording.c); None where C is not built."""

IDLE_ON_META = ("init._no_grad_trunc_normal_", "init.orthogonal_", "init.sparse_")
"""Functions of torch that return at once where a tensor is on the meta device: no step of theirs is seen there."""

META, CPU = torch.device("meta"), torch.device("cpu")
FILL = "aten.fill_.Scalar"
is_meta: Callable[[Tensor], bool] = vars(torch._C.TensorBase)["is_meta"].__get__
"""Whether a tensor is on the meta device, whatever other code is told of it (devices.py)."""

MASKS = (torch.bool, torch.uint8)  # the dtypes of indices that say of each place whether it is meant


class Tape(TorchDispatchMode):
    """Within it every operation runs on the meta device and becomes a step of `recording`.

    Tensors made from lists or arrays are real; where one meets a recorded tensor, its values go on the tape. What Python
    looks at is computed on the spot from the steps that lead to it; what is random in it is drawn there and then, from the
    construction's own streams.
    """

    @classmethod
    def is_infra_mode(cls) -> bool:
        return True  # spares the import of torch._dynamo (2 s)

    def __init__(self, seed: int = 0, independent_copies: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recording = Recording(seed, independent_copies)
        self.modules: list[nn.Module] = []
        self.numbers: dict[int, int] = {}
        self.made_here: set[int] = set()  # the numbers of those storages that the construction has made itself
        self.storages: list[torch.UntypedStorage] = []  # kept alive, so that the address stays that of this storage
        self.refs: list[Ref | None] = []  # of each storage the last one, for C
        self._given: dict[int, tuple[Tensor, Tensor, Tensor]] = {}  # by id: real tensors, their values then, their form
        self._looks = 0

    def __torch_dispatch__(
        self, op: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options: dict[str, Any] = kwargs or {}
        return self._dispatched(op, kind_of(op), args, options)

    def _dispatched(self, op: OpOverload, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operands = [*each((*args, *kwargs.values()), Tensor)]
        if operands and not any(is_meta(t) for t in operands):
            return self._for_real(op, kind, args, kwargs)
        if kwargs.get("generator") is not None or (kind.draws and any(isinstance(a, Generator) for a in args)):
            return self._given_by_generator(op, kind, args, kwargs)
        if op is aten.index.Tensor and _has_mask(args[1]):
            args = (args[0], [*self._places(args[1])])
        looks = kind.looks and op is not aten.index.Tensor
        if looks or self._writes_real(kind, args, kwargs):
            args, kwargs = with_refs(args, self.computed, Tensor), with_refs(kwargs, self.computed, Tensor)
            return self._for_real(op, kind, args, kwargs)
        if kind.takes_device and (not operands or kwargs.get("device") is not None):
            kwargs = {**kwargs, "device": META}
            kwargs.pop("pin_memory", None)
        args, kwargs = with_refs(args, self.recorded, Tensor), with_refs(kwargs, self.recorded, Tensor)
        out = args[0] if op in NOT_RUN else _on_meta(op, kind, args, kwargs)
        if kind.name in EMPTY:
            self.made(out)
        elif not kind.is_view:
            self._note(op, kind, args, kwargs, out)
        return out

    def _note(self, op: OpOverload, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        results = [*each([out], Tensor)]
        if not kind.written:
            for tensor in results:
                self.made(tensor)
        made = tuple(map(self.ref, results))
        written = [args[i] if i < len(args) else kwargs.get(name) for i, name in kind.written]
        targets = tuple(map(self.ref, each(written, Tensor)))
        distribution = STANDARD.get(op)
        if op is aten.normal_.default or op is aten.uniform_.default:
            distribution = _given_parameters(op, args)
        step = Step(
            kind.name,
            with_refs(args, self.ref, Tensor),
            with_refs(kwargs, self.ref, Tensor),
            made,
            targets,
            kind.draws,
            distribution,
            torch.get_default_dtype(),
        )
        self.recording.steps.append(step)

    def filled(
        self,
        tensor: Tensor,
        make: Callable[[], Initializer | Distribution],
        generator: Generator | None,
        stock: partial[Tensor],
    ) -> Tensor:
        """Note what one of torch's functions, `stock`, is to draw; where it refuses, or cannot be noted, it is called."""
        if not self.records(tensor) or (tensor.requires_grad and torch.is_grad_enabled()):
            return stock() if is_meta(tensor) or not is_fillable(tensor) else self._fill_real(tensor, make, stock)
        args, options = stock.args[1:], stock.keywords
        if any(isinstance(parameter, Tensor) for parameter in (*args, *options.values())):  # which torch looks at
            return self._by_torch(tensor, stock)
        if generator is not None:
            with _disable_current_modes():
                self.give(tensor, stock.func(torch.empty(tensor.shape, dtype=tensor.dtype), *args, **options))
            return tensor
        try:
            distribution = distribution_of(make(), tuple(tensor.shape), TORCH)
            check_range(distribution, tensor.dtype)
        except (TypeError, ValueError) as error:
            if not is_of_arguments(error, stock):
                raise
            return self._by_torch(tensor, stock)
        ref = self.ref(tensor)
        written = (ref,)
        step = Step(name_of(stock.func), (ref, *args), options, written, written, draws=True, distribution=distribution)
        self.recording.steps.append(step)
        _increment_version((tensor,))
        return tensor

    def _by_torch(self, tensor: Tensor, stock: partial[Tensor]) -> Tensor:
        """What torch's function does with these arguments, or its error: recorded as it runs, but for those that do nothing
        on the meta device, which fill real memory, from the construction's own stream.
        """
        if name_of(stock.func) not in IDLE_ON_META:
            return stock()
        with _disable_current_modes():
            real = torch.empty(tensor.shape, dtype=tensor.dtype)
        stock.func(real, *stock.args[1:], **stock.keywords)
        self.give(tensor, real)
        _increment_version((tensor,))
        return tensor

    def _fill_real(self, tensor: Tensor, make: Callable[[], Initializer | Distribution], stock: partial[Tensor]) -> Tensor:
        """Fill a tensor that has memory, from the construction's own stream."""
        try:
            distribution = distribution_of(make(), tuple(tensor.shape), TORCH)
        except (TypeError, ValueError) as error:
            if not is_of_arguments(error, stock):
                raise
            return stock()
        return fill_(tensor, distribution, self.stream_outside())

    def wrote(self, tensor: Tensor, operation: str, args: tuple[Any, ...]) -> Tensor:
        """Note that a function without draws wrote all of the tensor, from these further arguments."""
        ref = self.ref(tensor)
        self.recording.steps.append(Step(operation, (ref, *args), {}, (ref,), (ref,)))
        _increment_version((tensor,))
        return tensor

    def fill(self, tensor: Tensor, value: float) -> None:
        """Note that a new tensor is of this value."""
        ref = self.ref(tensor)
        self.recording.steps.append(Step(FILL, (ref, value), {}, (ref,), (ref,)))

    def did(self, known: Step, tensor: Tensor) -> Tensor:
        """Note that what a step did to another tensor of this shape and dtype was done to this one."""
        written = (ref,) = (self.ref(tensor),)
        operation, args, options, _, _, draws, distribution, default = known
        step = Step(operation, (ref, *args[1:]), options, written, written, draws, distribution, default)
        self.recording.steps.append(step)
        _increment_version((tensor,))
        return tensor

    def takes(self, tensor: Tensor) -> bool:
        """Whether what is written to it without gradients can be noted without asking the dispatcher, which takes ten times
        as long: a plain tensor on the meta device, of which no other mode is to be told.
        """
        is_plain = type(tensor) in PLAIN_TYPES and is_meta(tensor) and tensor.layout is torch.strided
        return is_plain and not _len_torch_function_stack() and self.is_innermost()

    def takes_fill(self, tensor: Tensor) -> bool:
        """`takes`, where autograd may have to refuse it."""
        return self.takes(tensor) and not (tensor.requires_grad and torch.is_grad_enabled())

    def give(self, tensor: Tensor, values: Tensor) -> None:
        """Note that the tensor gets these values, which are real."""
        ref = self.ref(tensor)
        self.recording.steps.append(Step(GIVEN, (values,), {}, (ref,), (ref,)))

    def is_innermost(self) -> bool:
        """Whether no other mode of the dispatcher has been entered within."""
        entered = _len_torch_dispatch_stack()
        return entered > 0 and _get_dispatch_stack_at(entered - 1) is self

    def made(self, tensor: Tensor) -> None:
        """Note that the construction has made this tensor, if its storage is new."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.numbers:
            self.made_here.add(self._new_number(storage))

    def has_made(self, tensor: Tensor) -> bool:
        """Whether the construction has made the memory of this tensor; else it was given one on the meta device."""
        try:
            return self.numbers.get(tensor.untyped_storage()._cdata) in self.made_here
        except (NotImplementedError, RuntimeError, ValueError):  # it has no storage, or none yet
            return False

    def _new_number(self, storage: torch.UntypedStorage) -> int:
        number = self.numbers[storage._cdata] = len(self.storages)
        self.storages.append(storage)
        self.refs.append(None)
        self.recording.sizes.append(storage.nbytes())
        return number

    def ref(self, tensor: Tensor) -> Ref:
        known = None if NATIVE is None else NATIVE.recorded_ref(self, tensor)
        return self._ref(tensor) if known is None else known

    def _ref(self, tensor: Tensor) -> Ref:
        storage = tensor.untyped_storage()
        number = self.numbers.get(storage._cdata)
        if number is None:
            number = self._new_number(storage)
        elif storage.nbytes() > self.recording.sizes[number]:  # resized
            self.recording.sizes[number] = storage.nbytes()
        return Ref(number, tensor.dtype, tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset()))

    def records(self, tensor: Tensor) -> bool:
        """Whether a draw into it can be a step: a tensor on the meta device, of floats that fastinit draws."""
        return is_meta(tensor) and tensor.layout is torch.strided and tensor.dtype in DTYPES

    def computed(self, tensor: Tensor) -> Tensor:
        """The real values of a recorded tensor, from the steps that lead to it and no others."""
        if not is_meta(tensor):
            return tensor
        ref, recording = self.ref(tensor), self.recording
        steps = steps_to(recording, [ref])
        for number in steps:
            if recording.steps[number].draws and number not in recording.fixed:
                recording.fixed[number] = self.next_stream()
        with _disable_current_modes(), torch.no_grad():
            return replay(recording, steps, ByStream(recording.fixed.__getitem__)).tensor(ref)

    def next_stream(self) -> Stream:
        """The stream of the next value that construction looks at: by its seed and the number of the look."""
        self._looks += 1
        return stream_of(self.recording.seed, f"construction[{self._looks - 1}]")

    def stream_outside(self) -> Stream:
        """`next_stream` for a draw that goes into a real tensor."""
        self.recording.drawn_outside = True
        return self.next_stream()

    def _for_real(self, op: OpOverload, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operation on real tensors alone."""
        if kwargs.get("device") == META:
            kwargs = {**kwargs, "device": CPU}
        if kind.draws:
            torch.default_generator.manual_seed(self.stream_outside().k0)
        return op(*args, **kwargs)

    def _given_by_generator(self, op: OpOverload, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A draw from a generator of the caller's own: its values are what they are, and the generator moves on."""
        args_now, kwargs_now = with_refs(args, self.computed, Tensor), with_refs(kwargs, self.computed, Tensor)
        if kind.takes_device:
            kwargs_now["device"] = CPU
        values = op(*args_now, **kwargs_now)
        if kind.written and is_meta(args[0]):
            self.give(args[0], values)
            return args[0]
        return values

    def recorded(self, tensor: Tensor) -> Tensor:
        """The tensor, or for a real one a recorded tensor that is given its values."""
        if is_meta(tensor):
            return tensor
        known = self._given.get(id(tensor))
        if known is not None and _same_bits(known[1], tensor):
            return known[2]
        values, form = tensor.detach().clone(), _form(tensor)
        self.made(form)
        self.give(form, values)
        self._given[id(tensor)] = (tensor, values, form)
        return form

    def _places(self, indices: Iterable[Tensor | None]) -> Iterator[Tensor | None]:
        """Indices without masks, in whose place are those of what is True there: only the mask is looked at."""
        for index in indices:
            if index is None or index.dtype not in MASKS:
                yield index
            else:
                values = self.computed(index)
                with _disable_current_modes():
                    yield from values.nonzero(as_tuple=True)

    def _writes_real(self, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        written = (args[i] if i < len(args) else kwargs.get(name) for i, name in kind.written)
        return any(not is_meta(t) for t in each(written, Tensor))


if NATIVE is not None:
    torchs = torch.strided, is_meta, _len_torch_function_stack, _len_torch_dispatch_stack, _get_dispatch_stack_at
    NATIVE.bind_recording(recorder.THREAD, Tape, Ref, Step, tuple(PLAIN_TYPES), *torchs, _increment_version)


def current_tape() -> Tape | None:
    """The tape that records in this thread."""
    current = recorder.current()
    return current if isinstance(current, Tape) else None


def undispatched(make: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """`make(*args, **kwargs)` without asking the modes of the dispatcher: 5 microseconds, not 30."""
    guard = _DisableTorchDispatch()
    try:
        return make(*args, **kwargs)
    finally:
        del guard


def _on_meta(op: OpOverload, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of an operation on the meta device; of one that torch does not know there, as it is for zeros."""
    try:
        return op(*args, **kwargs)
    except NotImplementedError:
        if kind.is_view or kind.written:
            raise
    with _disable_current_modes():
        real = {**with_refs(kwargs, _zeros, Tensor), **({"device": CPU} if kwargs.get("device") is not None else {})}
        return with_refs(op(*with_refs(args, _zeros, Tensor), **real), _form, Tensor)


def _zeros(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype).zero_()


def _form(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device=META)


def _same_bits(values: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor still has these values; no version counts what arrays that share its memory write."""
    if tensor.shape != values.shape or tensor.dtype != values.dtype:
        return False
    return torch.equal(_bits(values), _bits(tensor))


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().resolve_conj().resolve_neg().reshape(-1).view(torch.uint8)


def _given_parameters(op: OpOverload, args: tuple[Any, ...]) -> Distribution | None:
    given = args[1:3] + (0.0, 1.0)[len(args[1:3]) :]
    try:
        return Normal(*given) if op is aten.normal_.default else Uniform(*given)
    except (TypeError, ValueError):
        return None


def _has_mask(indices: Iterable[Tensor | None]) -> bool:
    return any(t is not None and t.dtype in MASKS for t in indices)
