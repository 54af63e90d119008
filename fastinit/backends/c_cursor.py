"""The cursor of csrc/bindings/cursor.c: a stream read word by word, behind NumPy's BitGenerator interface."""

from __future__ import annotations

from fastinit._kernels import ffi as _ffi
from fastinit._kernels import lib as _lib
from fastinit.backends import current
from fastinit.backends.c import LEVELS


def _field(name: str) -> property:
    return property(lambda self: getattr(self.memory, name), lambda self, value: setattr(self.memory, name, value))


class Cursor:
    """Owns the fi_cursor in `memory`, at `address`; the fields are described in csrc/bindings/api.h."""

    def __init__(self, stream: tuple[int, int, int, int]) -> None:
        self.memory = _ffi.new("fi_cursor *")
        self.memory.level = LEVELS[current().level] if current().name == "c" else max(LEVELS.values())
        self.address = int(_ffi.cast("uintptr_t", self.memory))
        self.stream = stream
        self.used = len(self.memory.words)  # as if all were read: there are no words yet

    @property
    def stream(self) -> tuple[int, int, int, int]:
        return tuple(self.memory.stream)

    @stream.setter
    def stream(self, stream: tuple[int, int, int, int]) -> None:
        self.memory.stream = stream

    next_tile, tile, used, held = _field("next_tile"), _field("tile"), _field("used"), _field("held")

    def bind(self, bitgen_address: int) -> None:
        """Make the bitgen_t at this address read from the cursor, which must outlive it."""
        _lib.fi_bind(_ffi.cast("void *", bitgen_address), self.memory)

    def reload(self) -> None:
        """Generate the words again, after `stream` or `tile` was set."""
        _lib.fi_reload(self.memory)

    def take(self, tiles: int) -> int:
        """Reserve the next `tiles` tiles for the caller and return the first."""
        return int(_lib.fi_take(self.memory, tiles))
