"""What users write with recipes and audits, and the types that checkers must see in it."""

from typing import Any

import numpy.typing as npt
from typing_extensions import assert_type

import fastinit
from fastinit import auditing, distributions, recipes

own = fastinit.Recipe(
    [
        ("*.bias", "zeros"),
        ("head.*", "normal", {"std": 0.01}),
        ("*.norm.weight", distributions.Constant(1.0)),
        fastinit.Rule("*.c_proj.weight", fastinit.Normal(0.0, 0.002), ndim=2),
        *recipes.gpt2(depth=2),
    ],
    skip=["*.position_ids"],
    tied={"lm_head.weight": "wte.weight"},
)
shapes = {"wte.weight": (1000, 64), "h.0.c_proj.weight": (64, 64)}
plan = own.plan(shapes)
assert_type(plan, recipes.Plan)
assert_type(plan.distributions, dict[str, distributions.Distribution])
assert_type(plan.ties, dict[str, str])
for planned in plan:
    assert_type(planned.spec.name, str)
    assert_type(planned.distribution, distributions.Distribution | None)
    if planned.action == "tie":
        assert_type(planned.source, str | None)

weights = own.materialize(shapes, seed=0, dtype="bfloat16", skip=["head.*"], loaded={})
assert_type(weights, dict[str, npt.NDArray[Any]])

report = fastinit.audit(weights, plan.distributions)
assert_type(report, auditing.Report)
assert_type(report.ok, bool)
assert_type(report.findings, tuple[auditing.Finding, ...])
