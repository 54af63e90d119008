"""Files with damaged headers: what the safetensors library opens is read, all else is refused in a sentence."""

import math
import re
from pathlib import Path

import pytest
from safetensors import SafetensorError, safe_open

import fastinit
from fastinit.files import checkpoint, specs
from fastinit.files.reading import read_files, read_header
from fastinit.files.safetensors_format import DTYPES
from tests.hostile.header_mutations import GOOD, mutated

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


def test_bytes_behind_the_last_tensor_are_refused(tmp_path):
    path = tmp_path / "longer.safetensors"
    path.write_bytes(GOOD + b"more")
    with pytest.raises(ValueError, match=r"longer\.safetensors is no safetensors file that can be read"):
        read_files(path)
