"""The command, as a user runs it: a process, its output, its exit status and what it leaves on the disk."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

import fastinit
from fastinit.core.fill import stream_words
from fastinit.core.stream import stream_of

COMMAND = [sys.executable, "-m", "fastinit"]


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, **options)


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def large_spec(tmp_path):
    """A file that takes a while to write: 4 GB."""
    path = tmp_path / "large.toml"
    path.write_text('[tensors]\nw = [1000, 1000, 1000]\n[[rules]]\nmatch = "*"\ninit = "normal"')
    return path


def test_init_writes_the_models_weights_and_says_what_it_did(tmp_path):
    file = tmp_path / "mlp.safetensors"
    done = run("init", "mlp", "-o", file, "--seed", 5)
    assert (done.returncode, done.stderr) == (0, "")
    assert "535,818" in done.stdout and "2.1 MB" in done.stdout
    weights = load_file(file)
    expected = fastinit.he_normal((512, 784), seed=5, name="layers.0.weight", layout="oi")
    np.testing.assert_array_equal(weights["layers.0.weight"], expected)


def test_the_version_is_printed():
    assert run("--version").stdout == f"fastinit {fastinit.__version__}\n"


def test_the_command_loads_no_library_that_it_does_not_need():
    heavy = "{'numba', 'scipy', 'torch', 'jax', 'keras', 'dask', 'matplotlib'}"
    code = f"import sys, fastinit.cli.app; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_init_as_json_is_one_object(tmp_path):
    done = run("init", "mlp", "-o", tmp_path / "mlp.safetensors", "--json", "--dtype", "bfloat16", "--threads", 1)
    summary = json.loads(done.stdout)
    assert summary["bytes"] == 2 * summary["parameters"] == 1071636
    assert summary["files"] == [str(tmp_path / "mlp.safetensors")]


def test_a_dry_run_lists_the_tensors_and_writes_nothing(tmp_path):
    done = run("init", "gpt2", "--dry-run", "--json", cwd=tmp_path)
    tensors = {tensor["name"]: tensor for tensor in json.loads(done.stdout)["tensors"]}
    assert tensors["transformer.h.0.attn.c_attn.weight"] == {
        "name": "transformer.h.0.attn.c_attn.weight",
        "shape": [768, 2304],
        "dtype": "float32",
        "distribution": "Normal(mean=0.0, std=0.02)",
    }
    assert names_in(tmp_path) == []


def test_shards_are_verified_through_their_index(tmp_path):
    run("init", "mlp", "-o", tmp_path / "mlp.safetensors", "--shard-size", "1MB")
    assert names_in(tmp_path) == [
        "mlp-00001-of-00002.safetensors", "mlp-00002-of-00002.safetensors", "mlp.safetensors.index.json",
    ]  # fmt: skip
    assert run("verify", tmp_path / "mlp.safetensors.index.json", "mlp").returncode == 0


def test_verify_exits_with_1_and_names_the_tensors_that_differ(tmp_path):
    file = tmp_path / "mlp.safetensors"
    run("init", "mlp", "-o", file, "--seed", 5)
    with file.open("r+b") as opened:
        opened.seek(-2, os.SEEK_END)
        opened.write(b"??")
    done = run("verify", file, "mlp", "--seed", 5)
    assert done.returncode == 1
    assert done.stdout == "layers.4.bias: 1 elements differ, the first at position 9\n1 of 6 tensors differ\n"


def test_a_file_just_written_serves_as_the_spec_of_another(tmp_path):
    run("init", "mlp", "-o", tmp_path / "a.safetensors")
    assert run("init", tmp_path / "a.safetensors", "-o", tmp_path / "b.safetensors").returncode == 0
    assert run("verify", tmp_path / "b.safetensors", tmp_path / "a.safetensors").returncode == 0


@pytest.mark.parametrize("dtype", ["uint32", "float32"])
def test_stream_writes_the_words_of_the_seed_and_name_without_end(dtype):
    n = 600_000  # more than two pieces
    command = " ".join([*COMMAND, f"stream --seed 42 --name w --dtype {dtype} | head -c {4 * n}"])
    done = subprocess.run(command, shell=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    words = np.empty(n, np.uint32)
    stream_words(stream_of(42, "w"), 0, words)
    expected = words if dtype == "uint32" else ((words >> 8) * 2.0**-24).astype(np.float32)
    np.testing.assert_array_equal(np.frombuffer(done.stdout, dtype), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init", "gtp2", "-o", "x.safetensors"], "fastinit: unknown model 'gtp2': did you mean 'gpt2'?"),
        (["init", "no.safetensors", "-o", "x.safetensors"], "fastinit: no.safetensors: No such file or directory"),
        (["init", "no.toml", "-o", "x.safetensors"], "fastinit: no.toml: No such file or directory"),
        (["init", "mlp", "-o", "there.safetensors"], "fastinit: there.safetensors exists already; --overwrite replaces it"),
        (["init", "mlp", "-o", "no/x.safetensors"], "fastinit: no directory no"),
        (["init", "mlp", "-o", "x.bin"], "fastinit: --output must name a .safetensors file, got 'x.bin'"),
        (["init", "mlp"], "fastinit: --output must name the .safetensors file to write: fastinit init SPEC -o FILE"),
        (["init", "mlp", "-o", ""], "fastinit: --output must name a .safetensors file, got '.'"),
        (["init", "mlp", "--dry-run", "-o", "x.bin"], "fastinit: --output must name a .safetensors file, got 'x.bin'"),
        (["init", "mlp", "--dry-run", "-o", "there.safetensors"], "fastinit: there.safetensors exists already; "),
        (["init", "mlp", "--dry-run", "-o", "no/x.safetensors"], "fastinit: no directory no"),
        (["init", "mlp", "-o", f"{'x' * 250}.safetensors"], f"fastinit: {'x' * 250}.safetensors: File name too long"),
        (["init"], "fastinit: Missing argument"),
        (["init", "mlp", "--sed", "1"], "fastinit: No such option: --sed"),
        (["init", "mlp", "--seed", "-1"], "fastinit: Invalid value for '--seed'"),
        (["init", "mlp", "--seed", "one"], "fastinit: Invalid value for '--seed'"),
        (["intit", "mlp"], "fastinit: No such command 'intit'"),
        (["--nothing"], "fastinit: No such option: --nothing; see fastinit --help"),
        (["init", "mlp", "-o", "x.safetensors", "--dtype", "int8"], "fastinit: dtype must be one of 'float32', "),
        (["init", "mlp", "-o", "x.safetensors", "--shard-size", "5 apples"], "fastinit: --shard-size must be a size as 5GB"),
        (["init", "mlp", "-o", "x.safetensors", "--shard-size", "9" * 400], "fastinit: --shard-size must be a size as 5GB"),
        (["verify", "there.safetensors", "mlp"], "fastinit: there.safetensors is no safetensors file that can be read: "),
        (["stream", "--seed", "1", "--dtype", "float16"], "fastinit: dtype must be one of 'uint32', 'float32', got '"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_exit_status_2_and_no_file(tmp_path, arguments, message):
    (tmp_path / "there.safetensors").write_text("precious")
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert names_in(tmp_path) == ["there.safetensors"]
    assert (tmp_path / "there.safetensors").read_text() == "precious"


@pytest.mark.parametrize("arguments", [["init"], ["init", "mlp", "--sed", "1"], ["init", "mlp", "--seed", "-1"]])
def test_wrong_usage_exits_with_2_and_says_how_to_get_help(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stderr[-25:]) == (2, "; see fastinit init --help\n"[-25:])


def test_without_arguments_it_shows_its_help():
    done = run()
    assert done.returncode == 2
    assert "Usage: fastinit" in done.stdout + done.stderr


def test_models_as_json_have_their_counts():
    models = json.loads(run("models", "--json").stdout)
    assert models["mlp"] == {"tensors": 6, "parameters": 535818}


@pytest.mark.parametrize(
    "arguments", [["config"], ["models"], ["init", "gpt2", "--dry-run"], ["record", "gpt2"], ["stream"]]
)
def test_a_reader_that_has_had_enough_ends_it_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_long_names_are_whole_in_a_pipe(tmp_path):
    spec, name = tmp_path / "spec.toml", "n" * 200
    spec.write_text(f'[tensors]\n{name} = [3]\n[[rules]]\nmatch = "*"\ninit = "zeros"')
    folder = tmp_path / ("f" * 200)
    folder.mkdir()
    assert name in run("init", spec, "--dry-run").stdout
    assert str(folder / "x.safetensors") in run("init", spec, "-o", folder / "x.safetensors").stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    done = run("init", "mlp", "-o", tmp_path / "x.safetensors")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Permission denied" in done.stderr


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path):
    """A limit on the size of files stands for the disk: the write fails midway, as it does when others fill the disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    done = run("init", "mlp", "-o", tmp_path / "x.safetensors", preexec_fn=limit)
    assert (done.returncode, done.stderr) == (2, "fastinit: File too large\n")
    assert names_in(tmp_path) == []


def wait_until(condition, seconds=60):
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"still waiting after {seconds} s")


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "fastinit: interrupted\n"),
        (signal.SIGTERM, 143, "fastinit: ended by SIGTERM\n"),
        (signal.SIGHUP, 129, "fastinit: ended by SIGHUP\n"),
    ],
)
def test_a_signal_ends_it_and_leaves_nothing(tmp_path, large_spec, number, status, said):
    running = start_writing(tmp_path, large_spec)
    running.send_signal(number)
    assert (running.communicate(timeout=60)[1], running.returncode) == (said, status)
    assert names_in(tmp_path) == ["large.toml"]


def test_what_a_killed_writer_left_is_removed_and_named_by_the_next(tmp_path, large_spec):
    running = start_writing(tmp_path, large_spec)
    running.kill()
    running.communicate(timeout=60)
    (left,) = partials_in(tmp_path)
    done = run("init", "mlp", "-o", tmp_path / "mlp.safetensors")
    assert re.fullmatch(
        rf"fastinit: warning: removed {tmp_path / left} \([\d,]+ bytes\), left by a writer that was killed\n", done.stderr
    )
    assert names_in(tmp_path) == ["large.toml", "mlp.safetensors"]


def test_a_signal_gives_the_terminal_its_cursor_back(tmp_path, large_spec):
    leader, follower = pty.openpty()
    running = start_writing(tmp_path, large_spec, stderr=follower)
    shown = os.read(leader, 100_000)
    running.send_signal(signal.SIGTERM)
    running.wait(timeout=60)
    while not shown.endswith(b"fastinit: ended by SIGTERM\r\n"):
        shown += os.read(leader, 100_000)
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1


def start_writing(directory, spec, stderr=subprocess.PIPE):
    """Start the command, and return it when it has begun to write."""
    running = subprocess.Popen(
        [*COMMAND, "init", str(spec), "-o", str(directory / "x.safetensors")], stderr=stderr, text=True
    )
    wait_until(lambda: partials_in(directory))
    return running


def partials_in(directory):
    return [name for name in names_in(directory) if name.endswith(".partial")]


def test_a_terminal_gets_a_progress_bar(tmp_path):
    """Nothing of it goes to a pipe: the other tests find standard error empty."""
    leader, follower = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "init", "mlp", "-o", str(tmp_path / "x.safetensors")], stdout=subprocess.PIPE, stderr=follower
    )
    os.close(follower)
    assert done.returncode == 0
    assert b"writing" in os.read(leader, 100_000)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_model(tmp_path):
    """256 MiB beyond the page cache is the bound; the file is 512 MiB, so holding it would show."""
    spec = tmp_path / "half.toml"
    spec.write_text('[tensors]\nw = [128, 1048576]\n[[rules]]\nmatch = "*"\ninit = "normal"')
    code = (
        "import re, sys\n"
        "from fastinit.cli.app import run\n"
        "try:\n    run()\n"
        "finally:\n    print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
    )
    arguments = ["init", str(spec), "-o", str(tmp_path / "x.safetensors")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert int(done.stderr) * 1024 < 256 * 2**20


def test_without_the_commands_libraries_it_says_what_to_install():
    hide = "import sys; sys.modules['typer'] = None; from fastinit.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True)
    said = "fastinit: the command needs typer: pip install -e '.[cli]' in fastinit's clone\n"
    assert (done.returncode, done.stderr) == (2, said)
