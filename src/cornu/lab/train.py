"""`cornu train`: a first network, its accuracy, its curves and its program."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cornu
from cornu import files
from cornu.lab import folders
from cornu.lab.mistake import Mistake, missing_extra
from cornu.lab.values import one_of


class Settings(NamedTuple):
    """What the options say.

    Args:
        epochs: how often to go through the training images.
        batch_size: images per step.
        optimizer: its name.
        units: width of the hidden layer.
        seed: of the initial weights and the shuffles.
        validation: how many training images are kept for validation; 0 for none.
        dataset: 'auto', 'mnist' or 'synthetic_digits'.
        out: folder for the files; None for a new one.
        show_program: whether to print the program of a training step.
    """

    epochs: int
    batch_size: int
    optimizer: str
    units: int
    seed: int
    validation: int
    dataset: str
    out: Path | None
    show_program: bool


def run(settings: Settings) -> int:
    """Train, and tell and save how it went.

    Returns:
        The exit status: 0, or 130 when Ctrl-C ended the training early.

    Raises:
        Mistake: when it cannot be done as the settings ask.
    """
    # Said before anything slow is imported: a line at once.
    _say(
        f"Cornu {cornu.__version__}: Dense({settings.units}, relu), "
        f"Dense(10, softmax), optimizer {settings.optimizer}."
    )
    if importlib.util.find_spec("matplotlib") is None:
        raise missing_extra("drawing the learning curves", "matplotlib")
    from cornu.lab.digits import load

    model = _network(settings)
    digits = load(settings.dataset, settings.validation)
    there = settings.out is not None and settings.out.exists()
    folder = folders.new_folder(settings.out, digits.name)
    try:
        return _train(settings, model, digits, folder)
    except MemoryError as error:
        raise Mistake(
            f"The memory does not suffice: {error}.",
            "Expected room for the weights, and for what a step computes.",
            "Try fewer --units or a smaller --batch-size.",
        ) from error
    finally:
        if not there:
            with suppress(OSError):  # it stays, unless it is empty
                folder.rmdir()


def _train(settings: Settings, model: Any, digits: Any, folder: Path) -> int:
    _say(digits.description)
    interrupted = False
    try:
        model.fit(
            *digits.training,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation_data=digits.validation,
        )
    except KeyboardInterrupt:
        if not model.history.epoch:
            raise
        interrupted = True
        _say(
            f"Interrupted after {len(model.history.epoch)} epochs: this is the result."
        )
    history = dict(model.history.history)
    loss, accuracy = model.evaluate(*digits.test, verbose=0)
    if settings.show_program:
        _say(f"\n{model.train_program}")
    _say(f"\nTest accuracy {accuracy:.2%}, test loss {loss:.4f}")
    turn = turning_point(history.get("val_loss", []))
    if digits.validation is not None:
        _say(_validation_in_words(history["val_loss"], turn))
    test = {"loss": loss, "accuracy": accuracy}
    try:
        _save(settings, model, history, test, turn, digits, folder)
    except OSError as error:
        raise folders.unwritable(folder, error) from error
    _say(
        f"Files in {folder}:\n"
        "  curves.png    loss and accuracy, epoch by epoch\n"
        "  history.json  the same in numbers, and the settings\n"
        "  program.py    a training step of this network, in NumPy"
    )
    return 130 if interrupted else 0


def _network(settings: Settings) -> Any:
    """The network of the notes, compiled."""
    from cornu import layers, models, optimizers, utils

    try:
        optimizer = optimizers.get(settings.optimizer)
    except ValueError:
        names = {each.__name__.lower() for each in optimizers.REGISTRY.objects.values()}
        one_of("--optimizer", sorted(names))(settings.optimizer)
        raise  # a name that the registry knows, and yet refuses
    utils.set_random_seed(settings.seed)
    network = models.Sequential(name="network")
    network.add(layers.Dense(settings.units, activation="relu", input_shape=(784,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile(
        optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return network


def turning_point(losses: list[float]) -> int | None:
    """The epoch after which the validation loss rose: where overfitting begins.

    Args:
        losses: validation loss by epoch.

    Returns:
        The epoch (from 1) of the lowest loss; None where that is the last one, or where
        a loss is no number. A rise that later epochs made good does not count.

    Example:

    >>> turning_point([0.14, 0.10, 0.11, 0.09, 0.12])
    4
    >>> turning_point([0.14, 0.10, 0.11, 0.09]) is None
    True
    """
    if not losses or not all(map(math.isfinite, losses)):
        return None
    epoch = losses.index(min(losses)) + 1
    return epoch if epoch < len(losses) else None


def _validation_in_words(losses: list[float], turn: int | None) -> str:
    if not all(map(math.isfinite, losses)):
        return "The validation loss is not a finite number: training went astray."
    if turn is not None:
        return (
            f"The validation loss rose after epoch {turn} "
            f"({losses[turn - 1]:.4f}, at the end {losses[-1]:.4f}): "
            "overfitting begins there."
        )
    if len(losses) == 1:
        return (
            f"Validation loss {losses[0]:.4f}; more epochs would show where it turns."
        )
    return (
        f"The validation loss was lowest after the last epoch ({losses[-1]:.4f}): "
        "no overfitting yet."
    )


def _save(
    settings: Settings,
    model: Any,
    history: dict[str, list[float]],
    test: dict[str, float],
    turn: int | None,
    digits: Any,
    folder: Path,
) -> None:
    from cornu.training.plots import as_png, curves

    title = f"{digits.title}: test accuracy {test['accuracy']:.2%}"
    files.write(folder / "curves.png", as_png(curves(history, title, turn)))
    record = {
        "cornu": cornu.__version__,
        "dataset": digits.name,
        "settings": {**settings._asdict(), "out": str(folder)},
        "history": history,
        "test": test,
        "validation_loss_rose_after_epoch": turn,
    }
    text = json.dumps(_as_json(record), indent=2, allow_nan=False)
    files.write(folder / "history.json", (text + "\n").encode())
    model.train_program.save(folder / "program.py")


def _as_json(value: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for them."""
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _say(text: str) -> None:
    print(text, flush=True, file=sys.stdout)
