"""What is refused before files are written or read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cornu.graph.messages import warn_user
from cornu.layers.layer import Layer


class NoSuchFile(FileNotFoundError, ValueError):
    """There is no file. Keras raises a ValueError for models, so that it is one too."""


def name_of(path: Any) -> str:
    """What a path or file object is called in errors."""
    if not hasattr(path, "read") and not hasattr(path, "write"):
        return os.fspath(path)
    name = getattr(path, "name", None)
    return name if isinstance(name, str) else f"<{type(path).__name__}>"


def is_file_object(path: Any) -> bool:
    """Whether something is an open file, or such as io.BytesIO."""
    return hasattr(path, "read") and hasattr(path, "write")


def refuse_target(
    path: str | os.PathLike[str], overwrite: bool, folder: bool = False
) -> None:
    """Raise where a file or folder cannot be written, or exists and must not change."""
    name = os.fspath(path)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(
            f"{name!r} exists.\n"
            "Expected a new name, for overwrite=False was given.\n"
            "Choose another name, or leave overwrite away."
        )
    around = os.path.dirname(name.rstrip(os.sep)) or "."
    if not os.path.isdir(around):
        raise FileNotFoundError(
            f"There is no folder {around!r}.\n"
            f"Expected one, for the file {os.path.basename(name)!r}.\n"
            f"Make it: os.makedirs({around!r})."
        )
    if os.path.isdir(path) and not folder:
        raise IsADirectoryError(
            f"{name!r} is a folder.\nExpected the name of a file.\nChoose another name."
        )
    if folder and os.path.isfile(path):
        raise NotADirectoryError(
            f"{name!r} is a file.\nExpected the name of a folder, for zipped=False was "
            "given.\nChoose another name."
        )


def refuse_absent(path: str | os.PathLike[str], writer: str) -> None:
    """Raise where there is no file."""
    if os.path.isdir(path):
        raise NoSuchFile(
            f"{os.fspath(path)!r} is a folder without a config.json.\n"
            f"Expected what {writer} wrote: a file, or a folder of zipped=False.\n"
            "A SavedModel of TensorFlow cannot be read: save the model as a .keras "
            "file there."
        )
    if not Path(path).is_file():
        raise NoSuchFile(
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
