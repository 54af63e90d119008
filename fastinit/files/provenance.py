"""What the metadata of a file says of how it was made: enough to make it again, and nothing of where that was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fastinit.core.stream import STREAM_VERSION
from fastinit.runtime.schema import STRING, TableOf
from fastinit.runtime.text_files import json_of

MOST_TEXT = 2**24  # bytes of a SPEC; beside a longer one tensors may not fit into the header
KEYS = tuple(f"fastinit.{key}" for key in ("spec", "seed", "dtype", "kept", "stream"))


@dataclass(frozen=True)
class Origin:
    """The SPEC's text ("" for one too long for a header), the seed, the dtype asked for, and digests of what was kept."""

    spec: str
    seed: int
    dtype: str | None = None
    kept: Mapping[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        """As a file has it."""
        spec = self.spec if len(self.spec.encode()) <= MOST_TEXT else ""
        kept = json.dumps(dict(self.kept), sort_keys=True) if self.kept else ""
        texts = (spec, str(self.seed), self.dtype or "", kept, STREAM_VERSION)
        return {key: text for key, text in zip(KEYS, texts, strict=True) if text}


def origin_of(headers: Iterable[Mapping[str, str]]) -> Origin | None:
    """What the metadata of the files of one model say; None where fastinit did not make them.

    ValueError where they say different things, something that fastinit never says, or name another version of the streams.
    """
    said = {tuple(metadata.get(key, "") for key in KEYS) for metadata in headers}
    if len(said) > 1:
        raise ValueError("the files say that they were made in different ways")
    spec, seed, dtype, kept, stream = said.pop() if said else [""] * len(KEYS)
    if not seed:
        return None
    if stream != STREAM_VERSION:
        raise ValueError(f"its values are of streams of version {stream!r}, those of this fastinit of {STREAM_VERSION}")
    if not (seed.isascii() and seed.isdigit()):
        raise ValueError(f"it says that its seed is {seed!r}, which is none")
    return Origin(spec, int(seed), dtype or None, _digests(kept))


def _digests(kept: str) -> dict[str, str]:
    digests: dict[str, str] = json_of(kept or "{}")
    try:
        TableOf(STRING, "kept").check("fastinit.kept", digests)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return digests
