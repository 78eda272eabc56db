"""Before the first step: is this loss meant for these labels and this output?

What Keras accepts and books print stays accepted; refused is what cannot be meant.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from cornu.graph.messages import nearest

_LEVELS = ("error", "warn", "off")
_level = ["error"]


class PreflightWarning(UserWarning):
    """Something about data, loss and output that cannot be meant."""


def set_preflight(level: str) -> None:
    """What happens where data, loss and output do not go together.

    Args:
        level: 'error', 'warn' or 'off'.

    Raises:
        ValueError: for anything else.
    """
    if level not in _LEVELS:
        raise ValueError(
            f"set_preflight was given {level!r}.\n"
            f"Expected one of {', '.join(_LEVELS)}.\n"
            f"{nearest(level, _LEVELS)}"
        )
    _level[0] = level


def preflight() -> str:
    """The current level: 'error', 'warn' or 'off'."""
    return _level[0]


def check_fit(model: Any, x: Any, y: Any, names: list[str], units: list[Any]) -> None:
    """Check inputs and targets before the first step of a fit.

    Args:
        model: the compiled model.
        x: arrays of the inputs.
        y: arrays of the targets, one per output (or None).
        names: names of the outputs.
        units: shapes of the outputs, without the batch.

    Raises:
        ValueError: in three parts, where the level is 'error'.
    """
    if _level[0] == "off":
        return
    for array in x:
        _check_finite(array, "x")
    functions = model._compiled_loss.functions or []
    for function, target, name, shape in zip(functions, y, names, units, strict=False):
        if function is None or target is None:
            continue
        _check_finite(target, "y")
        kind = getattr(function, "name", "")
        check = _CHECKS.get(kind)
        if check is not None and shape:
            logits = bool(getattr(function, "_fn_kwargs", {}).get("from_logits", False))
            ignored = getattr(function, "_fn_kwargs", {}).get("ignore_class")
            problem = check(target, shape, name, logits, ignored)
            if problem is not None:
                _tell(problem)


def _tell(message: str) -> None:
    if _level[0] == "warn":
        warnings.warn(message, PreflightWarning, stacklevel=6)
        return
    raise ValueError(message)


def _check_finite(array: np.ndarray, what: str) -> None:
    # The sum is NaN or infinite if any element is, and needs no array of booleans. If
    # it only overflows, the elements are looked at.
    if array.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(array)):
            return
    bad = ~np.isfinite(array)
    if bad.any():
        rows = np.unique(np.nonzero(bad)[0])
        _tell(
            f"{what} holds {int(bad.sum())} values that are NaN or infinite, first in "
            f"sample {rows[0]}.\n"
            "Expected finite numbers: one NaN makes every weight NaN.\n"
            "Drop those samples or fill them in, for example with "
            f"np.nan_to_num({what})."
        )


def _sparse(y: Any, shape: Any, name: str, logits: bool, ignored: Any) -> str | None:
    classes = shape[-1]
    if y.ndim == len(shape) + 1 and y.shape[-1] == classes and classes > 1:
        return (
            f"The targets of output {name!r} have shape {y.shape}, one-hot over "
            f"{classes} classes, but the loss is sparse_categorical_crossentropy.\n"
            "Expected class indices of shape (samples,) for a sparse loss.\n"
            "Use loss='categorical_crossentropy', or y.argmax(axis=-1)."
        )
    if classes == 1:
        return _one_unit(name, "sparse_categorical_crossentropy")
    return _check_range(y, classes, ignored, name)


def _check_range(y: Any, classes: int, ignored: Any, name: str) -> str | None:
    labels = y if ignored is None else y[y != ignored]
    if not labels.size:
        return None
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        return (
            f"The targets of output {name!r} hold the class {bad}, but the output has "
            f"{classes} units.\nExpected class indices from 0 to {classes - 1}.\n"
            + (
                "Add the offset that makes the smallest class 0."
                if low < 0
                else f"Give the last layer {int(high) + 1} units, or renumber classes."
            )
        )
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        return (
            f"The targets of output {name!r} are not whole numbers.\n"
            "Expected class indices for sparse_categorical_crossentropy.\n"
            "Use loss='mse' for numbers to predict."
        )
    return None


def _one_unit(name: str, loss: str) -> str:
    return (
        f"Output {name!r} has one unit, but the loss is {loss}.\n"
        "Expected one unit per class: softmax over one unit is always 1.\n"
        "Use Dense(1, activation='sigmoid') with loss='binary_crossentropy', or "
        "more units."
    )


def _categorical(
    y: Any, shape: Any, name: str, logits: bool, ignored: Any
) -> str | None:
    classes = shape[-1]
    if classes == 1:
        return _one_unit(name, "categorical_crossentropy")
    if y.shape[1:] != tuple(shape):
        return (
            f"The targets of output {name!r} have shape {y.shape}, but the output has "
            f"shape {(len(y), *shape)}.\n"
            "Expected one probability per class (one-hot) for "
            "categorical_crossentropy.\n"
            "Use to_categorical(y), or loss='sparse_categorical_crossentropy' for "
            "class "
            "indices."
        )
    if y.dtype.kind in "iuf" and y.size and y.min() < 0:
        return (
            f"The targets of output {name!r} hold the negative value {y.min()}.\n"
            "Expected probabilities: one-hot rows of 0 and 1.\n"
            "Make them from class indices with to_categorical(y)."
        )
    return None


def _binary(y: Any, shape: Any, name: str, logits: bool, ignored: Any) -> str | None:
    if _same_up_to_last(y.shape, (len(y), *shape)):
        return None
    return _different_shapes(y, shape, name, "binary_crossentropy")


def _regression(
    y: Any, shape: Any, name: str, logits: bool, ignored: Any
) -> str | None:
    if _same_up_to_last(y.shape, (len(y), *shape)):
        return None
    return _different_shapes(y, shape, name, "the loss")


def _same_up_to_last(a: tuple[int, ...], b: tuple[Any, ...]) -> bool:
    """Equal shapes, where `(n,)` also matches `(n, 1)`."""
    a = a[:-1] if a[-1:] == (1,) else a
    b = b[:-1] if b[-1:] == (1,) else b
    return len(a) == len(b) and all(
        n == m or m is None for n, m in zip(a, b, strict=True)
    )


def _different_shapes(y: Any, shape: Any, name: str, loss: str) -> str:
    return (
        f"The targets of output {name!r} have shape {y.shape}, but the output has "
        "shape "
        f"{(len(y), *shape)}.\nExpected equal shapes for {loss}.\n"
        "Change the units of the last layer, or reshape the targets."
    )


_CHECKS = {
    "sparse_categorical_crossentropy": _sparse,
    "categorical_crossentropy": _categorical,
    "binary_crossentropy": _binary,
    "mean_squared_error": _regression,
    "mean_absolute_error": _regression,
}
