# pyright: reportMissingImports=false
"""The `cntk` engine: a graph becomes one ONNX graph, which ONNX Runtime runs.

Microsoft ended CNTK and sent its users to ONNX Runtime. It is made for inference; here
a whole training step, gradients and update with it, is one of its graphs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from cornu.engines.cntk import arrays, elementwise, fourier, loops, windows
from cornu.engines.cntk.table import LOWERINGS
from cornu.engines.cntk.writer import Writer
from cornu.engines.library import LibraryEngine
from cornu.graph import Graph

__all__ = ["CntkEngine", "arrays", "elementwise", "fourier", "loops", "windows"]

_OUTSIDE = re.compile(r"idx=(-?\d+) must be within the inclusive range \[-(\d+),")


class CntkEngine(LibraryEngine):
    """Runs graphs by ONNX Runtime, on the CPU."""

    name = "cntk"
    package = "onnxruntime"
    lowerings = LOWERINGS

    def from_numpy(self, array: np.ndarray) -> Any:
        """A copy, in whose memory ONNX Runtime's value lies."""
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.array(array, order="C"))

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy."""
        return np.array(value.numpy())

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """One session, for one ONNX graph."""
        names, results, model = Writer(self).model(graph)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that spin while they wait would take the processor from NumPy.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            # It looks for 0 and 1 in float32: x * (1 + 1e-9) would be x in float64.
            disabled_optimizers=["NoopElimination"],
        )

        def run(*values: Any) -> list[Any]:
            try:
                return session.run_with_ort_values(
                    results, dict(zip(names, values, strict=True))
                )
            except Exception as error:
                found = _OUTSIDE.search(str(error))
                if found is None:
                    raise
                index, size = found.groups()
                raise IndexError(
                    f"index {index} is out of bounds for axis 0 with size {size}"
                ) from error

        return run
