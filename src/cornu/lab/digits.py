"""The images that `cornu train` learns from: MNIST, or digits that Cornu draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cornu.datasets import DatasetUnavailable, mnist, synthetic_digits
from cornu.lab.mistake import Mistake
from cornu.utils import to_categorical

Pair = tuple[np.ndarray, np.ndarray]  # images (n, 784) from 0 to 1, labels (n, 10)


class Digits(NamedTuple):
    """Images of digits, ready for a network.

    Args:
        name: 'mnist' or 'synthetic_digits'.
        title: the same for people.
        training: images and labels to train on.
        validation: those kept for validation, or None.
        test: those of the test set.
    """

    name: str
    title: str
    training: Pair
    validation: Pair | None
    test: Pair

    @property
    def description(self) -> str:
        """How many images there are for what."""
        parts = [f"{len(self.training[0]):,} images to train on"]
        if self.validation is not None:
            parts.append(f"{len(self.validation[0]):,} for validation")
        parts.append(f"{len(self.test[0]):,} for the test")
        return f"{self.title}: {', '.join(parts)}."


def load(dataset: str, validation: int) -> Digits:
    """Load the images of digits.

    Args:
        dataset: 'mnist', 'synthetic_digits', or 'auto' for the first of these that can
            be had.
        validation: how many training images, from the first on, are kept for
            validation; 0 for none.

    Raises:
        Mistake: when MNIST was asked for and cannot be had or read, or when nothing
            is left to train on.
    """
    name, arrays = _fetch(dataset)
    training, test = (
        (images.reshape(len(images), 784).astype("float32") / 255, labels)
        for images, labels in arrays
    )
    classes = 1 + max(int(labels.max(initial=9)) for _, labels in (training, test))
    if classes > 10:
        raise Mistake(
            f"{name} has a label {classes - 1}.",
            "Expected the labels 0 to 9: this network tells ten digits apart.",
            "Put MNIST in its place, or try --dataset synthetic_digits.",
        )
    x, y = training[0], to_categorical(training[1], 10)
    if validation >= len(x):
        raise Mistake(
            f"--validation {validation} leaves nothing to train on.",
            f"Expected less than {len(x)}, the number of training images.",
            "For example --validation 10000, or --no-validation.",
            status=2,
        )
    title = {"mnist": "MNIST", "synthetic_digits": "Synthetic digits"}[name]
    return Digits(
        name,
        title,
        training=(x[validation:], y[validation:]),
        validation=(x[:validation], y[:validation]) if validation else None,
        test=(test[0], to_categorical(test[1], 10)),
    )


def _fetch(dataset: str) -> tuple[str, tuple[Pair, Pair]]:
    if dataset != "synthetic_digits":
        try:
            return "mnist", mnist.load_data()
        except DatasetUnavailable as error:
            if dataset == "mnist":
                raise _as_mistake(error) from error
        except (ValueError, OSError) as error:  # there is a file, but it is not MNIST
            raise _as_mistake(error) from error
        print(
            "MNIST is not on this computer and could not be downloaded. In its place: "
            "synthetic digits.\nTo train on MNIST, put mnist.npz into a folder and "
            "name that folder in CORNU_DATA.",
            flush=True,
        )
    return "synthetic_digits", synthetic_digits.load_data()


def _as_mistake(error: Exception) -> Mistake:
    what, expected, *fix = str(error).split("\n")
    return Mistake(what, expected, "\n".join(fix))
