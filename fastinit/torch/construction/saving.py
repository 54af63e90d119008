"""Plans the file of a recorded model: the tensors of its state dict, each drawn piece by piece or computed by itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from fastinit.files.checkpoint import FilePlan
from fastinit.files.safetensors_format import DTYPES as STORED_DTYPES
from fastinit.recipes import PlannedTensor, TensorSpec
from fastinit.runtime.types import Array
from fastinit.torch.construction.execution import Target, fill_recorded
from fastinit.torch.construction.recorded_tensors import RecordedTensors
from fastinit.torch.construction.steps import Ref, real_tensor
from fastinit.torch.construction.streams import Named, named_forms
from fastinit.torch.seeds import check_seed
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.structure.own_methods import convert
from fastinit.torch.tensors import DTYPES, as_array


def file_plan(model: nn.Module, seed: int = 0, dtype: torch.dtype | None = None) -> FilePlan:
    """What is written for a model that `deferred()` recorded: the bits that `init_(model, seed=seed, dtype=dtype)` gives it.

    The file has the tensors of the state dict, tied ones once: under the name that Hugging Face's `save_pretrained` keeps,
    else under the first. The model stays on the meta device, where its floats get the dtype. ValueError, which names the
    tensors, for those that were not recorded, were changed since, or have a dtype that files cannot have.

    >>> import torch, fastinit.torch
    >>> from fastinit.torch.construction import file_plan
    >>> with fastinit.torch.deferred():
    ...     model = torch.nn.Linear(20, 9)
    >>> print(file_plan(model, dtype=torch.bfloat16))
    tensor  shape             action  values
    weight  bfloat16 (9, 20)  draw    Uniform(low=-0.223..., high=0.223...)
    bias    bfloat16 (9,)     draw    Uniform(low=-0.223..., high=0.223...)
    2 tensors: 2 draw
    """
    check_seed(seed)
    found = ModuleTensors(model)
    records, tensors = RecordedTensors(found), found.tensors
    records.check(seed, (), {})
    unknown = [name for name in tensors if name not in records.forms.keys() | records.given]
    if unknown:
        raise ValueError(f"not recorded: {', '.join(unknown)}; construct all of the model in one deferred() block")
    if dtype is not None:
        convert(model, dtype)
        found.read()
    names, aliases = {id(tensor): name for name, tensor in tensors.items()}, records.aliases()
    named, planned, computed = named_forms(records.forms), list[PlannedTensor](), dict[str, Callable[[int], Array]]()
    empty = [name for name, one in named.items() if one.form.is_empty and tensors[name].numel()]
    if empty:
        warnings.warn(f"nothing initializes {', '.join(empty)}: NaN, or 0 where they are no floats", stacklevel=2)
    for key, tensor in saved_tensors(model):
        name = names.get(id(tensor))
        if name is None:
            raise ValueError(f"the state dict has {key}, which is neither a parameter nor a buffer of the model")
        spec = TensorSpec(key, tuple(tensor.shape), _stored_dtype(key, tensor))
        if name in records.given:
            planned.append(PlannedTensor(spec, "compute"))
            computed[key] = partial(_given, tensor)
        elif name in aliases:
            planned.append(PlannedTensor(spec, "compute"))
            computed[key] = partial(_values_of_view, aliases[name], named[aliases[name]], records.forms[name].ref)
        elif named[name].form.distribution is None:
            planned.append(PlannedTensor(spec, "compute"))
            computed[key] = partial(_values, name, named[name], tensor.dtype)
        else:
            planned.append(_drawn(spec, named[name]))
    return FilePlan(tuple(planned), computed=computed)


def saved_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The tensors of the state dict by their keys, each once."""
    state: Mapping[str, object] = model.state_dict(keep_vars=True)
    ignored = set(getattr(model, "_keys_to_ignore_on_save", None) or ())
    entries = {key: value for key, value in state.items() if isinstance(value, Tensor) and key not in ignored}
    keys_of: dict[int, list[str]] = {}
    for key, tensor in entries.items():
        keys_of.setdefault(id(tensor), []).append(key)
    tied = getattr(model, "all_tied_weights_keys", None) or {}  # of Hugging Face: the names that are not saved
    for keys in keys_of.values():
        key = next((key for key in keys if key not in tied), keys[0])
        yield key, entries[key]


def _drawn(spec: TensorSpec, named: Named) -> PlannedTensor:
    distribution = named.form.distribution
    assert distribution is not None
    if not spec.is_float():
        return PlannedTensor(spec, "compute", distribution, value=distribution.integer_value())
    return PlannedTensor(spec, "draw", distribution, source=None if named.like == spec.name else named.like)


def _stored_dtype(name: str, tensor: Tensor) -> str:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in STORED_DTYPES:
        raise ValueError(f"{name} has dtype {tensor.dtype}, which safetensors files do not have")
    return dtype


def _values(name: str, named: Named, dtype: torch.dtype, seed: int) -> Array:
    """The values of one tensor, by running its steps."""
    with _disable_current_modes():
        tensor = torch.empty(named.form.ref.size, dtype=dtype)
    fill_recorded({name: Target(tensor, named)}, seed, lambda writes: None)
    return _array(tensor)


def _values_of_view(name: str, named: Named, view: Ref, seed: int) -> Array:
    """The values of a view of a tensor, which is filled."""
    with _disable_current_modes():
        storage = torch.UntypedStorage(named.form.recording.sizes[view.storage])
        tensor = real_tensor(storage, named.form.ref)
    fill_recorded({name: Target(tensor, named)}, seed, lambda writes: None)
    return _array(real_tensor(storage, view))


def _given(tensor: Tensor, seed: int) -> Array:
    return _array(tensor)


def _array(tensor: Tensor) -> Array:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype in DTYPES:
        return as_array(tensor)
    stored = STORED_DTYPES[str(tensor.dtype).removeprefix("torch.")]
    return tensor.view(torch.uint8).numpy().view(stored.unit) if tensor.dtype.itemsize == 1 else tensor.numpy()
