"""What is meant to be so is no finding: copies, computed tensors, integers that are what they should be."""

import math

import numpy as np
import pytest

import fastinit
from fastinit import audit
from fastinit.auditing import Finding
from fastinit.distributions import Constant, Normal, Slab, Slabs
from fastinit.initializers import Parts

W = Normal(0.0, 1.0)


def drawn(seed=0):
    return fastinit.fill_many(W, {"w": (64, 32)}, seed=seed)["w"]


def found(*args, **options):
    return [(f.severity, f.name, f.kind) for f in audit(*args, **options).findings]


def test_a_copy_by_design_is_a_note():
    report = audit({"a": drawn(), "b": drawn()}, {"a": W, "b": W}, copies={"b": "a"})
    assert report.findings == (Finding("b", "copy", "note", "has the values of 'a', as it should"),)
    assert report.ok and report.summary() == "2 tensors, 4,096 values: 0 errors, 0 warnings, 1 note"


def test_a_copy_that_differs_is_an_error():
    different = drawn()
    different[0, 0] += 1e-6
    assert found({"a": drawn(), "b": different}, copies={"b": "a"}) == [("error", "b", "no copy")]


@pytest.mark.parametrize("factor", [2, -0.5])
def test_a_copy_of_another_scale_is_a_note_where_its_distribution_says_so(factor):
    scaled = {"a": W, "b": Normal(0.0, abs(factor))}
    tensors = {"a": drawn(), "b": np.float32(factor) * drawn()}
    assert found(tensors, scaled, copies={"b": "a"}) == [("note", "b", "copy")]
    assert found(tensors | {"b": abs(factor) * drawn(1)}, scaled, copies={"b": "a"}) == [("error", "b", "no copy")]
    assert ("error", "b", "no copy") in found(tensors, {"a": W, "b": W}, copies={"b": "a"})


def test_what_is_no_copy_by_design_is_still_found():
    tensors = {"a": drawn(), "b": drawn(), "c": drawn()}
    assert found(tensors, copies={"b": "a"}) == [("warning", "c", "duplicate"), ("note", "b", "copy")]


@pytest.mark.parametrize("other", ["absent", "shape", "dtype"])
def test_nothing_is_said_of_a_copy_that_cannot_be_compared(other):
    tensors = {"a": drawn(), "shape": drawn(1)[1:], "dtype": drawn(2).astype(np.float16)}
    assert found(tensors, copies={"a": other}) == []


def test_a_copy_of_a_tensor_of_several_distributions_is_one_note():
    padded = Slabs((64, 32), (Slab((0, 0), (64, 32), W), Slab((0, 0), (1, 32), Constant(0.0))))
    values = fastinit.fill_many(padded, {"w": (64, 32)}, seed=0)["w"]
    tensors, expected = {"a": values, "b": values.copy()}, {"a": padded, "b": padded}
    assert found(tensors, expected, copies={"b": "a"}) == [("note", "b", "copy")]


MASK = np.triu(np.full((32, 32), -np.inf, np.float32), 1)
COMPUTED = {
    "a mask of infinity": MASK,
    "a mask of the least value": np.triu(np.full((32, 32), np.finfo(np.float32).min), 1),
    "all the same": np.ones((32, 32), np.float32),
    "frequencies": np.float32(10000.0) ** -np.linspace(0, 1, 64, dtype=np.float32),
    "steps": np.tile(np.arange(64, dtype=np.float32), (4, 1)),
}


@pytest.mark.parametrize("case", COMPUTED)
def test_computed_tensors_may_hold_anything_and_be_alike(case):
    values = COMPUTED[case]
    assert found({"a": values, "b": values.copy()}, computed=["a", "b"]) == []


def test_computed_tensors_may_not_hold_nan():
    values = COMPUTED["frequencies"].copy()
    values[3] = math.nan
    assert found({"a": values}, computed={"a"}) == [("error", "a", "NaN")]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize(("value", "findings"), [(1, []), (0, [("error", "n", "value")])])
def test_integers_are_compared_with_their_constant(dtype, value, findings):
    assert found({"n": np.full(5, value, dtype)}, {"n": Constant(1.0)}) == findings


def test_findings_of_several_layers_that_say_the_same_are_one_line():
    tensors = {f"h.{i}.w": drawn() for i in range(4)}
    report = audit(tensors, copies={f"h.{i}.w": "h.0.w" for i in range(1, 4)})
    assert [*report.lines_of_findings()] == [("note", "note: h.{1-3}.w: copy: has the values of 'h.0.w', as it should")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"copies": ["b", "a"]}, r"^copies must be a mapping from names to names, got \['b', 'a'\]$"),
        ({"computed": "a"}, r"^computed must be a collection of names, got 'a'$"),
        ({"computed": 3}, r"^computed must be a collection of names, got 3$"),
    ],
)
def test_other_arguments_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        audit({"a": drawn()}, **options)


def test_ties_of_a_plan_are_copies_by_design():
    plan = fastinit.Recipe([("*", W)], tied={"head": "embed"}).plan({"embed": (64, 32), "head": (64, 32)})
    assert found({"embed": drawn(), "head": drawn()}, plan) == [("note", "head", "copy")]
    assert found({"embed": drawn(), "head": drawn(1)}, plan) == [("error", "head", "no copy")]


def test_parts_that_a_whole_tensor_distribution_repeats_are_no_finding():
    """ICNR makes each filter four times; the same parts in a normal tensor are an error."""
    icnr = fastinit.initializers.ICNR("he_normal", scale=2)
    values = icnr((64, 32), seed=0, layout="io")
    assert found({"w": values}, {"w": icnr}, layout="io") == []
    assert found({"w": values}, {"w": "he_normal"}, layout="io") == [("error", "w", "repeated parts")]


MIMETIC = {
    "query": fastinit.initializers.MimeticAttention("query", heads=4),
    "key": fastinit.initializers.MimeticAttention("key", heads=4),
    "value": fastinit.initializers.MimeticAttention("value"),
    "output": fastinit.initializers.MimeticAttention("output"),
}


@pytest.mark.parametrize("seed", range(3))
def test_parts_of_mimetic_attention_share_a_stream_by_design(seed):
    """Query and key are made from one matrix, as are value and output: in tensors of one name, and in one fused tensor."""
    tensors = {name: part((64, 64), seed=seed, name="attention", layout="io") for name, part in MIMETIC.items()}
    fused = Parts(-1, tuple((1 / 3, MIMETIC[name]) for name in ("query", "key", "value")))
    tensors["fused"] = fused((64, 192), seed=seed, layout="io")
    assert found(tensors, {**MIMETIC, "fused": fused}, layout="io") == [] == found(tensors)
