"""`fastinit doctor`: looks at the installation and the machine for what makes fastinit wrong, slow or absent."""

from __future__ import annotations

import os
import shutil
import sysconfig
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import NamedTuple

import typer

import fastinit
from fastinit import backends
from fastinit.cli.options import Json
from fastinit.cli.output import print_json, print_table
from fastinit.runtime import settings, threads
from fastinit.runtime.cpus import usable_cpus
from fastinit.runtime.installation import DISTRIBUTION, install_hint

OK, NOTE, FAULT = "ok", "note", "FAULT"
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
FRAMEWORKS = {"torch": "torch", "jax": "jax", "flax": "flax", "keras": "keras", "dask": "dask", "matplotlib": "plot"}


class Finding(NamedTuple):
    """What was looked at, and how it is; `state` is ok, note (it works, but slower or not all of it) or FAULT."""

    state: str
    topic: str
    text: str


def doctor(as_json: Json = False) -> None:
    """Say what is installed and in use, what is wrong with it, and the way out. Exit status 1 where there is a fault."""
    found = [*findings()]
    if as_json:
        print_json(findings=[finding._asdict() for finding in found])
    else:
        print_table(found)
    if any(finding.state == FAULT for finding in found):
        raise typer.Exit(1)


def findings() -> Iterator[Finding]:
    for look in (_package, _other_project, _backend, _threads, _environment, _compiled, _memory, _frameworks):
        yield from look()


def _package() -> Iterator[Finding]:
    yield Finding(OK, "package", f"fastinit {fastinit.__version__} in {Path(fastinit.__file__).parent}")


def _other_project() -> Iterator[Finding]:
    """See fastinit_weights.py, which finds the other's files where they stand in the place of ours."""
    try:
        other = distribution("fastinit")
    except PackageNotFoundError:
        return
    if any(file.hash and file.parts[:1] == ("fastinit",) for file in other.files or []):
        text = f"the distribution fastinit {other.version}, of another project, has a package and a command of our names"
        way_out = f"pip uninstall fastinit, then pip install --force-reinstall --no-deps {DISTRIBUTION}"
        yield Finding(FAULT, "other project", f"{text}: {way_out}")


def _backend() -> Iterator[Finding]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the choice without C kernels, which is told below
            chosen = backends.current()
    except ValueError as error:
        yield Finding(FAULT, "backend", str(error))
        return
    if "c" not in backends.available_backends():
        compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
        there = f"a C compiler is at {compiler}" if compiler else "and there is no C compiler"
        yield Finding(NOTE, "backend", f"{chosen.name}, slower than C: {backends.why_without_c()}; {there}")
        return
    levels = backends.available_levels()
    state = OK if chosen.name == "c" and chosen.level == levels[-1] else NOTE
    in_use = " ".join(filter(None, (chosen.name, chosen.level)))
    yield Finding(state, "backend", f"{in_use}; this CPU runs {', '.join(levels)}")


def _threads() -> Iterator[Finding]:
    try:
        n = threads.get_num_threads()
    except ValueError as error:
        yield Finding(FAULT, "threads", str(error))
        return
    cpus, variable = usable_cpus(), settings.source_of_num_threads()
    state = NOTE if variable and n < cpus else OK
    yield Finding(state, "threads", f"{n} of {cpus} CPUs" + (f", as {variable} says" if variable else ""))


def _environment() -> Iterator[Finding]:
    for name in settings.unknown_variables():
        yield Finding(FAULT, "environment", settings.unknown(name))


def _compiled() -> Iterator[Finding]:
    # here, since it imports Numba, half a second that other commands do not need
    from fastinit.backends.numba.compiling import cache_folder

    folder = Path(cache_folder())
    if not os.access(next(path for path in (folder, *folder.parents) if path.exists()), os.W_OK):
        yield Finding(NOTE, "Numba's cache", f"{folder} cannot be written: each process compiles again; set NUMBA_CACHE_DIR")
        return
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    yield Finding(OK, "Numba's cache", f"{folder}, {size / 1e6:.1f} MB")


def _memory() -> Iterator[Finding]:
    """Linux brackets the setting in use: "always [madvise] never"."""
    if not HUGE_PAGES.exists():
        return
    setting = HUGE_PAGES.read_text().partition("[")[2].partition("]")[0]
    if setting == "never":
        yield Finding(NOTE, "huge pages", f"never, by {HUGE_PAGES}: new large arrays take more time")
    else:
        yield Finding(OK, "huge pages", setting)


def _frameworks() -> Iterator[Finding]:
    for package, extra in FRAMEWORKS.items():
        try:
            yield Finding(OK, package, version(package))
        except PackageNotFoundError:
            yield Finding(OK, package, f"not installed: {install_hint(extra)}")
