# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""The `tensorflow` engine: a graph becomes one function of TensorFlow's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cornu.engines.library import LibraryEngine
from cornu.engines.tensorflow import control, linalg, windows
from cornu.engines.tensorflow.lowerings import LOWERINGS
from cornu.graph import Graph

__all__ = ["TensorFlowEngine", "control", "linalg", "windows"]

_NOT_IN_RANGE = (
    re.compile(r"indices\[[\d,]*\] = (-?\d+) is not in \[0, (\d+)\)"),
    re.compile(r"indices\[[\d,]*\] = \[(-?\d+)\] does not index into shape \[(\d+)"),
)


class TensorFlowEngine(LibraryEngine):
    """Makes a graph one function of TensorFlow's, with which it runs as one call."""

    name = "tensorflow"
    package = "tensorflow"
    lowerings = LOWERINGS

    def from_numpy(self, array: np.ndarray) -> Any:
        """On the default device, of memory of its own."""
        return tf.constant(np.array(array, order="C"))

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy: TensorFlow's own is not to be written to."""
        return np.array(value.numpy())

    def devices(self) -> list[str]:
        """What it can run on."""
        return [device.name for device in tf.config.list_logical_devices()]

    def compiled(
        self, function: Callable[..., list[Any]], graph: Graph
    ) -> Callable[..., list[Any]]:
        """A function of TensorFlow's, of one operation that calls it."""
        specs = [tf.TensorSpec(v.shape, v.dtype) for v in graph.arguments]
        traced = tf.function(function, input_signature=specs, autograph=False)
        made = traced.get_concrete_function()
        dtypes = [y.dtype for y in made.outputs]

        def run(*values: Any) -> list[Any]:
            # As `made(*values)`, but what each argument is need not be asked again.
            try:
                return tf.raw_ops.StatefulPartitionedCall(
                    args=list(values), Tout=dtypes, f=made
                )
            except tf.errors.InvalidArgumentError as error:
                raise _index_error(error) or error from None

        return run


def _index_error(error: Exception) -> IndexError | None:
    """The same as an IndexError in NumPy's words, where an index was out of range."""
    for pattern in _NOT_IN_RANGE:
        found = pattern.search(str(error))
        if found:
            index, size = map(int, found.groups())
            index = index if index >= 0 else index - size  # it counted from the end
            return IndexError(
                f"index {index} is out of bounds for axis 0 with size {size}"
            )
    return None
