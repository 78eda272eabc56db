"""The options of the commands: name, values, help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cornu.lab.values import one_of, path, whole_number

STEPS = ("train", "test", "predict")
FORMS = ("program", "graph")
DATASETS = ("auto", "mnist", "synthetic_digits")


def _number(
    option: str, least: int, most: int | None, text: str, default: str | None = None
) -> Any:
    read = whole_number(option, least, most)
    shown = True if default is None else default
    return typer.Option(option, parser=read, metavar="N", help=text, show_default=shown)


def _switch(option: str, text: str) -> Any:
    return typer.Option(option, metavar="", help=text)


Epochs = Annotated[
    int, _number("--epochs", 1, None, "How often to go through the images.")
]
BatchSize = Annotated[int, _number("--batch-size", 1, None, "Images per step.")]
Optimizer = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="What moves the weights: rmsprop, adam, sgd, ..."
    ),
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
    bool, _switch("--no-validation", "Train on all of the training images.")
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What it runs on: numpy, jax, ...; see cornu engines.",
        show_default=False,
    ),
]
Processes = Annotated[int, _number("--processes", 1, None, "How many processes.")]
Script = Annotated[
    str | None,
    typer.Argument(metavar="SCRIPT", help="A Python file.", show_default=False),
]
Args = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ARGS", help="What the script finds in sys.argv.", show_default=False
    ),
]
Steps = Annotated[
    int,
    _number("--steps", 0, None, "How many steps are measured; 0 for all of them."),
]
Warmup = Annotated[
    int, _number("--warmup", 1, None, "How many steps before that are not.")
]
Everything = Annotated[
    bool, _switch("--all", "Show also what takes less than half a percent.")
]
Lines = Annotated[
    bool, _switch("--lines", "Show the lines of the program, not what they compute.")
]
Flame = Annotated[
    Path | None,
    typer.Option(
        "--flame",
        parser=path("--flame"),
        metavar="FILE",
        help="Draw it too: sections, layers and operations as wide as their time, as "
        ".svg or .html.",
    ),
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
        parser=path("--out"),
        metavar="DIR",
        show_default="runs/DATASET-TIME",
        help="Folder for the files: the model, its program, curves, tables, pictures.",
    ),
]
ShowProgram = Annotated[
    bool, _switch("--show-program", "Print the NumPy program of a step.")
]

DatasetName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="The data set to tell about.", show_default=False
    ),
]
Get = Annotated[
    str | None,
    typer.Option(
        "--get", metavar="NAME", help="Download this one, if it is not here yet."
    ),
]

Form = Annotated[
    str | None,
    typer.Argument(metavar="program|graph", help="What to show.", show_default=False),
]
Model = Annotated[
    Path | None,
    typer.Argument(
        parser=path("MODEL"),
        metavar="MODEL",
        help="A .keras file, or the folder of a run of cornu train. Without it: the "
        "network of cornu train, untrained.",
        show_default=False,
    ),
]
Step = Annotated[
    str | None,
    typer.Option(
        parser=one_of("--step", STEPS),
        metavar="WORD",
        help="train, test or predict.",
        show_default="train, if it is compiled",
    ),
]
ShownBatchSize = Annotated[
    int | None,
    _number(
        "--batch-size",
        1,
        100_000,
        "Samples per step.",
        default="that of the run, or 32",
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--out",
        parser=path("--out"),
        metavar="FILE",
        help="Write it to this file instead of printing it.",
    ),
]
