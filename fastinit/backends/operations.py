"""What a generator needs beside fills, in NumPy and Python around a backend's fills."""

from __future__ import annotations

from fastinit.backends import choices, composed, orders, products, searches
from fastinit.backends.generator_requests import Operations
from fastinit.backends.request import Fill


def operations_with(fill: Fill, shuffle: orders.ShuffleBuckets) -> Operations:
    """The functions of a backend that fills by `fill`."""
    return Operations(
        orders.shuffle_with(fill, shuffle),
        orders.distinct,
        searches.search_with(fill),
        choices.take,
        choices.choose_with(fill),
        products.product,
        composed.dirichlet_with(fill),
        composed.noncentral_chisquare_with(fill),
    )
