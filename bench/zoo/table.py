"""The sweep's results as Markdown: a table of counts, then every exception with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from bench.tables import table

Results = dict[str, dict[str, dict[str, Any]]]  # library, model
OUTCOMES = ("right", "refused", "silently wrong")


INTRODUCTION = """# Models of the libraries, built by fastinit

`python -m bench.zoo --output docs/zoo.md` builds a small model of every architecture that the libraries have, as they
build it and by each way below, and compares every tensor: shape, dtype, ties, constants and buffers bit for bit; of what
is random the mean, spread, bounds, family and constant parts, at a significance that holds for all tensors together
([statistical.py](../bench/zoo/statistical.py)).

- `accelerate`: the constructor within `fastinit.torch.accelerate()`. `deferred`: the constructor within
  `fastinit.torch.deferred()`, then `init_`. `replay`: that record, replayed with torch's own draws, is stock bit for bit.
- `init_cpu`, `init_meta`: `init_` of a model built without a record, plainly or under `torch.device("meta")`.
- **Right**: no tensor differs. **Refused**: an error, or a warning that names each tensor that differs. **Silently
  wrong**: the rest.
- Of Keras, on each backend, `accelerate` is the model within `fastinit.keras.accelerate()`; of Flax, it is the model whose
  layers are given fastinit's initializers of the same names."""


def document(results: Results, ways: list[str], before: str = "") -> str:
    """`before`: a document whose tables are kept if they are of other packages, made in another environment."""
    made = tables(results, ways)
    kept = [part for part in re.split("(?m)^(?=# )", before)[2:] if not _packages(part) <= _packages(made)]
    return "\n".join([f"{INTRODUCTION}\n", *(part.rstrip() + "\n" for part in kept), made])


def _packages(tables: str) -> set[str]:
    """The names in a heading `# keras 3.15.1, jax 0.10.2`."""
    return {package.split()[0] for package in tables.splitlines()[0].removeprefix("# ").split(", ")}


def tables(results: Results, ways: list[str]) -> str:
    parts = [
        f"# {', '.join(_versions(results))}",
        table(["library", "models", "tensors", "way", *OUTCOMES], _counts(results, ways)),
    ]
    for way in ways:
        for outcome in OUTCOMES[1:]:
            parts += _section(f"`{way}`: {outcome}", _of_outcome(results, way, outcome))
    parts += _section("Uninitialized in stock itself", _of_stock(results, "uninitialized"))
    parts += _section("Not tested: stock differs from itself", _of_stock(results, "unsteady"))
    n = sum("tensors" not in model for _, _, model in _each(results))
    parts += _section("Not built", _not_built(results), n)
    return "\n\n".join(parts) + "\n"


def _versions(results: Results) -> list[str]:
    """Of the packages whose models the results are of, and of the frameworks that they run on."""
    words = dict.fromkeys(word for library, models in results.items() if models for word in library.split("_"))
    return [f"{package} {version(package)}" for package in {**words, "torch": None} if package not in ("nn", "handwritten")]


def _counts(results: Results, ways: list[str]) -> Iterator[list[str]]:
    for library, models in results.items():
        for way in ways:
            built = [model for model in models.values() if "tensors" in model and way in model["ways"]]
            tensors = sum(model["tensors"] for model in built)
            counts = Counter(model["ways"][way]["outcome"] for model in built)
            if counts:
                yield [library, str(len(built)), str(tensors), way, *(str(counts[outcome]) for outcome in OUTCOMES)]


def _section(title: str, lines: list[str], n: int | None = None) -> list[str]:
    """`n` models are meant, where that is not one a line."""
    return [f"## {title} ({n or len(lines)})", "\n".join(lines)] if lines else []


def _of_outcome(results: Results, way: str, outcome: str) -> list[str]:
    lines = []
    for library, name, model in _each(results):
        found = model.get("ways", {}).get(way)
        if found and found["outcome"] == outcome:
            lines.append(f"- {library} {name}: {_first_line(found['message']) if 'message' in found else _wrong(found)}")
    return lines


def _wrong(found: dict[str, Any]) -> str:
    names = found["silent"] or list(found["wrong"])
    reasons = Counter(found["wrong"][name].split(" instead")[0].split(" of ")[0] for name in names)
    first = names[0]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"`{first}` {found['wrong'][first]}{more}" + (f" ({len(reasons)} kinds)" if len(reasons) > 3 else "")


def _of_stock(results: Results, key: str) -> list[str]:
    return [f"- {library} {name}: {_list(model[key])}" for library, name, model in _each(results) if model.get(key)]


def _list(names: dict[str, str] | list[str]) -> str:
    shown = [f"`{name}`" + (f" ({names[name]})" if isinstance(names, dict) else "") for name in list(names)[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _not_built(results: Results) -> list[str]:
    names: dict[tuple[str, str], list[str]] = {}
    for library, name, model in _each(results):
        reason = model.get("cannot be built") or model.get("failed")
        if reason:
            names.setdefault((library, _first_line(reason)), []).append(name)
    return [f"- {library} {', '.join(group)}: {reason}" for (library, reason), group in names.items()]


def _each(results: Results) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for library, models in results.items():
        for name, model in models.items():
            yield library, name, model


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else ""
