"""Data sets are looked for in folders of the test's own, and no proxy is asked."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.server import Server, serving

REAL = os.environ.get("CORNU_DATA", "")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and nothing else where data sets might be found."""
    for name in ("CORNU_DATA", "CORNU_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> str:
    """The folders with real data sets, where the environment names them."""
    if not REAL:
        pytest.skip("CORNU_DATA is not set: real data is not there")
    monkeypatch.setenv("CORNU_DATA", REAL)
    return REAL


def small_arrays() -> dict[str, np.ndarray]:
    """Arrays in the form of MNIST."""
    rng = np.random.default_rng(3)
    return {
        "x_train": rng.integers(0, 256, (6, 28, 28), "uint8"),
        "y_train": np.array([5, 0, 4, 1, 9, 2], "uint8"),
        "x_test": rng.integers(0, 256, (2, 28, 28), "uint8"),
        "y_test": np.array([7, 3], "uint8"),
    }


def as_npz(**arrays: np.ndarray) -> bytes:
    """The content of an .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that has a small file in the form of MNIST."""
    with serving(as_npz(**small_arrays())) as running:
        yield running
