"""The block of docs/lab.md runs, and its verdict is the one that is printed there."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("scikit_posthocs")

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "lab.md").read_text()


@pytest.mark.slow
def test_the_block_of_the_page_gives_its_verdict(capsys):
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    exec(compile(code, "docs/lab.md", "exec"), {"__name__": "page"})
    printed = capsys.readouterr().out
    assert "0 to 24: gradients vanish" in printed and "Only he_normal trains" in printed
