"""What `cornu train` writes: the numbers are right, and the pictures are readable."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import numpy as np
import pytest

from cornu.lab import pictures, results

RNG = np.random.default_rng(7)


def digits(count: int, errors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels, and what was said, with so many errors."""
    labels = RNG.integers(0, 10, count)
    said = labels.copy()
    wrong = RNG.permutation(count)[:errors]
    said[wrong] = (labels[wrong] + RNG.integers(1, 10, errors)) % 10
    return RNG.random((count, 28, 28), "float32"), labels, said


def test_the_counts_of_confusion() -> None:
    _, labels, said = digits(500, 200)
    counts = results.confusion_counts(labels, said)
    for i, j in itertools.product(range(10), range(10)):
        pairs = zip(labels.tolist(), said.tolist(), strict=True)
        assert counts[i, j] == sum(pair == (i, j) for pair in pairs)
    assert counts.sum() == 500
    assert np.trace(counts) == 300
    # Classes that never occur have a row, too.
    assert results.confusion_counts(labels[:1], said[:1]).shape == (10, 10)


def test_the_tables_are_csv() -> None:
    counts = np.arange(100).reshape(10, 10)
    rows = list(csv.reader(io.StringIO(results.confusion_table(counts))))
    assert rows[0] == ["label", *map(str, range(10))]
    assert [row[0] for row in rows[1:]] == [*map(str, range(10))]
    read = np.array([row[1:] for row in rows[1:]], int)
    np.testing.assert_array_equal(read, counts)

    history = {"loss": [0.1 + 0.2, float("nan")], "val_loss": [1e-30, float("inf")]}
    rows = list(csv.reader(io.StringIO(results.history_table(history))))
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    for i, name in enumerate(history):
        column = [float(row[i + 1]) for row in rows[1:]]
        np.testing.assert_array_equal(column, history[name])  # to the last digit


@pytest.mark.parametrize(
    ("count", "errors"), [(1000, 100), (1000, 3), (1000, 0), (60, 60), (7, 2), (1, 1)]
)
def test_which_images_are_shown(count: int, errors: int) -> None:
    _, labels, said = digits(count, errors)
    chosen = pictures.choose(labels, said)
    wrong = labels[chosen] != said[chosen]
    assert len(set(chosen)) == len(chosen) == min(count, 50)
    assert wrong.sum() >= min(errors, 20), "too few of the errors"
    assert (~wrong).sum() >= min(count - errors, 30), "too few of the others"
    assert not np.any(np.diff(wrong.astype(int)) > 0), "the errors come first"


def boxes(figure: Any) -> list[tuple[str, Any]]:
    """All text of a figure, and where it is drawn, in pixels."""
    from matplotlib.text import Text

    figure.canvas.draw()
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible() and not off(text)
    ]


def off(text: Any) -> bool:
    """Whether it belongs to axes that are not drawn."""
    return (
        text.axes is not None and not text.axes.axison and text not in text.axes.texts
    )


def assert_readable(figure: Any) -> None:
    """Nothing is cut off, and no text lies on another."""
    found = boxes(figure)
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{text!r} is cut off"
        assert box.height >= 8, f"{text!r} is too small"
    for (a, first), (b, second) in itertools.combinations(found, 2):
        assert not first.overlaps(second), f"{a!r} lies on {b!r}"


@pytest.mark.parametrize(
    ("count", "errors"), [(1000, 100), (1000, 0), (60, 60), (7, 2)]
)
def test_the_picture_of_samples(count: int, errors: int) -> None:
    images, labels, said = digits(count, errors)
    figure = pictures.samples(images, labels, said)
    assert_readable(figure)
    chosen = pictures.choose(labels, said)
    (axes,) = figure.axes
    expected = [
        f"{a}" if a == b else f"{a} → {b}"
        for a, b in zip(labels[chosen], said[chosen], strict=True)
    ]
    assert [text.get_text() for text in axes.texts] == expected
    assert f"{errors} of {count:,} are wrong" in figure.get_suptitle()
    # Each image is where its frame is, and the frame tells right from wrong.
    (sheet,) = axes.images
    sheet = sheet.get_array()
    for number, frame in zip(chosen, axes.patches, strict=True):
        left, top = (int(each) + 1 for each in frame.get_xy())
        drawn = sheet[top : top + 28, left : left + 28]
        np.testing.assert_array_equal(drawn, images[number])
        red, green, _, _ = frame.get_edgecolor()
        assert (red > 2 * green) == (labels[number] != said[number])
    for text in axes.texts:
        for frame in axes.patches:
            drawn = frame.get_window_extent()
            assert not text.get_window_extent().overlaps(drawn), text.get_text()


@pytest.mark.parametrize("errors", [0, 150, 1000])
def test_the_picture_of_confusion(errors: int) -> None:
    _, labels, said = digits(1000, errors)
    counts = results.confusion_counts(labels, said)
    figure = pictures.confusion(counts, "Synthetic digits: test accuracy 98.13%")
    assert_readable(figure)
    (axes,) = figure.axes
    expected = [str(n) if n else "·" for n in counts.ravel().tolist()]
    assert [text.get_text() for text in axes.texts] == expected
    (image,) = axes.images
    colors = image.get_array()
    assert colors.min() >= 0
    assert colors.max() <= 1
    for i, j in np.ndindex(10, 10):
        red, _, blue = colors[i, j]
        if counts[i, j] == 0:
            assert tuple(colors[i, j]) == (1, 1, 1)
        else:
            assert (blue > red) == (i == j), "right answers are blue, errors are red"


def test_large_numbers_fit_into_their_cells() -> None:
    figure = pictures.confusion(np.full((10, 10), 60_000))
    assert_readable(figure)
