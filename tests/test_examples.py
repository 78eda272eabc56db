"""Every example of the repository runs as a reader would run it, and checks itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


# Those that take minutes run here in small; `test_in_full` runs them as they are.
SMALL = {"ctc_digits": ["--strips", "320", "--epochs", "2", "--accuracy", "0"]}


def run(path, args, tmp_path):
    """What an example prints, which must end well."""
    environment = {**os.environ, "CORNU_HOME": str(tmp_path), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-m", "cornu", "run", str(path), *args],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_it_runs(path, tmp_path):
    run(path, SMALL.get(path.stem, []), tmp_path)


def test_a_goal_that_is_not_reached_is_no_success(tmp_path):
    path = ROOT / "examples" / "ctc_digits.py"
    args = ["--strips", "64", "--epochs", "1", "--accuracy", "0.5"]
    with pytest.raises(AssertionError, match=r"is less than 0\.5"):
        run(path, args, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("stem", SMALL)
def test_in_full(stem, tmp_path):
    """It asserts itself that it reaches what it says."""
    printed = run(ROOT / "examples" / f"{stem}.py", [], tmp_path)
    accuracy = re.search(r"whole sequences right: ([\d.]+) of 1000", printed)
    assert float(accuracy[1]) >= 0.95
