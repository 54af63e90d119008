"""What mkdocs.yml's site has beside docs/: a page of reference for each module, and the repository's files that pages link.

Called by MkDocs (`hooks` in mkdocs.yml). A page of reference has all names of a module's `__all__`, from their docstrings.
"""

from __future__ import annotations

import ast
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
MODULES = {
    "fastinit": "The package itself",
    "initializers": "Initializers",
    "distributions": "Distributions",
    "growing": "Weights from other weights",
    "recipes": "Recipes",
    "auditing": "Audits",
    "random": "In place of numpy.random",
    "torch": "PyTorch",
    "jax": "JAX and Flax",
    "keras": "Keras",
    "dask": "Dask",
    "lab": "The lab",
}
OPTIONS = ("seed", "name", "dtype", "layout", "out", "index")  # of all initializers: the module's docstring has them
WITHOUT_HEADING = "    options: {show_root_heading: false, show_root_toc_entry: false, show_signature: false}\n"


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of reference, and the files outside of docs/ that the navigation names or a page links."""
    for module, title in MODULES.items():
        files.append(File.generated(config, f"api/{module}.md", content=reference(module, title)))
    places = [*pages_of(config["nav"]), *(file.src_uri for file in files.documentation_pages())]
    for path in sorted(with_links({source for place in places if (source := source_of(place))})):
        if not path.startswith("docs/") and path != "README.md":
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def pages_of(navigation: Any) -> list[str]:
    """The pages of mkdocs.yml's `nav`, a list of pages and of sections, which are lists by title."""
    if isinstance(navigation, str):
        return [navigation]
    parts = navigation.values() if isinstance(navigation, dict) else navigation
    return [page for part in parts for page in pages_of(part)]


def with_links(pages: set[str]) -> set[str]:
    """Files of the repository, and those that they link, and so on."""
    found, left = set(pages), list(pages)
    while left:
        page = left.pop()
        if page.endswith(".md"):
            new = set(linked(page)) - found
            found |= new
            left += new
    return found


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as they lead within the site, where docs/ is the root."""
    source = source_of(page.file.src_uri)
    if source is None:
        return markdown

    def moved(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        here = posixpath.dirname(page.file.src_uri)
        return posixpath.relpath(place_of(target), here) if (ROOT / target).is_file() else match[0]

    return LINK.sub(moved, markdown)


def linked(page: str) -> list[str]:
    """The files of the repository that a page links, by their paths there."""
    links = LINK.findall((ROOT / page).read_text("utf-8"))
    targets = (posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) for link in links)
    return [target for target in targets if (ROOT / target).is_file()]


def source_of(place: str) -> str | None:
    """The path in the repository of what is at a place in the site; None for a page that is made here."""
    found = (path for path in (f"docs/{place}", place) if (ROOT / path).is_file())
    return next(found, None)


def place_of(path: str) -> str:
    """Where a file of the repository is in the site."""
    return {"README.md": "index.md"}.get(path, path.removeprefix("docs/"))


# ---- the pages of reference ----


def reference(module: str, title: str) -> str:
    """A page for mkdocstrings: the module's docstring, and its public names, those made at import by name alone."""
    name = "fastinit" if module == "fastinit" else f"fastinit.{module}"
    names = public_names(module)
    parts = [f"# {title}\n\n`import {name}`\n\n::: {name}\n{WITHOUT_HEADING}"]
    if module == "initializers":
        parts += [function_part(*item) for item in functions().items()]
        names = [public for public in names if public not in {*functions(), *functions().values()}]
    documented = [public for public in names if is_documented(f"{name}.{public}")]
    parts += [f"::: {name}.{public}\n" for public in documented]
    others = [public for public in names if public not in documented]
    if others:
        listed = ", ".join(f"`{other}`" for other in others)
        parts.append(f"Documented elsewhere, or made at import (`help({name}.{others[0]})`): {listed}.\n")
    return "\n".join(parts)


def is_documented(path: str) -> bool:
    """Whether the source of the package has the name, with a docstring."""
    try:
        found = package()[path.removeprefix("fastinit.")]
        found = found.final_target if found.is_alias else found
    except (KeyError, griffe.AliasResolutionError):
        return False
    return bool(found.docstring) and not found.is_module


def function_part(function: str, cls: str) -> str:
    """An initializer: its function's signature, as the stubs have it, and the docstring that its class shares with it."""
    call = next(part for part in classes()[f"_{cls}"].body if getattr(part, "name", "") == "__call__").args
    own = [item for item in zip(call.kwonlyargs, call.kw_defaults) if item[0].arg not in OPTIONS]
    shown = [argument.arg for argument in call.args[1:]] + ["*"] * bool(own)
    shown += [argument.arg + (f"={ast.unparse(default)}" if default else "") for argument, default in own]
    signature = f"{function}({', '.join([*shown, '**options'])})"
    own_docstring = f"::: fastinit.initializers.{cls}\n{WITHOUT_HEADING}"
    return f"## {function}\n\n```python\n{signature}\n```\n\nAs a value: `{cls}`.\n\n{own_docstring}"


def functions() -> dict[str, str]:
    """The initializers' functions, and the class of each, as the stubs list them."""
    assigned = (part for part in stubs().body if isinstance(part, ast.AnnAssign))
    return {part.target.id: part.annotation.id.removeprefix("_") for part in assigned}


def classes() -> dict[str, ast.ClassDef]:
    return {part.name: part for part in stubs().body if isinstance(part, ast.ClassDef)}


def stubs() -> ast.Module:
    return ast.parse((ROOT / "fastinit/initializers/functions.pyi").read_text("utf-8"))


@cache
def package() -> griffe.Module:
    """fastinit as Griffe reads it, without importing it."""
    loader = griffe.GriffeLoader(search_paths=[ROOT])
    loaded = loader.load("fastinit", try_relative_path=False)
    loader.resolve_aliases(implicit=False, external=False)
    return loaded


def public_names(module: str) -> list[str]:
    """What `__all__` of a module has in its source."""
    found = package() if module == "fastinit" else package()[module]
    exports = [name for name in found.exports or () if isinstance(name, str)]
    return [name for name in exports if name != name.upper() and not name.startswith("_") and name not in MODULES]
