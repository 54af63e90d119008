"""`fastinit config`: prints what is in use."""

from __future__ import annotations

from fastinit.cli.options import Json
from fastinit.cli.output import print_json
from fastinit.core import config as in_use


def config(as_json: Json = False) -> None:
    """Print the backend, the instruction-set level, the threads and the versions in use."""
    if as_json:
        print_json(**in_use.config())
    else:
        in_use.show_config()
