"""What to write, as the user says it: a built-in model's name, a safetensors file to imitate, or a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from fastinit import models
from fastinit.checkpoint import PlannedTensor
from fastinit.fill import DTYPES, checked_shape
from fastinit.laws import Constant
from fastinit.recipes import GENERIC_RULES, Model, Rule, TensorSpec, laws
from fastinit.safetensors_format import DTYPES as STORED_DTYPES
from fastinit.safetensors_format import read_files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FLOAT_DTYPES = tuple(DTYPES)
TOML_KEYS = ("model", "like", "dtype", "skip", "tensors", "rules")


def plan(spec: str, dtype: str | None = None) -> list[PlannedTensor]:
    """The tensors of `spec`, each with its law, in `dtype` where given, else in the dtype the spec says, else float32.

    `spec`: the name of a built-in model; the path of a `.safetensors` or `.safetensors.index.json` file, whose names, shapes
    and dtypes are taken and whose values are not looked at; or the path of a `.toml` file (README, "A SPEC of your own").
    ValueError or OSError, with one clear line, for anything else.
    """
    if dtype is not None and dtype not in FLOAT_DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(FLOAT_DTYPES)}, got {dtype!r}")
    if spec.endswith(".toml"):
        return _plan_of_toml(Path(spec), dtype)
    model = _model(spec)
    return _planned(model.tensors, laws(model.tensors, model.rules, may_be_unused=GENERIC_RULES), dtype)


def _model(spec: str) -> Model:
    if spec.endswith((".safetensors", ".json")):
        return _model_like(Path(spec))
    if "/" in spec or "." in spec:
        raise ValueError(f"SPEC {spec!r} is no .safetensors, .safetensors.index.json or .toml file, and no built-in model")
    return models.build(spec)


def _model_like(path: Path) -> Model:
    stored = [tensor for tensors in read_files(path).values() for tensor in tensors]
    return Model(tuple(TensorSpec(t.name, t.shape, t.dtype) for t in stored), GENERIC_RULES)


def _planned(tensors: tuple[TensorSpec, ...], law_of: Mapping[str, Any], dtype: str | None) -> list[PlannedTensor]:
    planned = []
    for tensor in tensors:
        is_float = tensor.dtype is None or tensor.dtype in FLOAT_DTYPES
        chosen = (dtype or tensor.dtype or "float32") if is_float else tensor.dtype
        law = law_of[tensor.name]
        if not is_float and not (isinstance(law, Constant) and float(law.value).is_integer()):
            raise ValueError(
                f"tensor {tensor.name!r} has dtype {tensor.dtype}, for which no values are drawn: leave it out with `skip`, "
                f"or give it a rule with zeros, ones or constant, in a TOML file"
            )
        planned.append(PlannedTensor(tensor.name, tensor.shape, chosen, law))
    return planned


def _plan_of_toml(path: Path, dtype: str | None) -> list[PlannedTensor]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        return _plan_of_content(content, path.parent, dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _plan_of_content(content: Mapping[str, Any], directory: Path, dtype: str | None) -> list[PlannedTensor]:
    for key in content:
        _check_one_of("key", key, TOML_KEYS)
    if ("model" in content) + ("like" in content) + ("tensors" in content) != 1:
        raise ValueError("exactly one of `model`, `like` and `tensors` must say which tensors there are")
    if "model" in content:
        base = models.build(content["model"])
    elif "like" in content:
        base = _model_like(directory / content["like"])
    else:
        base = Model(tuple(_tensor(name, entry) for name, entry in content["tensors"].items()), ())
    skip = content.get("skip", [])
    tensors = tuple(t for t in base.tensors if not any(fnmatchcase(t.name, pattern) for pattern in skip))
    rules = (*(_rule(entry) for entry in content.get("rules", [])), *base.rules)
    dtype = dtype or content.get("dtype")
    if dtype is not None:
        _check_one_of("dtype", dtype, FLOAT_DTYPES)
    return _planned(tensors, laws(tensors, rules, may_be_unused=base.rules), dtype)


def _tensor(name: str, entry: Any) -> TensorSpec:
    """`[512, 512]`, or `{ shape = [512, 512], dtype = "float16" }`."""
    table = entry if isinstance(entry, dict) else {"shape": entry}
    for key in table:
        _check_one_of(f"key of tensor {name!r}", key, ("shape", "dtype"))
    if "shape" not in table:
        raise ValueError(f"tensor {name!r} has no shape")
    if "dtype" in table:
        _check_one_of(f"dtype of tensor {name!r}", table["dtype"], STORED_DTYPES)
    return TensorSpec(name, checked_shape(table["shape"]), table.get("dtype"))


def _rule(entry: Any) -> Rule:
    """`match`, `init`, perhaps `ndim`; every other key is one of the initializer's own parameters."""
    if not isinstance(entry, dict) or "match" not in entry or "init" not in entry:
        raise ValueError(f"a rule needs `match` and `init`, got {entry!r}")
    options = {key: value for key, value in entry.items() if key not in ("match", "init", "ndim")}
    return Rule(entry["match"], entry["init"], options, entry.get("ndim"))


def _check_one_of(what: str, value: Any, known: Any) -> None:
    if value not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, got {value!r}")
