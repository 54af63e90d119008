"""`lab.write_report`: one page that loads nothing, opens without an error, and has the numbers of the JSON."""

import json
import re
import shutil
import subprocess

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scikit_posthocs")
pytest.importorskip("jinja2")

from fastinit import lab  # noqa: E402
from tests.lab.cells import cells_of  # noqa: E402
from tests.lab.networks import filled, mlp, normal_batch  # noqa: E402

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def parts():
    x = normal_batch(40, 4)
    result = lab.compare(lambda: mlp(2, 4), (x, x), ["he_normal", "zeros"], seeds=6, epochs=1, jobs=1)
    model = filled(mlp(6, 16), "xavier_normal")
    return {"under <Xavier>": lab.inspect(model, normal_batch(8, 16)), "Training": result}


@pytest.fixture(scope="module")
def page(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    lab.write_report(path, parts, title="Which & why")
    return path


def test_the_page_loads_nothing(page):
    text = page.read_text("utf-8")
    assert not re.search(r'(src|href)="(?!#|data:|\s*data:)', text) and "@import" not in text and "@font-face" not in text


def test_texts_are_escaped(page):
    text = page.read_text("utf-8")
    assert "Which &amp; why" in text and "under &lt;Xavier&gt;" in text and "<Xavier>" not in text


def test_each_picture_says_what_it_shows_and_no_id_is_there_twice(page):
    text = page.read_text("utf-8")
    figures = re.findall(r'<figure role="img" aria-label="([^"]+)">', text)
    assert len(figures) == 3 and all(len(label) > 40 for label in figures)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_numbers_of_the_page_are_those_of_the_json(page, parts, tmp_path):
    lab.write_report(tmp_path / "report.json", parts)
    data = json.loads((tmp_path / "report.json").read_text("utf-8"))
    cells = cells_of(page.read_text("utf-8"))
    comparison = data["sections"][1]["comparison"]
    for name, summary in comparison["strategies"].items():
        assert cells[cells.index(name) + 1] == f"{summary['mean']:.4f}"
    assert comparison["verdict"] in data["sections"][1]["words"]


def test_markdown_has_the_words_and_the_tables(parts, tmp_path):
    lab.write_report(tmp_path / "report.md", parts)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert parts["Training"].verdict in text and "| strategy | R^2 |" in text


@pytest.mark.parametrize(
    ("path", "parts", "error", "message"),
    [
        ("report.pdf", {}, ValueError, "a report's path must end in .html, .md, .json, got"),
        ("report.html", {}, ValueError, "parts must have at least one inspection or comparison, got none"),
        ("report.html", {"a": 3}, TypeError, "parts must be a mapping from headings to inspections and comparisons"),
    ],
)
def test_wrong_parts_are_refused(path, parts, error, message, tmp_path):
    with pytest.raises(error, match=message):
        lab.write_report(tmp_path / path, parts)
    assert not list(tmp_path.iterdir())


SORTS = """<script>
const table = document.querySelectorAll("table")[1], button = table.querySelectorAll("th button")[1];
const column = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent).join();
button.click(); const up = column(); button.click();
document.title = `up ${up} down ${column()} ${button.parentElement.getAttribute("aria-sort")}`;
</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_click_on_a_head_sorts_the_table_by_its_numbers(page, parts, tmp_path):
    (tmp_path / "page.html").write_text(page.read_text("utf-8").replace("</body>", SORTS), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *options, (tmp_path / "page.html").as_uri()], capture_output=True, text=True)
    means = sorted(summary.mean for summary in parts["Training"].summaries.values())
    up, down = (",".join(f"{mean:.4f}" for mean in order) for order in (means, means[::-1]))
    assert f"<title>up {up} down {down} descending</title>" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_chromium_opens_the_page_without_an_error(page, width, tmp_path):
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={width},1600"]
    done = subprocess.run([CHROMIUM, *options, f"--screenshot={picture}", page.as_uri()], capture_output=True, text=True)
    assert picture.stat().st_size > 10_000
    assert "CONSOLE" not in done.stderr
