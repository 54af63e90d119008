"""Plans what to write from SPEC, whatever it names."""

from __future__ import annotations

import warnings

from fastinit.cli.libraries import factory_of, recorded_plan
from fastinit.cli.output import errors
from fastinit.files import specs
from fastinit.files.checkpoint import FilePlan


def plan(spec: str, dtype: str | None = None, seed: int = 0) -> FilePlan:
    """As `fastinit.files.specs.plan`, also for models of other libraries, which are built by `seed`."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module="fastinit")
        factory = factory_of(spec)
        made = specs.plan(spec, dtype) if factory is None else recorded_plan(spec, factory, dtype, seed)
    for warning in raised:
        errors.print(f"fastinit: warning: {warning.message}")
    return made
