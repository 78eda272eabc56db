"""`keras.backend`, the functions that Keras 1 and 2 code calls as `K.*`.

Most are functions of `cornu.ops` under their older names, with the older arguments and
defaults. They work on concrete tensors, inside layers and losses, and on symbolic ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops, random
from cornu.compat.functions import Function, function, gradients
from cornu.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cornu.graph import SymbolicTensor, Tensor, Variable, standardize_dtype
from cornu.graph.config import learning_phase, set_learning_phase
from cornu.layers import Input
from cornu.ops import (
    abs,
    all,
    any,
    binary_crossentropy,
    cast,
    categorical_crossentropy,
    clip,
    cos,
    dot,
    elu,
    equal,
    exp,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    logsumexp,
    max,
    maximum,
    mean,
    min,
    minimum,
    not_equal,
    ones_like,
    prod,
    reshape,
    round,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    softsign,
    sparse_categorical_crossentropy,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    stop_gradient,
    sum,
    tanh,
    tile,
    transpose,
    var,
    zeros_like,
)
from cornu.random import normal as random_normal
from cornu.random import truncated_normal
from cornu.random import uniform as random_uniform
from cornu.utils import clear_session

__all__ = [
    "Function", "abs", "all", "any", "argmax", "argmin", "backend", "batch_flatten",
    "batch_get_value", "binary_crossentropy", "cast", "cast_to_floatx",
    "categorical_crossentropy", "clear_session", "clip", "concatenate", "constant",
    "cos", "count_params", "cumsum", "dot", "dropout", "dtype", "elu", "epsilon",
    "equal", "eval", "exp", "expand_dims", "eye", "flatten", "floatx", "function",
    "gather", "get_value", "gradients", "greater", "greater_equal", "hard_sigmoid",
    "image_data_format", "int_shape", "is_keras_tensor", "l2_normalize",
    "learning_phase", "less", "less_equal", "log", "logsumexp", "max", "maximum",
    "mean", "min", "minimum", "ndim", "not_equal", "one_hot", "ones", "ones_like",
    "permute_dimensions", "placeholder", "pow", "print_tensor", "prod", "random_normal",
    "random_normal_variable", "random_uniform", "relu", "repeat_elements", "reshape",
    "rnn", "round", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_learning_phase", "set_value", "shape", "sigmoid", "sign", "sin", "softmax",
    "softplus", "softsign",
    "sparse_categorical_crossentropy", "sqrt", "square", "squeeze", "stack", "std",
    "stop_gradient", "sum", "switch", "tanh", "tile", "transpose", "truncated_normal",
    "update", "update_add", "update_sub", "var", "variable", "zeros", "zeros_like",
]  # fmt: skip


# Tensors and their values


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, name: Any = None
) -> SymbolicTensor:
    """An input of a `K.function`: a symbolic tensor.

    Args:
        shape: its shape with the batch, None for sizes that are free.
        ndim: number of axes, all of free size, where no shape is given.
        dtype: dtype name, floatx by default.
        name: its name.

    Raises:
        ValueError: when neither shape nor ndim is given.

    Example:

    >>> placeholder((1, 28, 28, 3)).shape
    (1, 28, 28, 3)
    """
    if shape is None and ndim is None:
        raise ValueError(
            "K.placeholder was given neither shape nor ndim.\n"
            "Expected one of them.\nFor example K.placeholder((None, 784))."
        )
    sizes = (None,) * (ndim or 0) if shape is None else tuple(shape)
    return Input(batch_shape=sizes, dtype=dtype, name=name)


def variable(
    value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None
) -> Variable:
    """A variable that starts with this value.

    Args:
        value: array, number, or a tensor with numbers.
        dtype: dtype name, floatx by default.
        name: its name.
        constraint: function that is applied after each update.
    """
    made = Variable(np.asarray(value), dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str | None = None
) -> Tensor:
    """A tensor with these values, repeated to `shape` if that is given.

    Args:
        value: array, list or number.
        dtype: dtype name, floatx by default.
        shape: shape of the result.
        name: a label that Keras took; a tensor needs none.
    """
    array = np.asarray(value, dtype or floatx())
    full = array if shape is None else np.broadcast_to(array, tuple(shape))
    return ops.convert_to_tensor(full)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of zeros."""
    return variable(np.zeros(shape), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of ones."""
    return variable(np.ones(shape), dtype, name)


def get_value(x: Any) -> np.ndarray:
    """The values of a variable or tensor as a NumPy array."""
    return np.array(x)


eval = get_value


def batch_get_value(tensors: Any) -> list[np.ndarray]:
    """The values of several variables."""
    return [get_value(x) for x in tensors]


def set_value(x: Variable, value: Any) -> None:
    """Set a variable, for example `K.set_value(model.optimizer.lr, 1e-3)`."""
    x.assign(value)


def update(x: Variable, new_x: Any) -> Any:
    """Set a variable as part of a step."""
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Any:
    """Add to a variable as part of a step."""
    x.assign_add(increment)
    return x


def update_sub(x: Variable, decrement: Any) -> Any:
    """Subtract from a variable as part of a step."""
    x.assign_sub(decrement)
    return x


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, SymbolicTensor)


def dtype(x: Any) -> str:
    """The dtype of a tensor as a string."""
    return standardize_dtype(x.dtype)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None for axes that are open."""
    return tuple(x.shape)


def shape(x: Any) -> tuple[int, ...]:
    """The shape; on data, and inside a layer, its sizes are whole numbers."""
    return ops.shape(x)


def count_params(x: Any) -> int:
    """The number of elements."""
    return int(np.prod(x.shape))


def cast_to_floatx(x: Any) -> Any:
    """`x` in floatx; arrays stay arrays."""
    return x.astype(floatx()) if isinstance(x, np.ndarray) else cast(x, floatx())


# Shapes and products


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Tensors one after the other along an axis, the last one by default."""
    return ops.concatenate(tensors, axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """A new axis of size 1, the last one by default."""
    return ops.expand_dims(x, axis)


def argmax(x: Any, axis: int = -1) -> Any:
    """The index of the largest element along an axis."""
    return ops.argmax(x, axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """The index of the smallest element along an axis."""
    return ops.argmin(x, axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """Sums of all elements up to each one, along an axis."""
    return ops.cumsum(x, axis)


def eye(size: int, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable that is the unit matrix."""
    return variable(np.eye(size), dtype, name)


def flatten(x: Any) -> Any:
    """All elements along one axis."""
    return reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """All axes but the first as one."""
    return reshape(x, (-1, int(np.prod(x.shape[1:]))))


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """The axes in another order."""
    return transpose(x, tuple(pattern))


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element `rep` times along an axis."""
    return ops.repeat(x, rep, axis)


def gather(reference: Any, indices: Any) -> Any:
    """The entries of `reference` at these indices of its first axis."""
    return ops.take(reference, indices, axis=0)


def one_hot(indices: Any, num_classes: int) -> Any:
    """One-hot vectors of class indices."""
    return ops.one_hot(indices, num_classes)


def pow(x: Any, a: Any) -> Any:
    """x to the power a."""
    return ops.power(x, a)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two: by a scalar condition a whole one, otherwise element by element.

    Args:
        condition: boolean tensor.
        then_expression: tensor, or a function without arguments that gives one.
        else_expression: the same.
    """
    yes: Any = then_expression
    no: Any = else_expression
    if not len(condition.shape):
        return ops.cond(
            condition,
            yes if callable(yes) else lambda: ops.convert_to_tensor(yes),
            no if callable(no) else lambda: ops.convert_to_tensor(no),
        )
    yes, no = (each() if callable(each) else each for each in (yes, no))
    missing = len(yes.shape) - len(condition.shape)
    for _ in range(missing):  # one decision for all that a row holds
        condition = expand_dims(condition, -1)
    return ops.where(condition, yes, no)


def print_tensor(x: Any, message: str = "") -> Any:
    """Print a concrete tensor and return it.

    Raises:
        TypeError: under trace, where there are no numbers yet.
    """
    print(message, np.asarray(x))
    return x


# Networks


def relu(
    x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """max(x, 0) with a slope below, a limit above, and a threshold between.

    Args:
        x: tensor.
        alpha: slope below the threshold.
        max_value: the largest value, None for none.
        threshold: below it the slope counts.
    """
    from cornu import activations

    return activations.relu(x, alpha, max_value, threshold)


def hard_sigmoid(x: Any) -> Any:
    """0.2 * x + 0.5, cut off at 0 and 1: the form of Keras 1 and 2."""
    return clip(x * 0.2 + 0.5, 0.0, 1.0)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """A random part `level` of `x` set to 0, and the rest scaled up."""
    return random.dropout(x, level, noise_shape, seed)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """x divided by its Euclidean norm along an axis (or as a whole)."""
    return x / sqrt(maximum(sum(square(x), axis=axis, keepdims=True), epsilon()))


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
        mask = squeeze(mask, -1)

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


# Random numbers


def random_normal_variable(
    shape: Any,
    mean: float,
    scale: float,
    dtype: Any = None,
    name: Any = None,
    seed: Any = None,
) -> Variable:
    """A variable that starts with normal numbers."""
    return variable(random.normal(shape, mean, scale, dtype, seed), dtype, name)
