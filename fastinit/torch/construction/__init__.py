"""Records how models construct themselves on the meta device, recognizes what they draw, and fills them by the record.

tape.py records operations, as steps.py describes them, in a recording.py; recognition.py says what they leave in each
storage, forms.py in each tensor; streams.py gives the draws their names; execution.py fills tensors, by replay.py where
steps have to be run again; records.py keeps it all with the modules. saving.py plans files of what was recorded.
"""

from fastinit.torch.construction.deferral import deferred
from fastinit.torch.construction.execution import replayed_by_torch
from fastinit.torch.construction.recipe import record
from fastinit.torch.construction.saving import file_plan

__all__ = ["deferred", "file_plan", "record", "replayed_by_torch"]
