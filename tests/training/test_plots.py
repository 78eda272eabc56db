"""The curves: what they show is what was recorded."""

from __future__ import annotations

import io

import matplotlib.image
import pytest
from matplotlib.figure import Figure

from cornu.training.plots import as_png, curves
from tests.training.networks import ONE_HOT, X, network

HISTORY = {
    "loss": [0.3, 0.2, 0.1, 0.05],
    "accuracy": [0.9, 0.95, 0.97, 0.98],
    "val_loss": [0.25, 0.19, 0.15, 0.17],
    "val_accuracy": [0.92, 0.94, 0.96, 0.955],
}


def lines(figure: Figure, panel: int) -> dict[str, object]:
    return {str(each.get_label()): each for each in figure.axes[panel].lines}


@pytest.mark.parametrize(("panel", "name"), [(0, "loss"), (1, "accuracy")])
def test_dots_for_training_and_a_line_for_validation(panel: int, name: str) -> None:
    figure = curves(HISTORY, "Digits", turn=3)
    assert len(figure.axes) == 2
    drawn = lines(figure, panel)
    dots, line = drawn[f"Training {name}"], drawn[f"Validation {name}"]
    assert list(dots.get_xdata()) == list(line.get_xdata()) == [1, 2, 3, 4]
    assert list(dots.get_ydata()) == HISTORY[name]
    assert list(line.get_ydata()) == HISTORY[f"val_{name}"]
    assert (dots.get_marker(), dots.get_linestyle()) == ("o", "None")
    assert (line.get_marker(), line.get_linestyle()) == ("None", "-")
    assert list(drawn["Lowest validation loss: epoch 3"].get_xdata()) == [3, 3]
    axes = figure.axes[panel]
    assert axes.get_title() == f"Training and validation {name}"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch", name.capitalize())
    assert axes.get_legend() is not None


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 20, 200])
def test_epochs_are_whole_numbers(epochs: int) -> None:
    history = {key: [0.5] * epochs for key in HISTORY}
    figure = curves(history, "Digits")
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [each for each in axes.get_xticks() if low <= each <= high]
        assert ticks
        assert all(each == int(each) for each in ticks)
        texts = [each.get_text() for each in axes.get_xticklabels()]
        assert all(text.isdecimal() for text in texts if text)


def test_without_validation() -> None:
    history = {key: HISTORY[key] for key in ("loss", "accuracy")}
    figure = curves(history, "Digits")
    assert list(lines(figure, 0)) == ["Training loss"]
    assert figure.axes[1].get_title() == "Training accuracy"


def test_one_epoch_can_be_seen() -> None:
    """A line through one point has no length: pixels of it, or a marker."""
    figure = curves({key: [0.5] for key in HISTORY}, "Digits")
    assert lines(figure, 0)["Validation loss"].get_marker() != "None"


def test_the_png_can_be_read() -> None:
    content = as_png(curves(HISTORY, "Digits", turn=3))
    pixels = matplotlib.image.imread(io.BytesIO(content), format="png")
    height, width = pixels.shape[:2]
    assert width > 1000
    assert height > 400
    assert len({tuple(p) for p in pixels[:, :, :3].reshape(-1, 3)[::97]}) > 3


def test_history_plots_what_it_recorded(tmp_path) -> None:
    history = network(metrics=["accuracy", "mae", "mse"]).fit(
        X, ONE_HOT, epochs=4, initial_epoch=1, validation_split=0.2, verbose=0
    )
    path = tmp_path / "curves.png"
    figure = history.plot(path)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        f"Training and validation {n}" for n in ("loss", "accuracy", "mae", "mse")
    ]
    assert list(lines(figure, 0)["Training loss"].get_xdata()) == [2, 3, 4]
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no epoch"):
        network().fit(X, ONE_HOT, epochs=0).plot()


def test_validation_now_and_then_is_left_out() -> None:
    history = {"loss": [0.3, 0.2, 0.1], "val_loss": [0.2]}
    figure = curves(history)
    assert list(lines(figure, 0)) == ["Training loss"]
