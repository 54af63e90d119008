"""Examines models, each in a process with limits of time and memory, and keeps what is known of each in a file."""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bench.zoo.libraries import OF_WEIGHTS
from bench.zoo.ways import FOR_WEIGHTS, WAYS

SECONDS, BYTES = 300, 6 << 30  # of one processor, and of memory, that a model may take
REASONS = {signal.SIGKILL: f"took more than {BYTES >> 30} GiB", signal.SIGXCPU: f"took more than {SECONDS} s"}
FORK = multiprocessing.get_context("fork")  # a child has the library imported, and breaks nothing when it ends


@dataclass
class Sweep:
    folder: Path
    ways: list[str]
    only: Sequence[str] = ("*",)
    processes: int = 1
    again: bool = False
    known_only: bool = False

    def run(self, library: str) -> dict[str, dict[str, Any]]:
        """The results of a library's models, by name; those that a file has already are not made again."""
        try:
            factories = importlib.import_module(f"bench.zoo.libraries.{library}").factories()
            if not self.known_only:
                importlib.import_module("torch._dynamo")  # seconds, which each child would take
        except ModuleNotFoundError as error:
            print(f"{library}: {error}")
            return {}
        gc.freeze()  # the children need not look for garbage in all that was imported
        names = [name for pattern in self.only for name in factories if fnmatch(name, pattern)]
        names = list(dict.fromkeys(names))
        waiting = [name for name in names if self._missing(library, name) and not self.known_only]
        for n, name in enumerate(self._finished(library, waiting, factories), 1):
            print(f"{library} {n}/{len(waiting)} {name}: {_line(self._read(library, name))}", flush=True)
        return {name: known for name in names if (known := self._read(library, name))}

    def _finished(self, library: str, names: list[str], factories: dict[str, Any]) -> Iterator[str]:
        running: dict[str, Any] = {}
        waiting = names[::-1]
        while waiting or running:
            while waiting and len(running) < self.processes:
                name = waiting.pop()
                running[name] = FORK.Process(target=self._examine, args=(library, name, factories[name]))
                running[name].start()
            time.sleep(0.05)
            for name, child in list(running.items()):
                if child.is_alive() and _resident(child.pid) > BYTES:
                    child.kill()
                    child.join()
                if child.exitcode is not None:
                    if child.exitcode:
                        reason = REASONS.get(-child.exitcode, f"ended with code {child.exitcode}")
                        self._write(library, name, {"failed": reason})
                    del running[name]
                    yield name

    def _examine(self, library: str, name: str, factory: Any) -> None:
        from bench.zoo.examine import examine

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 10))
        self._write(library, name, examine(factory, self._missing(library, name)))

    def _missing(self, library: str, name: str) -> list[str]:
        known = self._read(library, name)
        ways = [way for way in self.ways if library not in OF_WEIGHTS or way in FOR_WEIGHTS]
        return ways if self.again or not known else [way for way in ways if way not in known.get("ways", ways)]

    def _read(self, library: str, name: str) -> dict[str, Any]:
        path = self._path(library, name)
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, library: str, name: str, result: dict[str, Any]) -> None:
        ways = self._read(library, name).get("ways", {}) | result.get("ways", {})
        path = self._path(library, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result | {"ways": ways}, indent=1) + "\n")

    def _path(self, library: str, name: str) -> Path:
        return self.folder / library / f"{name.replace('/', '_')}.json"


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):  # it has just ended
        return 0


def _line(result: dict[str, Any]) -> str:
    if not result.get("tensors"):
        return next((f"{key}: {result[key]}" for key in ("cannot be built", "failed") if key in result), "no tensors")[:200]
    return ", ".join(f"{way} {result['ways'][way]['outcome']}" for way in WAYS if way in result["ways"])
