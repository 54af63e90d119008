"""A plugin of pytest: runs another library's tests under the patch, and writes the names of those that fail to a file."""

import os
from pathlib import Path

import fastinit

fastinit.patch_numpy().install()  # before any test is imported, which may bind numpy.random's functions by name


def pytest_runtest_logreport(report):
    if report.failed:
        with open(os.environ["FAILURES"], "a") as file:
            name = report.nodeid.split("[")[0].partition("::")[2]  # before that some versions of pytest have no path
            print(f"{Path(report.location[0]).name}::{name}", file=file)
