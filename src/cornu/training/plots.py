"""Pictures of training. They are drawn without pyplot, whose state is the user's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_BLUE, _GREY = "#1f4fbf", "#777777"


def curves(
    history: Mapping[str, Sequence[float]],
    title: str = "",
    turn: int | None = None,
    epochs: Sequence[int] | None = None,
) -> Any:
    """Loss and metrics by epoch: dots for training, a line for validation.

    Args:
        history: a list of numbers per name, one per epoch, such as 'loss' and
            'accuracy'; 'val_loss' and the like are drawn with them.
        title: what stands above the panels.
        turn: the epoch after which the validation loss rose, to be marked.
        epochs: the numbers of the epochs, from 1 on by default.

    Returns:
        A matplotlib Figure with one panel per name, the loss first.

    Raises:
        ValueError: when no numbers were recorded.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in history if not name.startswith("val_") and history[name]]
    names.sort(key=lambda name: name != "loss")
    if not names:
        raise ValueError(
            "There is nothing to draw: no epoch was recorded.\n"
            "Expected at least one finished epoch.\nCall fit with epochs=1 or more."
        )
    numbers = np.arange(len(history[names[0]])) + 1
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    size = (5.5 * columns, 4.6 * rows)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1)
        _panel(axes, history, name, turn, numbers if epochs is None else epochs)
    return figure


def as_png(figure: Any) -> bytes:
    """A figure as the content of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _panel(
    axes: Any, history: Mapping[str, Any], name: str, turn: int | None, epochs: Any
) -> None:
    from matplotlib.ticker import MaxNLocator

    training, validation = history[name], history.get(f"val_{name}")
    axes.plot(epochs, training, "o", color=_BLUE, label=f"Training {name}")
    # With validation_freq there are fewer numbers, and no record of their epochs.
    if validation and len(validation) == len(epochs):
        # A line through one point would not be seen.
        mark = "-" if len(validation) > 1 else "_"
        label = f"Validation {name}"
        axes.plot(epochs, validation, mark, color=_BLUE, markersize=16, label=label)
        axes.set_title(f"Training and validation {name}")
    else:
        axes.set_title(f"Training {name}")
    if turn is not None:
        label = f"Lowest validation loss: epoch {turn}"
        axes.axvline(turn, color=_GREY, linestyle=":", label=label)
    axes.set_xlabel("Epoch")
    axes.set_ylabel(name.capitalize())
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.legend()
