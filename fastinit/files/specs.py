"""What to write, as the user says it: a built-in model's name, a safetensors file to imitate, or a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from fastinit import recipes
from fastinit.core.fill import DTYPES, checked_shape
from fastinit.files.checkpoint import Kept, PlannedTensor
from fastinit.files.safetensors_format import DTYPES as STORED_DTYPES
from fastinit.files.safetensors_format import read_files
from fastinit.recipes import Recipe, TensorSpec
from fastinit.recipes import families as models
from fastinit.recipes.families.building import Model
from fastinit.recipes.toml_form import KEYS as RECIPE_KEYS
from fastinit.recipes.toml_form import check_key, loads, recipe_from

FLOAT_DTYPES = tuple(DTYPES)
TOML_KEYS = ("model", "like", "dtype", "omit", "tensors", *RECIPE_KEYS)


def plan(spec: str, dtype: str | None = None) -> list[PlannedTensor]:
    """The tensors of `spec`, each with its distribution, in `dtype` where given, else in the spec's own, else float32.

    `spec`: the name of a built-in model; the path of a `.safetensors` or `.safetensors.index.json` file, whose names, shapes
    and dtypes are taken and whose values are not looked at; or the path of a `.toml` file (README, "A SPEC of your own").
    ValueError or OSError, with one clear line, for anything else.
    """
    if dtype is not None and dtype not in FLOAT_DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(FLOAT_DTYPES)}, got {dtype!r}")
    if spec.endswith(".toml"):
        return _plan_of_toml(Path(spec), dtype)
    model = _model(spec)
    return _planned(model.tensors, model.recipe, dtype)


def _model(spec: str) -> Model:
    if spec.endswith((".safetensors", ".json")):
        return _model_like(Path(spec))
    if "/" in spec or "." in spec:
        raise ValueError(f"SPEC {spec!r} is no .safetensors, .safetensors.index.json or .toml file, and no built-in model")
    return models.build(spec)


def _model_like(path: Path) -> Model:
    stored = [tensor for tensors in read_files(path).values() for tensor in tensors]
    return Model(tuple(TensorSpec(t.name, t.shape, t.dtype) for t in stored), recipes.generic())


def _planned(
    tensors: tuple[TensorSpec, ...], recipe: Recipe, dtype: str | None, kept: Mapping[str, Kept] | None = None
) -> list[PlannedTensor]:
    """Tied tensors are left out: a file has them once. Skipped ones are copied from where `kept` says, dtype included."""
    plan = recipe.plan(tensors)
    nowhere = [tensor.name for tensor in plan if tensor.action == "skip"] if kept is None else []
    if nowhere:
        raise ValueError(f"skip has {', '.join(map(repr, nowhere))}, whose values are nowhere: only a `like` file has some")
    planned = []
    for tensor in plan:
        spec = tensor.spec
        if tensor.distribution is not None:
            chosen = spec.dtype_where(dtype or spec.dtype or "float32")
            planned.append(PlannedTensor(spec.name, spec.shape, chosen, tensor.distribution))
        elif tensor.action == "skip":
            planned.append(PlannedTensor(spec.name, spec.shape, spec.dtype, kept[spec.name]))
    return planned


def _plan_of_toml(path: Path, dtype: str | None) -> list[PlannedTensor]:
    try:
        return _plan_of_content(loads(path.read_text("utf-8")), path.parent, dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _plan_of_content(content: Mapping[str, Any], directory: Path, dtype: str | None) -> list[PlannedTensor]:
    for key in content:
        check_key("key", key, TOML_KEYS)
    if ("model" in content) + ("like" in content) + ("tensors" in content) != 1:
        raise ValueError("exactly one of `model`, `like` and `tensors` must say which tensors there are")
    kept = None
    if "model" in content:
        base = models.build(content["model"])
    elif "like" in content:
        like = directory / content["like"]
        base, kept = _model_like(like), _kept_in(like)
    else:
        base = Model(tuple(_tensor(name, entry) for name, entry in content["tensors"].items()), Recipe(()))
    omit = content.get("omit", [])
    tensors = tuple(t for t in base.tensors if not any(fnmatchcase(t.name, pattern) for pattern in omit))
    dtype = dtype or content.get("dtype")
    if dtype is not None:
        check_key("dtype", dtype, FLOAT_DTYPES)
    return _planned(tensors, recipe_from(content, base.recipe), dtype, kept)


def _kept_in(path: Path) -> dict[str, Kept]:
    return {t.name: Kept(file, t.offset) for file, tensors in read_files(path).items() for t in tensors}


def _tensor(name: str, entry: Any) -> TensorSpec:
    """`[512, 512]`, or `{ shape = [512, 512], dtype = "float16" }`."""
    table = entry if isinstance(entry, dict) else {"shape": entry}
    for key in table:
        check_key(f"key of tensor {name!r}", key, ("shape", "dtype"))
    if "shape" not in table:
        raise ValueError(f"tensor {name!r} has no shape")
    if "dtype" in table:
        check_key(f"dtype of tensor {name!r}", table["dtype"], STORED_DTYPES)
    return TensorSpec(name, checked_shape(table["shape"]), table.get("dtype"))
