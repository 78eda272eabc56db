"""Layers that work on the host: on arrays, text among them, before a program begins.

Vocabularies and hashes are Python's business, and text never enters a graph. Such a
layer is called on arrays and lists at once. In a model it stands at the beginning: what
leads to it is run on the user's arrays, and the compiled program starts from there.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.spec import STRING, Spec
from cornu.graph.symbolic import has_symbolic, replaying
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import current
from cornu.graph.tree import map_structure
from cornu.layers.layer import Layer


class HostLayer(Layer):
    """Base of layers that work on the host.

    A subclass has `call(self, inputs)` from NumPy arrays (numbers, or objects of str)
    to NumPy arrays, `compute_output_shape(self, input_shape)`, and `output_dtype`.

    Example:

    >>> class Lengths(HostLayer):
    ...     output_dtype = "int32"
    ...     def call(self, inputs):
    ...         return np.vectorize(len)(inputs).astype("int32")
    >>> Lengths()(["horn", "a"]).tolist()
    [4, 1]
    """

    on_host = True
    # dtype of what comes out, and of what a model without an Input would be given.
    output_dtype: Any = "int64"
    input_dtype: Any = STRING
    several_inputs = False  # whether a list is several inputs, and not one

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on arrays, lists, tensors, or symbolic tensors."""
        self._check_initialized()
        if (has_symbolic(args) or has_symbolic(kwargs.values())) and not replaying():
            return self._call_symbolic(args, kwargs)
        trace = current()
        if trace is not None:
            self._build_once(args, kwargs)
            return self._stand_in(trace, args[0])
        args, kwargs = map_structure(_value, (args, kwargs))
        args = tuple(self._read(each) for each in args)
        self._build_once(args, kwargs)
        return map_structure(_tensor, self.call(*args, **kwargs))

    def build(self, input_shape: Any) -> None:
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output; that of the input, unless a subclass says more."""
        return tuple(input_shape)

    def _read(self, value: Any) -> Any:
        """One argument as an array; of several inputs, each."""
        if self.several_inputs and isinstance(value, (list, tuple)):
            return [host_array(each, self._title()) for each in value]
        return host_array(value, self._title())

    def _stand_in(self, trace: Any, inputs: Any) -> Any:
        """What comes out while shapes are found out; else no program has this layer."""
        if trace.open_size is None:
            raise RuntimeError(
                f"{self._title()} was called inside a compiled step.\n"
                "Expected it at the beginning of a functional or Sequential model, "
                "which runs it on the data before: it is no computation on numbers.\n"
                "Take it out of call(), and call it on the data yourself."
            )
        shape = self.compute_output_shape(map_structure(_shape, inputs))
        trace.opened = trace.opened or None in shape
        shape = tuple(trace.open_size if n is None else n for n in shape)
        return trace.input(Spec(shape, self.output_dtype), self.name)


def host_array(value: Any, owner: str) -> np.ndarray:
    """Numbers or text as an array; text in lists as an array of objects.

    Args:
        value: array, number, string, nested lists, or what pandas has.
        owner: whose input it is, for messages.

    Raises:
        ValueError: when rows differ in length.
    """
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        return value
    text = isinstance(_first(value), (str, bytes))
    # NumPy's own arrays of text take the memory of the longest string for each.
    array = None
    with contextlib.suppress(ValueError):
        array = np.array(value, object if text else None)
    if array is None or (array.dtype == object and isinstance(_first(array), list)):
        raise ValueError(
            f"{owner} was given rows of different lengths.\n"
            "Expected an array, or nested lists whose rows have equal lengths.\n"
            "Pad the rows, or join the words of each to one string and use "
            "TextVectorization."
        )
    return array


def _first(value: Any) -> Any:
    """The first element of nested lists or of an array, however deep."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, np.ndarray) and value.size:
        return value.flat[0]
    return value


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape)


def _value(leaf: Any) -> Any:
    return np.asarray(leaf.__array__()) if isinstance(leaf, TensorBase) else leaf


def _tensor(leaf: Any) -> Any:
    """Numbers as a tensor; text stays an array."""
    numbers = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biuf"
    return Tensor(leaf) if numbers else leaf
