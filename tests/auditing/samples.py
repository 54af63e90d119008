"""Tensors and audits that the tests of this folder share."""

import math

from fastinit.auditing import audit
from fastinit.core.fill import fill
from fastinit.distributions import Normal, TruncatedNormal, Uniform

W = Normal(0.0, 0.02)
DISTRIBUTIONS = {
    "normal": W,
    "shifted": Normal(0.5, 0.02),
    "uniform": Uniform(-0.05, 0.05),
    "one-sided": Uniform(0.0, 1.0),
    "truncated": TruncatedNormal(0.0, 0.02, -2.0, 2.0),
    "half": TruncatedNormal(0.0, 1.0, 0.0, math.inf),
    "far tail": TruncatedNormal(0.0, 1.0, 8.0, 9.0),
    "beyond the dtype's steps": TruncatedNormal(0.0, 1.0, 0.25, 0.250001),
}


def drawn(distribution=W, shape=(256, 256), dtype="float32", seed=0):
    return fill(distribution, shape, seed=seed, dtype=dtype)


def kinds(report):
    return [finding.kind for finding in report.findings]


def found(array, expected=None):
    """The findings of a model of one tensor."""
    return audit({"w": array}, None if expected is None else {"w": expected}).findings
