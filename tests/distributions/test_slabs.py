"""What a tensor made of slabs says of itself: its regions, constants, scale, text, and what cannot be slabs."""

import math
import pickle

import numpy as np
import pytest

import fastinit
from fastinit.distributions import Constant, Normal, Slab, Slabs, Uniform
from fastinit.distributions.boxes import Box, Grid
from fastinit.distributions.slabs import Slices
from fastinit.initializers import Parts, Stacked, WithSlabs, distribution_of

NORMAL = Normal(0.0, 0.5)


def slabs(shape, *parts):
    return Slabs(shape, tuple(Slab(*part) for part in parts))


PADDED = slabs((5, 2), ((0, 0), (5, 2), NORMAL), ((0, 0), (1, 2), Constant(0.0), "a"))
MIDDLE = slabs((5, 2), ((0, 0), (5, 2), NORMAL), ((2, 0), (1, 2), Constant(0.0), "a"))
FUSED = Parts(-1, ((0.5, Stacked("ones")), (0.25, "zeros"), (0.25, Stacked("ones")))).distribution_for((3, 2, 8))
ALIKE = Parts(0, ((0.5, Normal(0.0, 0.5)), (0.5, Normal(0.0, 0.5)))).distribution_for((4, 6))
STACK = Stacked("orthogonal").distribution_for((3, 4, 5))


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        (PADDED, "Slabs([0] Constant(value=0.0), [1:] Normal(mean=0.0, std=0.5))"),
        (MIDDLE, "Slabs([:2] Normal(mean=0.0, std=0.5), [2] Constant(value=0.0), [3:] Normal(mean=0.0, std=0.5))"),
        (FUSED, "Slabs([:, :, :4] Constant(value=1.0), [:, :, 4:6] Constant(value=0.0), [:, :, 6:] Constant(value=1.0))"),
        (ALIKE, "Slabs([:] Normal(mean=0.0, std=0.5))"),
        (STACK, "Slabs([:] Orthogonal())"),
        (slabs((), ((), (), NORMAL)), "Slabs([...] Normal(mean=0.0, std=0.5))"),
    ],
    ids=str,
)
def test_the_text_names_each_region_as_an_index(distribution, text):
    assert repr(distribution) == text


def test_the_text_of_many_regions_is_short():
    many = slabs((20,), *(((i,), (1,), Constant(float(i))) for i in range(20)))
    assert repr(many).count("Constant") == 8 and repr(many).endswith(", and 12 more)")


@pytest.mark.parametrize("distribution", [PADDED, MIDDLE, FUSED, ALIKE, STACK], ids=str)
def test_regions_are_disjoint_and_cover_the_tensor(distribution):
    covered = np.zeros(distribution.shape, int)
    for box, _ in distribution.regions(distribution.shape):
        covered[box.slices] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize(
    ("distribution", "constant", "common", "elementwise"),
    [
        (PADDED, None, None, True),
        (FUSED, None, None, True),
        (ALIKE, None, NORMAL, True),
        (slabs((4,), ((0,), (2,), Constant(1.0)), ((2,), (2,), Normal(1.0, 0.0))), 1.0, None, True),
        (Stacked("ones").distribution_for((3, 4)), 1.0, Constant(1.0), True),
        (STACK, None, fastinit.orthogonal.distribution_for((4, 5)), False),
    ],
    ids=str,
)
def test_what_all_values_have_in_common_is_known(distribution, constant, common, elementwise):
    assert (distribution.constant_value, distribution.common) == (constant, common)
    assert distribution.is_elementwise is elementwise and distribution.only_shape == distribution.shape


def test_slabs_of_one_distribution_have_its_moments():
    assert ALIKE.has_density and ALIKE.moments() == NORMAL.moments()
    assert ALIKE.cdf(np.array([0.3])) == NORMAL.cdf(np.array([0.3])) and ALIKE.bounds == (-math.inf, math.inf)
    assert not PADDED.has_density
    with pytest.raises(ValueError, match="has no one distribution"):
        PADDED.moments()


def test_integers_are_the_one_constant():
    assert Stacked("ones").distribution_for((3, 4)).integer_value() == 1
    with pytest.raises(ValueError, match=r"integer tensors need one constant value, but Slabs.* has 2"):
        FUSED.integer_value()
    with pytest.raises(ValueError, match="is random"):
        PADDED.integer_value()


@pytest.mark.parametrize(
    "distribution", [PADDED, ALIKE, Stacked("he_normal").distribution_for((3, 4, 5), layout="io")], ids=str
)
def test_the_scale_is_that_of_every_slab(distribution):
    shape = distribution.shape
    doubled = fastinit.fill_many(distribution.times(2.0), {"w": shape})["w"]
    assert np.array_equal(doubled, 2 * fastinit.fill_many(distribution, {"w": shape})["w"])


def test_parameters_beyond_the_range_of_any_slab_are_refused():
    large = slabs((4,), ((0,), (2,), NORMAL), ((2,), (2,), Constant(1e300)))
    large.parameters(np.float64)
    with pytest.raises(ValueError, match="value must be within the range of float32"):
        large.parameters(np.float32)


@pytest.mark.parametrize("distribution", [PADDED, FUSED, STACK], ids=str)
def test_slabs_are_values(distribution):
    again = pickle.loads(pickle.dumps(distribution))
    assert again == distribution and hash(again) == hash(distribution)
    assert distribution != distribution.regions(distribution.shape)


@pytest.mark.parametrize("distribution", [PADDED, STACK], ids=str)
def test_slabs_serve_as_an_initializer_of_their_shape(distribution):
    assert distribution_of(distribution, distribution.shape) is distribution
    with pytest.raises(ValueError, match=r"only, got shape \(7,\)"):
        distribution_of(distribution, (7,))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Slab((0,), (1, 2), NORMAL), ValueError, r"start and shape must have a number for each axis, got \(0,\)"),
        (lambda: Slab((-1,), (1,), NORMAL), ValueError, r"start must have no negative length"),
        (lambda: Slab((0,), (1,), "zeros"), TypeError, "distribution must be a fastinit.distributions.Distribution"),
        (lambda: Slab((0,), (1,), NORMAL, 3), TypeError, "key must be a string or None, got 3"),
        (lambda: Slab((0, 0), (4, 5), ALIKE), ValueError, r"is for shape \(4, 6\) only, got a slab of shape \(4, 5\)"),
        (lambda: slabs((4,), ((0,), (5,), NORMAL)), ValueError, r"must lie within shape \(4,\), got one of shape \(5,\) at"),
        (lambda: slabs((4,), ((0, 0), (2, 2), NORMAL)), ValueError, r"must lie within shape \(4,\)"),
        (
            lambda: slabs((4, 3), ((0, 0), (4, 2), NORMAL)),
            ValueError,
            r"must cover all of shape \(4, 3\), got none for \[:, 2\]",
        ),
        (lambda: Slabs((4,), ("a",)), TypeError, "slabs must be fastinit.distributions.Slab, got 'a'"),
        (
            lambda: Slabs((4, 2), Slices((4, 3), NORMAL)),
            ValueError,
            r"must be the slices of shape \(4, 2\), got those of shape",
        ),
        (lambda: Slices((4, 2), STACK), ValueError, r"is for shape \(3, 4, 5\) only"),
        (lambda: WithSlabs("zeros"), TypeError, "slabs must be triples of a start, a shape and an initializer, got 'zeros'"),
        (lambda: WithSlabs([((0,), (1,))]), TypeError, "slabs must be triples of a start, a shape and an initializer"),
        (lambda: WithSlabs([((0,), (1,), 3)]), TypeError, "slabs must be a name, an initializer"),
        (lambda: WithSlabs([((0,), (9,), "ones")], "zeros").distribution_for((4,)), ValueError, "must lie within shape"),
        (lambda: WithSlabs([((0,), (1,), "ones")]).distribution_for((4,)), ValueError, "must cover all of shape"),
    ],
)
def test_what_cannot_be_slabs_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_axes_of_length_one_may_be_left_out():
    stack = slabs((2, 3, 4), ((0, 0, 0), (1, 3, 4), STACK_OF_ROWS), ((1, 0, 0), (1, 3, 4), NORMAL, "b"))
    assert stack.regions((2, 3, 4))[0].box == Box((0, 0, 0), (1, 1, 4))


STACK_OF_ROWS = slabs((3, 4), ((0, 0), (1, 4), Uniform(0.0, 1.0)), ((1, 0), (2, 4), Constant(0.0)))


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (2, 0), (1, 1)])
def test_shapes_without_axes_or_elements_have_slabs(shape):
    whole = Slabs(shape, (Slab((0,) * len(shape), shape, NORMAL),))
    assert fastinit.fill_many(whole, {"w": shape})["w"].shape == shape
    if shape:
        assert fastinit.initializers.stacked(shape, initializer="normal").shape == shape


def test_later_boxes_lie_on_earlier_ones():
    grid = Grid((4, 4), [Box((0, 0), (4, 4)), Box((1, 1), (2, 2)), Box((0, 0), (4, 4)), Box((3, 0), (1, 2))])
    assert grid.visible() == {2, 3} and grid.uncovered is None
    assert Grid((4,), [Box((1,), (2,))]).uncovered == Box((0,), (1,))
