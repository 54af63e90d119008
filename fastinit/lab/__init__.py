"""The lab: is a network's signal sound at its initialization, and which initialization trains it best.

    print(fastinit.lab.inspect(model, batch))          # layer by layer beside the theory, and what is wrong, in words
    recipe = fastinit.lab.suggest(model, batch)        # rules, each with its reason
    fastinit.torch.init_(model, recipe, seed=0)
    print(fastinit.lab.compare(make_model, (x, y), ["torch", "he_normal", recipe]))  # trains, tests, and gives a verdict

Nothing that is looked at is changed: not the parameters, buffers, gradients and modes of a model, nor torch's generators.
"""

from fastinit.runtime.installation import install_hint

try:
    import scipy as _scipy  # noqa: F401
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(f"fastinit.lab needs {error.name}: {install_hint('lab')}") from None

from fastinit.lab.comparison import compare
from fastinit.lab.depth_scales import DepthScale, depth_scale
from fastinit.lab.findings import Finding
from fastinit.lab.inspecting import Inspection, inspect
from fastinit.lab.result import Comparison
from fastinit.lab.search import search
from fastinit.lab.suggestion import Suggestion, suggest
from fastinit.lab.tasks import Supervised
from fastinit.lab.theory import MeanField
from fastinit.lab.touring import tour
from fastinit.lab.writing import write_report

__all__ = ["DepthScale", "Finding", "Inspection", "MeanField", "Suggestion", "depth_scale", "inspect", "suggest"]
__all__ += ["Comparison", "Supervised", "compare", "search", "tour", "write_report"]
