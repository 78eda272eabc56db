"""Real Keras, asked from the tests: one process per session of tests.

Keras and JAX are never imported here: they would change this process's settings, and
Cornu's own `import keras` would meet them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import registry
from cornu.graph import GradientTape
from cornu.graph.tensor import set_keras_mask
from cornu.training.compiled import as_metric
from tests.parity import wire
from tests.parity.library import Library, direction, outputs_of


class Cornu(Library):
    """Cornu, asked in the same way."""

    def value_and_gradient(self, function: Callable[..., Any], x: Any) -> Any:
        x = cornu.ops.array(x)
        with GradientTape() as tape:
            value = function(x)
        along = direction(value.shape).astype(value.dtype)
        found = tape.gradient(value, x, output_gradients=along)
        return value, cornu.ops.zeros_like(x) if found is None else found

    def masked(self, function: Callable[..., Any], mask: Any) -> Callable[..., Any]:
        def call(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
            y_pred = cornu.ops.copy(y_pred)
            set_keras_mask(y_pred, cornu.ops.array(mask))
            return function(y_true, y_pred, *args, **kwargs)

        return call

    def carrying(self, tensor: Any, mask: Any) -> Any:
        tensor = cornu.ops.copy(tensor)
        set_keras_mask(tensor, cornu.ops.array(mask))
        return tensor

    def gradients(self, layer: Any, run: Callable[..., Any], inputs: Any) -> Any:
        tensors = [cornu.ops.array(x) for x in inputs]
        state = [(v, v.numpy()) for v in layer.non_trainable_variables]
        with GradientTape() as tape:
            outputs = outputs_of(run(*tensors))
            total = sum(
                cornu.ops.sum(y * direction(y.shape).astype(y.dtype)) for y in outputs
            )
        weights = layer.trainable_weights
        found = tape.gradient(total, [*tensors, *weights])
        for v, value in state:  # as in Keras, taking gradients changes nothing
            v.assign(value)
        dense = [
            np.zeros(v.shape, v.dtype) if g is None else g
            for g, v in zip(found, [*tensors, *weights], strict=True)
        ]
        of_inputs = [
            g for g, x in zip(dense, inputs, strict=False) if x.dtype.kind == "f"
        ]
        return of_inputs, dense[len(inputs) :]

    def apply_all(self, optimizer: Any, variables: Any, gradients: Any) -> None:
        for each in gradients:
            optimizer.apply(each, variables)

    def compiled_metric(self, identifier: Any, y_true: Any, y_pred: Any) -> Any:
        return as_metric(identifier, y_true, y_pred)

    def reset_names(self) -> None:
        registry.reset_names()

    def table(self, module: str) -> list[str]:
        return sorted(self.find(module).REGISTRY.objects)


class Reference:
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
            # Everything is compiled to run once: the compiler's time is the time.
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
            "CORNU_PARITY_CACHE": str(cache),
        }
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | settings,
        )
        self.versions = wire.receive(self._process.stdout)
        if self.versions is None:
            text = self._said()
            self.close()
            lines = [line for line in text.splitlines() if line.strip()]
            if lines and lines[-1].startswith(("ModuleNotFoundError", "ImportError")):
                pytest.skip(f"real Keras on JAX cannot be imported: {lines[-1]}")
            raise RuntimeError(f"the process with real Keras ended:\n{text}")

    def answer(self, request: dict[str, Any]) -> Any:
        """What Keras answers to a request of `Library`."""
        wire.send(self._process.stdin, request)
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


MINE = Cornu(cornu)
# 1e-9 in float64 leaves room for sums in another order, and for nothing else. float32
# has 24 bits: 1e-5 is a hundred roundings.
TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (1e-5, 1e-6)}


class Pair:
    """Both libraries, asked the same."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def ask(self, do: str, **request: Any) -> tuple[Any, Any]:
        """(Cornu's answer, Keras's answer), which must be no errors."""
        mine, theirs = self.ask_anyway(do, **request)
        for who, found in (("Keras", theirs), ("Cornu", mine)):
            if isinstance(found, dict) and "error" in found:
                pytest.fail(f"{who} raised {found['error']}: {found['message']}")
        return mine, theirs

    def ask_anyway(self, do: str, **request: Any) -> tuple[Any, Any]:
        """Both answers; a raised error is one."""
        request = {"do": do, **request}
        return MINE.answer(request), self.reference.answer(request)

    def same(self, do: str, dtype: str = "float64", **request: Any) -> Any:
        """Ask both and compare everything; Cornu's answer."""
        mine, theirs = self.ask(do, **request)
        compare(mine, theirs, *TOLERANCE[dtype])
        return mine


def compare(mine: Any, theirs: Any, rtol: float, atol: float, where: str = "") -> None:
    """Nested results: equal structure, names, shapes and dtypes; numbers within rtol.

    Raises:
        AssertionError: saying where the first difference is.
    """
    if isinstance(theirs, dict):
        assert set(mine) == set(theirs), where
        for key in theirs:
            compare(mine[key], theirs[key], rtol, atol, f"{where}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs), f"{where}: {mine} and {theirs}"
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            compare(a, b, rtol, atol, f"{where}[{i}]")
    elif isinstance(theirs, (np.ndarray, float)):
        a, b = np.asarray(mine), np.asarray(theirs)
        assert a.shape == b.shape, f"{where}: shapes {a.shape} and {b.shape}"
        assert a.dtype == b.dtype, f"{where}: dtypes {a.dtype} and {b.dtype}"
        np.testing.assert_allclose(a, b, rtol, atol, err_msg=where)
    else:
        assert mine == theirs, f"{where}: {mine!r} and {theirs!r}"


def objects_of(module: str, kind: str) -> list[str]:
    """The paths of the classes or functions that a registry of Cornu holds."""
    registry = MINE.find(module).REGISTRY
    found = {id(o): o for o in registry.objects.values()}.values()
    wanted = [o for o in found if isinstance(o, type) == (kind == "class")]
    return sorted(f"{module}.{o.__name__}" for o in wanted)
