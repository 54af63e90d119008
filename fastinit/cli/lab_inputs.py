"""What `fastinit lab` is given: networks, batches, tasks and strategies by their names. What is wrong is one line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fastinit.cli import libraries
from fastinit.runtime.checks import shown

Factory: TypeAlias = Callable[[], Any]
DEFAULT = ("torch", "xavier_normal", "he_normal", "orthogonal", "suggest")
FILES = (".npy", ".npz", ".safetensors")


def factory_of(network: str) -> Factory:
    """What builds the network; ValueError where that is no name of one."""
    found = libraries.factory_of(network)
    if found is None:
        raise ValueError(
            "the network must be MODULE:FACTORY, timm:NAME, torchvision:NAME, or a Hugging Face directory or config.json, "
            f"got {network!r}"
        )
    with saying(network):
        found()  # what its code raises is said here, in a line, before anything is trained
    return found


@contextmanager
def saying(name: str) -> Iterator[None]:
    """What the user's code raises within the block, of whatever class, becomes a ValueError that names it."""
    try:
        yield
    except (ImportError, OSError):
        raise
    except Exception as error:
        if isinstance(error, ValueError) and name in str(error):
            raise
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{name} raised {type(error).__name__}{f': {reason}' if reason else ''}") from error


def batch_of(data: str, seed: int) -> Any:
    """The batch that --data names."""
    import torch

    if data.startswith("normal:"):
        generator = torch.Generator().manual_seed(seed % 2**63)
        return torch.randn(_shape(data), generator=generator)
    if not data.endswith(FILES):
        from fastinit.torch.rescaling.passes import finite_arguments_of

        batch = _called(data)
        try:
            finite_arguments_of(batch)
        except TypeError as error:
            raise ValueError(f"--data {data}: {error}") from None
        return batch
    arrays = _arrays(data)
    return _tensor(arrays.get("inputs", arrays[next(iter(arrays))]))


def task_of(data: str, **settings: Any) -> Any:
    """The task that --data names, trained by these settings where it brings none of its own."""
    from fastinit.lab import Supervised

    if not data.endswith(FILES):
        made = _called(data)
        if hasattr(made, "epochs"):
            return made
        if not isinstance(made, (tuple, list)) or len(made) != 2:
            raise ValueError(f"--data {data} must give a pair (inputs, targets) or a task, got {shown(made)}")
        inputs, targets = made
    else:
        arrays = _arrays(data)
        if not {"inputs", "targets"} <= arrays.keys():
            raise ValueError(f"--data {data} must have arrays inputs and targets, got {', '.join(arrays)}")
        inputs, targets = arrays["inputs"], arrays["targets"]
    try:
        return Supervised(inputs, targets, **settings)
    except TypeError as error:
        raise ValueError(f"--data {data}: {error}") from None


def _shape(data: str) -> tuple[int, ...]:
    sizes = [int(size) if size.strip().isdecimal() else 0 for size in data.partition(":")[2].split(",")]
    if not all(sizes) or not sizes:
        raise ValueError(f"--data must be positive sizes after normal:, as normal:64,784, got {data!r}")
    return tuple(sizes)


def _tensor(array: Any) -> Any:
    import torch

    try:
        tensor = torch.from_numpy(np.array(array))
    except TypeError as error:
        raise ValueError(f"--data must have arrays of numbers: {error}") from None
    return tensor.float() if tensor.is_floating_point() else tensor


def _arrays(data: str) -> dict[str, Any]:
    """The arrays of a file, by their names; nothing that a file pickles is loaded."""
    path = Path(data)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays: dict[str, Any] = load_file(path)
        except SafetensorError as error:
            raise ValueError(f"--data {data}: {error}") from None
    else:
        try:
            found = np.load(path, allow_pickle=False)
            arrays = dict(found) if path.suffix == ".npz" else {"inputs": found}
        except (ValueError, EOFError) as error:
            raise ValueError(f"--data {data}: {error}") from None
    if not arrays:
        raise ValueError(f"--data {data} has no array")
    return arrays


def _called(data: str) -> Any:
    """What MODULE:FUNCTION gives, which is imported and called."""
    module, colon, name = data.partition(":")
    if not colon or not module or not name or "/" in module:
        raise ValueError(
            f"--data must be normal:SHAPE, a file ending in {', '.join(FILES)}, or MODULE:FUNCTION, got {data!r}"
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with saying(data):
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ValueError(f"--data {data}: there is no module {error.name!r}") from None
        for part in name.split("."):
            if not hasattr(found, part):
                raise ValueError(f"--data {data}: {module} has no {part!r}")
            found = getattr(found, part)
        return found() if callable(found) else found


def recipes_of(names: Iterable[str]) -> dict[str, Any]:
    """Strategies by their labels: names as they are, .toml files as the recipes that they have."""
    from fastinit.lab.strategies import check_strategy
    from fastinit.recipes import toml_form

    made: dict[str, Any] = {}
    for name in names:
        if name in made:
            raise ValueError(f"--strategy {name} is given twice")
        made[name] = toml_form.load(name) if name.endswith(".toml") else check_strategy(name)
    return made


def strategies_of(names: list[str] | None) -> dict[str, Any]:
    """At least two to be compared."""
    made = recipes_of(names or DEFAULT)
    if len(made) < 2:
        raise ValueError(f"--strategy must be given at least twice, got {', '.join(made)}")
    return made
