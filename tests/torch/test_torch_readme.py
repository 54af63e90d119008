"""The README's snippets for PyTorch run as they stand; tests/torch/test_torch_sharded.py runs that of FSDP2."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch.nn")  # not "torch", which is also the name of this folder

README = Path(__file__).resolve().parents[2] / "README.md"


def run_snippet(name, folder):
    """Run the block of Python that begins with a comment of this name, in a process of its own; what it prints."""
    found = re.search(rf"```python\n(# {name}\n.*?)```", README.read_text(), re.DOTALL)
    assert found, f"README.md has no snippet that begins with '# {name}'"
    script = folder / name
    script.write_text(found[1])
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_training_script_learns_and_repeats_itself(tmp_path):
    first, second = (run_snippet("train.py", tmp_path) for _ in range(2))
    loss = re.fullmatch(r"loss (\d\.\d{4})\n", first)
    assert loss and float(loss[1]) < 2.0 and first == second  # ln 10 = 2.30 at the start


def test_the_model_of_hugging_face_is_initialized_from_its_config(tmp_path):
    pytest.importorskip("transformers")
    printed = [line.split(maxsplit=1) for line in run_snippet("from_config.py", tmp_path).splitlines()]
    got = dict(printed)
    assert got["model.embed_tokens.weight"] == "Normal(mean=0.0, std=0.02)" and "NOTHING" not in got.values()
    assert len(got) == 3 + 4 * 9 + 2  # embedding, head and norm; four layers; two buffers of the rotary embedding
