"""NumPy's whole random suite, and those tests of scipy and scikit-learn that draw, as installed, under the patch itself."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TABLE = (HERE.parents[1] / "docs" / "numpy.md").read_text()

SUITES = {
    "numpy": ["numpy.random"],
    "scikit-learn": [
        "sklearn.cluster.tests.test_k_means",
        "sklearn.datasets.tests.test_samples_generator",
        "sklearn.decomposition.tests.test_truncated_svd",
        "sklearn.ensemble.tests.test_forest",
        "sklearn.mixture.tests.test_gaussian_mixture",
        "sklearn.model_selection.tests.test_split",
        "sklearn.neural_network.tests.test_mlp",
        "sklearn.tests.test_dummy",
        "sklearn.tests.test_kernel_approximation",
        "sklearn.tests.test_random_projection",
        "sklearn.utils.tests.test_random",
        "sklearn.utils.tests.test_validation",
    ],
    "scipy": [
        "scipy.cluster.tests.test_vq",
        "scipy.linalg.tests.test_interpolative",
        "scipy.optimize.tests.test__basinhopping",
        "scipy.optimize.tests.test__differential_evolution",
        "scipy.optimize.tests.test__dual_annealing",
        "scipy.sparse.tests.test_construct",
        "scipy.spatial.tests.test_kdtree",
        "scipy.stats.tests.test_continuous_basic",
        "scipy.stats.tests.test_discrete_basic",
        "scipy.stats.tests.test_distributions",
        "scipy.stats.tests.test_hypotests",
        "scipy.stats.tests.test_kdeoth",
        "scipy.stats.tests.test_morestats",
        "scipy.stats.tests.test_multivariate",
        "scipy.stats.tests.test_qmc",
        "scipy.stats.tests.test_resampling",
        "scipy.stats.tests.test_sampling",
    ],
}
PACKAGES = {"numpy": "numpy", "scikit-learn": "sklearn", "scipy": "scipy"}


def explained(library: str) -> set[str]:
    """The tests that a row of docs/numpy.md says must fail."""
    rows = [row for row in TABLE.splitlines() if row.startswith(f"| {library} |")]
    return {name for row in rows for name in re.findall(r"`(test_\w+\.py::[^`]+)`", row)}


def failing(library: str, tmp_path: Path) -> set[str]:
    failures = tmp_path / "failures"
    failures.touch()
    path = os.pathsep.join((str(HERE / "under_the_patch"), str(HERE.parents[1])))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "patched_suite", "-W", "ignore"]
    command += ["-o", "addopts=", "-m", "not slow and not xslow", "--tb=no", "--pyargs", *SUITES[library]]
    environment = {**os.environ, "PYTHONPATH": path, "FAILURES": str(failures), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 1000, done.stdout[-2000:] + done.stderr[-2000:]
    return set(failures.read_text().splitlines())


@pytest.mark.parametrize("library", SUITES)
def test_only_those_tests_fail_under_the_patch_that_the_docs_explain(library, tmp_path):
    if find_spec(PACKAGES[library]) is None:
        pytest.skip(f"{library} is not installed")
    assert failing(library, tmp_path) == explained(library)
