"""Damaged safetensors files, made from a seed: of each kind of damage that files from others have, and random ones."""

import json
import random
from collections.abc import Callable

import numpy as np
from safetensors.numpy import save

ARRAYS = {
    "wte.weight": np.zeros((6, 4), np.float16),
    "h.0.weight": np.ones((4, 3), np.float32),
    "h.0.bias": np.zeros(3, np.float32),
    "steps": np.zeros((), np.int64),
    "none": np.zeros((0, 4), np.float32),
}
GOOD = save(ARRAYS, metadata={"format": "pt"})

ODD_NUMBERS = [-1, -34, 0, 1, 7, 1.0, 0.5, True, None, "8", [], {}, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]
ODD_VALUES = [*ODD_NUMBERS, "", "F9", "f32", "BOOL", "F4", "\ud800", {"a": 1}, [0, 0], [None], [[1]], [True, 1], [1e3]]
ODD_NAMES = ["", "__metadata__", "w[/b]", "\x1b[31m", "a" * 10_000, "\u202e", "\n", "\0", "../w", "😀", "h.0.bias"]


def parts(file: bytes) -> tuple[dict, bytes]:
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def file_of(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def mutated(seed: int) -> bytes:
    """One damaged file; some of the damages leave it right."""
    rng = random.Random(seed)
    return rng.choice(MUTATIONS)(rng)


def _changed_entry(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    entry = header[rng.choice([*ARRAYS])]
    key = rng.choice([*entry, "more"])
    if key in ("shape", "data_offsets") and entry[key] and rng.random() < 0.7:
        entry[key][rng.randrange(len(entry[key]))] = rng.choice(ODD_NUMBERS)
    else:
        entry[key] = rng.choice(ODD_VALUES)
    return file_of(json.dumps(header).encode(), data)


def _shifted_offsets(rng: random.Random) -> bytes:
    """Overlapping and missing bytes, negative and huge offsets."""
    header, data = parts(GOOD)
    shift = rng.choice([-50, -4, -1, 1, 4, 10**6, 2**63])
    for name in rng.sample([*ARRAYS], rng.randint(1, len(ARRAYS))):
        header[name]["data_offsets"] = [offset + shift for offset in header[name]["data_offsets"]]
    return file_of(json.dumps(header).encode(), data)


def _without_a_part(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    entry = header[rng.choice([*ARRAYS])]
    del entry[rng.choice([*entry])]
    return file_of(json.dumps(header).encode(), data)


def _odd_metadata(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    header["__metadata__"] = rng.choice([*ODD_VALUES, {"a": "b"}, {"a": None}, {"a": ["b"]}, [["a", "b"]]])
    return file_of(json.dumps(header).encode(), data)


def _renamed(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    header[rng.choice(ODD_NAMES)] = header.pop(rng.choice([*ARRAYS]))
    return file_of(json.dumps(header).encode(), data)


def _twice(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    name = rng.choice([*header])
    text = json.dumps(header)[:-1] + f", {json.dumps(name)}: {json.dumps(header[rng.choice([*header])])}}}"
    return file_of(text.encode(), data)


def _without_elements(rng: random.Random) -> bytes:
    """Shapes that arrays cannot have, though they have no elements."""
    header, data = parts(GOOD)
    header["none"]["shape"] = rng.choice(
        [[0, 2**63 - 1], [2**63, 0], [2**62, 2, 0], [0] * 40, [2**40, 2**30, 0], [0, 2**64]]
    )
    return file_of(json.dumps(header).encode(), data)


def _many_axes(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    header["h.0.bias"]["shape"] = [1] * rng.choice([10, 32, 33, 64, 65, 1000]) + [3]
    return file_of(json.dumps(header).encode(), data)


def _cut_or_longer(rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return GOOD[: rng.randrange(len(GOOD))]
    return GOOD + rng.randbytes(rng.choice([1, 2, 8, 4096]))


def _odd_length(rng: random.Random) -> bytes:
    text, data = json.dumps(parts(GOOD)[0]).encode(), parts(GOOD)[1]
    odd = [0, 1, 2, 7, len(text) - 1, len(text) + 1, len(GOOD), 10**8, 10**8 + 1, 2**31, 2**63, 2**64 - 1]
    return file_of(text, data, rng.choice(odd))


def _other_text(rng: random.Random) -> bytes:
    header, data = parts(GOOD)
    text = json.dumps(header, ensure_ascii=False)
    deep = rng.choice([100, 126, 127, 128, 129, 2000, 100_000])
    nested = f'{text[:-1]}, "deep": {"[" * deep}{"]" * deep}}}'
    within = text.replace('"shape"', f'"more": {"[" * deep}{"]" * deep}, "shape"', 1)
    texts: list[bytes] = [
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"), text.encode("utf-8-sig"),
        b" " + text.encode(), text.encode() + b" " * 100, b"\0" + text.encode(), text.encode() + b"\0",
        b"\n\t" + text.encode(),
        text.replace("h.0.bias", "\ud800").encode("utf-8", "surrogatepass"), text.replace("h.0.bias", "\\ud800").encode(),
        text.replace("h.0.bias", "\xff").encode("latin-1"), nested.encode(), within.encode(), b"[]", b"{}", b"null", b"",
        json.dumps({"w": ["F32", [1], [0, 4]]}).encode(), text.replace(":", " :\t").encode(), text.encode() + b",",
        text.replace("[6, 4]", "[6.0, 4]").encode(), text.replace("[6, 4]", "[6e0, 4]").encode(),
        text.replace("[6, 4]", "[6, -4]").encode(), text.replace("[6, 4]", "[06, 4]").encode(),
        text.replace("[6, 4]", "[NaN, 4]").encode(), text.replace("[6, 4]", "[6, 4,]").encode(),
    ]  # fmt: skip
    return file_of(rng.choice(texts), data)


def _random_bytes(rng: random.Random) -> bytes:
    """A few bytes of the header are others."""
    length = int.from_bytes(GOOD[:8], "little")
    file = bytearray(GOOD)
    for _ in range(rng.randint(1, 3)):
        file[rng.randrange(8 + length)] = rng.choice([rng.randrange(256), *b'0123456789-."[]{},:e'])
    return bytes(file)


def _moved_text(rng: random.Random) -> bytes:
    """A part of the header is left out, doubled, or stands elsewhere."""
    text, data = json.dumps(parts(GOOD)[0]), parts(GOOD)[1]
    start, at = rng.randrange(len(text)), rng.randrange(len(text))
    piece = text[start : start + rng.randint(1, 40)]
    without = text.replace(piece, "", 1) if rng.random() < 0.7 else text
    made = rng.choice([without, without[:at] + piece + without[at:]])
    return file_of(made.encode(), data)


MUTATIONS: list[Callable[[random.Random], bytes]] = [
    _changed_entry, _changed_entry, _changed_entry, _shifted_offsets, _without_a_part, _odd_metadata, _renamed, _twice,
    _without_elements, _many_axes, _cut_or_longer, _odd_length, _other_text, _other_text, _random_bytes, _random_bytes,
    _moved_text,
]  # fmt: skip
