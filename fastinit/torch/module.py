"""Initializes the tensors of a module by their names."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import torch
from torch import nn

from fastinit.recipes import Recipe
from fastinit.runtime.switches import switch
from fastinit.torch.asked_recipe import recipe_of
from fastinit.torch.initialization import Initialization, Options, drawing_by_name
from fastinit.torch.reports.report import InitReport
from fastinit.torch.sharding.shard_of import ShardOf
from fastinit.torch.structure.module_tensors import ModuleTensors
from fastinit.torch.tensors import dtype_of
from fastinit.torch.ties import tie_again


def init_(
    module: nn.Module,
    recipe: str | Recipe = "auto",
    seed: int = 0,
    *,
    dtype: torch.dtype | str | None = None,
    skip: Iterable[str] = (),
    prefix: str = "",
    shard_of: ShardOf | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
    strict: bool = True,
    overwrite: bool = False,
) -> InitReport:
    """Initialize every parameter and buffer of a module by its fully qualified name.

    A tensor's values depend on `seed`, its name and the position in the whole (global) tensor only: adding a layer changes
    no other, and a shard (DTensor) gets its part of the same global weights, without communication.

    - `recipe`: "auto", what the modules' own `reset_parameters` and, for Hugging Face models, the family's `_init_weights`
      would draw; a `fastinit.Recipe` over the names; or the name of a ready one, as "gpt2", which takes depth and width from
      the model. A recipe gives what its `materialize` gives for the same names and shapes with `layout="oi"`, torch's
      (out, in, *kernel). That holds where neither a rule nor the convention of its initializer says another, but that
      convolutions have their own, with their groups and transposed ones with inputs first, and Hugging Face's Conv1D (in,
      out). Stacked weights of experts need `Stacked`, or a layout in their rule.
    - `seed`: 0 by default, as for every whole model, so that two runs of a script agree without further ado.
    - `dtype`: a dtype or its name, to which what holds floats is converted first, as by `module.to(dtype)`; non-persistent
      buffers of Hugging Face's models, as rotary frequencies, stay as they are.
    - `skip`: names or globs of tensors that stay as they are, or become NaN where they have no values yet.
    - `prefix`: what the module's names begin with in the whole model, as "layers.7." of a block that is built alone, or that
      is in a stage of a pipeline. It is part of the names here: in streams, the report, `skip`, `shard_of` and the recipe.
    - `shard_of`: {name: (global_shape, index)} for tensors that are parts of larger ones, whole[index], and are no DTensors:
      each gets its part of the whole's values. What code within the block does with such a tensor, it does with one that
      has the whole's shape and keeps the part; NotImplementedError for what needs other values.
    - `device`: where tensors on the meta device get memory; DTensors get theirs on their mesh's.
    - `progress`: a bar on standard error (extra `cli`).
    - `strict`: False makes an `UncertainInitialization` (below) a UserWarning.
    - `overwrite`: whether the values that are there do not count, as those of a trained model that begins anew.

    Tensors on the meta device get memory in place: parameter objects, ties and `requires_grad` stay. On Linux CPUs it is one
    mapping, from 4 MiB on, for huge pages: each tensor has a storage of its own in it, that cannot grow (`resize_`) and is
    freed by its pages; its addresses are freed with the last tensor's.

    Within a Hugging Face model without a record the family's `_init_weights` draws every module that it knows the class of,
    also one that was put there later, as a new head: transformers initializes what a checkpoint lacks in the same way. For
    what that module's own constructor draws, put it there within `deferred()`. On the meta device nothing tells it from the
    others, so that no warning can: transformers marks only in memory what it has initialized, and torch counts the same
    writes to both.

    Should a method raise, what it and those before it wrote stays, and a UserWarning says what that is.

    Names are those of the bare module, without what compiling, DistributedDataParallel and activation checkpointing add.
    For a model that draws its weights in a method of its own, as `init_weights`, instead of `reset_parameters`: `by_name`.

    Tensors that Megatron divides among ranks (`tensor_model_parallel`) get their part by its attributes and groups.
    ValueError, which names them all, for tensors of which each rank has another part without saying which: FSDP1's flat
    parameters, those that ZeRO-3 has partitioned, experts that each rank numbers from 0, and layers that each stage does.

    Without a record (`deferred`) "auto" is what the modules' methods say, and construction may have done otherwise. So they
    are rehearsed first, and where the values that are there cannot come from what is about to be drawn, an
    `UncertainInitialization`, a ValueError, names the tensors before anything is written. On the meta device torch's count
    of writes to each tensor tells; where it does not (`.data`, sharded and copied modules), methods of the classes' own that
    initialize. A UserWarning names the classes whose methods compute what they write.

    Tied parameters are filled once, by their first name; those that Hugging Face's models tie and `to_empty` untied are one
    again, unless they are sharded. A parameter that nothing fills keeps its values, which a UserWarning says. What has no
    values, since it was on the meta device, and gets none is uncertain too; without `strict` it becomes NaN (0 if it is not
    of floats).

    Padding rows of embeddings are 0, under a recipe as well. Non-persistent buffers, as rotary frequencies, are no part of a
    recipe: they keep their values, or get those that the modules' own methods compute.

    What a parametrization computes (weight_norm) is not drawn, and neither are the tensors that it is computed from, as with
    `reset_parameters`: initialize first, parametrize then. On the meta device those of torch's weight_norm and spectral_norm
    are derived, as by `deferred`, from the weight that the layer's own method draws.

    ValueError for a glob of `skip` that matches nothing, for a lazy module whose shapes are not known yet, and, before
    anything is written, for a recipe that does not fit. Filled again, a tensor gets the same values: a module whose own
    `reset_parameters` draws until they fit ends in a RuntimeError.

    >>> import torch, fastinit.torch
    >>> model = torch.nn.Sequential(torch.nn.Embedding(100, 20), torch.nn.Linear(20, 9, bias=False))
    >>> print(fastinit.torch.init_(model, seed=0))
    0.weight  Normal(std=1.0)                        (100, 20)
    1.weight  Uniform(low=-0.223607, high=0.223607)  (9, 20)
    2 tensors, 2,180 parameters, 8.7 KB, float32
    >>> model[1].weight[0, :3].detach().round(decimals=4)
    tensor([0.1832, 0.0240, 0.0362])
    """
    found = ModuleTensors(module, prefix)
    tie_again(found)
    run = Initialization(found, seed, skip, shard_of=shard_of)
    options = Options(dtype_of(dtype), torch.device(device), progress, strict, overwrite)
    return run.run(recipe_of(recipe, found), options)


def init_missing_(
    module: nn.Module,
    loaded_keys: Iterable[str],
    recipe: str | Recipe = "auto",
    seed: int = 0,
    *,
    dtype: torch.dtype | str | None = None,
    skip: Iterable[str] = (),
    prefix: str = "",
    shard_of: ShardOf | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
    strict: bool = True,
    overwrite: bool = False,
) -> InitReport:
    """Initialize what a checkpoint lacks: all but `loaded_keys`, whose values are kept. The options are those of `init_`.

    With `prefix` the keys begin with it too. ValueError for a key that the module does not have, or whose tensor is still on
    the meta device.

    >>> import torch, fastinit.torch
    >>> model = torch.nn.Linear(20, 9)
    >>> result = model.load_state_dict({"bias": torch.ones(9)}, strict=False)
    >>> print(fastinit.torch.init_missing_(model, ["bias"]))
    weight  Uniform(low=-0.223607, high=0.223607)  (9, 20)
    bias    skipped                                (9,)
    2 tensors, 189 parameters, 756 bytes, float32
    """
    found = ModuleTensors(module, prefix)
    names, loaded = found.names_by_key(), set()
    for key in loaded_keys:
        if key not in names:
            hint = f": its names begin with prefix={prefix!r}" if prefix and not str(key).startswith(prefix) else ""
            raise ValueError(f"loaded_keys has {key!r}, which the module does not have{hint}")
        if found.tensors[found.first[names[key]]].is_meta:
            raise ValueError(f"loaded_keys has {key!r}, which is on the meta device: load it with assign=True")
        loaded.add(names[key])
    tie_again(found, loaded)
    run = Initialization(found, seed, skip, loaded, shard_of)
    options = Options(dtype_of(dtype), torch.device(device), progress, strict, overwrite)
    return run.run(recipe_of(recipe, found), options)


@switch("fastinit.torch.by_name(...)")
def by_name(module: nn.Module, seed: int = 0, *, prefix: str = "", shard_of: ShardOf | None = None) -> Iterator[InitReport]:
    """Within the block, what torch's functions draw into this module's tensors is drawn by their names, as in `init_`.

    For models that initialize themselves, under any sharding and without communication:

        model.to_empty(device="cpu")
        with torch.no_grad(), fastinit.torch.by_name(model, seed=0):
            model.init_weights()

    In torchtitan `init_weights` calls for each parameter what the config's `param_init` has for it, such as
    `partial(nn.init.trunc_normal_, std=0.02)`, or the module's `reset_parameters`: none of it needs to change, nor to be
    given generators. A tensor that is filled twice gets the same values twice. Gives the report, complete at the block's
    end; a UserWarning names parameters that nothing has filled. What Hugging Face's models tie and to_empty untied is one
    again, unless it is sharded, which a UserWarning says. The scope is the calling thread or task, and this module.

    `prefix`, `shard_of`: as in `init_`. ValueError for a module with tensors on the meta device.

    >>> import torch, fastinit.torch
    >>> model = torch.nn.Linear(4, 3)
    >>> with fastinit.torch.by_name(model, seed=0) as report:
    ...     model.reset_parameters()
    >>> report.untouched
    []
    """
    found = ModuleTensors(module, prefix)
    tie_again(found)
    _warn_of_attributes(found)
    with drawing_by_name(found, seed, shard_of) as report:
        yield report


def _warn_of_attributes(found: ModuleTensors) -> None:
    names = [name for name, _ in found.left_on_meta()]
    if names:
        warnings.warn(
            f"{', '.join(names)}: plain attributes on the meta device, which nothing moves or fills; make them buffers, or "
            "build the model within fastinit.torch.deferred()",
            stacklevel=4,
        )
