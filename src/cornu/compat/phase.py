"""One of two: as a condition says, or the learning phase (whether a network trains)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cornu import ops
from cornu.graph import SymbolicTensor, Tensor, config
from cornu.graph.symbolic import Call
from cornu.graph.tensor import TensorBase
from cornu.layers.tracking import CALLS
from cornu.ops.public import recordable

__all__ = [
    "in_test_phase", "in_train_phase", "learning_phase", "learning_phase_scope",
    "switch",
]  # fmt: skip


def _known() -> int | None:
    """0 or 1 where it is fixed, or where a layer is being called; otherwise None."""
    fixed = config.learning_phase()
    if fixed is None and CALLS.training:
        fixed = int(bool(CALLS.training[-1]))
    return fixed


def _phase() -> Any:
    return ops.convert_to_tensor(bool(_known()))


# Stands for the phase outside of layers; in a model it has the model's value.
PHASE = SymbolicTensor((), "bool", "learning_phase", Call(_phase, (), {}))
assert PHASE.call is not None
PHASE.call.outputs = PHASE


def learning_phase() -> Any:
    """Whether the network trains: 1 or 0, or a tensor where that is not decided yet.

    It is an int after `K.set_learning_phase`, and inside a layer's `call`. Elsewhere it
    is a symbolic tensor, which may be an input of `K.function`.

    Example:

    >>> import cornu
    >>> model = cornu.Sequential([cornu.layers.Dropout(0.5, input_shape=(3,))])
    >>> f = cornu.backend.function([model.input, learning_phase()], [model.output])
    >>> f([[[1.0, 1.0, 1.0]], 0])
    [array([[1., 1., 1.]], dtype=float32)]
    """
    known = _known()
    return PHASE if known is None else known


@contextmanager
def learning_phase_scope(value: int) -> Iterator[None]:
    """Fix the learning phase within a `with` block.

    Args:
        value: 0 for test, 1 for training.
    """
    before = config.learning_phase()
    config.set_learning_phase(value)
    try:
        yield
    finally:
        config.set_learning_phase(before)


@contextmanager
def training_as(value: bool | None) -> Iterator[None]:
    """Let layers that are told nothing else train, or not; None leaves it to them."""
    if value is None:
        yield
        return
    CALLS.training.append(value)
    try:
        yield
    finally:
        CALLS.training.pop()


@recordable
def _by_phase(x: Any, alt: Any) -> Any:
    """One of two as the phase is when it is computed."""
    return x if _known() else alt


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` while the network trains, `alt` otherwise.

    Args:
        x: tensor, or a function without arguments that gives one.
        alt: the same.
        training: whether it trains: bool, tensor, or None for the learning phase.
    """
    if training is None or training is PHASE:
        training = _known()
        if training is None:
            return _by_phase(_made(x), _made(alt))
    return switch(training, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` while the network does not train, `alt` while it does.

    Args:
        x: tensor, or a function without arguments that gives one.
        alt: the same.
        training: whether it trains: bool, tensor, or None for the learning phase.
    """
    return in_train_phase(alt, x, training)


def _made(value: Any) -> Any:
    return value() if callable(value) else value


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two: by a scalar condition a whole one, otherwise element by element.

    Args:
        condition: boolean tensor, or a bool.
        then_expression: tensor, or a function without arguments that gives one.
        else_expression: the same.

    Raises:
        ValueError: when the condition has more axes.
    """
    if not isinstance(condition, TensorBase):
        condition = ops.convert_to_tensor(condition)
    if isinstance(condition, Tensor) and not condition.ndim and condition.is_known:
        return _made(then_expression if bool(condition) else else_expression)
    if isinstance(condition, SymbolicTensor):
        then_expression = _made(then_expression)
        else_expression = _made(else_expression)
    return _switch(condition, then_expression, else_expression)


@recordable
def _switch(condition: Any, yes: Any, no: Any) -> Any:
    condition = ops.cast(condition, "bool")
    if not condition.ndim:
        branches = (
            each if callable(each) else lambda each=each: ops.convert_to_tensor(each)
            for each in (yes, no)
        )
        return ops.cond(condition, *branches)
    yes, no = (ops.convert_to_tensor(_made(each)) for each in (yes, no))
    missing = yes.ndim - condition.ndim
    if missing < 0:
        raise ValueError(
            f"K.switch was given a condition of shape {condition.shape} and tensors of "
            f"shape {yes.shape}.\n"
            "Expected no more axes in the condition.\n"
            "Reduce it, for example with K.any(condition, axis=-1)."
        )
    # One decision for all that a row holds.
    condition = ops.reshape(condition, (*condition.shape, *(1,) * missing))
    return ops.where(condition, yes, no)
