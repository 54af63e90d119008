"""An environment variable with an invalid value or an unknown name is named."""

import pytest

from fastinit.runtime import settings, threads


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "4097", "1" + 21 * "0"])
def test_a_senseless_number_of_threads_is_refused(text, monkeypatch):
    monkeypatch.setenv(settings.NUM_THREADS, text)
    with pytest.raises(ValueError, match=f"FASTINIT_NUM_THREADS must be a positive integer of at most 4096, got '{text}'"):
        settings.chosen_num_threads()


@pytest.mark.parametrize(("text", "n"), [("3", 3), ("", None)])
def test_a_number_of_threads_is_read(text, n, monkeypatch):
    monkeypatch.delenv(settings.OPENMP, raising=False)
    monkeypatch.setenv(settings.NUM_THREADS, text)
    assert settings.chosen_num_threads() == n


def test_an_unknown_variable_is_warned_of_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("FASTINIT_NUMTHREADS", "3")
    with pytest.warns(UserWarning, match="FASTINIT_NUMTHREADS is not known: did you mean 'FASTINIT_NUM_THREADS'"):
        settings.chosen_num_threads()


@pytest.mark.parametrize(
    "variables, n",
    [
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "3,2"}, 3),
        ({"OMP_NUM_THREADS": "many"}, None),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "8"}, None),
        ({"OMP_NUM_THREADS": "2", "TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "8"}, 2),
        ({"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "1"}, 1),
        ({"OMP_NUM_THREADS": "2", "FASTINIT_NUM_THREADS": "5"}, 5),
    ],
)
def test_threads_are_ours_else_those_of_openmp_unless_torchrun_set_them(variables, n, monkeypatch):
    for variable in ("OMP_NUM_THREADS", "TORCHELASTIC_RUN_ID", "LOCAL_WORLD_SIZE", "FASTINIT_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    for variable, text in variables.items():
        monkeypatch.setenv(variable, text)
    assert settings.chosen_num_threads() == n


@pytest.mark.parametrize("processes, n", [("1", 8), ("4", 2), ("3", 2), ("16", 1), ("", 8), ("many", 8)])
def test_processes_of_one_machine_share_its_cpus(processes, n, monkeypatch):
    for variable in ("OMP_NUM_THREADS", "FASTINIT_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    monkeypatch.setattr(threads, "usable_cpus", lambda: 8)
    monkeypatch.setattr(threads, "_num_threads", None)
    assert threads.get_num_threads() == n
