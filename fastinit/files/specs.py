"""Plans what to write from what the user names: a built-in model, a safetensors file to imitate, or a TOML file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastinit.backends.catalogue import ELEMENTS
from fastinit.files.checkpoint import FilePlan
from fastinit.files.reading import read_files
from fastinit.files.safetensors_format import DTYPES, StoredTensor
from fastinit.recipes import PlannedTensor, Recipe, TensorSpec, families
from fastinit.recipes.families.building import Model
from fastinit.recipes.rules import matcher
from fastinit.recipes.tensors import tensor_specs
from fastinit.recipes.toml_form import KEYS as RECIPE_KEYS
from fastinit.recipes.toml_form import RULE_KEYS, recipe_from
from fastinit.runtime import checks
from fastinit.runtime.schema import INTEGER, STRING, Either, ListOf, Schema, Table, TableOf
from fastinit.runtime.text_files import json_of, read_text, toml_of

FLOAT_DTYPES = tuple(ELEMENTS)

_SHAPE = Either("an integer or a list of integers", INTEGER, ListOf(INTEGER))
_TABLE = Table({"shape": _SHAPE, "dtype": STRING}, required=("shape",))
_TENSOR = Either("a shape, as [3, 4], or a table with `shape` and `dtype`", _SHAPE, _TABLE, "shapes")
TOML_KEYS: dict[str, Schema] = {
    "model": STRING,
    "like": STRING,
    "dtype": STRING,
    "omit": ListOf(STRING),
    "tensors": TableOf(_TENSOR, "tensor"),
    **RECIPE_KEYS,
}
"""What each key of a TOML file that is a SPEC must have."""


@dataclass(frozen=True)
class Spec:
    """What a SPEC says, without the files that it names: `content` is that of a TOML file without `like`.

    `stored`: by name, the tensors of the file that is imitated, whose values may be kept. `digests`: where that file is not
    at hand, the SHA-256 of the bytes of those that were kept. `path`: that of the TOML file, which errors then name.
    """

    content: Mapping[str, Any]
    stored: Mapping[str, StoredTensor] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    path: str = ""

    def plan(self, dtype: str | None = None) -> FilePlan:
        """What is done with each tensor, in `dtype` where given. ValueError where something is wrong."""
        if dtype is not None:
            checks.one_of("dtype", dtype, FLOAT_DTYPES)
        with _named(self.path):
            return self._plan(dtype)

    def _plan(self, dtype: str | None) -> FilePlan:
        content = self.content
        if ("model" in content) + ("tensors" in content) != 1:
            raise ValueError(_NO_TENSORS if RECIPE_KEYS.keys() & content.keys() else _ONE_OF)
        dtype = dtype or content.get("dtype")
        if dtype is not None:
            checks.one_of("dtype", dtype, FLOAT_DTYPES)
        if "model" in content:
            base = families.build(content["model"])
        else:
            base = Model(tuple(_tensor(name, entry) for name, entry in content["tensors"].items()), Recipe(()))
        omitted = [matcher(pattern) for pattern in content.get("omit", ())]
        tensors = tuple(tensor for tensor in base.tensors if not any(omits(tensor.name) for omits in omitted))
        return self._file_plan(tensors, recipe_from(content, base.recipe), dtype)

    def _file_plan(self, tensors: tuple[TensorSpec, ...], recipe: Recipe, dtype: str | None) -> FilePlan:
        """Tied tensors are in a file once; skipped ones are kept as in the imitated file, dtype included."""
        plan = recipe.plan(tensors)
        known = self.stored.keys() | self.digests.keys()
        nowhere = [tensor.name for tensor in plan if tensor.action == "skip" and tensor.name not in known]
        if nowhere:
            raise ValueError(f"skip has {', '.join(map(repr, nowhere))}, which have no values to keep: use `like`")
        written = tuple(_to_write(tensor, dtype) for tensor in plan if tensor.action != "tie")
        return FilePlan(written, self.stored, digests=self.digests)

    def text(self) -> str:
        """The same for all that say the same, wherever they lie: a built-in model's name, else JSON in one order of keys."""
        if self.content.keys() == {"model"}:
            return str(self.content["model"])
        content = {key: self.content[key] for key in TOML_KEYS if key in self.content}
        for key, normal in _NORMAL.items():
            if key in content:
                content[key] = normal(content[key])
        said = {key: value for key, value in content.items() if value or key == "tensors"}
        return json.dumps(said, separators=(",", ":"))


_ONE_OF = "exactly one of `model`, `like` and `tensors` must say which tensors there are"
_NO_TENSORS = (
    "it is a recipe, as `fastinit record` writes it, without the tensors that it is for: add one of the lines "
    'model = "NAME", like = "FILE.safetensors" and [tensors]'
)


def _normal_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: rule[key] for key in [*RULE_KEYS, *sorted(rule.keys() - set(RULE_KEYS))]}


def _normal_tensor(entry: Any) -> Any:
    table = entry if isinstance(entry, dict) else {"shape": entry}
    shape = [table["shape"]] if isinstance(table["shape"], int) else table["shape"]
    return {"shape": shape, "dtype": table["dtype"]} if "dtype" in table else shape


_NORMAL: dict[str, Callable[[Any], Any]] = {
    "rules": lambda rules: [_normal_rule(rule) for rule in rules],
    "tied": lambda tied: dict(sorted(tied.items())),
    "tensors": lambda tensors: {name: _normal_tensor(entry) for name, entry in tensors.items()},
}
"""By key, what makes values equal that say the same."""


def plan(spec: str, dtype: str | None = None) -> FilePlan:
    """What is done with each tensor of `spec`, in `dtype` where given, else in the spec's own, else float32.

    `spec`: the name of a built-in model; the path of a `.safetensors` or `.safetensors.index.json` file, whose names, shapes
    and dtypes are taken and whose values are ignored; or the path of a `.toml` file (docs/command.md, "A SPEC of your own").
    In a TOML file `omit` has globs of tensors that are left out of the file that is written, and `skip` those that are not
    filled but copied from the file of `like`.
    ValueError or OSError for anything else.
    """
    return read_spec(spec).plan(dtype)


def read_spec(spec: str) -> Spec:
    """What `spec`, as in `plan`, says: of the files that it names the names, shapes and dtypes."""
    if spec.endswith(".toml"):
        path = Path(spec)
        with _named(spec):
            content = toml_of(read_text(path))
            Table(TOML_KEYS).check("", content)
            if "like" not in content:
                return Spec(content, path=spec)
            if content.keys() & {"model", "tensors"}:
                raise ValueError(_ONE_OF)
            return replace(_like(path.parent / content["like"], content), path=spec)
    if spec.endswith((".safetensors", ".json")):
        return _like(Path(spec), {})
    if "/" in spec or "." in spec:
        raise ValueError(f"SPEC {spec!r} is no .safetensors, .safetensors.index.json or .toml file, and no built-in model")
    return Spec({"model": spec})


def spec_of_text(text: str, digests: Mapping[str, str]) -> Spec:
    """The Spec with this text, which comes from anybody: no file that it names is opened. ValueError for another text."""
    if not text.startswith("{"):
        return Spec({"model": text})
    with _named(""):
        content = json_of(text)
        Table({key: schema for key, schema in TOML_KEYS.items() if key != "like"}).check("", content)
    return Spec(content, digests=digests)


def _like(path: Path, content: Mapping[str, Any]) -> Spec:
    """The tensors of a file, with the recipe for any model where there is no other."""
    stored = {tensor.name: tensor for tensors in read_files(path).values() for tensor in tensors}
    tensors = {tensor.name: {"shape": list(tensor.shape), "dtype": tensor.dtype} for tensor in stored.values()}
    own = {key: value for key, value in content.items() if key != "like"}
    return Spec({"recipe": "generic", **own, "tensors": tensors}, stored)


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Errors within the block name the file, if there is one, and are ValueErrors."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}" if path else str(error)) from None


def _to_write(tensor: PlannedTensor, dtype: str | None) -> PlannedTensor:
    if tensor.action == "skip":
        return replace(tensor, action="keep")
    chosen = (dtype or tensor.spec.dtype or "float32") if tensor.action == "draw" else tensor.spec.dtype
    if chosen is not None and DTYPES[chosen].numpy is None:
        raise ValueError(f"tensor {tensor.name!r} has dtype {chosen}, which is only kept: name it in `skip`, or in `omit`")
    spec = TensorSpec(tensor.name, tensor.spec.shape, chosen, tensor.spec.layout)
    return PlannedTensor(spec, tensor.action, tensor.distribution, tensor.source, tensor.value)


def _tensor(name: str, entry: object) -> TensorSpec:
    """`[512, 512]`, or `{ shape = [512, 512], dtype = "float16" }`."""
    table: dict[str, Any] = entry if isinstance(entry, dict) else {"shape": entry}
    if "dtype" in table:
        checks.one_of(f"dtype of tensor {name!r}", table["dtype"], DTYPES)
    spec = tensor_specs({name: table["shape"]})[0]
    return replace(spec, dtype=table["dtype"]) if "dtype" in table else spec
