"""Signals at any time: the command ends as it should, and files are those of the old model, or of the new one, or none.

The times are drawn by a fixed seed over the time of a run; nothing that is asserted depends on how fast the machine is.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from fastinit.files import checkpoint, specs
from fastinit.files.reading import read_files

SPEC = '[tensors]\na = [2000, 1000]\nb = [2000, 1000]\n[[rules]]\nmatch = "*"\ninit = "normal"'
SAID = {
    signal.SIGINT: (130, "fastinit: interrupted\n"),
    signal.SIGTERM: (143, "fastinit: ended by SIGTERM\n"),
    signal.SIGHUP: (129, "fastinit: ended by SIGHUP\n"),
    signal.SIGKILL: (-signal.SIGKILL, ""),
}
"""Exit status and what is said."""
OLD_SEED, NEW_SEED = 1, 2


class Model:
    """A model's files in a directory, and the commands that write them, in two shards or in one file."""

    def __init__(self, directory, shards):
        self.directory, self.shards = directory, shards
        self.spec, self.path = directory / "spec.toml", directory / "m.safetensors"
        self.index = directory / ("m.safetensors.index.json" if shards else "m.safetensors")
        self.spec.write_text(SPEC)
        began = time.monotonic()
        self.finish(OLD_SEED)
        self.duration = time.monotonic() - began

    def start(self, seed):
        options = ["--overwrite", "--seed", str(seed), *(["--shard-size", "8MB"] if self.shards else [])]
        command = [sys.executable, "-m", "fastinit", "init", str(self.spec), "-o", str(self.path), *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, seed):
        """Write the model, undisturbed; what the command says on standard error."""
        running = self.start(seed)
        said = running.communicate(timeout=300)[1]
        assert running.returncode == 0, said
        return said

    def disturb(self, seed, number, after):
        """Send a signal `after` seconds; the exit status and what is said."""
        running = self.start(seed)
        time.sleep(after)
        running.send_signal(number)
        said = running.communicate(timeout=300)[1]
        return running.returncode, said

    def partials(self):
        return [path.name for path in self.directory.iterdir() if path.suffix == ".partial"]

    def seeds(self):
        """Those of the two seeds whose model the files hold, all of it."""
        files, plan = read_files(self.index), specs.plan(str(self.spec))
        return [seed for seed in (OLD_SEED, NEW_SEED) if not checkpoint.verify(files, plan, seed)]


def is_of_pythons_start(said):
    """Whether Python, before it ran a line of the package, answered an interrupt itself."""
    return "KeyboardInterrupt" in said and f"{os.sep}fastinit{os.sep}" not in said


@pytest.mark.parametrize("shards", [False, True], ids=["file", "shards"])
@pytest.mark.parametrize("rounds", [4, pytest.param(250, marks=pytest.mark.slow)])
def test_a_signal_leaves_one_whole_model_and_no_partial_file(tmp_path, rounds, shards):
    model, times = Model(tmp_path, shards), random.Random(f"signals {shards}")
    for turn in range(rounds):
        number = [*SAID][turn % len(SAID)]
        status, said = model.disturb(NEW_SEED, number, times.uniform(0, model.duration))
        as_it_should = (status, said) == SAID[number] or status in (0, -number) or is_of_pythons_start(said)
        assert as_it_should, (turn, number, status, said)
        if number == signal.SIGKILL:
            assert not model.index.exists() or model.seeds()
            model.finish(OLD_SEED)
        assert model.seeds() and model.partials() == [], (turn, number)


@pytest.mark.parametrize("shards", [False, True], ids=["file", "shards"])
@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_after_a_kill_the_next_run_writes_the_model_and_clears_up(tmp_path, rounds, shards):
    model, times = Model(tmp_path, shards), random.Random(f"kills {shards}")
    for turn in range(rounds):
        model.disturb(NEW_SEED, signal.SIGKILL, times.uniform(0.3, 1) * model.duration)
        left = model.partials()
        said = model.finish(NEW_SEED)
        assert len(said.splitlines()) == len(left) and all(name in said for name in left), (turn, said)
        assert model.seeds() == [NEW_SEED] and model.partials() == [], turn
