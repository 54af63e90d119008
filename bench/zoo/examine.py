"""One model: stock twice, then each way beside it, and what it came to: right, refused or silently wrong."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

from bench.zoo.compare import Stock, Tensors, equal
from bench.zoo.ways import WAYS, WITHOUT_RECORD, Factory, seed, stock

Result = dict[str, Any]


def examine(factory: Factory, ways: Iterable[str]) -> Result:
    """What is known about a model, in the form of JSON."""
    with warnings.catch_warnings(record=True) as usual:
        warnings.simplefilter("always")
        start = time.perf_counter()
        try:
            model = Stock(partial(stock, factory))
        except Exception as error:
            return {"cannot be built": _message(error)}
        seconds = time.perf_counter() - start
    known = {_text(warning) for warning in usual}
    outcomes = {way: _outcome(factory, way, model, known) for way in ways}
    return {
        "tensors": len(model.tensors),
        "random": len(model.random),
        "elements": sum(t.numel() for t in model.tensors.values()),
        "seconds": round(seconds, 3),
        "uninitialized": model.uninitialized,
        "unsteady": model.unsteady,
        "ways": outcomes,
    }


def _outcome(factory: Factory, way: str, stock: Stock, known: set[str]) -> Result:
    seed(4)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            ours = WAYS[way](factory)
        except Exception as error:
            return {"outcome": "refused", "message": _message(error)}
    seconds = round(time.perf_counter() - start, 3)
    wrong = _bits(stock, ours) if way == "replay" else stock.differences(ours, copies=way not in WITHOUT_RECORD)
    warned = sorted({_text(warning) for warning in raised} - known)
    silent = [name for name in wrong if not any(_names(text, name) for text in warned)]
    outcome = "silently wrong" if silent else "refused" if wrong else "right"
    return {"outcome": outcome, "seconds": seconds, "warnings": [t[:2000] for t in warned], "wrong": wrong, "silent": silent}


def _bits(stock: Stock, ours: Tensors) -> dict[str, str]:
    """What differs from stock in any bit; tensors that are computed anew at each access are not in a record."""
    aliases = {name for group in stock.ties for name in group if name not in ours and group & ours.keys()}
    names = [name for name in stock.tensors if "(" not in name and name not in {*stock.uninitialized, *aliases}]
    wrong = {name: "missing" for name in names if name not in ours}
    return wrong | {name: "other bits" for name in names if name in ours and not equal(ours[name], stock.tensors[name])}


def _names(warning: str, tensor: str) -> bool:
    """Whether a warning is about this tensor: by its name, or a pattern `layers.{0-3}.weight` or `layers.*.weight`."""
    name = tensor.split(" (")[0]
    if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", warning):
        return True
    words = re.findall(r"[\w.*{},-]*[*{][\w.*{},-]*", warning)
    return any(re.fullmatch(re.sub(r"\\\{[^}]*\\\}|\\\*", r"[^ ]+", re.escape(word.strip(",.:"))), name) for word in words)


def _message(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def _text(warning: warnings.WarningMessage) -> str:
    return str(warning.message)
