"""Tensors from the meta device lie in one mapping, and otherwise behave as tensors with memory of their own do."""

import copy
import io
import itertools
import mmap
import pickle
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from fastinit.core import fill
from fastinit.runtime import huge_pages
from fastinit.torch import build, init_

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="one mapping is for Linux' huge pages")
WIDTH, LAYERS = 1024, 6  # 4 MiB of weights a layer


def layers(number=LAYERS, width=WIDTH):
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(number)))


@pytest.fixture(scope="module")
def built():
    return build(layers, seed=0)


def span(tensor):
    return tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes


def test_the_tensors_follow_each_other_in_memory(built):
    spans = sorted(map(span, built.state_dict().values()))
    assert all(0 <= start - end < 64 for (_, end), (start, _) in itertools.pairwise(spans))
    assert all(start % 64 == 0 for start, _ in spans)


def test_each_tensor_has_a_storage_of_its_own(built):
    for tensor in built.parameters():
        assert (tensor.storage_offset(), tensor.untyped_storage().nbytes()) == (0, tensor.nbytes)
        assert not tensor._is_view() and tensor.is_leaf


def test_the_values_are_those_of_tensors_with_memory_of_their_own(built):
    alone = layers()
    init_(alone, seed=0, overwrite=True)
    assert all(torch.equal(a, b) for a, b in zip(built.parameters(), alone.parameters(), strict=True))


def test_a_small_model_gets_memory_as_before():
    model = build(layers, 3, 64)
    assert all(tensor.untyped_storage().resizable() for tensor in model.parameters())


def test_strides_and_ties_stay():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.filters = nn.Conv2d(256, 512, 3).to(memory_format=torch.channels_last)
            self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            self.second.weight = self.first.weight

    model = build(Tied)
    assert model.filters.weight.is_contiguous(memory_format=torch.channels_last)
    assert model.second.weight is model.first.weight
    assert not model.filters.weight.untyped_storage().resizable()


def test_a_saved_tensor_is_as_large_as_itself(built):
    file = io.BytesIO()
    torch.save(built[0].bias, file)
    assert file.tell() < 3 * built[0].bias.nbytes
    assert torch.equal(torch.load(io.BytesIO(file.getvalue())), built[0].bias)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"]
)
def test_copies_have_the_values_and_other_memory(built, copied):
    for new, old in zip(copied(built).parameters(), built.parameters(), strict=True):
        assert torch.equal(new, old) and new.data_ptr() != old.data_ptr()


def test_memory_is_not_resized_beyond_itself():
    tensor = build(layers)[0].weight.detach()
    with pytest.raises(RuntimeError, match="not resizable"):
        tensor.resize_(WIDTH + 1, WIDTH)
    assert tensor.resize_(2, 3).shape == (2, 3)


def test_a_shared_model_keeps_its_values(built):
    model = build(layers, seed=0).share_memory()
    assert all(tensor.is_shared() for tensor in model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), built.parameters(), strict=True))


def _double(tensor):
    with torch.no_grad():
        tensor.mul_(2)


def test_a_tensor_is_shared_with_another_process(built):
    tensor = built[1].bias.detach().clone()
    sent = build(layers, seed=0)[1].bias.detach()
    process = torch.multiprocessing.get_context("fork").Process(target=_double, args=(sent.share_memory_(),))
    process.start()
    process.join()
    assert torch.equal(sent, 2 * tensor)


def test_a_tensor_that_is_freed_gives_its_pages_back(monkeypatch):
    released = []
    monkeypatch.setattr(huge_pages, "release", lambda *span: released.append(span))
    model = build(layers)
    gone = model[2].weight.data_ptr(), model[2].weight.nbytes
    model[2].weight = None
    assert released == [gone]


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def test_the_system_gets_the_memory_of_all_but_the_tensors_that_are_kept():
    model = build(layers, 16)
    kept, values = model[8].weight.detach(), model[8].weight.detach().clone()
    before = resident_bytes()
    del model
    assert before - resident_bytes() > 12 * kept.nbytes  # of 16, the rest for what else the process does
    assert torch.equal(kept, values)


@pytest.mark.parametrize(("start", "nbytes", "given"), [(0, 8192, (0, 8192)), (100, 8192, (4096, 4096)), (100, 4096, None)])
def test_only_whole_pages_are_given_back(monkeypatch, start, nbytes, given):
    calls = []
    monkeypatch.setattr(huge_pages, "_madvise", lambda: lambda *call: calls.append(call))
    monkeypatch.setattr(huge_pages.mmap, "PAGESIZE", 4096)
    huge_pages.release(start, nbytes)
    assert calls == ([] if given is None else [(*given, huge_pages.MADV_DONTNEED)])


def test_memory_that_nothing_was_written_to_gets_ordinary_stores(monkeypatch):
    def noted(write, flat, nontemporal, has_threads):
        stores.append("non-temporal" if nontemporal else "ordinary")
        return stock(write, flat, nontemporal, has_threads)

    stores, stock = [], fill.fill_contiguous
    monkeypatch.setattr(fill, "fill_contiguous", noted)
    monkeypatch.setattr(fill, "NONTEMPORAL_BYTES", 2**20)
    model = build(layers, 1)
    embeddings = build(nn.Embedding, 1024, 1024, padding_idx=0)
    assert stores == ["ordinary", "ordinary"]
    for again in (model, embeddings):
        init_(again, seed=0)
    assert stores[2:] == ["non-temporal", "non-temporal"]
