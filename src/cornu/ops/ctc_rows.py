"""Rows of labels and lengths that CTC cannot place, told by their number.

`fit` looks at its targets in this way before the first step, and `ops.ctc_loss` at what
it is given outside of programs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cornu.graph.preflight import preflight, refuse


class Misfit(NamedTuple):
    """What is wrong with a row: the parts of a message.

    Attributes:
        what: what it is, as a predicate ("hold 3 labels in row 2, ...").
        expected: what it should be.
        fix: how to mend it.
    """

    what: str
    expected: str
    fix: str


def misfit(
    target: np.ndarray,
    labels: np.ndarray,
    steps: np.ndarray,
    size: tuple[Any, Any],
    start: int = 0,
) -> Misfit | None:
    """The first thing that is wrong, or None.

    Args:
        target: class indices, (rows, labels).
        labels: how many of them count, (rows,).
        steps: the number of steps of each row, (rows,).
        size: numbers of steps and classes of the outputs; None where unknown.
        start: the number of the first row.
    """
    most, classes = size
    for lengths, limit, name in (
        (labels, target.shape[1], "label"),
        (steps, most, "step"),
    ):
        bad = (lengths < 0) | (lengths > (np.inf if limit is None else limit))
        if bad.any():
            row = int(np.argmax(bad))
            return Misfit(
                f"are said to have {lengths[row]} {name}s in row {start + row}",
                f"a number from 0 to {limit}",
                f"Pass the number of {name}s of each row, without what fills it up.",
            )
    there = np.arange(target.shape[1]) < labels[:, None]
    out = there & (target < 0)
    out |= False if classes is None else there & (target >= classes)
    if out.any():
        row = int(np.argmax(out.any(-1)))
        return Misfit(
            f"hold the label {target[row][out[row]][0]} in row {start + row}, but the "
            f"outputs have {classes or 'so many'} classes",
            f"class indices from 0 on, below {classes or 'their number'}",
            "Number the labels anew, or give the last layer more units.",
        )
    return _too_long(target, there, steps, start)


def _too_long(
    target: np.ndarray, there: np.ndarray, steps: np.ndarray, start: int
) -> Misfit | None:
    """Rows that need more steps than they have: one per label, and one between equal
    ones."""
    count = there.sum(-1)
    twice = (there[:, 1:] & (target[:, 1:] == target[:, :-1])).sum(-1)
    bad = count + twice > steps
    if not bad.any():
        return None
    row = int(np.argmax(bad))
    return Misfit(
        f"hold {count[row]} labels in row {start + row}, of which {twice[row]} equal "
        f"the one before, but the number of steps of that row is {steps[row]}",
        f"a step for each label and one between equal ones, {count[row] + twice[row]} "
        "in that row",
        "Give the network more steps (less pooling), or shorten the labels.",
    )


def refuse_misfit(target: Any, output: Any, labels: Any, steps: Any) -> None:
    """What `ctc_loss` does about concrete arrays that do not fit.

    Raises:
        ValueError: naming the row, where `set_preflight` says 'error'.
    """
    if preflight() == "off":
        return
    target, labels, steps = (np.asarray(each) for each in (target, labels, steps))
    found = misfit(target, labels, steps, output.shape[1:])
    if found is not None:
        refuse(
            f"The targets of ctc_loss, of shape {tuple(target.shape)} for outputs "
            f"{tuple(output.shape)}, {found.what}.\n"
            f"Expected {found.expected}.\n{found.fix}"
        )
