"""How many CPUs this process may keep busy: those it may run on, or fewer where its control groups set a quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus() -> int:
    """The CPUs of the process's affinity (taskset, numactl, cpusets), or fewer where a quota (containers) allows less."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return math.ceil(min(cpus, cpu_quota()))


def cpu_quota(groups: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> float:
    """The CPU time that the process's control groups and their ancestors allow it, in CPUs; infinity without a limit.

    `groups` is the file that lists the process's groups (man 7 cgroups), `mount` the directory with the groups' own files.
    Versions 1 and 2 of control groups are both read.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # not Linux, or /proc is not mounted
        return math.inf
    quotas = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            quotas += [_quota(text) for text in _files(mount, path, "cpu.max")]
        elif "cpu" in controllers.split(","):
            of_cpu = mount / "cpu"  # a link to it where several controllers are mounted together
            limits = zip(_files(of_cpu, path, "cpu.cfs_quota_us"), _files(of_cpu, path, "cpu.cfs_period_us"))
            quotas += [_quota(f"{quota} {period}") for quota, period in limits]
    return min(quotas)


def _files(mount: Path, path: str, name: str) -> Iterator[str]:
    """The contents of the files called `name` of a group and of each group above it, as far as this process sees them."""
    group = mount / path.lstrip("/")
    for directory in (group, *group.parents):
        if directory == mount.parent:
            return
        try:
            yield (directory / name).read_text().strip()
        except OSError:  # a path of the host, seen from within a container; or the root, which has no limit
            continue


def _quota(text: str) -> float:
    """A quota in CPUs: "200000 100000" (microseconds, per period of microseconds) is 2.0; "max", for one, is no limit."""
    try:
        quota, period = map(int, text.split())
    except ValueError:
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf
