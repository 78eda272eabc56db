"""Before the first step: is this loss meant for these labels and this output?

What Keras accepts and books print stays accepted; refused is what cannot be meant. What
runs, but is hardly ever meant, is warned of by `fit`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.messages import nearest, warn_user
from cornu.graph.preflight import (
    PreflightWarning,
    about,
    preflight,
    refuse,
    set_preflight,
)
from cornu.losses.targets import kind_of
from cornu.training.matching import Case, blocks, squeezed
from cornu.training.nesting import with_gaps

__all__ = [
    "PreflightWarning",
    "about",
    "check",
    "check_alike",
    "preflight",
    "set_preflight",
]


def check(model: Any, x: Any, y: Any, sample_weight: Any, fitting: bool) -> None:
    """Check the data of a fit or an evaluation before its first step.

    Args:
        model: the compiled model.
        x: inputs, in their nesting.
        y: targets, in their nesting, or None.
        sample_weight: weights, in their nesting, or None.
        fitting: whether to warn, too, of what is hardly meant.

    Raises:
        ValueError: in three parts, where the level is 'error'.
    """
    if preflight() == "off":
        return
    inputs = _named(x, "x")
    for name, array in [*inputs, *_named(sample_weight, "sample_weight")]:
        _check_finite(array, name)
    outputs = None if y is None else model._known_outputs(x)
    if outputs is None or model._compiled_loss is None:
        return
    names = [output.name for output in outputs]
    y = with_gaps(y, model._compiled_loss.loss, names)
    targets = _by_output(y, names, "y", "target")
    weights = _by_output(sample_weight, names, "sample_weight", "weight")
    if model._compiled_loss.functions is None:
        model._compiled_loss.build(names, model._nesting, model._output_labels)
    functions = model._compiled_loss.functions or []
    shown = {id(array): name for name, array in _named(y, "y")}
    each = zip(outputs, functions, targets, weights, strict=True)
    for output, loss, target, weight in each:
        if loss is not None and target is None:
            refuse(
                f"Output {output.name!r} has a loss, but no target was given for it.\n"
                f"Expected one for each of the outputs {', '.join(names)}.\n"
                f"Pass it in y=, or compile with a loss of None for {output.name!r}."
            )
        elif loss is not None and kind_of(loss) is not None:
            if all(target is not array for _, array in inputs):  # an autoencoder's is
                _check_finite(target, shown[id(target)])
            case = Case(loss, output, target, weight)
            problem = case.problem()
            if problem is not None:
                refuse(problem)
            elif fitting:
                for advice in case.advice():
                    warn_user(advice, PreflightWarning)


def check_alike(data: dict[str, Any], held_out: dict[str, Any]) -> None:
    """Check that validation data is of the kind of the training data.

    Args:
        data: 'x' and 'y' of the training, each in its nesting.
        held_out: those of the validation.

    Raises:
        ValueError: where the numbers of arrays or of their axes differ.
    """
    if preflight() == "off":
        return
    for name in ("x", "y"):
        ours, theirs = _named(data[name], name), _named(held_out[name], name)
        if ours and not theirs:
            raise ValueError(
                f"{name} is missing, but the training has it.\n"
                "Expected (x, y) or (x, y, sample_weight).\n"
                "Pass validation_data=(x_test, y_test)."
            )
        if len(ours) != len(theirs):
            refuse(
                f"{name} holds {_counted(len(theirs), 'array')}, but that of the "
                f"training holds {len(ours)}.\nExpected as many.\n"
                "Pass validation_data=(x, y), each nested as in the training."
            )
            continue
        for (key, a), (_, b) in zip(ours, theirs, strict=True):
            if len(squeezed(a.shape)) != len(squeezed(b.shape)):
                refuse(
                    f"{key} has shape {b.shape}, but that of the training has "
                    f"{a.shape}.\nExpected the same number of axes.\n"
                    "Prepare both in the same way (reshape, to_categorical, ...)."
                )


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _named(value: Any, what: str) -> list[tuple[str, np.ndarray]]:
    """The arrays of a nesting, under names that say where they are."""
    if isinstance(value, dict):
        parts = [(f"{what}[{key!r}]", value[key]) for key in sorted(value)]
    elif isinstance(value, (list, tuple)):
        parts = [(f"{what}[{i}]", part) for i, part in enumerate(value)]
    else:
        return [] if value is None else [(what, value)]
    return [found for name, part in parts for found in _named(part, name)]


def _by_output(value: Any, names: list[str], what: str, one: str) -> list[Any]:
    """Targets or weights in the order of the outputs.

    Raises:
        ValueError: when their number or a name does not fit.
    """
    if isinstance(value, dict):
        for key in value:
            if key not in names:
                raise ValueError(
                    f"{what} has an entry {key!r}, but the model has no such output.\n"
                    f"Expected names of its outputs: {', '.join(map(repr, names))}.\n"
                    f"{nearest(key, names)}"
                )
        return [value.get(name) for name in names]
    parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(parts) == 1 and (value is None or one == "weight"):
        return parts * len(names)
    if len(parts) != len(names):
        raise ValueError(
            f"{what} holds {_counted(len(parts), 'array')}, but the model has "
            f"{_counted(len(names), 'output')} ({', '.join(names)}).\n"
            f"Expected one {one} per output.\n"
            "Pass a list in the order of the outputs, or a dict by their names."
        )
    return parts


def _check_finite(array: np.ndarray, name: str) -> None:
    if array.dtype.kind != "f":
        return
    # The sum is NaN or infinite if any number is. If it only overflows, we look again.
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(array)):
            return
    count, first = 0, 0
    for start, rows in blocks(array):
        bad = ~np.isfinite(rows)
        if bad.any():
            first = first if count else start + int(np.nonzero(bad)[0][0])
            count += int(bad.sum())
    if count:
        plain = name.split("[")[0]
        refuse(
            f"{name} of shape {array.shape} holds {count} values that are NaN or "
            f"infinite, first in sample {first}.\n"
            "Expected finite numbers: one NaN makes every weight NaN.\n"
            "Drop those samples or fill them in, for example with "
            f"np.nan_to_num({plain})."
        )
