"""What builds the model that SPEC names outside fastinit: a Hugging Face config, a library's model, a function of yours."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from fastinit.files.checkpoint import FilePlan
from fastinit.files.specs import FLOAT_DTYPES
from fastinit.recipes import Recipe, TensorSpec
from fastinit.recipes.tensors import tensor_specs
from fastinit.runtime import checks
from fastinit.runtime.nearest import did_you_mean
from fastinit.runtime.schema import ANYTHING, STRING, ListOf, Table
from fastinit.runtime.text_files import json_of, read_text

CONFIG = Table({key: STRING for key in ("model_type", "_class_name")} | {"architectures": ListOf(STRING)}, others=ANYTHING)

Factory: TypeAlias = Callable[[], Any]
"""Builds a `torch.nn.Module`."""


def factory_of(spec: str) -> Factory | None:
    """What builds the model that `spec` names, without building it; None where it is a SPEC of fastinit's own.

    ValueError for a name that nothing has, with the nearest; ImportError, with what to install, where a library is missing.
    """
    path = _config_of(spec)
    if path is not None:
        return _of_json(path)
    library, colon, name = spec.partition(":")
    if not colon or "/" in spec or spec.endswith((".toml", ".safetensors", ".json")):
        return None
    _needs("torch", spec)
    return LIBRARIES[library](name) if library in LIBRARIES else _of_module(library, name)


def factory_of_text(text: str) -> Factory | None:
    """What builds the model that a `text_of` says; None where it is that of a SPEC of fastinit's own.

    ValueError for `module:factory`: what a file says is not run.
    """
    if text.startswith("{"):
        return _of_content(json_of(text))
    library, colon, name = text.partition(":")
    if not colon:
        return None
    if library not in LIBRARIES:
        raise ValueError(f"it was made by the code {text!r}, which is run only where you give it as SPEC")
    return LIBRARIES[library](name)


def text_of(spec: str) -> str:
    """What `spec`, for which there is a factory, says, without paths: a library's name and the model's, or a config."""
    path = _config_of(spec)
    return spec if path is None else json.dumps({"config": _without_paths(json_of(read_text(path)))}, sort_keys=True)


def _of_content(content: Any) -> Factory | None:
    """What builds the model of a config that a file has with it."""
    if not isinstance(content, dict) or content.keys() != {"config"}:
        return None
    with TemporaryDirectory() as directory:
        path = Path(directory, "config.json")
        path.write_text(json.dumps(content["config"]), "utf-8")
        return _of_json(path)


def _config_of(spec: str) -> Path | None:
    path = Path(spec)
    if spec and path.is_dir():
        path /= "config.json"
        if not path.is_file():
            raise ValueError(f"directory {spec} has no config.json")
    return path if path.suffix == ".json" and path.is_file() else None


def _without_paths(config: Any) -> Any:
    """Hugging Face's libraries note in a config where it came from."""
    if isinstance(config, dict):
        return {key: _without_paths(value) for key, value in config.items() if key != "_name_or_path"}
    return [_without_paths(value) for value in config] if isinstance(config, list) else config


def recorded_plan(factory: Factory, dtype: str | None, seed: int) -> FilePlan:
    """What is written for the model that the factory builds. It is built without memory for its weights."""
    from fastinit.torch import deferred
    from fastinit.torch.construction import file_plan
    from fastinit.torch.tensors import dtype_of

    if dtype is not None:
        checks.one_of("dtype", dtype, FLOAT_DTYPES)
    with deferred(seed):
        model = factory()
    return file_plan(model, seed, dtype_of(dtype))


def recorded_recipe(factory: Factory) -> tuple[Recipe, tuple[TensorSpec, ...]]:
    """The recipe of the model that the factory builds, and its tensors."""
    from fastinit.torch import deferred
    from fastinit.torch.construction.recipe import recipe_of_record
    from fastinit.torch.structure.names import tensors_by_name

    with deferred():
        model = factory()
    return recipe_of_record(model), tensor_specs(dict(tensors_by_name(model, remove_duplicate=False)))


def _of_json(path: Path) -> Factory | None:
    try:
        config = json_of(read_text(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"{path} must hold a table, got a {type(config).__name__}")
    if "weight_map" in config:
        return None  # an index of safetensors files
    if "_class_name" not in config and "model_type" not in config and not config.get("architectures"):
        raise ValueError(
            f"{path} is no Hugging Face config (no `model_type`, no `architectures`), and no index of safetensors files"
        )
    library, find = ("diffusers", _of_diffusers) if "_class_name" in config else ("transformers", _of_transformers)
    with _blaming(path, library):
        CONFIG.check("", {key: value for key, value in config.items() if value is not None})
        return partial(_built, path, library, find(path, config))


@contextmanager
def _blaming(path: Path, library: str) -> Iterator[None]:
    """What a library raises of a config that somebody wrote is of any class: it becomes a ValueError that names the file."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: {library} cannot build it: {type(error).__name__}: {error}") from error


def _built(path: Path, library: str, build: Factory) -> Any:
    from torch import nn

    with _blaming(path, library):
        made = build()
        if not isinstance(made, nn.Module):
            raise TypeError(f"{type(made).__name__} is no torch.nn.Module")
        return made


def _of_transformers(path: Path, content: dict[str, Any]) -> Factory:
    transformers = _needs("transformers", str(path))
    classes: list[Any] = [getattr(transformers, name, None) for name in content.get("architectures") or ()]
    named = next((kind for kind in classes if hasattr(kind, "_from_config")), None)
    model_type = content.get("model_type")
    if model_type in transformers.CONFIG_MAPPING:
        config = transformers.AutoConfig.from_pretrained(path, trust_remote_code=False)
    elif named is not None and model_type is None:
        config = named.config_class.from_pretrained(path)
    else:
        hint = did_you_mean(str(model_type), {known: known for known in transformers.CONFIG_MAPPING})
        raise ValueError(
            f"{path}: transformers {transformers.__version__} has no model_type {model_type!r}: {hint}"
            "code beside a config is not run; `module:factory` runs yours"
        )
    if named is not None:
        build = named._from_config
    elif type(config) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        build = transformers.AutoModelForCausalLM.from_config
    else:
        build = transformers.AutoModel.from_config
    return partial(build, config, attn_implementation="eager")  # another kind may need a library, and has the same weights


def _of_diffusers(path: Path, content: dict[str, Any]) -> Factory:
    diffusers, name = _needs("diffusers", str(path)), content["_class_name"]
    kind: Any = getattr(diffusers, str(name), None)
    if not hasattr(kind, "from_config"):
        hint = did_you_mean(str(name), {known: known for known in dir(diffusers)})
        raise ValueError(f"{path}: diffusers {diffusers.__version__} has no class {name!r}: {hint}".rstrip(": "))
    return partial(kind.from_config, content)


def _of_timm(name: str) -> Factory:
    timm = _needs("timm", f"timm:{name}")
    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models())
    return partial(timm.create_model, name, pretrained=False)


def _of_torchvision(name: str) -> Factory:
    models = _needs("torchvision", f"torchvision:{name}").models
    if name not in models.list_models():
        raise _unknown("torchvision", name, models.list_models())
    builder = models.get_model_builder(name)
    without = {key: None for key in ("weights", "weights_backbone") if key in inspect.signature(builder).parameters}
    return partial(builder, **without)


LIBRARIES: dict[str, Callable[[str], Factory]] = {"timm": _of_timm, "torchvision": _of_torchvision}
"""By the name before the colon, what finds a model of the name after it."""


def _of_module(module: str, name: str) -> Factory:
    """A function, or a class, of a module that is found as Python finds it, in the working directory too."""
    spec = f"{module}:{name}"
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (f"{module}.").startswith(f"{error.name}."):
            raise ImportError(f"SPEC {spec!r}: module {module} needs {error.name}: pip install {error.name}") from None
        hint = did_you_mean(module, {known: known for known in LIBRARIES})
        raise ValueError(f"SPEC {spec!r}: there is no module {module!r}: {hint}".rstrip(": ")) from None
    except (ValueError, TypeError):
        raise ValueError(f"SPEC {spec!r}: before the colon stands timm, torchvision or a module, got {module!r}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            known = [own for own in vars(found) if callable(getattr(found, own)) and not own.startswith("_")]
            raise _unknown(module, name, known)
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"SPEC {spec!r} must name a function or a class, got {type(found).__name__}")
    return partial(_module_of, spec, found)


def _module_of(spec: str, factory: Factory) -> Any:
    from torch import nn

    made = factory()
    if not isinstance(made, nn.Module):
        raise ValueError(f"SPEC {spec!r} must give a torch.nn.Module, got {type(made).__name__}")
    return made


def _unknown(library: str, name: str, known: Iterable[str]) -> ValueError:
    hint = did_you_mean(name, {one: one for one in known})
    return ValueError(f"{library} has no model {name!r}: {hint}".rstrip(": "))


def _needs(library: str, spec: str) -> Any:
    """The library. ImportError with what to install, where it or torch is missing."""
    needed = dict.fromkeys(("torch", library))
    os.environ.setdefault(
        f"{library.upper()}_VERBOSITY", "error"
    )  # what transformers and diffusers say is not about weights
    for name in needed:
        try:
            found = importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or name
            raise ImportError(f"SPEC {spec!r} needs {missing}: pip install {' '.join(needed)}") from None
    return found
