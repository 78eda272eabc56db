"""What real Keras loads from the same files, in a process of its own."""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

Call = tuple[str, dict[str, Any]]


def keras_loads(folder: Path, calls: list[Call]) -> list[Any]:
    """The results of these functions of Keras's data sets; of a ValueError, its text.

    Args:
        folder: where the files are, as in Keras's cache.
        calls: `("imdb.load_data", {"num_words": 100})`, for example.
    """
    worker = Path(__file__).with_name("keras_worker.py")
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, str(worker), str(folder)],
        input=pickle.dumps(calls),
        capture_output=True,
        env={**os.environ, **settings, "KERAS_HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


def cornu_loads(call: Call) -> Any:
    """The result of the same function of Cornu."""
    module, function = call[0].split(".")
    return getattr(importlib.import_module(f"cornu.datasets.{module}"), function)(
        **call[1]
    )


def assert_same(mine: Any, theirs: Any) -> None:
    """Equal arrays, of equal shapes and dtypes, in pairs of pairs."""
    for mine_pair, their_pair in zip(mine, theirs, strict=True):
        for a, b in zip(mine_pair, their_pair, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            if a.dtype == object:
                assert a.tolist() == b.tolist()
                assert all(type(row) is type(other) for row, other in zip(a, b))
            else:
                np.testing.assert_array_equal(a, b)
