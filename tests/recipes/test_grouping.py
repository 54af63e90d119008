"""Lines about tensors: layers that have the same are one line."""

import pytest

from fastinit.recipes.grouping import Entry, grouped, shortened


def lines(*names):
    """The names of the groups of tensors that all have the same."""
    return [group.name for group in grouped(Entry(name, "") for name in names)]


NAMES = {
    "a range": ([f"h.{i}.w" for i in range(32)], ["h.{0-31}.w"]),
    "gaps": ([f"h.{i}.w" for i in (0, 1, 2, 4, 6, 7)], ["h.{0-2,4,6,7}.w"]),
    "two": (["h.3.w", "h.4.w"], ["h.{3,4}.w"]),
    "out of order": (["h.2.w", "h.0.w", "h.1.w"], ["h.{0-2}.w"]),
    "two numbers": ([f"h.{i}.e.{j}.w" for i in range(3) for j in range(8)], ["h.{0-2}.e.{0-7}.w"]),
    "layers that differ": (
        [f"h.{i}.e.{j}.w" for i, n in ((0, 3), (1, 4), (2, 3)) for j in range(n)],
        ["h.{0,2}.e.{0-2}.w", "h.1.e.{0-3}.w"],
    ),
    "a number at either end": (["0", "1", "2.w", "3.w"], ["{0,1}", "{2,3}.w"]),
    "one alone": (["h.3.w"], ["h.3.w"]),
    "numbers within a word": (["conv1.w", "conv2.w"], ["conv1.w", "conv2.w"]),
    "numbers after a line or a slash": (["h_0/w", "h_1/w", "h/0", "h/1"], ["h_{0,1}/w", "h/{0,1}"]),
    "leading zeros": (["h.01.w", "h.02.w"], ["h.01.w", "h.02.w"]),
    "no numbers": (["w", "b"], ["w", "b"]),
    "none": ([], []),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_differ_by_numbers_only_are_one(case):
    names, expected = NAMES[case]
    assert lines(*names) == expected


def test_the_order_is_that_of_the_first_of_each():
    assert lines("embed", "h.0.a", "h.0.b", "norm", "h.1.a", "h.1.b") == ["embed", "h.{0,1}.a", "h.{0,1}.b", "norm"]


@pytest.mark.parametrize("different", [Entry("h.1.w", "ones"), Entry("h.1.w", "zeros", kind=(3, 4))])
def test_what_has_something_else_stands_alone(different):
    assert [group.name for group in grouped([Entry("h.0.w", "zeros"), different])] == ["h.0.w", "h.1.w"]


def test_every_member_is_named_once():
    names = [f"h.{i}.e.{j}.w" for i in range(5) for j in range(4) if (i, j) not in {(0, 1), (3, 3), (4, 0)}]
    assert sorted(name for group in grouped(Entry(name, "") for name in names) for name in group.members) == sorted(names)


def test_another_tensor_of_the_same_layer_has_the_numbers_of_the_group():
    (group,) = grouped(Entry(f"h.{i}.out", "tied to ", f"h.{i}.in") for i in range(4))
    assert (group.name, group.text) == ("h.{0-3}.out", "tied to h.{0-3}.in")


def test_another_tensor_of_one_layer_keeps_its_number():
    (group,) = grouped(Entry(f"h.{i}.w", "a copy of ", "h.0.w") for i in range(1, 4))
    assert (group.name, group.text) == ("h.{1-3}.w", "a copy of h.0.w")


def test_other_tensors_of_several_layers_are_several_groups():
    found = grouped(Entry(f"h.{i}.w", "a copy of ", f"h.{i - 1}.w") for i in range(1, 3))
    assert [(group.name, group.text) for group in found] == [("h.1.w", "a copy of h.0.w"), ("h.2.w", "a copy of h.1.w")]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Normal(mean=0.0, std=0.02)", "Normal(std=0.02)"),
        ("Normal(mean=1.0, std=0.02)", "Normal(mean=1.0, std=0.02)"),
        ("TruncatedNormal(mean=0.0, std=0.02, low=-2.0, high=2.0)", "TruncatedNormal(std=0.02, low=-2.0, high=2.0)"),
        ("Constant(value=-inf), then mul_(0.5)", "Constant(-inf), then mul_(0.5)"),
        ("Uniform(low=-0.22360679774997896, high=1.2345678e-05)", "Uniform(low=-0.223607, high=1.23457e-05)"),
        ("computed by arange, h.0.123456.w", "computed by arange, h.0.123456.w"),
    ],
)
def test_distributions_are_written_shortly(text, short):
    assert shortened(text) == short
