"""What enters a model made of symbolic tensors: in which order, and as what."""

from __future__ import annotations

import math
from typing import Any

from cornu.graph.messages import described, nearest, warn_user
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.tensor import TensorBase, keras_mask, set_keras_mask
from cornu.graph.tree import flatten
from cornu.ops import expand_dims, squeeze


def ordered(model: Any, inputs: Any) -> list[Any]:
    """The inputs in the order of the symbolic ones, by name if they are in a dict.

    Raises:
        ValueError: when their number or a name does not fit, or one is missing that is
            not optional.
        TypeError: when one is no array.
    """
    wanted = model._inputs
    if isinstance(inputs, dict):
        values = _named(model, wanted, inputs)
    else:
        if isinstance(wanted, dict) and isinstance(inputs, (list, tuple)):
            _check_order(model, wanted, inputs)
        values = flatten(inputs)
    symbols = flatten(wanted)
    if len(values) != len(symbols):
        names = ", ".join(model.input_names)
        raise ValueError(
            f"Model {model.name!r} was given {len(values)} inputs.\n"
            f"Expected {len(symbols)}: {names}.\n"
            "Pass one array per Input, as a list or a dict by name."
        )
    for value, symbol in zip(values, symbols, strict=True):
        _check_there(model, value, symbol)
    return values


def _named(model: Any, wanted: Any, inputs: dict[str, Any]) -> list[Any]:
    """The values of a dict, in the order of the Inputs."""
    by_key = isinstance(wanted, dict)
    symbols = flatten(wanted)
    names = sorted(wanted) if by_key else [symbol.name for symbol in symbols]
    missing = [
        name
        for name in names
        if name not in inputs and (by_key or not symbols[names.index(name)].optional)
    ]
    if missing:
        raise ValueError(
            f"Model {model.name!r} was given inputs named "
            f"{', '.join(map(repr, inputs))}.\n"
            f"Expected {', '.join(map(repr, names))}.\n"
            f"For {missing[0]!r}: {nearest(missing[0], inputs)}"
        )
    more = [key for key in inputs if key not in names]
    if more:
        _warn_once(
            model,
            f"Model {model.name!r} was given inputs that it has not: "
            f"{', '.join(map(repr, more))}.\n"
            f"Expected {', '.join(map(repr, names))} alone.\n"
            "Leave the others away; they have no effect.",
        )
    if by_key:
        return _like(wanted, inputs)
    return [inputs.get(name) for name in names]


def _check_order(model: Any, wanted: dict[str, Any], inputs: Any) -> None:
    """Refuse a list for a model of a dict, unless the order cannot be mistaken."""
    given = "a list" if isinstance(inputs, list) else "a tuple"
    said = f"Model {model.name!r} takes a dict, and was given {given}"
    keys = ", ".join(map(repr, wanted))
    if list(wanted) != sorted(wanted):
        raise ValueError(
            f"{said}: which is which cannot be told.\n"
            f"Expected a dict with the keys {keys}.\nPass one."
        )
    _warn_once(
        model,
        f"{said}.\nExpected a dict with the keys {keys}.\n"
        "Pass one: the arrays are taken in the order of the keys.",
    )


def _warn_once(model: Any, message: str) -> None:
    told = model.__dict__.setdefault("_told", set())
    if message not in told:
        told.add(message)
        warn_user(message, UserWarning)


def _check_there(model: Any, value: Any, symbol: SymbolicTensor) -> None:
    if value is None:
        if symbol.optional:
            return
        raise ValueError(
            f"Model {model.name!r} was given None for its input {symbol.name!r}, which "
            "is not optional.\nExpected a tensor or an array.\n"
            "Pass one, or make the Input with optional=True."
        )
    if not hasattr(value, "shape"):
        raise TypeError(
            f"Model {model.name!r} was given {described(value)} for its input "
            f"{symbol.name!r}.\nExpected a tensor or an array.\n"
            "Pass for example np.zeros((32, 784), 'float32')."
        )


def _like(wanted: Any, given: Any) -> list[Any]:
    """What was given, in the order of the leaves of `wanted`; more keys are let be."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        pairs = [(wanted[key], given[key]) for key in sorted(wanted)]
    elif isinstance(wanted, (list, tuple)) and isinstance(given, (list, tuple)):
        pairs = list(zip(wanted, given, strict=True))
    else:
        return [given]
    return [leaf for pair in pairs for leaf in _like(*pair)]


def entered(value: Any, symbol: SymbolicTensor, whole: bool) -> Any:
    """A value as the Input that it enters at says: its rank and its dtype.

    Images of bytes become floats here; in bytes, 200 * 2 would be 144.

    Args:
        value: an array or tensor; None for an optional Input that is left out.
        symbol: the Input.
        whole: whether it only indexes: indices stay whole, large ones are no floats.
    """
    if value is None:
        return None
    value = with_rank_of(value, symbol)
    same = not isinstance(value, TensorBase) or symbol.dtype in ("string", value.dtype)
    if same or whole:
        return value
    return _keeping_mask(value, value.astype(symbol.dtype))


def with_rank_of(value: Any, symbol: SymbolicTensor) -> Any:
    """As Keras does: a missing last axis of size 1 is added, one too many dropped."""
    tensor = isinstance(value, TensorBase)
    if value.ndim == len(symbol.shape) - 1 and symbol.shape[-1] == 1:
        if not tensor:
            return value[..., None]
        return _keeping_mask(value, expand_dims(value, -1))
    if value.ndim == len(symbol.shape) + 1 and value.shape[-1] == 1:
        if not tensor:
            return value[..., 0]
        return _keeping_mask(value, squeeze(value, -1))
    return value


def _keeping_mask(before: Any, after: Any) -> Any:
    mask = keras_mask(before)
    if mask is not None:
        set_keras_mask(after, mask)
    return after


def check_array(model: Any, symbol: SymbolicTensor, array: Any) -> None:
    """Refuse an array whose shape is not that of an Input.

    Raises:
        ValueError: which says how to reshape it.
    """
    if array is None:  # an optional Input that is left out
        return
    wanted, shape = symbol.shape[1:], tuple(array.shape[1:])
    short = shape == () and wanted == (1,)
    long = len(shape) == len(wanted) + 1 and shape[-1] == 1
    trimmed = shape[:-1] if long else shape
    fits = len(trimmed) == len(wanted) and all(
        n is None or n == m for n, m in zip(wanted, trimmed, strict=True)
    )
    if fits or short:
        return
    numbers = "number" if wanted in ((), (1,)) else "numbers"
    sizes = "x".join("?" if n is None else str(n) for n in wanted)
    fix = "Reshape the data, or change the shape of the Input."
    sizes_known = [n for n in wanted if n is not None]
    whole = len(sizes_known) == len(wanted)
    if len(shape) == len(wanted) - 1 and tuple(array.shape) == wanted:
        fix = "For one sample add the axis of the samples: x[np.newaxis]."
    elif whole and shape and math.prod(sizes_known) == math.prod(shape):
        rows = ", ".join(map(str, wanted))
        fix = f"Reshape the data: x = x.reshape(len(x), {rows})."
    raise ValueError(
        f"Model {model.name!r} was given data of shape {tuple(array.shape)} for its "
        f"input {symbol.name!r}.\n"
        f"Expected {(None, *wanted)}: {sizes or 'one'} {numbers} per sample.\n{fix}"
    )


def read_as_indices(inputs: dict[int, Any], calls: list[Any]) -> set[int]:
    """The Inputs, by identity, that go to layers alone that take them as indices."""
    others = {
        id(parent)
        for call in calls
        for parent in call.parents
        if not getattr(call.function, "takes_indices", False)
    }
    return set(inputs) - others
