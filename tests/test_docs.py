"""The pages' links lead somewhere, their commands are ones that exist, and what they say of the tree is so."""

import re
import subprocess
import sys

import pytest
import typer

import fastinit
from fastinit.cli.app import app
from fastinit.initializers import INITIALIZERS
from fastinit.runtime.text_files import toml_of
from tests.pages import PAGES, ROOT, blocks, text

ALL = [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "bench/README.md"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
COMMANDS = typer.main.get_command(app).commands
ROOMS = re.search(r"^```\n(csrc/kernels/.*?)^```$", text("docs/architecture.md"), re.DOTALL | re.MULTILINE)[1]


PATHS = sorted(set(re.findall(r"`((?:fastinit|csrc|tests|tools)/[\w/]+\.\w+)`", text("docs/architecture.md"))))


def prose(page):
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """What a link may name of the page: its headings, as GitHub and the site write them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands(page):
    """What the page has a reader type: the lines of its shell blocks, and the code between backticks."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()] + re.findall(r"`([^`]+)`", prose(page))
    return [command for line in lines for command in re.split(r" && | \| ", line.replace("\n", " "))]


@pytest.mark.parametrize("page", ALL)
def test_no_link_within_the_repository_is_dead(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), f"{page} links {link}"
        assert not anchor or anchor in anchors(target.relative_to(ROOT).as_posix()), f"{page} links {link}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_fastinit_on_a_page_has_the_options_shown(page):
    for command in commands(page):
        match = re.match(r"fastinit(?:-weights)? ([a-z][a-z-]*)(?= |$)(.*)", command)
        if match:
            assert match[1] in COMMANDS, command
            asked = COMMANDS[match[1]]
            within = getattr(asked, "commands", {})  # those of a group, as `fastinit lab tour`
            word = (match[2].split() or [""])[0]
            assert not within or not word or word in within, command
            options = {option for parameter in within.get(word, asked).params for option in parameter.opts}
            assert {*re.findall(r"(?<![\w-])--[a-z-]+", match[2])} <= {*options, "--help"}, command


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "bench/README.md"])
def test_every_test_and_module_that_a_page_runs_exists(page):
    for command in commands(page):
        words = command.split()
        if words[:1] == ["pytest"]:
            paths = [word.partition("::")[0] for word in words[1:] if "/" in word]
        elif words[:2] == ["python", "-m"] and words[2].startswith("bench"):
            path = words[2].replace(".", "/")
            paths = [f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path}/__main__.py"]
        else:
            continue
        assert all((ROOT / path).exists() for path in paths), command


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_test_and_file_that_a_workflow_names_exists(path):
    named = re.findall(r"(?<![\w/])((?:tests|\.ci|fastinit)/[\w/.-]+|bench\.\w+)", path.read_text("utf-8"))
    assert all(
        (ROOT / (f"{name.replace('.', '/')}.py" if name.startswith("bench.") else name)).exists() for name in named
    ), named


def test_the_architecture_page_names_every_room_in_the_order_of_the_imports():
    first_columns = " ".join(re.split(r" {2,}", line)[0] for line in ROOMS.splitlines())
    named = [word.rstrip("/").removesuffix(".py") for word in first_columns.split()]
    layers = toml_of(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]["layers"]
    heights = {room: -depth for depth, layer in enumerate(layers) for room in layer.split(" | ")}
    ordered = [heights[room] for room in named if room in heights]
    assert set(heights) <= set(named) and ordered == sorted(ordered)


@pytest.mark.parametrize("path", PATHS)
def test_the_architecture_page_names_files_that_exist(path):
    assert (ROOT / path).is_file()


def test_the_changelog_begins_with_the_version_or_what_will_be_in_it():
    heading = re.search(r"^## (.*)$", text("CHANGELOG.md"), re.MULTILINE)[1]
    is_release = "dev" not in fastinit.__version__
    assert re.fullmatch(rf"{re.escape(fastinit.__version__)} \(\d{{4}}-\d\d-\d\d\)" if is_release else "Unreleased", heading)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    for module in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(module)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "api" / "initializers" / "index.html").read_text("utf-8")
    assert all(f'id="{name}"' in page for name in INITIALIZERS)
