"""Reading others' files: an index is followed to the files in its own folder alone, and must say what these hold."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from fastinit import recipes
from fastinit.files import specs
from fastinit.files.reading import read_files, read_header


@pytest.fixture
def folder(tmp_path):
    """A folder with two files, and one above it."""
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"a": np.zeros(3, np.float32)}, folder / "1.safetensors", {"made by": "somebody"})
    save_file({"b": np.ones(4, np.float32), "c": np.ones(2, np.float32)}, folder / "2.safetensors")
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "outside.safetensors")
    return folder


def index(folder, content):
    path = folder / "model.safetensors.index.json"
    path.write_text(content if isinstance(content, str) else json.dumps({"weight_map": content}))
    return path


def test_the_tensors_of_all_files_that_an_index_names_are_read(folder):
    path = index(folder, {"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"})
    assert {file.name: [tensor.name for tensor in all] for file, all in read_files(path).items()} == {
        "1.safetensors": ["a"],
        "2.safetensors": ["b", "c"],
    }


def test_an_index_may_name_files_in_folders_within_its_own(folder):
    (folder / "parts").mkdir()
    os.replace(folder / "1.safetensors", folder / "parts" / "1.safetensors")
    assert [*read_files(index(folder, {"a": "parts/1.safetensors"}))] == [folder / "parts" / "1.safetensors"]


@pytest.mark.parametrize(
    "name", ["../outside.safetensors", "x/../../outside.safetensors", "{above}/outside.safetensors", "", ".", "..", "a\0b",
             "..\\outside.safetensors", "C:\\outside.safetensors", "\\\\server\\outside.safetensors"],
)  # fmt: skip
def test_an_index_that_leads_out_of_its_folder_is_refused(folder, name):
    path = index(folder, {"a": name.format(above=folder.parent)})
    with pytest.raises(ValueError, match=r"index.json is no index .* it names .*, which is no file in its own folder"):
        read_files(path)


@pytest.mark.parametrize(
    "others", [[], ["model-1-of-2.safetensors", "another-00001-of-00002.safetensors", "model.safetensors"]]
)
def test_a_missing_index_without_shards_is_a_missing_file(folder, others):
    for name in others:
        (folder / name).touch()
    with pytest.raises(FileNotFoundError) as refusal:
        read_files(folder / "model.safetensors.index.json")
    assert refusal.value.strerror == "No such file or directory"


def test_an_index_that_names_a_tensor_its_file_lacks_is_refused(folder):
    path = index(folder, {"a": "1.safetensors", "b": "1.safetensors"})
    with pytest.raises(ValueError, match=r"says that tensor 'b' is in 1\.safetensors, which has no such tensor"):
        read_files(path)


def test_an_index_of_two_files_with_one_tensor_is_refused(folder):
    path = index(folder, {"a": "1.safetensors", "ab": "2.safetensors"})
    save_file({"a": np.zeros(3, np.float32), "ab": np.zeros(3, np.float32)}, folder / "2.safetensors")
    with pytest.raises(ValueError, match="names two files that both have tensor 'a'"):
        read_files(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"w": 5}, "the file of 'w' must be a string, got 5"),
        (["w"], "weight_map must be a table of names and strings, got ['w']"),
        ("{}", "the file needs `weight_map`, got {}"),
        ("[]", "the file must be a table, got []"),
        ("", "Expecting value"),
        ('{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}', "key 'a' stands twice in a table"),
        (f'{{"weight_map": {"[" * 100_000}', "its tables and lists are nested more than 32 deep"),
        (f'{{"weight_map": {"9" * 5000}}}', "Exceeds the limit"),
        ("\ufeff{}", "Unexpected UTF-8 BOM"),
    ],
)
def test_an_index_of_the_wrong_form_is_refused_in_a_sentence(folder, content, message):
    path = index(folder, content)
    with pytest.raises(ValueError) as refusal:
        read_files(path)
    assert str(refusal.value).startswith(f"{path} is no index of safetensors files: {message}")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_text_that_is_not_in_utf_8_is_refused(folder, encoding):
    path = index(folder, "{}")
    path.write_bytes('{"weight_map": {"é": "1.safetensors"}}'.encode(encoding))
    with pytest.raises(ValueError, match=r"it is no text in UTF-8: byte 0x\w\w at position "):
        read_files(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("name", ["x.toml", "x.safetensors", "x.safetensors.index.json"])
@pytest.mark.parametrize("reader", [specs.plan, recipes.load], ids=["plan", "load"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name, reader):
    os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match=r"it is a pipe, a socket or a device, and no file: '.*x\."):
        reader(str(tmp_path / name))


def test_a_folder_is_refused_as_one(tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(IsADirectoryError):
        read_files(tmp_path / "x.safetensors")


def test_metadata_is_read_beside_the_tensors(folder):
    assert read_header(folder / "1.safetensors").metadata == {"made by": "somebody"}
    assert read_header(folder / "2.safetensors").metadata == {}


@pytest.mark.parametrize(
    "installed", [None, SimpleNamespace(safe_open=object, SafetensorError=ValueError)], ids=["none", "old"]
)
def test_without_the_library_or_with_an_old_one_it_says_what_to_install(folder, monkeypatch, installed):
    monkeypatch.setitem(sys.modules, "safetensors", installed)
    with pytest.raises(ImportError, match=r"needs safetensors 0\.8: pip install -U safetensors"):
        read_files(folder / "1.safetensors")
