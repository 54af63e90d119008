"""Several runs share the files of a model: together they write what one run writes, and one goes on where another ended."""

import json

import pytest
from typer.testing import CliRunner

import fastinit
from fastinit.cli.app import app
from fastinit.distributions import Normal
from fastinit.files import checkpoint
from fastinit.files.checkpoint import FilePlan, Share, write
from fastinit.files.parts import Part, part_of
from fastinit.recipes import PlannedTensor, TensorSpec

PLAN = FilePlan(tuple(
    PlannedTensor(TensorSpec(f"layer{i}", (300 + i,), "float32" if i % 2 else "float64"), "draw", Normal(0.0, 1.0))
    for i in range(10)
))  # fmt: skip
OPTIONS = {"shard_size": 5000, "metadata": {"format": "pt", "fastinit.seed": "3"}}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def folder(tmp_path, name):
    made = tmp_path / name
    made.mkdir()
    return made, made / "model.safetensors"


@pytest.fixture
def whole(tmp_path):
    """The files of one run, by name."""
    made, path = folder(tmp_path, "whole")
    write(path, PLAN, 3, **OPTIONS)
    return contents(made)


@pytest.mark.parametrize("total", [1, 2, 3, 5, 64])  # fewer than the files, and more
def test_the_parts_together_are_the_files_of_one_run(whole, total, tmp_path):
    made, path = folder(tmp_path, "parts")
    for number in reversed(range(total)):
        write(path, PLAN, 3, share=Share(Part(number, total)), **OPTIONS)
    assert contents(made) == whole and len(whole) > 5


def test_each_file_is_in_exactly_one_part_and_parts_are_of_equal_size():
    for n in range(20):
        for total in range(1, 9):
            parts = [Part(number, total).of(range(n)) for number in range(total)]
            assert [file for part in parts for file in part] == [*range(n)]
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_share_of_the_index_alone_writes_nothing_else(whole, tmp_path):
    made, path = folder(tmp_path, "index")
    write(path, PLAN, 3, share=Share(None), **OPTIONS)
    assert contents(made) == {name: text for name, text in whole.items() if name.endswith(".json")}


def test_what_is_complete_is_kept_and_the_rest_is_written(whole, tmp_path):
    made, path = folder(tmp_path, "resumed")
    first, *others = sorted(name for name in whole if name.endswith(".safetensors"))
    (made / first).write_bytes(whole[first])
    kept = (made / first).stat().st_mtime_ns
    written = write(path, PLAN, 3, share=Share(resume=True), **OPTIONS)
    assert [file.name for file in written] == [*others, "model.safetensors.index.json"]
    assert contents(made) == whole and (made / first).stat().st_mtime_ns == kept
    assert write(path, PLAN, 3, share=Share(resume=True), **OPTIONS) == []


def test_what_was_complete_stays_when_a_run_with_a_share_fails(whole, tmp_path, monkeypatch):
    made, path = folder(tmp_path, "failed")
    finished, write_file = [], checkpoint._write_file

    def fail(*args):
        if len(finished) == 2:
            raise OSError("disk")
        write_file(*args)
        finished.append(args)

    monkeypatch.setattr(checkpoint, "_write_file", fail)
    with pytest.raises(OSError, match="disk"):
        write(path, PLAN, 3, share=Share(), **OPTIONS)
    names = sorted(whole)[:2]
    assert contents(made) == {name: whole[name] for name in names}


@pytest.mark.parametrize("damage", ["cut", "another header"])
def test_an_incomplete_file_is_not_kept_and_not_replaced_unasked(whole, tmp_path, damage):
    made, path = folder(tmp_path, "damaged")
    name = min(whole)
    right = whole[name]
    (made / name).write_bytes(right[:-1] if damage == "cut" else right.replace(b"layer0", b"layerX"))
    with pytest.raises(FileExistsError, match="exists already"):
        write(path, PLAN, 3, share=Share(resume=True), **OPTIONS)
    write(path, PLAN, 3, share=Share(resume=True), overwrite=True, **OPTIONS)
    assert contents(made) == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"format": "pt", "fastinit.seed": "4"}}, "was made with fastinit.seed '3', not '4'"),
        ({"shard_size": 8000}, "its parts need one --shard-size"),
    ],
    ids=["seed", "shard size"],
)
def test_a_part_beside_those_of_another_model_is_refused_before_a_byte_is_written(tmp_path, change, message):
    made, path = folder(tmp_path, "mixed")
    write(path, PLAN, 3, share=Share(Part(1, 3)), **OPTIONS)
    before = contents(made)
    with pytest.raises(ValueError, match=message):
        write(path, PLAN, 3, share=Share(Part(2, 3)), **{**OPTIONS, **change})
    assert contents(made) == before


def test_an_index_of_one_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is the one file of this model, which has no index"):
        write(tmp_path / "model.safetensors", PLAN, 3, share=Share(None))


@pytest.mark.parametrize(("text", "part"), [("0/1", (0, 1)), ("3/64", (3, 64)), (" 63/64 ", (63, 64))])
def test_a_part_is_written_as_a_number_of_a_total(text, part):
    assert part_of(text) == part


@pytest.mark.parametrize("text", ["", "3", "64/64", "0/0", "-1/4", "1.0/4", "1/4/5", "a/b", "1/99999999999"])
def test_any_other_text_is_no_part(text):
    with pytest.raises(ValueError, match="must be K/N for one of the parts 0/N to N-1/N, as 3/64, got"):
        part_of(text)


# ---- the command, within this process ----


def ran(*arguments, status=0):
    """What it prints."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == status, done.output
    return " ".join(done.output.split())


@pytest.fixture
def spec(tmp_path):
    """A model of five tensors of 8000 bytes."""
    path = tmp_path / "spec.toml"
    tensors = "\n".join(f"layer{i} = [40, 50]" for i in range(5))
    path.write_text(f'rules = [{{ match = "*", init = "he_normal" }}]\n[tensors]\n{tensors}\n')
    return path


@pytest.fixture
def index(spec, tmp_path):
    """The index of its five files."""
    ran("init", spec, "-o", tmp_path / "m.safetensors", "--shard-size", "9KB", "--part", "0/1")
    return tmp_path / "m.safetensors.index.json"


def test_verify_looks_at_the_files_of_its_part_alone(index, tmp_path):
    (tmp_path / "m-00001-of-00005.safetensors").write_bytes(b"nothing")
    assert "all 3 tensors of part 1/2 are as seed 0 makes them" in ran("verify", index, "--part", "1/2")
    assert "is no safetensors file that can be read" in ran("verify", index, "--part", "0/2", status=2)


def test_verify_of_a_part_names_the_tensor_that_differs(index, tmp_path):
    file = tmp_path / "m-00004-of-00005.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert "layer3: 1 elements differ" in ran("verify", index, "--part", "1/2", status=1)
    assert "all 2 tensors of part 0/2" in ran("verify", index, "--part", "0/2")


def test_verify_of_part_0_also_names_tensors_that_no_file_has(index, spec, tmp_path):
    more = tmp_path / "more.toml"
    more.write_text(spec.read_text() + "further = [3, 4]\n")
    said = json.loads(ran("verify", index, more, "--part", "0/2", "--json", status=1))
    assert [(one["name"], one["difference"]) for one in said["different"]] == [("further", "missing from the file")]
    assert "all 3 tensors of part 1/2" in ran("verify", index, more, "--part", "1/2")


def test_missing_files_are_named_together(index, tmp_path):
    for number in (2, 4):
        (tmp_path / f"m-0000{number}-of-00005.safetensors").unlink()
    names = "'m-00002-of-00005.safetensors', 'm-00004-of-00005.safetensors'"
    assert f"names 2 of 5 files that are not there: {names}" in ran("verify", index, status=2)


def test_audit_measures_the_tensors_of_its_part_alone(index, spec):
    report = json.loads(ran("audit", index, "--spec", spec, "--part", "1/2", "--json"))
    assert [row["name"] for row in report["tensors"]] == ["layer2", "layer3", "layer4"] and report["ok"]
    assert [row.name for row in fastinit.audit(str(index), part=(0, 2)).tensors] == ["layer0", "layer1"]


@pytest.mark.parametrize("part", [(2, 2), (-1, 2), (0, 0), (0.0, 2), "0/2", (0, 1, 2)])
def test_audit_refuses_what_is_no_part(index, part):
    with pytest.raises(ValueError, match="part must be \\(k, n\\) of integers, 0 <= k < n, got"):
        fastinit.audit(str(index), part=part)


def test_a_part_of_one_file_is_refused(index, tmp_path):
    one = tmp_path / "m-00001-of-00005.safetensors"
    message = "is one file: --part is for the files of a .safetensors.index.json"
    assert message in ran("verify", one, "--part", "0/2", status=2)
    with pytest.raises(ValueError, match="part is for the files of an index"):
        fastinit.audit({"w": fastinit.normal(100, seed=0)}, part=(0, 2))


def test_init_says_which_files_it_keeps(index, spec, tmp_path):
    missing = tmp_path / "m-00003-of-00005.safetensors"
    missing.unlink()
    options = "--shard-size", "9KB", "--resume", "--json"
    said = json.loads(ran("init", spec, "-o", tmp_path / "m.safetensors", *options))
    assert said["files"] == [str(missing)] and said["tensors"] == 1
    assert said["kept"] == sorted(str(path) for path in tmp_path.glob("m*") if path != missing)
    assert "all 5 tensors are as seed 0 makes them" in ran("verify", index)


def test_a_dry_run_of_a_part_lists_its_tensors(spec, tmp_path):
    options = "--shard-size", "9KB", "--part", "1/5", "--dry-run", "--json"
    said = json.loads(ran("init", spec, "-o", tmp_path / "m.safetensors", *options))
    assert [tensor["name"] for tensor in said["tensors"]] == ["layer1"] and [*tmp_path.glob("m*")] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--part", "5/5"), "must be K/N for one of the parts 0/N to N-1/N, as 3/64, got '5/5'"),
        (("--part", "0/5", "--index"), "--index writes the index alone: it cannot be given with --part"),
    ],
)
def test_init_refuses_parts_that_there_are_not(spec, tmp_path, options, message):
    assert message in ran("init", spec, "-o", tmp_path / "m.safetensors", *options, status=2)
    assert [*tmp_path.glob("m*")] == []
