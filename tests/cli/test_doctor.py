"""`fastinit doctor`, and the distribution's own launcher, which looks for another project's files first."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def doctor(*options, **environment):
    command = [sys.executable, "-m", "fastinit", "doctor", *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_a_sound_installation_has_no_fault():
    done = doctor("--json")
    findings = {finding["topic"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0 and not any(finding["state"] == "FAULT" for finding in findings.values())
    assert "fastinit" in findings["package"]["text"] and findings["backend"]["state"] == "ok"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FASTINIT_NUM_THREADS": "many"}, "FASTINIT_NUM_THREADS must be a positive integer of at most 4096, got 'many'"),
        ({"FASTINIT_BACKEND": "cuda"}, "backend must be one of c, numba, reference, got 'cuda'"),
        ({"FASTINIT_LEVL": "avx2"}, "FASTINIT_LEVL is not known: did you mean 'FASTINIT_LEVEL'?"),
    ],
    ids=["threads", "backend", "unknown"],
)
def test_a_wrong_setting_is_a_fault(variables, said):
    done = doctor(**variables)
    assert done.returncode == 1 and said in next(line for line in done.stdout.splitlines() if line.startswith("FAULT"))


def test_a_slower_setting_is_a_note_that_names_what_is_chosen():
    done = doctor(FASTINIT_BACKEND="numba", FASTINIT_NUM_THREADS="1")
    notes = [line for line in done.stdout.splitlines() if line.startswith("note")]
    assert done.returncode == 0 and any("numba; this CPU runs" in note for note in notes)


def install(folder, name, version, files):
    """Lay files into a folder as an installer does, with their hashes in the list of the distribution."""
    rows = []
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text("\n".join(rows))


def launch(folder, *arguments):
    """Run the launcher where the folder's packages stand before all others."""
    code = "import sys; sys.argv[0] = 'fastinit-weights'; from fastinit_weights import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


def test_the_launcher_runs_the_command_where_the_package_is_ours(tmp_path):
    done = launch(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"fastinit {__import__('fastinit').__version__}\n")


def test_the_launcher_names_another_project_whose_package_is_imported(tmp_path):
    install(tmp_path, "fastinit", "0.2.0", {"fastinit/__init__.py": "'''Bootstraps applications.'''\n"})
    done = launch(tmp_path, "doctor")
    assert done.returncode == 1 and done.stdout == ""
    assert "is another project's, the distribution fastinit 0.2.0: pip uninstall fastinit, then pip install" in done.stderr


def test_the_launcher_names_a_folder_that_is_in_the_way(tmp_path):
    (tmp_path / "fastinit").mkdir()
    (tmp_path / "fastinit" / "__init__.py").touch()
    done = launch(tmp_path, "doctor")
    assert done.returncode == 1 and f"the package in {tmp_path / 'fastinit'} is not that of fastinit-weights" in done.stderr


def test_another_project_whose_files_are_not_the_imported_ones_is_a_fault_too(tmp_path):
    install(tmp_path, "fastinit", "0.2.0", {"fastinit/__init__.py": "'''Bootstraps applications.'''\n"})
    done = doctor(PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert done.returncode == 1 and "the distribution fastinit 0.2.0, of another project" in done.stdout
