"""What a generator needs of the C backend beside fills."""

from __future__ import annotations

from fastinit.backends import c_choices, c_composed, c_orders, c_products, c_searches
from fastinit.backends.c import LEVELS
from fastinit.backends.generator_requests import Operations


def operations_at(name: str) -> Operations:
    """The functions of a level."""
    level = LEVELS[name]
    return Operations(
        c_orders.shuffle_at(level),
        c_orders.distinct,
        c_searches.search_at(level),
        c_choices.take,
        c_choices.choose_at(level),
        c_products.product_at(level),
        c_composed.dirichlet_at(level),
        c_composed.noncentral_chisquare_at(level),
    )
