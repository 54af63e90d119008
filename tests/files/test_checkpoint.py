"""Weights on disk: the bytes are the ones the library draws, in files that others read, and nothing is left half-written."""

import errno
import json
import os
import signal
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file

import fastinit
from fastinit.core.fill import fill
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.files import checkpoint, specs
from fastinit.files import safetensors_format as format
from fastinit.files.checkpoint import FilePlan, verify, write
from fastinit.files.reading import read_files, read_header
from fastinit.initializers import Parts, Stacked, WithSlabs
from fastinit.recipes import PlannedTensor, TensorSpec
from fastinit.runtime import disk

PIECE = checkpoint.PIECE_BYTES // 4  # float32 elements written at a time


def drawn(name, shape, dtype, distribution):
    return PlannedTensor(TensorSpec(name, shape, dtype), "draw", distribution)


PADDED = WithSlabs([((150, 0), (1, 2000), "zeros")], "normal")
FUSED = Parts(1, ((0.5, Stacked("orthogonal")), (0.5, Stacked("he_normal"))))

PLAN = FilePlan((
    drawn("embed", (50, 8), "float32", Normal(0.0, 0.02)),
    drawn("large", (3, PIECE - 1), "float32", TruncatedNormal(0.0, 1.0, -2.0, 2.0)),  # pieces cut across rows
    drawn("half", (7, 9), "float16", Uniform(-1.0, 1.0)),
    drawn("double", (5,), "float64", Normal(0.0, 1.0)),
    drawn("brain", (33,), "bfloat16", Normal(0.0, 1.0)),
    drawn("eight", (3, 5), "float8_e4m3fn", Normal(0.0, 1.0)),
    drawn("scale", (8,), "float32", Constant(1.0)),
    PlannedTensor(TensorSpec("steps", (), "int64"), "compute", Constant(0.0), value=0),
    drawn("padded", (300, 2000), "float32", PADDED.distribution_for((300, 2000))),
    drawn("fused", (8, 40, 30), "bfloat16", FUSED.distribution_for((8, 40, 30), layout="io")),
    drawn("empty", (0, 4), "float32", Normal(0.0, 1.0)),
))  # fmt: skip


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "model.safetensors"
    write(path, PLAN, seed=7, metadata={"format": "pt"})
    return path


def test_the_file_opens_with_the_safetensors_library(written):
    with safetensors.safe_open(written, "np") as file:
        assert file.metadata() == {"format": "pt"}
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    assert shapes == {tensor.name: tensor.spec.shape for tensor in PLAN}


def test_every_value_is_the_one_the_initializer_draws_for_that_name(written, tmp_path):
    stored = {t.name: t for t in read_header(written).tensors}
    content = written.read_bytes()
    expected = {
        "embed": fastinit.normal((50, 8), std=0.02, seed=7, name="embed"),
        "large": fastinit.truncated_normal((3, PIECE - 1), seed=7, name="large"),
        "half": fastinit.uniform((7, 9), low=-1, high=1, seed=7, name="half", dtype="float16"),
        "double": fastinit.normal((5,), seed=7, name="double", dtype="float64"),
        "brain": fastinit.normal((33,), seed=7, name="brain", dtype=ml_dtypes.bfloat16),
        "eight": fastinit.normal((3, 5), seed=7, name="eight", dtype="float8_e4m3fn"),
        "scale": np.ones(8, np.float32),
        "steps": np.zeros((), np.int64),
    }
    for name, values in expected.items():
        assert content[stored[name].offset :][: values.nbytes] == values.tobytes(), name


def test_matrices_of_a_stack_are_made_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "MADE_TOGETHER", 2 * 40 * 30)
    made = []
    monkeypatch.setattr(checkpoint, "fill", lambda *args, **options: made.append(fill(*args, **options)) or made[-1])
    distribution = Stacked("orthogonal").distribution_for((5, 40, 30))
    write(tmp_path / "m.safetensors", FilePlan((drawn("w", (5, 40, 30), "float32", distribution),)), seed=7)
    assert [len(values) for values in made] == [2, 2, 1]
    expected = fill(distribution, (5, 40, 30), seed=7, name="w")
    assert np.array_equal(load_file(tmp_path / "m.safetensors")["w"], expected)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("PLAN", [["double"], ["embed"], ["scale"], ["half"], ["brain"], ["eight"]]),  # other dtypes, larger ones between
        ("SMALL", [["t0", "t1"], ["t2", "t3"], ["t4"]]),
    ],
)
def test_small_tensors_are_computed_together(tmp_path, monkeypatch, plan, expected):
    computed = []

    def fill_batch(distributions, shapes, *rest, real=checkpoint.fill_batch):
        computed.append([*shapes])
        return real(distributions, shapes, *rest)

    monkeypatch.setattr(checkpoint, "fill_batch", fill_batch)
    monkeypatch.setattr(checkpoint, "MOST_IN_BATCH", 2)
    write(tmp_path / "model.safetensors", globals()[plan], seed=7)
    assert sorted(computed) == sorted(expected)


def test_small_tensors_that_lie_side_by_side_are_written_at_once(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(
        disk, "write_at", lambda file, data, at, real=disk.write_at: (sizes.append(len(data)), real(file, data, at))
    )
    write(tmp_path / "model.safetensors", SMALL, 0)
    assert sizes[1:] == [5 * 400]  # after the header


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_the_bytes_do_not_depend_on_the_threads(written, tmp_path, num_threads):
    before = fastinit.get_num_threads()
    fastinit.set_num_threads(num_threads)
    try:
        write(tmp_path / "again.safetensors", PLAN, seed=7, metadata={"format": "pt"})
    finally:
        fastinit.set_num_threads(before)
    assert (tmp_path / "again.safetensors").read_bytes() == written.read_bytes()


def test_every_tensor_lies_at_a_multiple_of_its_element_size(written):
    assert all(tensor.offset % format.nbytes((1,), tensor.dtype) == 0 for tensor in read_header(written).tensors)


def test_progress_counts_every_byte(tmp_path):
    counted, lock = [], threading.Lock()

    def progress(nbytes):
        with lock:
            counted.append(nbytes)

    write(tmp_path / "model.safetensors", PLAN, seed=7, progress=progress)
    assert sum(counted) == PLAN.nbytes()


# ---- shards ---------------------------------------------------------------------------------------------------------

SMALL = FilePlan(tuple(drawn(f"t{i}", (100,), "float32", Normal(0.0, 1.0)) for i in range(5)))  # 400 bytes each


@pytest.mark.parametrize(
    ("shard_size", "tensors_in_each"),
    [(None, [5]), (2000, [5]), (1999, [4, 1]), (800, [2, 2, 1]), (400, [1] * 5), (1, [1] * 5)],
)
def test_shards_hold_at_most_the_size_asked_for(shard_size, tensors_in_each):
    shards = checkpoint.target_files(Path("model.safetensors"), SMALL, shard_size)
    assert [len(shard) for shard in shards.values()] == tensors_in_each


def test_shards_and_index_are_named_as_hugging_face_names_them(tmp_path):
    files = write(tmp_path / "model.safetensors", SMALL, seed=0, shard_size=800)
    assert [file.name for file in files] == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
    ]
    assert names_in(tmp_path) == [file.name for file in files]
    index = json.loads(files[-1].read_text())
    assert index["metadata"]["total_size"] == 2000
    assert index["weight_map"]["t4"] == "model-00003-of-00003.safetensors"


def test_values_do_not_depend_on_the_shards(tmp_path):
    write(tmp_path / "one.safetensors", SMALL, seed=0)
    *shards, _ = write(tmp_path / "many.safetensors", SMALL, seed=0, shard_size=800)
    whole = load_file(tmp_path / "one.safetensors")
    for shard in shards:
        for name, values in load_file(shard).items():
            np.testing.assert_array_equal(values, whole[name])


# ---- verify ---------------------------------------------------------------------------------------------------------


def test_verify_finds_nothing_in_a_file_just_written(written):
    assert verify(read_files(written), PLAN, seed=7) == []


def test_verify_reads_shards_through_their_index(tmp_path):
    files = write(tmp_path / "model.safetensors", SMALL, seed=0, shard_size=800)
    assert verify(read_files(files[-1]), SMALL, seed=0) == []


def test_verify_names_the_tensor_and_the_position_of_a_single_changed_bit(written):
    large = next(t for t in read_header(written).tensors if t.name == "large")
    position = PIECE + 5  # in the second piece
    with written.open("r+b") as file:
        file.seek(large.offset + 4 * position)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    (difference,) = verify(read_files(written), PLAN, seed=7)
    assert (difference.name, difference.elements, difference.first) == ("large", 1, position)


def test_verify_with_another_seed_finds_every_random_tensor(written):
    different = {difference.name for difference in verify(read_files(written), PLAN, seed=8)}
    assert different == {"embed", "large", "half", "double", "brain", "eight", "padded", "fused"}


def test_verify_says_what_is_missing_unexpected_or_of_another_kind(written):
    plan = FilePlan((
        drawn("embed", (8, 50), "float32", Normal(0.0, 0.02)),
        drawn("half", (7, 9), "bfloat16", Uniform(-1.0, 1.0)),
        drawn("head", (2,), "float32", Normal(0.0, 1.0)),
        *PLAN.tensors[3:],
    ))  # fmt: skip
    assert {d.name: str(d) for d in verify(read_files(written), plan, seed=7)} == {
        "embed": "is float32 (50, 8), expected float32 (8, 50)",
        "half": "is float16 (7, 9), expected bfloat16 (7, 9)",
        "head": "missing from the file",
        "large": "not expected in the file",
    }


def test_verify_counts_bytes_that_a_cut_file_lacks_as_different(written):
    files = read_files(written)
    last = files[written][-1]
    os.truncate(written, last.offset)  # by somebody else, after the header was read
    assert [d.name for d in verify(files, PLAN, seed=7)] == [last.name]


# ---- nothing half-written -------------------------------------------------------------------------------------------


def fail_after(monkeypatch, pieces, error):
    left = iter(range(pieces))

    def pwrite(descriptor, data, offset, real=os.pwrite):
        if next(left, None) is None:
            raise error
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("pieces", [0, 1, 3, 7])
def test_an_error_or_interrupt_leaves_nothing_behind(tmp_path, monkeypatch, error, pieces):
    fail_after(monkeypatch, pieces, error)
    with pytest.raises(type(error)):
        write(tmp_path / "model.safetensors", PLAN, seed=7, shard_size=1000)
    assert names_in(tmp_path) == []


def test_an_error_leaves_the_file_that_was_to_be_replaced(written, monkeypatch):
    before = written.read_bytes()
    fail_after(monkeypatch, 2, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output error"):
        write(written, PLAN, seed=8, overwrite=True)
    assert written.read_bytes() == before
    assert names_in(written.parent) == [written.name]


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), AttributeError("no such function"), SystemExit()]
)
def test_an_error_of_any_kind_in_syncing_is_raised(tmp_path, monkeypatch, error):
    def sync(descriptor):
        raise error

    monkeypatch.setattr(disk, "sync", sync)
    with pytest.raises(type(error)):
        write(tmp_path / "model.safetensors", PLAN, seed=7)
    assert names_in(tmp_path) == []


def test_without_a_thread_to_sync_the_file_is_written_all_the_same(written, tmp_path, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    write(tmp_path / "again.safetensors", PLAN, seed=7, metadata={"format": "pt"})
    assert (tmp_path / "again.safetensors").read_bytes() == written.read_bytes()


ABSENT = {
    "macOS": [(os, "fdatasync")],
    "Windows": [(os, name) for name in ("fdatasync", "pwrite", "preadv")],
}
"""What Python lacks there."""


@pytest.mark.parametrize("platform", ABSENT)
def test_files_are_written_and_verified_without_what_a_platform_lacks(written, tmp_path, monkeypatch, platform):
    for owner, name in ABSENT[platform]:
        monkeypatch.delattr(owner, name)
    if platform == "Windows":
        monkeypatch.setattr(disk, "fcntl", None)
    path = tmp_path / "again.safetensors"
    write(path, PLAN, seed=7, metadata={"format": "pt"})
    assert path.read_bytes() == written.read_bytes()
    assert verify(read_files(path), PLAN, seed=7) == []


def test_macos_is_asked_for_its_full_sync(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(disk, "fcntl", SimpleNamespace(F_FULLFSYNC=51, fcntl=lambda *of: asked.append(of[1])))
    with (tmp_path / "file").open("wb") as file:
        disk.sync(file.fileno())
    assert asked == [51]


def test_index_and_directory_are_synced_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(disk, "sync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    files = write(tmp_path / "model.safetensors", SMALL, seed=0, shard_size=800)
    assert {*synced} == {path.stat().st_ino for path in (*files, tmp_path)}


@pytest.mark.parametrize("name", ["model-00002-of-00003.safetensors", "model.safetensors.index.json"])
def test_no_shard_is_written_where_one_file_of_them_exists(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(FileExistsError, match=f"{name} exists already; --overwrite replaces it"):
        write(tmp_path / "model.safetensors", SMALL, seed=0, shard_size=800)
    assert names_in(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "precious"


def seeds_in(index):
    """Of the seeds 0 and 1 those whose model the files hold."""
    return [seed for seed in (0, 1) if not verify(read_files(index), SMALL, seed)]


def die_at(step):
    """Have the process killed instead of renaming, linking or removing a file for the `step`-th time."""
    steps = iter(range(1, 100))

    def dying(real):
        def call(*paths, **options):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*paths, **options)

        return call

    for name in ("rename", "link", "unlink"):
        setattr(os, name, dying(getattr(os, name)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("step", [*range(1, 10), 13, 17, 21])  # 4 are set aside, 4 get names, 12 are removed
def test_a_kill_at_any_step_of_replacing_shards_leaves_no_index_of_a_mixture(tmp_path, step):
    path, index = tmp_path / "model.safetensors", tmp_path / "model.safetensors.index.json"
    write(path, SMALL, 0, shard_size=800)
    child = os.fork()
    if child == 0:
        die_at(step)
        write(path, SMALL, 1, shard_size=800, overwrite=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if step == 21 else -signal.SIGKILL)
    if 2 <= step <= 8:
        with pytest.raises(FileNotFoundError) as refusal:
            read_files(index)
        assert ("index.json is not there, though model-0000" in str(refusal.value)) == (step != 5)  # all are set aside
    else:
        assert seeds_in(index) == [int(step > 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the killed writer's files, which are removed
        write(path, SMALL, 1, shard_size=800, overwrite=True)
    assert seeds_in(index) == [1] and len(names_in(tmp_path)) == 4


def test_a_model_larger_than_the_disk_is_refused_before_a_byte_is_written(tmp_path):
    plan = FilePlan((drawn("huge", (2**58,), "float32", Normal(0.0, 1.0)),))
    with pytest.raises(OSError, match="no space for 1,152,921,504,606,846,976 bytes"):
        write(tmp_path / "model.safetensors", plan, seed=0)
    assert names_in(tmp_path) == []


# ---- reading others' files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"not a safetensors file", (10**12).to_bytes(8, "little"), b"\x02\0\0\0\0\0\0\0[]"]
)
def test_a_file_of_another_kind_is_named_in_the_error(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors is no safetensors file that can be read"):
        read_header(path)


def test_names_shapes_and_dtypes_of_a_file_by_the_library_are_read_back(tmp_path):
    arrays = {"a": np.zeros((2, 3), np.float16), "b": np.zeros((), np.int64), "c": np.zeros((4,), ml_dtypes.bfloat16)}
    safetensors.numpy.save_file(arrays, tmp_path / "model.safetensors")
    stored = read_header(tmp_path / "model.safetensors").tensors
    assert {t.name: (t.shape, t.dtype) for t in stored} == {
        "a": ((2, 3), "float16"),
        "b": ((), "int64"),
        "c": ((4,), "bfloat16"),
    }


def test_a_built_in_model_goes_to_disk_and_back(tmp_path):
    plan = specs.plan("mlp", "bfloat16")
    write(tmp_path / "mlp.safetensors", plan, seed=3)
    assert verify(read_files(tmp_path / "mlp.safetensors"), plan, seed=3) == []


# ---- what the format's library would not open ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"), [("__metadata__", "under which files have their metadata"), ("\ud800", "no text in UTF-8")]
)
def test_a_name_that_files_cannot_have_is_refused_before_a_byte_is_written(tmp_path, name, why):
    plan = FilePlan((*SMALL.tensors, drawn(name, (4,), "float32", Normal(0.0, 1.0))))
    with pytest.raises(ValueError, match=f"no tensor in a file can be called .*, .*{why}"):
        write(tmp_path / "model.safetensors", plan, seed=0, shard_size=400)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["", "a" * 10_000, "\x1b[31m", "w[/b]", "😀", "\n", "\0", "../w", '"'])
def test_any_other_name_is_written_as_the_library_reads_it(tmp_path, name):
    write(tmp_path / "model.safetensors", FilePlan((drawn(name, (4,), "float32", Constant(2.0)),)), seed=0)
    assert load_file(tmp_path / "model.safetensors")[name].tolist() == [2.0] * 4


def test_a_header_that_is_too_long_is_refused_and_shards_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(format, "LONGEST_HEADER", 200)
    with pytest.raises(
        ValueError, match=r"5 tensors take a header of \d+ bytes, of which files may have 200: .*--shard-size"
    ):
        write(tmp_path / "model.safetensors", SMALL, seed=0)
    write(tmp_path / "model.safetensors", SMALL, seed=0, shard_size=800)


@pytest.mark.slow
def test_the_longest_header_is_the_one_that_the_library_takes(tmp_path):
    names = [f"{i:04d}{'n' * 99_000}" for i in range(1010)]
    for number, is_right in ((1009, True), (1010, False)):
        plan = FilePlan(tuple(drawn(name, (1,), "float32", Constant(0.0)) for name in names[:number]))
        if is_right:
            write(tmp_path / "model.safetensors", plan, seed=0)
            assert len(load_file(tmp_path / "model.safetensors")) == number
        else:
            with pytest.raises(ValueError, match="--shard-size"):
                write(tmp_path / "other.safetensors", plan, seed=0)
