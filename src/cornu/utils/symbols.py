"""Questions about symbolic tensors and dtypes."""

from __future__ import annotations

from typing import Any

from cornu.graph import config, spec
from cornu.graph.messages import described
from cornu.graph.symbolic import SymbolicTensor


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic: what `Input` and layers called on it give.

    Example:

    >>> import cornu
    >>> is_keras_tensor(cornu.Input((3,))), is_keras_tensor(cornu.ops.ones(3))
    (True, False)
    """
    return isinstance(x, SymbolicTensor)


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype that is given as a name, a NumPy dtype or a type.

    Args:
        dtype: the dtype; None is floatx.

    Raises:
        ValueError: when Cornu has no such dtype.

    Example:

    >>> standardize_dtype(None), standardize_dtype("int"), standardize_dtype(bool)
    ('float32', 'int32', 'bool')
    """
    if dtype is None:
        return config.floatx()
    try:
        return spec.standardize_dtype(dtype)
    except TypeError as error:
        raise ValueError(str(error)) from error


def get_source_inputs(tensor: Any) -> list[SymbolicTensor]:
    """The symbolic inputs that a symbolic tensor is computed from, each once.

    Args:
        tensor: a symbolic tensor; an input is its own source.

    Returns:
        The inputs, in the order in which they are met, arguments first to last.

    Raises:
        ValueError: for anything else.

    Example:

    >>> import cornu
    >>> a, b = cornu.Input((3,), name="a"), cornu.Input((3,), name="b")
    >>> [t.name for t in get_source_inputs(cornu.layers.add([a, b]))]
    ['a', 'b']
    """
    if not isinstance(tensor, SymbolicTensor):
        raise ValueError(
            f"get_source_inputs was given {described(tensor)}.\n"
            "Expected a symbolic tensor, as Input() and layers called on one give.\n"
            "Pass an output of a functional model, for example model.outputs[0]."
        )
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]  # a stack, for networks may be deeper than Python's
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if each.call is None:
            found[id(each)] = each
        else:
            waiting += reversed(each.call.parents)
    return list(found.values())
