"""How many CPUs this process may keep busy: those it may run on, and what its control groups allow it of them."""

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
    """CPUs' worth of time that the process's control groups allow it, those above them included; infinity without a limit.

    `groups` lists the process's groups (man 7 cgroups), `mount` is where their files are; version 1 or 2 of them.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # no Linux, or no /proc
        return math.inf
    quotas = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            quotas += [_quota(text) for text in _files(mount, path, "cpu.max")]
        elif "cpu" in controllers.split(","):
            of_cpu = mount / "cpu"  # also where it is mounted together with others: a link
            limits = zip(_files(of_cpu, path, "cpu.cfs_quota_us"), _files(of_cpu, path, "cpu.cfs_period_us"))
            quotas += [_quota(f"{quota} {period}") for quota, period in limits]
    return min(quotas)


def _files(mount: Path, path: str, name: str) -> Iterator[str]:
    """What stands in the file of this name of a group and of each one above it, as far as they are to be seen here."""
    group = mount / path.lstrip("/")
    for directory in (group, *group.parents):
        if directory == mount.parent:
            return
        try:
            yield (directory / name).read_text().strip()
        except OSError:  # a path of the host, seen from within a container; or the root, which has no limit
            continue


def _quota(text: str) -> float:
    """`200000 100000`, microseconds in a period of microseconds, as CPUs; `max`, negative or no number: no limit."""
    try:
        quota, period = map(int, text.split())
    except ValueError:
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf
