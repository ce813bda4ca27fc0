"""A run imports only what it needs: other libraries cost seconds."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "dask", "catboost", "xgboost", "interpret", "matplotlib", "distributed")
SCRIPT = f"""
import json, sys
from stackit.runs import RunConfig, predict_table, run
from tests.runs.conftest import tiny_members
settings = json.loads(sys.argv[1])
with tiny_members():
    folder = run(RunConfig(**settings))
predict_table(folder, settings["test"])
from skops.io._trusted_types import SKLEARN_ESTIMATOR_TYPE_NAMES as trusted
lazy = [name for name, module in sys.modules.items() if module is None]
print(json.dumps([[name for name in {HEAVY} if name in sys.modules], lazy, len(trusted)]))
"""
N_ESTIMATORS = 150  # of scikit-learn; there are a few more in each release


def test_a_run_imports_no_library_that_it_does_not_need(settings, tmp_path):
    paths = {name: str(settings[name]) for name in ("train", "test", "sample")}
    arguments = json.dumps({**settings, **paths, "output": str(tmp_path / "run")})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported, blocked, n_trusted = json.loads(done.stdout.splitlines()[-1])
    assert imported == []
    assert [name for name in blocked if name.startswith("sklearn")] == []
    assert n_trusted > N_ESTIMATORS
