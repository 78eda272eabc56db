"""Calls of a model on arrays, by the program that `predict` runs.

A model that is called again and again on one sample spends its time on the way from
layer to layer. Where all that it is made of is Cornu's own, nothing on that way can
differ from call to call, and the program gives what the layers would give.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np

from cornu.graph import config
from cornu.graph.dispatch import DISPATCH
from cornu.graph.eager import TAPES, Tensor
from cornu.graph.tensor import keras_mask
from cornu.graph.trace import current
from cornu.graph.tree import flatten
from cornu.layers.tracking import CALLS, CHANGES
from cornu.training.batches import spec_of

if TYPE_CHECKING:
    from cornu.models.model import Model

# So many calls with one shape are made layer by layer before a program is worth it.
_OFTEN = 3
_MOST_SHAPES = 8


class QuickCalls:
    """The programs by which one model is called, as long as it stays as it is."""

    def __init__(self, model: Model) -> None:
        self.state = CHANGES.count, model._outputs
        self.allowed = _is_all_ours(model)
        self.counts: dict[Any, int] = {}
        self.programs: dict[Any, Any] = {}

    def run(self, model: Model, value: Any) -> Tensor | None:
        """The output for one array or tensor, or None where the layers are to run."""
        array = value._array if type(value) is Tensor else value
        key = array.shape, array.dtype
        program = self.programs.get(key)
        if program is None:
            program = self._made(model, array, key)
            if program is None:
                return None
        if type(value) is Tensor and keras_mask(value) is not None:
            return None
        return Tensor(program.program(array)[0])

    def _made(self, model: Model, array: np.ndarray, key: Any) -> Any:
        entrance = flatten(model._inputs)[0]
        if array.dtype != entrance.dtype or array.ndim != len(entrance.shape):
            return None
        times = self.counts[key] = self.counts.get(key, 0) + 1
        if times <= _OFTEN or len(self.programs) >= _MOST_SHAPES:
            return None
        # Its own: the one of `predict` may be of the time before an attribute was set.
        program = model._make("predict", (True, None, None), [spec_of(array)])
        self.programs[key] = program
        return program


def call(model: Model, value: Any) -> Tensor | None:
    """What `model(value)` is, where a program can tell; None where it cannot."""
    kind = type(value)
    if (
        (kind is not np.ndarray and kind is not Tensor)
        or CALLS.stack
        or TAPES.open
        or TAPES.on_read
        or DISPATCH.native is not None
        or current() is not None
        or config.learning_phase() is not None
    ):
        return None
    quick = model._quick
    if (
        quick is None
        or quick.state[0] != CHANGES.count
        or (
            quick.state[1] is not model._outputs  # a Sequential has grown
        )
    ):
        quick = model._quick = QuickCalls(model)
    return quick.run(model, value) if quick.allowed else None


def _is_all_ours(model: Model) -> bool:
    """Whether calls depend on nothing but Cornu's own code and the weights."""
    from cornu.models.model import Functional
    from cornu.models.sequential import Sequential

    if (
        type(model) not in (Functional, Sequential)
        or model._outputs is None
        or isinstance(model._outputs, (list, tuple, dict))
        or len(flatten(model._inputs)) != 1
        or model._symbolic_losses
        or getattr(model, "run_eagerly", False)
        or model._has_host_part()
    ):
        return False
    parts = [operation.target for operation in model._operations]
    layers = [each for each in model._flatten_layers() if each is not model]
    return all(map(_is_ours, parts)) and all(map(_is_plain, layers))


def _is_ours(part: Any) -> bool:
    made = part if isinstance(part, types.FunctionType) else type(part)
    return made.__module__.startswith("cornu.")


def _is_plain(layer: Any) -> bool:
    """Whether a layer is one of Cornu's, without functions of the user's in it."""
    if not _is_ours(layer) or layer.activity_regularizer is not None:
        return False
    if layer._training_by_default():  # augmentation, which `predict` leaves out
        return False
    held = vars(layer).values()
    return all(_is_ours(each) for each in held if callable(each))
