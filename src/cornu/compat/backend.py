"""`keras.backend`, the functions that Keras 1 and 2 code calls as `K.*`.

Most are functions of `cornu.ops` under their older names, with the older arguments and
defaults. They work on concrete tensors, inside layers and losses, and on symbolic ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops, random, registry
from cornu.compat import elements, loops, networks, phase, places
from cornu.compat.elements import *  # noqa: F403
from cornu.compat.elements import clip, maximum, reshape
from cornu.compat.functions import Function, function, gradients
from cornu.compat.loops import *  # noqa: F403
from cornu.compat.networks import *  # noqa: F403
from cornu.compat.phase import *  # noqa: F403
from cornu.compat.places import *  # noqa: F403
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
from cornu.graph.config import set_learning_phase, standardize_data_format
from cornu.graph.eager import is_native
from cornu.graph.tensor import TensorBase
from cornu.graph.variable import name_scope
from cornu.layers import Input
from cornu.ops import (
    abs,
    all,
    any,
    binary_crossentropy,
    cast,
    categorical_crossentropy,
    cos,
    elu,
    exp,
    log,
    logsumexp,
    max,
    mean,
    min,
    prod,
    round,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    softsign,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    sum,
    tanh,
    transpose,
    var,
)
from cornu.ops.public import recordable
from cornu.random import normal as random_normal
from cornu.random import truncated_normal
from cornu.random import uniform as random_uniform
from cornu.utils import clear_session

__all__ = [
    "Function", "abs", "all", "any", "argmax", "argmin", "backend", "batch_flatten",
    "batch_get_value", "batch_set_value", "binary_crossentropy", "cast",
    "cast_to_floatx", "categorical_crossentropy", "clear_session", "concatenate",
    "constant", "cos", "count_params", "dropout", "dtype", "elu", "epsilon", "eval",
    "exp", "expand_dims", "eye", "flatten", "floatx", "function", "gather", "get_uid",
    "get_value", "gradients", "hard_sigmoid", "image_data_format", "image_dim_ordering",
    "int_shape", "is_keras_tensor", "is_placeholder", "is_sparse", "is_tensor",
    "is_variable", "l2_normalize", "log", "logsumexp", "max", "mean", "min",
    "moving_average_update", "name_scope", "ndim", "normalize_data_format", "one_hot",
    "ones", "permute_dimensions", "placeholder", "pow", "print_tensor", "prod",
    "random_bernoulli", "random_binomial", "random_normal", "random_normal_variable",
    "random_uniform", "random_uniform_variable", "relu", "repeat_elements",
    "reset_uids", "round", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_image_dim_ordering", "set_learning_phase", "set_value", "shape", "sigmoid",
    "sign", "sin", "softmax", "softplus", "softsign", "sqrt", "square", "squeeze",
    "stack", "std", "sum", "tanh", "to_dense", "transpose",
    "truncated_normal", "update", "update_add", "update_sub", "var", "variable",
    "zeros",
    *elements.__all__, *loops.__all__, *networks.__all__, *phase.__all__,
    *places.__all__,
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


def batch_set_value(tuples: Any) -> None:
    """Set several variables, from pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Any:
    """Set a variable as part of a step.

    Args:
        x: the variable.
        new_x: its new value.

    Returns:
        The variable; for a symbolic value a pair, which goes into the updates of
        `K.function`.
    """
    if is_keras_tensor(new_x):
        return x, new_x
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Any:
    """Add to a variable as part of a step: see `update`."""
    return update(x, x + increment)


def update_sub(x: Variable, decrement: Any) -> Any:
    """Subtract from a variable as part of a step: see `update`."""
    return update(x, x - decrement)


def moving_average_update(x: Variable, value: Any, momentum: Any) -> Any:
    """Bring a variable nearer to a value as part of a step: see `update`.

    Args:
        x: the variable.
        value: the value.
        momentum: how much of the variable stays, from 0 to 1.
    """
    return update(x, x * momentum + value * (1.0 - momentum))


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, SymbolicTensor)


def is_placeholder(x: Any) -> bool:
    """Whether `x` is an input: a symbolic tensor that nothing computes."""
    return is_keras_tensor(x) and x.call is None


def is_variable(x: Any) -> bool:
    """Whether `x` is a variable."""
    return isinstance(x, Variable)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of any kind, and no array."""
    return isinstance(x, TensorBase) or is_native(x)


def is_sparse(tensor: Any) -> bool:
    """False: there are no sparse tensors."""
    return False


def to_dense(tensor: Any) -> Any:
    """The tensor itself: there are no sparse ones."""
    return tensor


def dtype(x: Any) -> str:
    """The dtype of a tensor as a string."""
    return standardize_dtype(x.dtype)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None for axes that are open."""
    return tuple(x.shape)


def shape(x: Any) -> Any:
    """The shape: on data, and inside a layer, a tuple of whole numbers.

    Of a symbolic tensor with open sizes it is a symbolic tensor itself.
    """
    if is_keras_tensor(x) and None in x.shape:
        return _sizes(x)
    return ops.shape(x)


@recordable
def _sizes(x: Any) -> Any:
    return ops.convert_to_tensor(np.asarray(x.shape, np.int32))


def count_params(x: Any) -> int:
    """The number of elements."""
    return int(np.prod(x.shape))


def cast_to_floatx(x: Any) -> Any:
    """`x` in floatx; arrays stay arrays."""
    return x.astype(floatx()) if isinstance(x, np.ndarray) else cast(x, floatx())


# Settings


def get_uid(prefix: str = "") -> int:
    """How often this function has been asked for a prefix, from 1 on."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


_uids: dict[str, int] = {}


def reset_uids() -> None:
    """Begin counting again, also the automatic names of layers."""
    _uids.clear()
    registry.reset_names()


def normalize_data_format(value: str | None) -> str:
    """'channels_last' or 'channels_first'; None is what has been set."""
    return standardize_data_format(value)


_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def image_dim_ordering() -> str:
    """'tf' or 'th', as Keras 1 called 'channels_last' and 'channels_first'."""
    return {v: k for k, v in _ORDERINGS.items()}[image_data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set where the channels of images are, in the words of Keras 1.

    Args:
        dim_ordering: 'tf' for channels last, 'th' for channels first.

    Raises:
        ValueError: for anything else.
    """
    if dim_ordering not in _ORDERINGS:
        raise ValueError(
            f"K.set_image_dim_ordering was given {dim_ordering!r}.\n"
            "Expected 'tf' (channels last) or 'th' (channels first).\n"
            "Write K.set_image_data_format('channels_last')."
        )
    set_image_data_format(_ORDERINGS[dim_ordering])


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


def random_uniform_variable(
    shape: Any,
    low: float,
    high: float,
    dtype: Any = None,
    name: Any = None,
    seed: Any = None,
) -> Variable:
    """A variable that starts with equally likely numbers between two."""
    return variable(random.uniform(shape, low, high, dtype, seed), dtype, name)


def random_bernoulli(
    shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Ones with the probability p, and zeros.

    Args:
        shape: shape of the result.
        p: probability of a 1.
        dtype: dtype name, floatx by default.
        seed: an int, or None for the global generator.
    """
    drawn = random.uniform(shape, dtype="float32", seed=seed)
    return cast(ops.less(drawn, p), dtype or floatx())


random_binomial = random_bernoulli


_GONE = {
    "get_session": "Call model.predict, K.eval or K.function, which need no session.",
    "set_session": "Leave it away: nothing runs in a session.",
    "manual_variable_initialization": "Leave it away: variables start when made.",
    "tf": "Write `from cornu import ops`, which has these operations.",
}


def __getattr__(name: str) -> Any:
    """
    Raises:
        AttributeError: for any name that is not there; what to write instead.
    """
    raise AttributeError(
        f"module 'keras.backend' has no function {name!r}"
        + (", which is TensorFlow's.\n" if name in _GONE else ".\n")
        + "Expected one of keras.backend.__all__.\n"
        + _GONE.get(name, "Look for it in cornu.ops, which has all operations.")
    )
