"""What `cornu train` leaves behind: numbers, pictures, the program and the model."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cornu
from cornu import files
from cornu.lab import pictures
from cornu.lab.digits import Digits

# The files of a run, as they are listed at its end.
FILES = {
    "model.keras": "the trained network; cornu show program DIR prints its program",
    "program.py": "a training step of it, in NumPy",
    "curves.png": "loss and accuracy, epoch by epoch",
    "history.csv": "the same in numbers, a row per epoch",
    "history.json": "the same, with the settings and the test",
    "samples.png": "test images and what the network said, errors in red",
    "confusion.png": "which digits it takes for which",
    "confusion.csv": "the same in numbers, a row per label",
}


class Result(NamedTuple):
    """How a training went.

    Args:
        history: a list of numbers per name, one for each epoch.
        loss: on the test images.
        accuracy: on the test images.
        turn: the epoch after which the validation loss rose, if it did.
    """

    history: Mapping[str, Sequence[float]]
    loss: float
    accuracy: float
    turn: int | None


def save(
    folder: Path,
    model: Any,
    program: Any,
    digits: Digits,
    settings: dict[str, Any],
    result: Result,
) -> None:
    """Write all files of a run.

    Args:
        folder: where to; it exists.
        model: the trained network.
        program: of a training step.
        digits: what it was trained and tested on.
        settings: what the options said.
        result: how it went.

    Raises:
        OSError: when a file cannot be written.
    """
    from cornu.training.plots import as_png

    images, one_hot = digits.test
    labels = one_hot.argmax(axis=1)
    said = model.predict(images, batch_size=256, verbose=0).argmax(axis=1)
    counts = confusion_counts(labels, said, one_hot.shape[1])
    texts = {
        "history.json": _as_json(_record(digits, settings, result)),
        "history.csv": history_table(result.history),
        "confusion.csv": confusion_table(counts),
    }
    model.save(folder / "model.keras")
    program.save(folder / "program.py")
    for name, text in texts.items():
        files.write(folder / name, text.encode())
    for name, figure in draw(digits, result, said, counts).items():
        files.write(folder / name, as_png(figure))


def draw(
    digits: Digits, result: Result, said: np.ndarray, counts: np.ndarray
) -> dict[str, Any]:
    """The pictures of a run.

    Args:
        digits: what the network was tested on.
        result: how the training went.
        said: what the network said of each test image, `(n,)`.
        counts: how often it said what of which label, `(10, 10)`.

    Returns:
        A matplotlib Figure by the name of its file.
    """
    from cornu.training.plots import curves

    title = f"{digits.title}: test accuracy {result.accuracy:.2%}"
    images, one_hot = digits.test
    images, labels = images.reshape(-1, 28, 28), one_hot.argmax(axis=1)
    return {
        "curves.png": curves(result.history, title, result.turn),
        "samples.png": pictures.samples(images, labels, said),
        "confusion.png": pictures.confusion(counts, title),
    }


def confusion_counts(
    labels: np.ndarray, said: np.ndarray, classes: int = 10
) -> np.ndarray:
    """How often what was said of which label.

    Args:
        labels: `(n,)`.
        said: what the network said of each, `(n,)`.
        classes: number of classes.

    Returns:
        int64 `(classes, classes)`: row `i`, column `j` counts those of label `i` that
        were taken for `j`.

    Example:

    >>> confusion_counts(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    pairs = np.bincount(labels * classes + said, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def history_table(history: Mapping[str, Sequence[float]]) -> str:
    """The course of the training as CSV: a row per epoch, from 1 on.

    Example:

    >>> print(history_table({"loss": [0.5, 0.25], "val_loss": [0.75, 0.5]}), end="")
    epoch,loss,val_loss
    1,0.5,0.75
    2,0.25,0.5
    """
    rows = zip(*history.values(), strict=True)
    numbered = [[epoch, *row] for epoch, row in enumerate(rows, 1)]
    return _table(["epoch", *history], numbered)


def confusion_table(counts: np.ndarray) -> str:
    """How often what was said of which label, as CSV: a row per label.

    Example:

    >>> print(confusion_table(np.array([[7, 1], [0, 8]])), end="")
    label,0,1
    0,7,1
    1,0,8
    """
    rows = [[label, *row] for label, row in enumerate(counts.tolist())]
    return _table(["label", *range(len(counts))], rows)


def _table(header: list[Any], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _record(digits: Digits, settings: dict[str, Any], result: Result) -> dict[str, Any]:
    return {
        "cornu": cornu.__version__,
        "dataset": digits.name,
        "settings": settings,
        "history": {name: list(each) for name, each in result.history.items()},
        "test": {"loss": result.loss, "accuracy": result.accuracy},
        "validation_loss_rose_after_epoch": result.turn,
    }


def _as_json(value: Any) -> str:
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for them."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
