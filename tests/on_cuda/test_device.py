"""What holds on the emulated device holds on this machine's: bits, index forms, strides, streams, graphs and errors."""

from tests.on_cuda.real import require_device

require_device()

from tests.cuda.claims import *  # noqa: E402, F403
