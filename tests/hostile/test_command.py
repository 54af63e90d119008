"""The command with damaged files: a result, or exit status 2 and one line; never a traceback."""

import pytest
from typer.testing import CliRunner

from fastinit.cli.app import app
from tests.hostile import header_mutations, toml_mutations

FEW, MANY = range(20), range(20, 500)
EACH = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]


def check(seed, *arguments):
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), (seed, arguments[0], done.exception)
    assert done.exit_code in (0, 1, 2), seed
    if done.exit_code == 2:
        assert done.output.startswith("fastinit: ") and done.output.count("\n") == 1, (seed, done.output)


@pytest.mark.parametrize("seeds", EACH)
def test_of_a_damaged_safetensors_file(tmp_path, seeds):
    path = tmp_path / "damaged.safetensors"
    for seed in seeds:
        path.write_bytes(header_mutations.mutated(seed))
        check(seed, "init", path, "-o", tmp_path / "new.safetensors", "--overwrite")
        check(seed, "audit", path)
        check(seed, "verify", path)
        check(seed, "verify", path, "mlp")
        check(seed, "diff", path, "mlp")


@pytest.mark.parametrize("seeds", EACH)
def test_of_a_damaged_toml_file(tmp_path, seeds):
    path = tmp_path / "damaged.toml"
    for seed in seeds:
        path.write_bytes(toml_mutations.mutated(seed))
        check(seed, "init", path, "-o", tmp_path / "new.safetensors", "--overwrite")
        check(seed, "init", path, "--dry-run")
        check(seed, "diff", path, "mlp")
