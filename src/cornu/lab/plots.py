"""Pictures of training. They are drawn without pyplot, whose state is the user's."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_BLUE, _GREY = "#1f4fbf", "#777777"


def curves(
    history: Mapping[str, Sequence[float]], title: str, turn: int | None = None
) -> Figure:
    """Loss and accuracy by epoch: dots for training, a line for validation.

    Args:
        history: the lists 'loss' and 'accuracy', one number per epoch, and where there
            was a validation also 'val_loss' and 'val_accuracy'.
        title: what stands above both panels.
        turn: the epoch after which the validation loss rose, to be marked.

    Returns:
        A figure of two panels.
    """
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    losses, accuracies = figure.subplots(1, 2)
    for axes, name in ((losses, "loss"), (accuracies, "accuracy")):
        _panel(axes, history, name, turn)
    return figure


def as_png(figure: Figure) -> bytes:
    """A figure as the content of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _panel(axes: Axes, history: Mapping[str, Any], name: str, turn: int | None) -> None:
    training, validation = history[name], history.get(f"val_{name}")
    epochs = np.arange(1, len(training) + 1)
    axes.plot(epochs, training, "o", color=_BLUE, label=f"Training {name}")
    if validation is not None:
        # A line through one point would not be seen.
        mark = "-" if len(epochs) > 1 else "_"
        axes.plot(
            epochs,
            validation,
            mark,
            color=_BLUE,
            markersize=16,
            label=f"Validation {name}",
        )
        axes.set_title(f"Training and validation {name}")
    else:
        axes.set_title(f"Training {name}")
    if turn is not None:
        label = f"Lowest validation loss: epoch {turn}"
        axes.axvline(turn, color=_GREY, linestyle=":", label=label)
    axes.set_xlabel("Epoch")
    axes.set_ylabel(name.capitalize())
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.legend()
