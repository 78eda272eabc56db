"""Functions of one slice after the other: `K.map_fn`, `K.foldl`, `K.rnn`."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph.tree import flatten, map_structure
from cornu.ops.public import recordable

__all__ = ["foldl", "foldr", "map_fn", "rnn"]


@recordable
def map_fn(fn: Any, elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """A function of each slice along the first axis, and its results stacked.

    Args:
        fn: takes a slice of `elems`, nested as that is.
        elems: tensors with equal first axes, alone or nested.
        name: a label that Keras took.
        dtype: dtype of the results, where it is not what `fn` gives.
    """
    found = ops.map(fn, elems)
    if dtype is None or isinstance(dtype, (tuple, list)):
        return found
    return map_structure(lambda y: ops.cast(y, dtype), found)


def _fold(fn: Any, elems: Any, initializer: Any, reverse: bool) -> Any:
    elems = map_structure(ops.convert_to_tensor, elems)
    total = initializer
    if total is None:
        n = flatten(elems)[0].shape[0]
        first, rest = (n - 1, slice(0, n - 1)) if reverse else (0, slice(1, n))
        total = map_structure(lambda x: x[first], elems)
        elems = map_structure(lambda x: x[rest], elems)

    def step(carry: Any, x: Any) -> Any:
        return fn(carry, x), None

    return ops.scan(step, total, elems, reverse=reverse)[0]


@recordable
def foldl(fn: Any, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`fn(... fn(fn(initializer, x0), x1) ..., xn)` over the slices of a tensor.

    Args:
        fn: takes what came out so far, and a slice.
        elems: tensors with equal first axes, alone or nested.
        initializer: what it begins with, by default the first slice.
        name: a label that Keras took.
    """
    return _fold(fn, elems, initializer, False)


@recordable
def foldr(fn: Any, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """As `foldl`, from the last slice to the first."""
    return _fold(fn, elems, initializer, True)


def rnn(
    step_function: Any,
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """A step function over the steps of a sequence, in one loop.

    Args:
        step_function: `f(inputs, states) -> (output, new states)` of one step; the
            constants follow the states in their list.
        inputs: tensor of shape (batch, steps, ...).
        initial_states: list of the first states.
        go_backwards: whether to run from the last step to the first.
        mask: booleans of shape (batch, steps), or (batch, steps, 1).
        constants: list of tensors that every step is given.
        unroll: a hint without meaning here, as are `input_length`, which the inputs
            have, and `return_all_outputs`: what nobody reads is not computed.
        input_length: see above.
        time_major: whether the axis of steps is the first one.
        zero_output_for_mask: whether the output of a masked step is 0, and not that of
            the step before.
        return_all_outputs: see above.

    Returns:
        The last output, all of them, and the last states.
    """
    fixed = list(constants or [])
    if mask is not None and len(mask.shape) == 3:
        mask = ops.squeeze(mask, -1)

    def step(x: Any, states: Any) -> Any:
        return step_function(x, [*states, *fixed])

    return ops.recurrence(
        step,
        inputs,
        list(initial_states),
        mask,
        go_backwards,
        zero_output_for_mask,
        time_major,
    )
