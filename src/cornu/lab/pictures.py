"""Pictures of what a network says of images of digits: samples, and what it confuses.

They are drawn without pyplot, whose state is the user's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_RED, _INK, _GREY = "#c0281c", "#222222", "#999999"
_COLUMNS, _ROWS = 10, 5
_WRONG_ROWS = 2  # at most so many of the rows
_CELL = (44, 40)  # pixels from one image to the next, down and across; one has 28
_ABOVE = 12  # pixels above an image, for its label


def choose(labels: np.ndarray, said: np.ndarray) -> list[int]:
    """Which images to show: some that the network got wrong, and the first others.

    Args:
        labels: `(n,)`.
        said: what the network said of each, `(n,)`.

    Returns:
        Their numbers, at most 50, the wrong ones first. Where few are right or wrong,
        there are more of the others.

    Example:

    >>> choose(np.array([3, 1, 4, 1, 5]), np.array([3, 1, 9, 1, 5]))
    [2, 0, 1, 3, 4]
    """
    wrong = np.flatnonzero(labels != said).tolist()
    right = np.flatnonzero(labels == said).tolist()
    room = _COLUMNS * _ROWS
    least = _COLUMNS * _WRONG_ROWS
    wrong = wrong[: max(least, room - len(right))]
    return wrong + right[: room - len(wrong)]


def samples(images: np.ndarray, labels: np.ndarray, said: np.ndarray) -> Any:
    """A grid of images with their labels; where the network errs, what it said.

    Args:
        images: from 0 (paper) to 1 (ink), `(n, 28, 28)`.
        labels: `(n,)`.
        said: what the network said of each, `(n,)`.

    Returns:
        A matplotlib Figure.
    """
    chosen = choose(labels, said)
    rows = -(-len(chosen) // _COLUMNS)
    # One picture of all images: fifty axes would take seconds.
    down, across = _CELL
    sheet = np.zeros((rows * down, _COLUMNS * across), "float32")
    figure = _figure(9.0, 0.8 + 0.98 * rows)
    axes = figure.add_subplot()
    side, margin = images.shape[1], (across - images.shape[1]) // 2
    for place, number in enumerate(chosen):
        top = place // _COLUMNS * down + _ABOVE
        left = place % _COLUMNS * across + margin
        sheet[top : top + side, left : left + side] = images[number]
        wrong = labels[number] != said[number]
        text = f"{labels[number]} → {said[number]}" if wrong else f"{labels[number]}"
        axes.text(
            left + side / 2,
            top - 2,
            text,
            color=_RED if wrong else _INK,
            fontsize=11,
            fontweight="bold" if wrong else "normal",
            horizontalalignment="center",
            verticalalignment="bottom",
        )
        _frame(axes, left, top, side, wrong)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    axes.axis("off")
    errors = int((labels != said).sum())
    figure.suptitle(
        "Test images and their labels. In red: label → what the network said\n"
        f"({errors:,} of {len(labels):,} are wrong)",
        fontsize=12,
    )
    return figure


def _frame(axes: Any, left: float, top: float, side: int, wrong: bool) -> None:
    from matplotlib.patches import Rectangle

    corner = (left - 1, top - 1)
    color, width = (_RED, 1.8) if wrong else (_GREY, 0.6)
    frame = Rectangle(
        corner, side + 1, side + 1, fill=False, edgecolor=color, linewidth=width
    )
    axes.add_patch(frame)


def confusion(counts: np.ndarray, title: str = "") -> Any:
    """How often the network said what of which digit.

    Args:
        counts: by label and by what was said, `(classes, classes)`.
        title: what stands above.

    Returns:
        A matplotlib Figure. Right answers are blue; the errors, which are far fewer,
        are red, the darker the more there are.
    """
    classes = len(counts)
    figure = _figure(7.2, 7.0)
    axes = figure.add_subplot()
    right = np.eye(classes, dtype=bool)
    most = [max(int(counts[where].max(initial=0)), 1) for where in (right, ~right)]
    share = counts / np.where(right, *most)
    # Paper, towards blue or red; half of the way, so that black numbers stay readable.
    towards = np.where(right[..., None], [0.12, 0.31, 0.75], [0.85, 0.16, 0.11])
    # The root: one error among a hundred is not to be white.
    axes.imshow(1 + 0.55 * np.sqrt(share)[..., None] * (towards - 1))
    for label, said in np.ndindex(counts.shape):
        count = int(counts[label, said])
        axes.text(
            said,
            label,
            f"{count}" if count else "·",
            color=_INK if count else _GREY,
            fontsize=10,
            horizontalalignment="center",
            verticalalignment="center",
        )
    axes.set_xticks(range(classes))
    axes.set_yticks(range(classes))
    axes.set_xlabel("What the network said")
    axes.set_ylabel("Label")
    axes.set_title(title, fontsize=12)
    return figure


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
