"""Plans what to write from what the user names: a built-in model, a safetensors file to imitate, or a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastinit import recipes
from fastinit.backends.catalogue import ELEMENTS
from fastinit.files.checkpoint import FilePlan
from fastinit.files.reading import read_files
from fastinit.files.safetensors_format import DTYPES, StoredTensor
from fastinit.recipes import PlannedTensor, Recipe, TensorSpec, families
from fastinit.recipes.families.building import Model
from fastinit.recipes.rules import matcher
from fastinit.recipes.tensors import tensor_specs
from fastinit.recipes.toml_form import KEYS as RECIPE_KEYS
from fastinit.recipes.toml_form import recipe_from
from fastinit.runtime import checks
from fastinit.runtime.schema import INTEGER, STRING, Either, ListOf, Schema, Table, TableOf
from fastinit.runtime.text_files import read_text, toml_of

FLOAT_DTYPES = tuple(ELEMENTS)

_SHAPE = Either("an integer or a list of integers", INTEGER, ListOf(INTEGER))
_TENSOR = Table({"shape": _SHAPE, "dtype": STRING}, required=("shape",))
TOML_KEYS: dict[str, Schema] = {
    "model": STRING,
    "like": STRING,
    "dtype": STRING,
    "omit": ListOf(STRING),
    "tensors": TableOf(
        Either("a shape, as [3, 4], or a table with `shape` and `dtype`", _SHAPE, _TENSOR, "shapes"), "tensor"
    ),
    **RECIPE_KEYS,
}
"""What each key of a TOML file that is a SPEC must have."""


def plan(spec: str, dtype: str | None = None) -> FilePlan:
    """What is done with each tensor of `spec`, in `dtype` where given, else in the spec's own, else float32.

    `spec`: the name of a built-in model; the path of a `.safetensors` or `.safetensors.index.json` file, whose names, shapes
    and dtypes are taken and whose values are ignored; or the path of a `.toml` file (README, "A SPEC of your own").
    In a TOML file `omit` has globs of tensors that are left out of the file that is written, and `skip` those that are not
    filled but copied from the file of `like`.
    ValueError or OSError for anything else.
    """
    if dtype is not None:
        checks.one_of("dtype", dtype, FLOAT_DTYPES)
    if spec.endswith(".toml"):
        return _plan_of_toml(Path(spec), dtype)
    if spec.endswith((".safetensors", ".json")):
        return _file_plan(_model_like(_stored_in(Path(spec))), dtype)
    if "/" in spec or "." in spec:
        raise ValueError(f"SPEC {spec!r} is no .safetensors, .safetensors.index.json or .toml file, and no built-in model")
    return _file_plan(families.build(spec), dtype)


def _stored_in(path: Path) -> dict[str, StoredTensor]:
    return {tensor.name: tensor for tensors in read_files(path).values() for tensor in tensors}


def _model_like(stored: Mapping[str, StoredTensor]) -> Model:
    return Model(tuple(TensorSpec(t.name, t.shape, t.dtype) for t in stored.values()), recipes.generic())


def _file_plan(model: Model, dtype: str | None, stored: Mapping[str, StoredTensor] | None = None) -> FilePlan:
    """The plan of a model's files. Tied tensors are in them once; skipped ones are kept as in `stored`, dtype included."""
    stored, plan = stored or {}, model.recipe.plan(model.tensors)
    nowhere = [tensor.name for tensor in plan if tensor.action == "skip" and tensor.name not in stored]
    if nowhere:
        raise ValueError(f"skip has {', '.join(map(repr, nowhere))}, which have no values to keep: use `like`")
    return FilePlan(tuple(_to_write(tensor, dtype) for tensor in plan if tensor.action != "tie"), stored)


def _to_write(tensor: PlannedTensor, dtype: str | None) -> PlannedTensor:
    if tensor.action == "skip":
        return replace(tensor, action="keep")
    chosen = (dtype or tensor.spec.dtype or "float32") if tensor.action == "draw" else tensor.spec.dtype
    if chosen is not None and DTYPES[chosen].numpy is None:
        raise ValueError(f"tensor {tensor.name!r} has dtype {chosen}, which is only kept: name it in `skip`, or in `omit`")
    return replace(tensor, spec=replace(tensor.spec, dtype=chosen))


def _plan_of_toml(path: Path, dtype: str | None) -> FilePlan:
    try:
        return _plan_of_content(toml_of(read_text(path)), path.parent, dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _plan_of_content(content: Mapping[str, Any], directory: Path, dtype: str | None) -> FilePlan:
    Table(TOML_KEYS).check("", content)
    if ("model" in content) + ("like" in content) + ("tensors" in content) != 1:
        raise ValueError("exactly one of `model`, `like` and `tensors` must say which tensors there are")
    stored = None
    if "model" in content:
        base = families.build(content["model"])
    elif "like" in content:
        stored = _stored_in(directory / content["like"])
        base = _model_like(stored)
    else:
        base = Model(tuple(_tensor(name, entry) for name, entry in content["tensors"].items()), Recipe(()))
    omitted = [matcher(pattern) for pattern in content.get("omit", ())]
    tensors = tuple(tensor for tensor in base.tensors if not any(omits(tensor.name) for omits in omitted))
    dtype = dtype or content.get("dtype")
    if dtype is not None:
        checks.one_of("dtype", dtype, FLOAT_DTYPES)
    return _file_plan(Model(tensors, recipe_from(content, base.recipe)), dtype, stored)


def _tensor(name: str, entry: object) -> TensorSpec:
    """`[512, 512]`, or `{ shape = [512, 512], dtype = "float16" }`."""
    table: dict[str, Any] = entry if isinstance(entry, dict) else {"shape": entry}
    if "dtype" in table:
        checks.one_of(f"dtype of tensor {name!r}", table["dtype"], DTYPES)
    return replace(tensor_specs({name: table["shape"]})[0], dtype=table.get("dtype"))
