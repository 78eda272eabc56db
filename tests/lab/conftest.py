"""The command line in a process of its own, in a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest

REAL = os.environ.get("CORNU_DATA", "")
no_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process"
)
CORNU = [sys.executable, "-W", "error", "-m", "cornu"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No data sets, no network, no display; one thread, for others work here too."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY")
        and name not in ("CORNU_DATA", "MPLBACKEND", "DISPLAY", "WAYLAND_DISPLAY")
    }
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "CORNU_HOME": str(home / "cornu"),
        "KERAS_HOME": str(home / "keras"),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
        # The list of fonts takes seconds to make anew.
        "MPLCONFIGDIR": matplotlib.get_cachedir(),
        "COLUMNS": "100",
    }


@pytest.fixture
def real_data(environment: dict[str, str]) -> None:
    """Real data sets, where the environment names them."""
    if not REAL:
        pytest.skip("CORNU_DATA is not set: real data is not there")
    environment["CORNU_DATA"] = REAL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the commands run in."""
    made = tmp_path / "work"
    made.mkdir()
    return made


Result = subprocess.CompletedProcess[str]


@pytest.fixture
def python(environment: dict[str, str], folder: Path) -> Callable[..., Result]:
    """Run Python with these arguments."""

    def run(*args: str, **settings: Any) -> Result:
        return subprocess.run(
            [sys.executable, *args],
            cwd=folder,
            env={**environment, **settings.pop("env", {})},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            **{"stdin": subprocess.DEVNULL, **settings},
        )

    return run


@pytest.fixture
def cornu(python: Callable[..., Result]) -> Callable[..., Result]:
    """Run `cornu` with these arguments; warnings are errors."""

    def run(*args: str, **settings: Any) -> Result:
        return python(*CORNU[1:], *args, **settings)

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for commands in this process: no data, no network, 80 columns."""
    made = tmp_path / "home"
    made.mkdir()
    for name in list(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name in ("CORNU_DATA", "CORNU_ENGINE", "KERAS_BACKEND", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CORNU_HOME", str(made / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(made / "keras"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # the server of a test
    monkeypatch.setenv("COLUMNS", "80")
    return made
