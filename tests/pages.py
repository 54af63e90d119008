"""The pages that a reader finds, README and docs/, and what tests take from them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]


def text(page):
    return (ROOT / page).read_text("utf-8")


def blocks(page, language):
    """The texts of the page's fenced blocks of a language, "" for none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)
    return [block for its_language, block in fenced if its_language == language]


def run_script(page, name, folder, *launcher, **variables):
    """Run the page's block of Python that begins with the comment `# name`, in a process of its own; what it prints."""
    found = [block for block in blocks(page, "python") if block.startswith(f"# {name}\n")]
    assert len(found) == 1, f"{page} has {len(found)} blocks that begin with '# {name}'"
    script = folder / name.split()[-1]
    script.write_text(found[0], "utf-8")
    done = subprocess.run(
        [sys.executable, *launcher, script], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
