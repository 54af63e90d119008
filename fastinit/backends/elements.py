"""The element types of the catalogue as NumPy dtypes."""

from __future__ import annotations

from typing import NamedTuple

import ml_dtypes
import numpy as np

from fastinit.backends import catalogue
from fastinit.runtime.types import Real


class ElementType(NamedTuple):
    """An element type: its name, NumPy's dtype, the type that backends store it as, the one that values are computed in."""

    name: str
    dtype: np.dtype
    storage: type[np.generic]
    real: Real


def _element_type(element: catalogue.Element) -> ElementType:
    library = ml_dtypes if element.library == "ml_dtypes" else np
    return ElementType(
        element.name, np.dtype(getattr(library, element.name)), getattr(np, element.storage), getattr(np, element.real)
    )


ELEMENT_TYPES = {name: _element_type(element) for name, element in catalogue.ELEMENTS.items()}
"""All element types by name, in the catalogue's order."""
