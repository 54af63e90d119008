"""A measurement in a program of its own, for its time at first use and its peak of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from bench import memory


def measured(module: str, *arguments: str, room: int, environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """What `python -m module arguments` prints last, as JSON, run where `room` bytes of memory have just been at hand."""
    memory.touch(room)
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])
