"""Damaged TOML files: a plan, or an error of one sentence that begins with the path; never another error, nor a wait."""

from pathlib import Path

import pytest

from fastinit import recipes
from fastinit.files import specs
from tests.hostile.toml_mutations import mutated

FEW, MANY = range(300), range(300, 5000)
LONGEST = 6000  # characters: the names that an error lists, and one of 5000 characters


def check(reader, path: Path, seed: int) -> bool:
    """Whether it is read."""
    path.write_bytes(mutated(seed))
    try:
        reader(str(path))
    except OSError as error:
        assert error.filename is not None, seed  # `like` names a file that is not there
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"{path}: ") and len(text) - len(str(path)) < LONGEST, (seed, text)
        assert "sys.set_int_max_str_digits" not in text, seed
    else:
        return True
    return False


@pytest.mark.parametrize("reader", [specs.plan, recipes.load], ids=["plan", "load"])
@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path, reader, seeds):
    read = sum(check(reader, tmp_path / "damaged.toml", seed) for seed in seeds)
    assert read > len(seeds) // 50  # both ends are tried
