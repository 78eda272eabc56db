"""What is refused before files are written or read."""

from __future__ import annotations

import os
from pathlib import Path

from cornu.graph.messages import warn_user
from cornu.layers.layer import Layer


def refuse_target(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise where a file cannot be written, or exists and may not be replaced."""
    name = os.fspath(path)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(
            f"{name!r} exists.\n"
            "Expected a new name, for overwrite=False was given.\n"
            "Choose another name, or leave overwrite away."
        )
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"There is no folder {folder!r}.\n"
            f"Expected one, for the file {os.path.basename(name)!r}.\n"
            f"Make it: os.makedirs({folder!r})."
        )
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"{name!r} is a folder.\nExpected the name of a file.\nChoose another name."
        )


def refuse_absent(path: str | os.PathLike[str], writer: str) -> None:
    """Raise where there is no file."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"There is no file {os.fspath(path)!r}.\n"
            f"Expected a file that {writer} wrote.\n"
            f"Check the name; this folder is {os.getcwd()}."
        )


def refuse_unbuilt(model: Layer) -> None:
    """Raise for a model without weights."""
    if not model.built:
        raise ValueError(_without_weights(model))


def tell_unbuilt(model: Layer) -> None:
    """Warn that the file of a model without weights holds its description alone."""
    if not model.built:
        warn_user(_without_weights(model), UserWarning)


def _without_weights(model: Layer) -> str:
    return (
        f"{type(model).__name__} {model.name!r} is not built: it has no weights.\n"
        "Expected a model whose input shape is known.\n"
        "Give it an input_shape=, or call it on data first."
    )
