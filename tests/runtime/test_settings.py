"""An environment variable with an invalid value or an unknown name is named."""

import pytest

from fastinit.runtime import settings


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_senseless_number_of_threads_is_refused(text, monkeypatch):
    monkeypatch.setenv(settings.NUM_THREADS, text)
    with pytest.raises(ValueError, match=f"FASTINIT_NUM_THREADS must be a positive integer, got '{text}'"):
        settings.chosen_num_threads()


@pytest.mark.parametrize(("text", "n"), [("3", 3), ("", None)])
def test_a_number_of_threads_is_read(text, n, monkeypatch):
    monkeypatch.setenv(settings.NUM_THREADS, text)
    assert settings.chosen_num_threads() == n


def test_an_unknown_variable_is_warned_of_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("FASTINIT_NUMTHREADS", "3")
    with pytest.warns(UserWarning, match="FASTINIT_NUMTHREADS is not known: did you mean 'FASTINIT_NUM_THREADS'"):
        settings.chosen_num_threads()
