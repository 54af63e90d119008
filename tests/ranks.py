"""Runs checks on ranks: processes of gloo, or this process as one rank of a process group that does nothing."""

import os
import pickle
import traceback
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.debug import _clear_sharding_prop_cache
from torch.testing._internal.distributed.fake_pg import FakeStore


def run_on_ranks(world, checks, folder):
    """Run all checks, {name: check(mesh, folder)}, on each of `world` gloo ranks; for each rank, what went wrong by name."""
    torch.multiprocessing.spawn(_rank, (world, checks, folder), nprocs=world)
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(world)]


def _rank(rank, world, checks, folder):
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world), LOCAL_RANK=str(rank))
    store = (folder / "store").as_uri()
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=world, timeout=timedelta(seconds=60))
    mesh = init_device_mesh("cpu", (world,))
    failures = {}
    for name, check in checks.items():
        try:
            check(mesh, folder)
        except Exception:
            failures[name] = traceback.format_exc()
        dist.barrier()
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(failures))
    dist.destroy_process_group()


class FakeRank:
    """This process as one rank of a process group whose collectives do nothing."""

    def __init__(self, rank, world):
        self.rank, self.world = rank, world

    def __enter__(self):
        _clear_sharding_prop_cache()  # it takes a mesh of another process group, with another rank, for this one
        dist.init_process_group("fake", store=FakeStore(), rank=self.rank, world_size=self.world)

    def __exit__(self, *exception):
        dist.destroy_process_group()


def cut_by_torch(full, mesh, placements):
    """This rank's part of the tensor, by torch's own code for each placement."""
    for dim, placement in enumerate(placements):
        if not isinstance(placement, Replicate):
            parts, _ = placement._split_tensor(full, mesh.size(dim), with_padding=False, contiguous=True)
            full = parts[mesh.get_coordinate()[dim]]
    return full
