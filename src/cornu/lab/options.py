"""The options of `cornu train`: name, values, help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cornu.lab.values import one_of, whole_number

DATASETS = ("auto", "mnist", "synthetic_digits")


def _number(
    option: str, least: int, most: int | None, text: str, default: str | None = None
) -> Any:
    read = whole_number(option, least, most)
    shown = True if default is None else default
    return typer.Option(option, parser=read, metavar="N", help=text, show_default=shown)


Epochs = Annotated[
    int, _number("--epochs", 1, None, "How often to go through the images.")
]
BatchSize = Annotated[int, _number("--batch-size", 1, None, "Images per step.")]
Optimizer = Annotated[
    str,
    typer.Option(metavar="NAME", help="What moves the weights: rmsprop, adam, sgd."),
]
Units = Annotated[int, _number("--units", 1, 100_000, "Width of the hidden layer.")]
Seed = Annotated[
    int, _number("--seed", 0, 2**32 - 1, "The same seed gives the same result.")
]
Validation = Annotated[
    int | None,
    _number(
        "--validation",
        1,
        None,
        "How many of the training images to keep for validation.",
        default="10000",
    ),
]
NoValidation = Annotated[
    bool, typer.Option("--no-validation", help="Train on all of the training images.")
]
Dataset = Annotated[
    str,
    typer.Option(
        parser=one_of("--dataset", DATASETS),
        metavar="WORD",
        help="mnist, synthetic_digits (drawn by Cornu), or auto: MNIST where it can be "
        "had.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        show_default="runs/DATASET-TIME",
        help="Folder for curves.png, history.json and program.py.",
    ),
]
ShowProgram = Annotated[
    bool, typer.Option("--show-program", help="Print the NumPy program of a step.")
]
