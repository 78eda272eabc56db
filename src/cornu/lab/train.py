"""`cornu train`: a first network, its accuracy, its curves and its program."""

from __future__ import annotations

import importlib
import importlib.util
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cornu
from cornu.lab import folders
from cornu.lab.mistake import Mistake, missing_extra
from cornu.lab.output import say
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
    say(
        f"Cornu {cornu.__version__}: Dense({settings.units}, relu), "
        f"Dense(10, softmax), optimizer {settings.optimizer}."
    )
    _check_matplotlib()
    from cornu.lab.digits import load

    model = new_network(settings.optimizer, settings.units, settings.seed)
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


def _check_matplotlib() -> None:
    """Not after minutes of training are the pictures to fail."""
    if importlib.util.find_spec("matplotlib") is None:
        raise missing_extra("drawing the learning curves", "matplotlib")
    try:
        importlib.import_module("matplotlib.backends.backend_agg")
    except Exception as error:
        raise Mistake(
            f"matplotlib cannot be imported: {type(error).__name__}: {error}.",
            "Expected a matplotlib that works, to draw the learning curves.",
            "Install it anew: pip install --force-reinstall matplotlib",
        ) from error


def _train(settings: Settings, model: Any, digits: Any, folder: Path) -> int:
    from cornu.lab import results

    say(digits.description)
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
        say(f"Interrupted after {len(model.history.epoch)} epochs: this is the result.")
    history = dict(model.history.history)
    loss, accuracy = model.evaluate(*digits.test, verbose=0)
    batch = (part[: settings.batch_size] for part in digits.training)
    program = model.step_program("train", *batch)
    if settings.show_program:
        say(f"\n{program}")
    say(f"\nTest accuracy {accuracy:.2%}, test loss {loss:.4f}")
    turn = turning_point(history.get("val_loss", []))
    if digits.validation is not None:
        say(_validation_in_words(history["val_loss"], turn))
    result = results.Result(history, loss, accuracy, turn)
    record = {**settings._asdict(), "out": str(folder)}
    try:
        results.save(folder, model, program, digits, record, result)
    except OSError as error:
        raise folders.unwritable(folder, error) from error
    lines = [f"  {name:<14} {about}" for name, about in results.FILES.items()]
    say("\n".join([f"Files in {folder}:", *lines]))
    return 130 if interrupted else 0


def new_network(optimizer: str = "rmsprop", units: int = 512, seed: int = 1337) -> Any:
    """The network of `cornu train`, compiled and untrained.

    Args:
        optimizer: its name.
        units: width of the hidden layer.
        seed: of the initial weights.

    Raises:
        Mistake: when there is no such optimizer.
    """
    from cornu import layers, models, optimizers, utils

    try:
        moves = optimizers.get(optimizer)
    except ValueError:
        names = {each.__name__.lower() for each in optimizers.REGISTRY.objects.values()}
        one_of("--optimizer", sorted(names))(optimizer)
        raise  # a name that the registry knows, and yet refuses
    utils.set_random_seed(seed)
    network = models.Sequential(name="network")
    network.add(layers.Dense(units, activation="relu", input_shape=(784,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile(
        optimizer=moves, loss="categorical_crossentropy", metrics=["accuracy"]
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
