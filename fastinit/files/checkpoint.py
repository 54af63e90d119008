"""Initial weights as safetensors files, written and verified in pieces: memory does not grow with the model.

Values of a whole-tensor distribution cannot be computed in pieces: of such tensors, or slabs, one at a time is in memory.

Nothing appears under a final name before all of it is written and synced; an error or an interrupt leaves no file behind.
Files of several shards get their names together, the index last; where runs share the work, or go on with that of one that
ended, each file gets its name as it is complete.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from glob import escape
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.batch import fill_batch
from fastinit.core.division import in_order
from fastinit.core.fill import fill, fill_piece
from fastinit.core.stream import Stream, stream_of
from fastinit.distributions import Distribution
from fastinit.files import safetensors_format as format
from fastinit.files.partial import PartialFile, check_final, publish, remove_abandoned
from fastinit.files.parts import WHOLE, Part
from fastinit.files.reading import read_header
from fastinit.files.safetensors_format import StoredTensor
from fastinit.files.syncer import Syncer
from fastinit.recipes import Plan, PlannedTensor
from fastinit.runtime import disk, threads
from fastinit.runtime.checks import shown
from fastinit.runtime.types import Array

PIECE_BYTES = 2**20  # a thread's buffer: it stays in the second-level cache between the fill and the copy to the file
SMALL_BYTES, MOST_IN_BATCH = 2**14, 500  # of a tensor that is computed with others in one call, and how many of them
MADE_TOGETHER = 2**22  # elements of which more are only made at a time where their values need one another

Progress = Callable[[int], None]
"""Called from any thread with the number of bytes just done."""

Use = Callable[[Array, int, int], None]
"""What is done with a piece: (its values, the position of the first in the tensor, their offset in the file)."""

Work = tuple[StoredTensor, Use]


@dataclass(frozen=True)
class FilePlan(Plan):
    """What is written to files: each tensor has a dtype and is drawn, computed, or kept, that is copied from `kept`.

    `computed`: by name, what gives the values, for a seed, of a tensor that is computed and has no distribution.
    `digests`: by name, the SHA-256 of the bytes of a tensor that was kept, for `verify` where there is no `kept`.
    """

    kept: Mapping[str, StoredTensor] = field(default_factory=dict)
    computed: Mapping[str, Callable[[int], Array]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The bytes of each tensor."""
        return tuple(format.nbytes(tensor.spec.shape, tensor.spec.dtype or "float32") for tensor in self)

    def nbytes(self) -> int:
        return sum(self.sizes)

    def digests_of_kept(self) -> dict[str, str]:
        """The `digests` of the tensors that are kept, which are read whole."""
        return {tensor.name: _digest(self.kept[tensor.name]) for tensor in self if tensor.action == "keep"}


def _digest(stored: StoredTensor) -> str:
    return hashlib.sha256(stored.values().view(np.uint8).data).hexdigest()


@dataclass
class Difference:
    """How a stored tensor differs from the recomputed one: `reason` in words, or how many `elements`, from `first` on."""

    name: str
    reason: str = ""
    dtypes: tuple[str, str] | None = None  # the file's and the expected one, where nothing but these was compared
    elements: int = 0
    first: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, elements: int, first: int) -> None:
        with self._lock:
            self.elements += elements
            self.first = first if self.first is None else min(self.first, first)

    def __str__(self) -> str:
        return self.reason or f"{self.elements:,} elements differ, the first at position {self.first:,}"


class Share(NamedTuple):
    """What one of several runs writes of a model's files; others write the rest, before it or beside it.

    `part`: which of the files, None for the index alone. `resume`: whether files that are complete stay as they are.
    """

    part: Part | None = WHOLE
    resume: bool = False

    @property
    def has_index(self) -> bool:
        """Whether it writes the index."""
        return self.part is None or self.part.number == 0

    def of(self, files: Sequence[Path]) -> list[Path]:
        return [] if self.part is None else self.part.of(files)


def target_files(path: Path, plan: FilePlan, shard_size: int | None) -> dict[Path, list[PlannedTensor]]:
    """The files that `write` makes for this plan, and what goes into each; the index is not among them."""
    shards = format.split_into_shards(plan.sizes, shard_size)
    names = format.shard_names(path.name, len(shards))
    return {path.parent / name: [plan.tensors[i] for i in shard] for name, shard in zip(names, shards, strict=True)}


def write(
    path: Path,
    plan: FilePlan,
    seed: int,
    *,
    metadata: Mapping[str, str] | None = None,
    shard_size: int | None = None,
    overwrite: bool = False,
    share: Share | None = None,
    progress: Progress = lambda nbytes: None,
) -> list[Path]:
    """Write the planned tensors to `path`, or to shards of at most `shard_size` bytes beside it; return the files written.

    FileExistsError where a file is there already and `overwrite` is false; OSError where there is no room, no permission or
    no such directory; ValueError for names, and headers, that the safetensors library does not take. In every such case, and
    when interrupted, all is as it was before.

    `share`: what other runs leave to this one. Its files get their names one by one, so that those which are complete stay
    when it ends early. ValueError where there are files by runs with another seed, SPEC, dtype or size of the shards.
    """
    return run_of(path, plan, metadata=metadata, shard_size=shard_size, share=share).write(seed, overwrite, progress)


def run_of(
    path: Path,
    plan: FilePlan,
    *,
    metadata: Mapping[str, str] | None = None,
    shard_size: int | None = None,
    share: Share | None = None,
) -> Run:
    """What `write` does with these arguments, to be looked at before."""
    return Run(path, plan, metadata or {}, target_files(path, plan, shard_size), share)


@dataclass(frozen=True)
class Run:
    """The files of a plan and the tensors in each, and which of them are written; `write` is the function of that name."""

    path: Path
    plan: FilePlan
    metadata: Mapping[str, str]
    shards: Mapping[Path, Sequence[PlannedTensor]]
    share: Share | None

    def check(self, overwrite: bool) -> None:
        """Whether it can begin: raise its errors. What writers that were killed have left there is removed first."""
        if self.share and self.share.part is None and len(self.shards) == 1:
            raise ValueError(f"{self.path} is the one file of this model, which has no index: --shard-size makes several")
        for file in self.own:
            self._begin(file)  # names and headers that no file can have
        if self.share and not overwrite:
            self._check_others()
        for final in self.to_write:
            check_final(final, overwrite)
        remove_abandoned(self.path.parent)
        free, nbytes = shutil.disk_usage(self.path.parent).free, self.plan_to_write().nbytes()
        if nbytes > free:
            raise OSError(f"no space for {nbytes:,} bytes in {self.path.parent}: {free:,} are free")

    def write(self, seed: int, overwrite: bool, progress: Progress) -> list[Path]:
        self.check(overwrite)
        with ExitStack() as together:
            files: list[PartialFile] = []
            for final in self.to_write:
                with ExitStack() if self.share else nullcontext(together) as named:
                    files.append(named.enter_context(PartialFile(final)))
                    self._write_one(files[-1].file, final, seed, progress)
                    if self.share:
                        publish(files[-1:], overwrite)
            if not self.share:
                publish(files, overwrite)
        return self.to_write

    def plan_to_write(self) -> FilePlan:
        """The plan of the tensors alone that are in the files to write."""
        return replace(self.plan, tensors=tuple(t for file in self.to_write for t in self.shards.get(file, ())))

    @cached_property
    def own(self) -> list[Path]:
        """The files of this run, the index last."""
        share = self.share or Share()
        return [*share.of([*self.shards]), *([_index_of(self.path)] if share.has_index and len(self.shards) > 1 else [])]

    @cached_property
    def to_write(self) -> list[Path]:
        """Its own files without those that are complete already."""
        is_resumed = self.share is not None and self.share.resume
        return [file for file in self.own if not (is_resumed and self._is_complete(file))]

    @cached_property
    def _layouts(self) -> dict[Path, tuple[bytes, list[StoredTensor]]]:
        """The headers of its files, or of all where it writes the index, and where each tensor lies."""
        specs = {file: (tensor.spec for tensor in tensors) for file, tensors in self.shards.items()}
        seen = self.shards if _index_of(self.path) in self.own else self.own
        return {file: format.layout(file, specs[file], self.metadata) for file in seen}

    def _begin(self, file: Path) -> tuple[bytes, int]:
        """What a file begins with, and how many bytes it has."""
        if file == _index_of(self.path):
            text = format.index_text([place for shard in self.shards for place in self._layouts[shard][1]]).encode()
            return text, len(text)
        header, places = self._layouts[file]
        return header, len(header) + sum(place.nbytes for place in places)

    def _write_one(self, opened: FileIO, file: Path, seed: int, progress: Progress) -> None:
        if file == _index_of(self.path):
            opened.write(self._begin(file)[0])
            disk.sync(opened.fileno())
        else:
            header, places = self._layouts[file]
            _write_file(opened, header, places, self.plan, seed, progress)

    def _is_complete(self, file: Path) -> bool:
        """Whether it is there with its length and header: under its name there is never an unfinished one."""
        begin, nbytes = self._begin(file)
        if not file.is_file() or file.stat().st_size != nbytes:
            return False
        with file.open("rb") as opened:
            return opened.read(len(begin)) == begin

    def _check_others(self) -> None:
        """ValueError where there are files of other runs that are parts of another model."""
        stem = escape(self.path.name.removesuffix(".safetensors"))
        for file in sorted(self.path.parent.glob(f"{stem}-[0-9]*-of-[0-9]*.safetensors")):
            if file not in self.shards:
                raise ValueError(
                    f"{file} is none of the {len(self.shards)} files of this model: its parts need one --shard-size"
                )
            said = {} if file in self.own else read_header(file).metadata
            unlike = sorted(key for key in said if said[key] != self.metadata.get(key))
            if unlike:
                raise ValueError(
                    f"{file} was made with {unlike[0]} {shown(said[unlike[0]])}, not {shown(self.metadata.get(unlike[0]))}: "
                    "parts of one model need one SPEC, --seed and --dtype"
                )


def _index_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".safetensors") + ".safetensors.index.json")


def verify(
    files: Mapping[Path, Sequence[StoredTensor]],
    plan: FilePlan,
    seed: int,
    *,
    progress: Progress = lambda nbytes: None,
) -> list[Difference]:
    """Recompute every planned value and compare the bits with the files'; return what differs, in the plan's order.

    A tensor that is missing, unexpected, or of another shape or dtype is a difference; its values are not compared.
    """
    stored = {tensor.name: tensor for tensors in files.values() for tensor in tensors}
    differences = {tensor.name: Difference(tensor.name) for tensor in plan}
    with ExitStack() as stack:
        opened = {path: stack.enter_context(path.open("rb")).fileno() for path in files}
        comparable: list[Work] = []
        digested: list[threads.Task] = []
        for spec in (tensor.spec for tensor in plan):
            difference, found = differences[spec.name], stored.get(spec.name)
            if found is None:
                difference.reason = "missing from the file"
            elif (found.shape, found.dtype) != (spec.shape, spec.dtype):
                difference.reason = f"is {found.dtype} {found.shape}, expected {spec.dtype} {spec.shape}"
                if found.shape == spec.shape:
                    difference.dtypes = found.dtype, spec.dtype or "float32"
            elif spec.name in plan.digests:
                digested.append(partial(_compare_digest, found, plan.digests[spec.name], difference, progress))
            else:
                comparable.append((found, partial(_compare_piece, opened[found.path], difference, progress)))
        threads.run(chain(_pieces(comparable, plan, seed), digested), threads.get_num_threads())
    unexpected = [Difference(name, "not expected in the file") for name in stored if name not in differences]
    return [d for d in differences.values() if d.reason or d.elements] + unexpected


def _write_file(
    file: FileIO, header: bytes, places: Sequence[StoredTensor], plan: FilePlan, seed: int, progress: Progress
) -> None:
    with Syncer(file.fileno()) as syncer:
        disk.write_at(file.fileno(), header, 0)

        def done(nbytes: int) -> None:
            syncer.written(nbytes)
            progress(nbytes)

        write_piece = partial(_write_piece, file.fileno(), done)
        threads.run(_pieces([(place, write_piece) for place in places], plan, seed), threads.get_num_threads())


def _pieces(work: Iterable[Work], plan: FilePlan, seed: int) -> Iterator[threads.Task]:
    """Tasks, each of which computes values of a tensor, or of some small ones, and passes them to the tensor's `use`."""
    for small, batch in _batches(work, plan):
        yield from [partial(_make_batch, batch, plan, seed)] if small else _pieces_of_each(batch, plan, seed)


def _batches(work: Iterable[Work], plan: FilePlan) -> Iterator[tuple[bool, list[Work]]]:
    """The work in order: small tensors of one dtype that are computed together, each other one alone; and which it is."""
    batch: list[Work] = []
    nbytes = 0
    for place, use in work:
        small = _is_small(place, plan[place.name])
        nbytes += place.nbytes
        if batch and (not small or place.dtype != batch[0][0].dtype or nbytes > PIECE_BYTES or len(batch) == MOST_IN_BATCH):
            yield True, batch
            batch, nbytes = [], place.nbytes
        if small:
            batch.append((place, use))
        else:
            yield False, [(place, use)]
            nbytes = 0
    if batch:
        yield True, batch


def _is_small(place: StoredTensor, planned: PlannedTensor) -> bool:
    distribution = planned.distribution
    is_drawn = distribution is not None and distribution.is_elementwise and place.dtype in ELEMENT_TYPES
    return is_drawn and planned.stream_name == place.name and 0 < place.nbytes <= SMALL_BYTES


def _make_batch(batch: Sequence[Work], plan: FilePlan, seed: int) -> None:
    outs: dict[str, Array] = {}
    at = 0
    for place, _ in batch:
        outs[place.name] = _buffers.values[at : at + place.nbytes].view(place.unit).reshape(place.shape)
        at += place.nbytes
    distributions = {name: distribution for name in outs if (distribution := plan[name].distribution) is not None}
    with threads.single_threaded():
        fill_batch(
            distributions, {name: out.shape for name, out in outs.items()}, seed, ELEMENT_TYPES[batch[0][0].dtype], outs
        )
    (first, use), (last, _) = batch[0], batch[-1]
    if all(other is use for _, other in batch) and last.offset + last.nbytes - first.offset == at:
        use(_buffers.values[:at].view(first.unit), 0, first.offset)  # tensors that lie side by side are written at once
        return
    for place, use in batch:
        use(outs[place.name].reshape(-1), 0, place.offset)


def _pieces_of_each(work: Iterable[Work], plan: FilePlan, seed: int) -> Iterator[threads.Task]:
    for place, use in work:
        planned = plan[place.name]
        distribution, stream, dtype = planned.distribution, stream_of(seed, planned.stream_name), place.unit
        step = PIECE_BYTES // dtype.itemsize
        if distribution is not None and distribution.is_elementwise:
            for first in range(0, place.size, step):
                n, offset = min(step, place.size - first), place.offset + first * dtype.itemsize
                yield partial(_make_piece, distribution, place.shape, stream, first, n, dtype, offset, use)
            continue
        at = 0
        for values in _values_together(place, plan, seed, stream):
            for first in range(0, values.size, step):
                offset = place.offset + (at + first) * dtype.itemsize
                yield partial(use, values[first : first + step], at + first, offset)
            at += values.size


def _values_together(place: StoredTensor, plan: FilePlan, seed: int, stream: Stream) -> Iterator[Array]:
    """The values of a tensor that is kept, or of those that are made together as few as can be; in order, 1-D."""
    distribution = plan[place.name].distribution
    if place.name in plan.computed:
        yield plan.computed[place.name](seed).reshape(-1)
    elif distribution is None:
        yield plan.kept[place.name].values()
    else:
        for box in in_order(distribution, place.shape, MADE_TOGETHER):
            yield fill(distribution, place.shape, seed=stream, dtype=place.unit, index=box.slices).reshape(-1)


def _compare_digest(stored: StoredTensor, digest: str, difference: Difference, progress: Progress) -> None:
    if _digest(stored) != digest:
        difference.reason = "is not as it was kept"
    progress(stored.nbytes)


class _Buffers(threading.local):
    """Each thread's own memory for the values of a piece, and for the bytes that a file has there."""

    def __init__(self) -> None:
        self.values, self.stored = np.empty(PIECE_BYTES, np.uint8), np.empty(PIECE_BYTES, np.uint8)


_buffers = _Buffers()


def _make_piece(
    distribution: Distribution,
    shape: tuple[int, ...],
    stream: Stream,
    first: int,
    n: int,
    dtype: np.dtype[Any],
    offset: int,
    use: Use,
) -> None:
    values = _buffers.values[: n * dtype.itemsize].view(dtype)
    fill_piece(distribution, shape, stream, first, values)
    use(values, first, offset)


def _write_piece(descriptor: int, done: Progress, values: Array, first: int, offset: int) -> None:
    disk.write_at(descriptor, values.view(np.uint8).data, offset)
    done(values.nbytes)


def _compare_piece(
    descriptor: int, difference: Difference, progress: Progress, values: Array, first: int, offset: int
) -> None:
    """Bits against bits, so that NaN equals itself and -0.0 differs from 0.0. Bytes that the file lacks differ."""
    stored = _buffers.stored[: values.nbytes]
    got = disk.read_at(descriptor, stored.data, offset)
    stored[got:] = ~values.view(np.uint8)[got:]
    bits = np.dtype(f"u{values.itemsize}")
    unequal = stored.view(bits) != values.view(bits)
    if unequal.any():
        difference.add(int(unequal.sum()), first + int(unequal.argmax()))
    progress(values.nbytes)
