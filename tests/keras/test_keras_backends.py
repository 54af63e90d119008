"""The other files here pass on every backend of Keras that is installed. A process has one, so each has its own."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("keras")

import keras

HERE = Path(__file__).parent
FILES = [HERE / f"test_keras_{what}.py" for what in ("initializers", "models", "audit", "zoo")]
OTHERS = [
    pytest.param(name, marks=marks)
    for name, marks in {"jax": (), "torch": (), "tensorflow": pytest.mark.slow, "numpy": pytest.mark.slow}.items()
    if name != keras.backend.backend()
]


def run(backend, *command):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, cwd=HERE.parents[1])


def skip_unless_installed(backend):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")


@pytest.mark.parametrize("backend", OTHERS)
def test_the_tests_pass_on(backend):
    skip_unless_installed(backend)
    done = run(backend, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_digits_train_as_well_on(backend):
    skip_unless_installed(backend)
    done = run(backend, "-m", "pytest", "-q", "-s", "-m", "slow", "-p", "no:cacheprovider", FILES[1])
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:]


MISSING = """
import sys
sys.modules[sys.argv[1]] = None
import fastinit
assert not {"keras", "jax", "torch", "tensorflow"} & (set(sys.modules) - {sys.argv[1]})
try:
    import fastinit.keras
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(("missing", "message"), [
    ("keras", "fastinit.keras needs Keras: pip install -e '.[keras]' in fastinit's clone\n"),
    ("torch", "Keras' backend needs torch: pip install torch, or set KERAS_BACKEND to one of jax, torch, tensorflow\n"),
])  # fmt: skip
def test_where_a_framework_is_missing_a_line_says_what_to_install(missing, message):
    skip_unless_installed("torch")
    done = run("torch", "-c", MISSING, missing)
    assert done.stdout == message, done.stderr
