"""docs/learn.md and gallery.md: each picture is there, can be read, and has the command that draws it."""

import importlib.util
import re
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")

from tests.pages import ROOT, text

FOLDER = ROOT / "docs" / "pictures"
SHOWN = re.findall(
    r"!\[([^\]]+)\]\(pictures/(\w+)\.svg\)\n\n`python tools/make_pictures\.py (\w+)`",
    text("docs/learn.md") + text("docs/gallery.md"),
)


def tool():
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "tools" / "make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_picture_is_drawn_by_the_command_beneath_it():
    drawn = [*tool().PICTURES]
    assert sorted(drawn) == sorted(name for _, name, _ in SHOWN) == sorted(path.stem for path in FOLDER.iterdir())
    assert all(name == command and len(alt) > 40 for alt, name, command in SHOWN)


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_a_picture_is_an_svg_that_loads_nothing(path):
    content = path.read_text("utf-8")
    assert ElementTree.fromstring(content).tag.endswith("svg")
    assert "currentColor" not in content and not re.search(r'href="(?!#|data:)', content) and len(content) < 100_000


def test_what_the_page_says_of_variances_is_what_is_seen():
    """theory: 20 layers multiply by std * sqrt(n / 2) each; the measured size is within a factor of 5 of it."""
    picture = tool().variance()
    right, wrong = (float(size) for size in re.findall(r"([\d.e+-]+) in the last", picture.alt))
    assert 0.2 < right / 2**0.5 < 5 and 0.2 < wrong / (0.02 * 100**0.5 * (0.02 * 50**0.5) ** 19) < 5
