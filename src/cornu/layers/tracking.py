"""What a layer owns: weights, and the layers, metrics and seeds in its attributes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu import constraints, initializers, regularizers
from cornu.graph.spec import Spec, is_float, standardize_dtype
from cornu.graph.trace import no_trace
from cornu.graph.variable import Variable
from cornu.ops.random import SeedGenerator


class Calls(threading.local):
    """The layers that are being called, outermost first, and their training flags."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.training: list[Any] = []
        self.computing: list[Any] = []  # those that are in `call`, not in `build`
        self.trainable: dict[Any, bool] = {}  # what `trainable` was when it counted


CALLS = Calls()


class Changes:
    """How often an attribute of any layer has been set, other than by itself."""

    count = 0


CHANGES = Changes()


@contextmanager
def trainable_as(noted: dict[Any, bool]) -> Iterator[None]:
    """Let `trainable` be what was noted of each layer, as `compile` does."""
    before, CALLS.trainable = CALLS.trainable, noted
    try:
        yield
    finally:
        CALLS.trainable = before


@contextmanager
def building(layer: Any) -> Iterator[None]:
    """While a layer builds its parts: their weights have its name in their paths.

    Needed in `build` methods that are called directly, as those of cells are.
    """
    inside = bool(CALLS.stack) and CALLS.stack[-1] is layer
    CALLS.stack += [] if inside else [layer]
    layer._build_at([each.name for each in CALLS.stack])
    try:
        yield
    finally:
        if not inside:
            CALLS.stack.pop()


class _FromFile(threading.local):
    """While a model is read from a file: the bytes of weights that are left in it."""

    left: int | None = None
    name = ""


_from_file = _FromFile()


@contextmanager
def weights_from_file(nbytes: int, name: str) -> Iterator[None]:
    """Weights that are added now come from a file: they begin as zeros.

    Args:
        nbytes: no more bytes of weights are made than this: the file has no more.
        name: the file, for the error.
    """
    before = _from_file.left, _from_file.name
    _from_file.left, _from_file.name = nbytes, name
    try:
        yield
    finally:
        _from_file.left, _from_file.name = before


def _allowed(shape: tuple[int, ...], dtype: str, initializer: Any) -> Any:
    """The initializer, or zeros where the value will be read from a file."""
    if _from_file.left is None:
        return initializer
    _from_file.left -= Spec(shape, dtype).nbytes
    if _from_file.left < 0:
        raise ValueError(
            f"{_from_file.name!r} describes more weights than it holds: one has shape "
            f"{shape}.\nExpected a file that model.save wrote.\n"
            "Do not use this file: it is damaged, or meant to fill your memory."
        )
    return initializers.Zeros()


class Tracked:
    """Base of Layer: the weights, and what the attributes hold."""

    # Attributes that hold no weights and layers of this one.
    _untracked: frozenset[str] = frozenset(
        (
            "_build_shapes",
            "_call_arguments",
            "_inbound",
            "_init_arguments",
            "_weights",
            "activity_regularizer",
            "input_spec",
        )
    )

    name: str
    built: bool
    _variable_dtype: str
    _trainable: bool
    _weights: list[Variable]

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            CHANGES.count += 1
        object.__setattr__(self, name, value)

    # What is tracked: found by looking, so that lists may grow at any time.

    def _tracked(self) -> Iterator[Any]:
        """Variables, layers, metrics and seed generators among the attributes."""
        for key, value in self.__dict__.items():
            if key not in self._untracked:
                yield from _members(value)

    def _sublayers(self) -> list[Any]:
        """Layers that this one owns directly, each once."""
        found = {id(m): m for m in self._tracked() if isinstance(m, Tracked)}
        found.pop(id(self), None)
        return list(found.values())

    def _flatten_layers(self) -> list[Any]:
        """This layer and all below it, each once."""
        found: dict[int, Any] = {id(self): self}
        for layer in self._sublayers():
            for each in layer._flatten_layers():
                found.setdefault(id(each), each)
        return list(found.values())

    def _own_variables(self) -> list[Variable]:
        own = {id(v): v for v in self._weights}
        for member in self._tracked():
            if isinstance(member, Variable):
                own.setdefault(id(member), member)
        # As in Keras, those that are trained come first, whenever they were made.
        return sorted(own.values(), key=lambda v: not v.trains)

    @property
    def weights(self) -> list[Variable]:
        """All variables that `get_weights` and files hold, own ones first."""
        found = {id(v): v for v in self._own_variables()}
        for layer in self._sublayers():
            for v in layer.weights:
                found.setdefault(id(v), v)
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the states of seed generators."""
        found = {id(v): v for v in self.weights}
        for layer in self._flatten_layers():
            for member in layer._tracked():
                if isinstance(member, SeedGenerator):
                    found.setdefault(id(member.state), member.state)
        return list(found.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that training changes."""
        if not self.trainable:
            return []
        found = {id(v): v for v in self._own_variables() if v.trains}
        for layer in self._sublayers():
            for v in layer.trainable_variables:
                found.setdefault(id(v), v)
        return list(found.values())

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All variables that training leaves alone, states of seed generators too."""
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    trainable_weights = trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def metrics(self) -> list[Any]:
        """The metrics in the attributes of this layer and of all below, each once."""
        found: dict[int, Any] = {}
        for layer in self._flatten_layers():
            for member in layer._tracked():
                if _is_metric(member):
                    found.setdefault(id(member), member)
        return list(found.values())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it sets all layers below too."""
        return CALLS.trainable.get(self, self._trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self._sublayers():
            layer.trainable = value

    # Weights

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = None,
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Create a weight.

        Args:
            shape: its shape, () by default.
            initializer: name, object or function `f(shape, dtype)`; Glorot uniform for
                floats by default, zeros for other dtypes.
            dtype: dtype name, the layer's by default.
            trainable: whether training changes it.
            autocast: whether the layer sees it in the dtype of the computation.
            regularizer: penalty on its values, part of the loss.
            constraint: function that is applied after each update.
            aggregation: a hint for several devices, without meaning here.
            overwrite_with_gradient: only False.
            name: its name.

        Returns:
            The variable.
        """
        self._check_initialized()
        self._check_not_computing()
        if isinstance(shape, str):  # Keras 2 had the name first
            shape, name = (initializer, shape) if not name else (initializer, name)
            initializer = None
        if overwrite_with_gradient:
            raise ValueError(
                "add_weight(overwrite_with_gradient=True) is not supported.\n"
                "Expected False: weights are changed by the optimizer.\n"
                "Assign the value in call() instead."
            )
        shape = () if shape is None else shape
        shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
        dtype = self._variable_dtype if dtype is None else standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        initial = _allowed(shape, dtype, initializers.get(initializer))
        with no_trace():
            variable = Variable(initial, shape, dtype, trainable, name)
        variable.autocast, variable.owner = autocast, self
        around = [layer.name for layer in CALLS.stack if layer is not self]
        variable.path = "/".join([*around, self.name, variable.name])
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._weights.append(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Create a weight; the same as `add_weight`."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights.

        Args:
            weights: arrays as `get_weights` returns them.

        Raises:
            ValueError: when their number or a shape differs.
        """
        variables = self.weights
        arrays = [np.asarray(w) for w in weights]
        have, want = [a.shape for a in arrays], [v.shape for v in variables]
        if have != want:
            raise ValueError(
                f"{self._title()}: set_weights was given arrays of shapes {have}.\n"
                f"Expected {want}, as get_weights() returns them.\n"
                "Build the layer first (call it once), and keep the order."
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """Number of elements in all weights."""
        return sum(v.spec.size for v in self.weights)

    def _title(self) -> str:
        return f"{type(self).__name__} {self.__dict__.get('name', '')!r}"

    def _check_not_computing(self) -> None:
        """Raise where a weight would be made anew by every call."""
        if any(layer is self for layer in CALLS.computing):
            raise ValueError(
                f"{self._title()} adds a weight in its call.\n"
                "Expected weights to be made once: every call would make a new one.\n"
                "Move add_weight to __init__, or to build(self, input_shape)."
            )

    def _check_initialized(self) -> None:
        if "_inbound" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__} was used before it was initialized.\n"
                "Expected super().__init__() to be called in its __init__.\n"
                "Make `super().__init__(**kwargs)` the first line of __init__."
            )


# Most attributes are of these types, which hold nothing.
_PLAIN = frozenset((bool, float, int, str, type(None)))


def _members(value: Any, around: tuple[int, ...] = ()) -> Iterator[Any]:
    """What is tracked in a value; `around` are the containers that it is in."""
    if type(value) in _PLAIN:
        return
    if isinstance(value, (Tracked, Variable, SeedGenerator)) or _is_metric(value):
        yield value
    elif isinstance(value, (list, tuple, dict)) and id(value) not in around:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _members(each, (*around, id(value)))


def _is_metric(value: Any) -> bool:
    # Without the module there is none, and who makes no metric need not load it.
    metrics = sys.modules.get("cornu.metrics")
    return metrics is not None and isinstance(value, metrics.Metric)
