"""`cornu engines`, and the choice of one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu import config, engines
from cornu.lab import main

Capture = pytest.CaptureFixture[str]


def test_it_lists_what_is_registered(capsys: Capture) -> None:
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    for name in engines.available():
        assert f"\n{name} " in out
    assert f"runs on numpy {np.__version__}" in out
    assert "Programs run on 'numpy'." in out


@pytest.mark.parametrize("command", [["train"], ["run", "script.py"]])
def test_an_engine_that_there_is_not(command: list[str], capsys: Capture) -> None:
    first, *rest = command
    assert main([first, "--engine", "nunpy", *rest]) == 2
    what, expected, fix = capsys.readouterr().err.splitlines()
    assert what == "There is no engine 'nunpy'."
    assert "numpy" in expected
    assert "Did you mean 'numpy'?" in fix
    assert config.backend() == "numpy"


SCRIPT = """
import subprocess, sys
from keras import backend as K
print(K.backend())
if not sys.argv[1:]:
    subprocess.run([sys.executable, __file__, "child"], check=True)
"""


def test_a_script_and_its_children_run_on_it(
    cornu: Callable[..., Any], folder: Path
) -> None:
    pytest.importorskip("jax")
    (folder / "script.py").write_text(SCRIPT)
    result = cornu("run", "--engine", "jax", "script.py")
    assert result.stdout.split() == ["jax", "jax"], result.stderr


EXAMPLE = Path(__file__).parents[2] / "examples" / "plain_engine"


def test_an_engine_of_another_package(
    cornu: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    """As installed: its module, and what its pyproject.toml says of entry points."""
    site = tmp_path / "site"
    about = site / "plain_engine-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(EXAMPLE / "plain_engine.py", site)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (about / "METADATA").write_text("Name: plain-engine\nVersion: 1.0\n")
    (found,) = project["entry-points"]["cornu.engines"].items()
    (about / "entry_points.txt").write_text(f"[cornu.engines]\n{' = '.join(found)}\n")
    path = {"PYTHONPATH": os.pathsep.join([str(site), *sys.path[1:]])}
    listed = cornu("engines", env=path).stdout
    assert "\nplain " in listed
    train = ["train", "--epochs", "1", "--units", "16", "--dataset", "synthetic_digits"]
    plain, own = (
        cornu(*train, "--engine", name, "--out", name, env=path)
        for name in ("plain", "numpy")
    )
    accuracy = [line for line in plain.stdout.splitlines() if "Test accuracy" in line]
    assert accuracy, plain.stderr
    assert accuracy[0] in own.stdout


@pytest.mark.slow
def test_it_installs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", tmp_path, EXAMPLE], check=True)
    (about,) = tmp_path.glob("*.dist-info")
    assert "plain_engine:PlainEngine" in (about / "entry_points.txt").read_text()


def test_a_wish_that_cannot_be_met_is_told_once(python: Callable[..., Any]) -> None:
    code = "import cornu; print(cornu.config.backend(), cornu.config.backend())"
    result = python("-c", code, env={"KERAS_BACKEND": "mxnet"})
    assert result.stdout.split() == ["numpy", "numpy"]
    assert result.stderr.count("KERAS_BACKEND asks for 'mxnet'") == 1
    result = python("-c", code, env={"CORNU_ENGINE": "mxnet"})
    assert result.returncode == 1
    assert "There is no engine 'mxnet'" in result.stderr
