"""The scripts for PyTorch in README and its guides run as they stand."""

import re

import pytest

pytest.importorskip("torch")

import torch
import torch.distributed.checkpoint as dcp
from torch import nn

import fastinit.torch
from tests.pages import blocks, run_script


def test_readmes_model_is_initialized_as_printed_there(tmp_path):
    (expected,) = blocks("README.md", "")
    assert run_script("README.md", "deferred.py", tmp_path) == expected


def test_the_training_script_learns_and_repeats_itself(tmp_path):
    first, second = (run_script("docs/torch.md", "train.py", tmp_path) for _ in range(2))
    loss = re.fullmatch(r"loss (\d\.\d{4})\n", first)
    assert loss and float(loss[1]) < 2.0 and first == second  # ln 10 = 2.30 at the start


def test_a_model_that_is_built_is_one_that_was_deferred_and_its_record_a_table(tmp_path):
    assert "linear1.bias Uniform(low=-0.125, high=0.125)" in run_script("docs/torch.md", "build.py", tmp_path)


def test_the_model_of_hugging_face_is_initialized_from_its_config(tmp_path):
    pytest.importorskip("transformers")
    *lines, total = run_script("docs/torch.md", "from_config.py", tmp_path).splitlines()
    got = dict(line.split(maxsplit=1) for line in lines)
    assert got["model.layers.{0-3}.mlp.down_proj.weight"].split(maxsplit=1) == ["Normal(std=0.02)", "4 x (128, 352)"]
    assert len(got) == 3 + 9 + 2  # embedding, head and norm; a layer; two buffers of the rotary embedding
    assert total.startswith("41 tensors, 1,059,968 parameters, 2.1 MB") and "NOTHING" not in got.values()


def test_the_seed_checkpoint_of_two_ranks_holds_the_weights_of_a_single_process(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    run_script("docs/sharding.md", "torchrun --nproc-per-node 2 fsdp2.py", tmp_path, *launcher)
    layers = dict(num_encoder_layers=2, num_decoder_layers=2, dim_feedforward=256)
    single = fastinit.torch.build(nn.Transformer, d_model=64, nhead=4, **layers, seed=0)
    loaded = {name: torch.empty_like(tensor) for name, tensor in single.state_dict().items()}
    dcp.load(loaded, checkpoint_id=tmp_path / "seed", no_dist=True)
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in single.state_dict().items())
