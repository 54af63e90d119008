"""Files with damaged headers: what the safetensors library opens is read, all else is refused in a sentence."""

import json
import math
import re
from pathlib import Path

import pytest
from safetensors import SafetensorError, safe_open

import fastinit
from fastinit.files import checkpoint, specs
from fastinit.files.reading import read_files, read_header
from fastinit.files.safetensors_format import DTYPES
from tests.hostile.header_mutations import GOOD, file_of, mutated

FEW, MANY = range(300), range(300, 2300)


def opened_by_the_library(path: Path) -> dict[str, tuple[list[int], str, bytes]] | None:
    """Each tensor's shape, dtype and bytes; None where the library refuses the file."""
    try:
        with safe_open(path, "np") as file:
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
            content = path.read_bytes()
            end = 8 + int.from_bytes(content[:8], "little")
            tensors = {}
            for name in file.offset_keys():
                shape, dtype = found[name].get_shape(), found[name].get_dtype()
                bits = 8 if dtype == "BOOL" else int(re.search(r"\d+", dtype)[0])  # BF16, F8_E4M3, ...
                start, end = end, end + math.prod(shape) * bits // 8
                tensors[name] = shape, dtype, content[start:end]
            return tensors
    except SafetensorError:
        return None


def read_by_fastinit(path: Path) -> dict[str, tuple[list[int], str, bytes]] | str:
    """The same, or the error."""
    try:
        tensors = read_header(path).tensors
    except ValueError as error:
        return str(error)
    content = path.read_bytes()
    return {t.name: (list(t.shape), DTYPES[t.dtype].code, content[t.offset : t.offset + t.nbytes]) for t in tensors}


def check(path: Path, seed: int) -> None:
    path.write_bytes(mutated(seed))
    expected, found = opened_by_the_library(path), read_by_fastinit(path)
    if expected is None:
        assert isinstance(found, str) and found.startswith(f"{path} is no safetensors file that can be read: "), seed
    elif isinstance(found, str):
        assert "which no array can have" in found, (seed, found)
    else:
        assert found == expected, seed


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_damaged_file_is_read_exactly_where_the_library_opens_it(tmp_path, seeds):
    for seed in seeds:
        check(tmp_path / "damaged.safetensors", seed)


def test_the_damages_are_such_that_both_are_tried(tmp_path):
    path = tmp_path / "damaged.safetensors"
    opened = 0
    for seed in FEW:
        path.write_bytes(mutated(seed))
        opened += opened_by_the_library(path) is not None
    assert 0.05 < opened / len(FEW) < 0.5


def tried(function, *arguments, **options) -> bool:
    """Whether it returns; ValueError with a message is the one other end."""
    try:
        function(*arguments, **options)
    except ValueError as error:
        assert str(error)
        return False
    return True


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_init_audit_and_verify_end_in_a_result_or_a_sentence(tmp_path, seeds):
    path, new, plan = tmp_path / "damaged.safetensors", tmp_path / "new.safetensors", specs.plan("mlp")
    for seed in seeds:
        path.write_bytes(mutated(seed))
        is_right = tried(read_files, path)
        if not is_right:
            for refused in (specs.plan, fastinit.audit):
                assert not tried(refused, str(path)), seed
            continue
        if tried(specs.plan, str(path)):
            assert tried(checkpoint.write, new, specs.plan(str(path)), 0, overwrite=True), seed
            assert tried(read_files, new), seed
        tried(fastinit.audit, path)
        assert tried(checkpoint.verify, read_files(path), plan, 0), seed


def header_of(**entries) -> bytes:
    """A file of 8 bytes behind a header with these entries; a string is JSON text."""
    texts = {name: entry if isinstance(entry, str) else json.dumps(entry) for name, entry in entries.items()}
    return file_of(f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in texts.items())}}}".encode(), bytes(8))


def tensor(dtype="F32", shape=(2,), data_offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets}


NAMED = {
    "cut": header_of(w=tensor())[:-1],
    "longer": header_of(w=tensor()) + b"x",
    "offsets before the data": header_of(w=tensor(data_offsets=[-50, -42])),
    "float offsets": header_of(w=tensor(data_offsets=[0.0, 8.0])),
    "huge offsets": header_of(w=tensor(data_offsets=[2**63, 2**63 + 8])),
    "offsets that go back": header_of(w=tensor(data_offsets=[8, 0])),
    "a gap": header_of(w=tensor(shape=[1], data_offsets=[4, 8])),
    "overlapping": header_of(v=tensor(), w=tensor()),
    "fewer bytes than the shape has": header_of(w=tensor(shape=[3])),
    "a list of metadata": header_of(__metadata__=["pt"], w=tensor()),
    "metadata that are no strings": header_of(__metadata__={"a": 1}, w=tensor()),
    "true for a length": header_of(w=tensor(shape=[True, 2])),
    "a negative length": header_of(w=tensor(shape=[-1, -2])),
    "a lone surrogate": header_of(**{"\ud800": tensor()}),
    "a key twice": file_of(b'{"w": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', bytes(8)),
    "deep nesting": header_of(w=f'{{"more": {"[" * 100_000}'),
    "UTF-16": file_of(json.dumps({"w": tensor()}).encode("utf-16"), bytes(8)),
    "a byte order mark": file_of(json.dumps({"w": tensor()}).encode("utf-8-sig"), bytes(8)),
    "a list": file_of(b"[]", b""),
    "a dtype of its own": header_of(w=tensor(dtype="F9")),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("reader", [specs.plan, fastinit.audit], ids=["plan", "audit"])
def test_each_kind_of_damage_is_refused_by_name(tmp_path, kind, reader):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(NAMED[kind])
    with pytest.raises(ValueError, match=r"damaged\.safetensors is no safetensors file that can be read: "):
        reader(str(path))


def test_a_file_without_damage_is_read(tmp_path):
    (tmp_path / "right.safetensors").write_bytes(header_of(__metadata__={"a": "b"}, w=tensor()))
    assert [t.shape for t in read_header(tmp_path / "right.safetensors").tensors] == [(2,)]


def test_bytes_behind_the_last_tensor_are_refused(tmp_path):
    path = tmp_path / "longer.safetensors"
    path.write_bytes(GOOD + b"more")
    with pytest.raises(ValueError, match=r"longer\.safetensors is no safetensors file that can be read"):
        read_files(path)
