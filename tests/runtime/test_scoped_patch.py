"""Replacements hold within their scope and leave no trace."""

import threading
from types import SimpleNamespace

import pytest

from fastinit.runtime.scoped_patch import ScopedPatch


class Base:
    def method(self):
        return "stock"


class Derived(Base):
    pass


@pytest.fixture
def library():
    """A stand-in for another library's module: one function."""
    return SimpleNamespace(draw=lambda: "stock")


@pytest.fixture
def patch(library):
    """Replaces the library's function."""
    return ScopedPatch(lambda: [(library, "draw", lambda: "replaced")])


def test_a_block_replaces_and_puts_back(library, patch):
    stock = library.draw
    with patch:
        assert library.draw() == "replaced" and patch.is_installed
    assert library.draw is stock and not patch.is_installed


def test_a_decorated_function_runs_with_the_replacements(library, patch):
    @patch
    def program():
        return library.draw()

    assert (program(), library.draw()) == ("replaced", "stock")


def test_blocks_nest_and_the_last_one_to_end_restores(library, patch):
    with patch:
        with patch:
            pass
        assert library.draw() == "replaced"
    assert library.draw() == "stock"


def test_an_error_in_the_block_restores(library, patch):
    with pytest.raises(KeyError), patch:
        raise KeyError
    assert library.draw() == "stock"


def test_blocks_of_several_threads_are_counted_together(library, patch):
    started, go_on = threading.Event(), threading.Event()

    def other():
        with patch:
            started.set()
            go_on.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    started.wait(10)
    with patch:
        pass
    assert library.draw() == "replaced"  # the other thread's block has not ended
    go_on.set()
    thread.join()
    assert library.draw() == "stock"


def test_install_holds_until_uninstall(library, patch):
    patch.install()
    assert library.draw() == "replaced"
    patch.uninstall()
    assert library.draw() == "stock"


def test_uninstalling_too_often_is_an_error(patch):
    with pytest.raises(RuntimeError, match="more often than install"):
        patch.uninstall()


def test_an_inherited_method_is_inherited_again():
    with ScopedPatch(lambda: [(Derived, "method", lambda self: "replaced")]):
        assert Derived().method() == "replaced"
    assert "method" not in vars(Derived) and Derived().method() == "stock"


def test_items_of_a_mapping_are_replaced():
    table = {"draw": "stock"}
    with ScopedPatch(lambda: [(table, "draw", "replaced"), (table, "other", "new")]):
        assert table == {"draw": "replaced", "other": "new"}
    assert table == {"draw": "stock"}


def test_the_code_of_a_function_is_put_back_under_every_name():
    def answer():
        return 42

    other_name, code = answer, answer.__code__
    with ScopedPatch(lambda: [(answer, "__code__", (lambda: "patched").__code__)]):
        assert other_name() == "patched"
    assert answer.__code__ is code and other_name() == 42


def test_replacements_that_fail_half_way_are_taken_back(library):
    def replacements():
        yield library, "draw", None
        raise ImportError

    with pytest.raises(ImportError):
        ScopedPatch(replacements).install()
    assert library.draw() == "stock"
