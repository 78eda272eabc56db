"""Both libraries, asked the same of models and files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import cornu
from cornu import registry
from tests.parity import wire
from tests.parity.reference import compare
from tests.saving import asked

HERE = Path(__file__).parent
TOLERANCE = (1e-9, 1e-12)


class Keras:
    """The process with real Keras.

    Args:
        cache: a folder for what it compiles, which makes a second session faster.

    Raises:
        pytest.skip.Exception: when Keras or JAX cannot be imported there.
    """

    def __init__(self, cache: Path) -> None:
        settings = {
            "KERAS_BACKEND": "jax",
            "JAX_ENABLE_X64": "1",
            "JAX_PLATFORMS": "cpu",
            "PYTHONWARNINGS": "ignore",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
            "CORNU_PARITY_CACHE": str(cache),
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "parity")]),
        }
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | settings,
        )
        if wire.receive(self._process.stdout) is None:
            text = self._said()
            self.close()
            lines = [line for line in text.splitlines() if line.strip()]
            if lines and lines[-1].startswith(("ModuleNotFoundError", "ImportError")):
                pytest.skip(f"real Keras on JAX cannot be imported: {lines[-1]}")
            raise RuntimeError(f"the process with real Keras ended:\n{text}")

    def ask(self, do: str, **request: Any) -> Any:
        """What Keras answers, which must be no error."""
        found = self.ask_anyway(do, **request)
        if isinstance(found, dict) and "error" in found:
            pytest.fail(f"Keras raised {found['error']}: {found['message']}")
        return found

    def ask_anyway(self, do: str, **request: Any) -> Any:
        """What Keras answers; an error is a dict with 'error' and 'message'."""
        wire.send(self._process.stdin, {"do": do, **request})
        found = wire.receive(self._process.stdout)
        if found is None:
            raise RuntimeError(f"the process with real Keras ended:\n{self._said()}")
        return found

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def mine(do: str, **request: Any) -> Any:
    """What Cornu answers."""
    registry.reset_names()
    with cornu_in_float64():
        return asked.answer(cornu, {"do": do, **request})


class cornu_in_float64:
    """Cornu computes in float64 for a while."""

    def __enter__(self) -> None:
        self.before = cornu.config.floatx()
        cornu.config.set_floatx("float64")

    def __exit__(self, *error: Any) -> None:
        cornu.config.set_floatx(self.before)


def same(
    a: Any, b: Any, rtol: float = TOLERANCE[0], atol: float = TOLERANCE[1]
) -> None:
    """Two answers are equal: structure, names and shapes; numbers within rounding."""
    compare(a, b, rtol, atol)
