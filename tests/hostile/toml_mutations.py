"""Damaged TOML files, made from a seed: values of other types, extreme ones, missing and new keys, broken text."""

import copy
import datetime
import random
from typing import Any

import tomli_w

GOOD: list[dict[str, Any]] = [
    {
        "tensors": {"h.0.w": [4, 3], "h.0.b": 4, "head": {"shape": [2, 4, 3, 3], "dtype": "float16"}, "table": [9, 4]},
        "dtype": "float32",
        "omit": ["nothing"],
        "tied": {"table": "embed"},
        "allow_unused": True,
        "rules": [
            {"match": "*.b", "init": "zeros", "optional": True},
            {"match": "head", "init": "he_normal", "layout": {"letters": "oihw", "groups": 2}, "mode": "fan_out"},
            {"match": "h.*", "init": "truncated_normal", "mean": 0.0, "std": 0.5, "low": -1.0, "high": 2.0, "ndim": 2},
            {"match": "*", "init": "with_slabs", "initializer": "normal", "slabs": [[[0, 0], [1, 4], "zeros"]]},
        ],
    },
    {
        "model": "mlp",
        "recipe": {"name": "gpt2", "depth": 12},
        "rules": [{"match": "*.weight", "init": "stacked", "initializer": {"class_name": "Normal", "config": {"std": 0.1}}}],
    },
    {"recipe": "llama", "skip": ["*.x"], "computed": {"freq": "by arange"}, "tied": {"a": "b"}, "rules": []},
    {
        "tensors": {"w": [6, 6], "v": [6]},
        "recipe": {"name": "mup", "width": 8, "base_width": 4},
        "rules": [
            {"match": "w", "init": "parts", "axis": 0, "parts": [[0.5, "zeros"], [0.5, "orthogonal"]]},
            {"match": "v", "init": "uniform", "low": -1, "high": 1.5},
        ],
    },
]

ODD: list[Any] = [
    0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, -(10**400), 10**4000, 0.5, -0.0, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), -float("inf"), True, False, "", "x", "ab", "*", "[", "[!", "a" * 5000, "\x1b[31m",
    "w[/b]", "\0", "\u202e", "float16", "normal", "orthogonal", "oi", "io", "oihw", "he_normal", "os:system", "../x.toml",
    "class_name", "int8", "F4", [], [[]], [0], [1, 2], [True], [1.0], [-1], [2**63], [10**400], ["a"], ["a", "a"], [None],
    [[1, 2], [3]], [{}], {}, {"": 1}, {"name": "gpt2"}, {"name": 1}, {"shape": [2]}, {"class_name": "Normal"},
    {"class_name": "os"}, {"letters": "oi"}, {"in_axis": 0}, {"fan": 10**400}, {"fan": [1, 0]},
    {"class_name": "Stacked", "config": {"initializer": {"class_name": "Stacked", "config": {}}}},
    datetime.date(1979, 5, 27), datetime.datetime(1979, 5, 27, 7, 32), datetime.time(7, 32),
]  # fmt: skip
NAMES = [
    "model", "like", "tensors", "dtype", "omit", "skip", "tied", "rules", "recipe", "computed", "allow_unused", "match",
    "init", "layout", "ndim", "optional", "std", "mean", "low", "high", "mode", "shape", "name", "depth", "config",
    "class_name", "self", "initializer", "slabs", "parts", "axis", "seed", "out", "index", "convention", "bounds", "gain",
    "", "w", "é", "a.b",
]  # fmt: skip


def nested(levels: int) -> Any:
    value: Any = "normal"
    for _ in range(levels):
        value = {"class_name": "Stacked", "config": {"initializer": value}}
    return value


def mutated(seed: int) -> bytes:
    """The bytes of one damaged file; some of the damages leave it right."""
    rng = random.Random(seed)
    content = copy.deepcopy(rng.choice(GOOD))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        _change(content, rng)
    text = tomli_w.dumps(_without_none(content)).encode()
    return rng.choice([_as_it_is, _as_it_is, _as_it_is, _other_bytes, _cut, _doubled, _deep, _encoded])(text, rng)


def _change(content: dict[str, Any], rng: random.Random) -> None:
    """Change a value, leave out a key, add one, or move a part somewhere else."""
    table = rng.choice(_containers(content))
    if not table:
        return
    key = rng.choice([*table]) if isinstance(table, dict) else rng.randrange(len(table))
    kind = rng.random()
    if kind < 0.6:
        table[key] = copy.deepcopy(rng.choice([*ODD, nested(rng.choice([3, 10, 14, 40]))]))
    elif kind < 0.75:
        del table[key]
    elif kind < 0.9 and isinstance(table, dict):
        table[rng.choice(NAMES)] = copy.deepcopy(rng.choice([*ODD, table[key]]))
    else:
        table[key] = copy.deepcopy(rng.choice(_containers(content)))


def _containers(value: Any) -> list[Any]:
    if not isinstance(value, (dict, list)):
        return []
    items = value.values() if isinstance(value, dict) else value
    return [value, *(found for item in items for found in _containers(item))]


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value if item is not None] if isinstance(value, list) else value


def _as_it_is(text: bytes, rng: random.Random) -> bytes:
    return text


def _other_bytes(text: bytes, rng: random.Random) -> bytes:
    changed = bytearray(text or b"x")
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.choice([rng.randrange(256), *b"[]{}=\"'.,#\n\\-0e"])
    return bytes(changed)


def _cut(text: bytes, rng: random.Random) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def _doubled(text: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(text) + 1)
    return text + b"\n" + text[start : start + rng.randrange(200)]


def _deep(text: bytes, rng: random.Random) -> bytes:
    levels = rng.choice([31, 32, 33, 200, 5000])
    opened, closed = rng.choice([(b"[", b"]"), (b"{a=", b"}")])
    return text + b"\ndeep = " + opened * levels + (b"1" if opened != b"[" else b"") + closed * levels


def _encoded(text: bytes, rng: random.Random) -> bytes:
    return text.decode().encode(rng.choice(["utf-16", "utf-32-le", "utf-8-sig", "cp037"]), "replace")
