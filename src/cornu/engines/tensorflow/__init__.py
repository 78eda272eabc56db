# pyright: reportMissingImports=false, reportMissingModuleSource=false
"""The `tensorflow` engine: a graph becomes one function of TensorFlow's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.autograph.core import config as autograph
from tensorflow.python.eager import record

from cornu.engines.library import LibraryEngine
from cornu.engines.native import NativeTensor, evaluator_of
from cornu.engines.tensorflow import control, linalg, windows
from cornu.engines.tensorflow.lowerings import CLAIMS, LOWERINGS
from cornu.graph import Graph, Variable
from cornu.graph.dispatch import inside

# Cornu's Python is no source for AutoGraph, which a tf.function has rewrite its own.
autograph.CONVERSION_RULES = (
    autograph.DoNotConvert("cornu"),
    *autograph.CONVERSION_RULES,
)

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
    claims = CLAIMS
    eager = True
    arrays = (tf.Tensor, tf.Variable)
    derivatives = "tf.GradientTape"
    answers = {
        "_should_act_as_resource_variable": lambda value: (
            isinstance(value, tf.Variable) or _refuse(value)
        ),
        "handle": lambda value: value.handle,
    }

    def __init__(self) -> None:
        # So that TensorFlow's functions take Cornu's tensors and variables.
        for kind in (NativeTensor, Variable):
            tf.register_tensor_conversion_function(kind, self._converted, 10)

    def _converted(
        self, value: Any, dtype: Any = None, name: Any = None, as_ref: bool = False
    ) -> Any:
        evaluator = evaluator_of(self)
        if isinstance(value, Variable):
            with inside():
                value = value.value
        found = evaluator.value(value)
        return NotImplemented if dtype not in (None, found.dtype) else found

    def from_numpy(self, array: np.ndarray) -> Any:
        """On the default device, of memory of its own, also within a tf.function."""
        with tf.init_scope():
            return tf.constant(np.array(array, order="C"))

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy: TensorFlow's own is not to be written to."""
        return np.array(value.numpy())

    # Eager values

    def shape_of(self, value: Any) -> tuple[int, ...]:
        """The shape, which must be known where a function is traced.

        Raises:
            ValueError: when it is not.
        """
        shape = value.shape
        if not shape.is_fully_defined():
            raise ValueError(
                f"An operation was given a tensor of shape {shape} in a tf.function.\n"
                "Expected a shape that is known: Cornu's operations have fixed ones.\n"
                "Leave input_signature away, and make the data's last batch full with "
                "drop_remainder=True."
            )
        return tuple(shape.as_list())

    def is_known(self, value: Any) -> bool:
        """Whether it is no stand-in in a tf.function."""
        return hasattr(value, "numpy") and tf.executing_eagerly()

    def now(self, value: Any) -> Any:
        """A tensor; a tf.Variable is read now, as an open tf.GradientTape notes."""
        return tf.convert_to_tensor(value) if isinstance(value, tf.Variable) else value

    def eagerly(self, graph: Graph, rule: Any) -> Callable[..., list[Any]]:
        """A function that TensorFlow differentiates by the rule."""
        function = self.one_by_one(graph)
        if rule is None:
            return lambda *values: function(*map(tf.stop_gradient, values))

        @tf.custom_gradient
        def differentiable(*values: Any) -> Any:
            outs = function(*values)
            floats = [y.dtype.is_floating for y in outs]

            def gradient(*gs: Any) -> list[Any]:
                pairs = zip(gs, floats, strict=True)
                return rule(values, outs, [g if there else None for g, there in pairs])

            return outs, gradient

        def call(*values: Any) -> Any:
            # Without a tape that is open nobody asks for the gradient.
            if tf.executing_eagerly() and not record.could_possibly_record():
                return function(*values)
            return differentiable(*values)

        return call

    def holder(self, variable: Variable) -> Any:
        """A tf.Variable, so that a tf.function may change it, too."""
        value = variable.native(self)
        with tf.init_scope():
            return tf.Variable(value, trainable=variable.trainable)

    def taken(self, holder: Any) -> Any:
        """Its value, for a program."""
        return holder.read_value()

    def copied(self, holder: Any) -> Any:
        """Its value now, which stays."""
        return holder.read_value()

    def refill(self, holder: Any, value: Any) -> None:
        """Assign it."""
        holder.assign(value)

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


def _refuse(value: Any) -> Any:
    """Say that there is no such attribute."""
    raise AttributeError(f"{type(value).__name__} is no variable")


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
