"""Weights alone, in `.weights.h5` files of Keras 3 and `.h5` files of Keras 1 and 2."""

from __future__ import annotations

import os
from typing import Any

from cornu import files
from cornu.layers.layer import Layer
from cornu.saving import hdf5, hdf5_file, keras_file, layout
from cornu.saving.checks import refuse_absent, refuse_target, refuse_unbuilt


def save_weights(
    model: Layer, filepath: str | os.PathLike[str], overwrite: bool = True
) -> None:
    """Write the weights of a model, and the state of its optimizer.

    Args:
        model: a model (or layer) that is built.
        filepath: the file. Its name ends in `.weights.h5`; in `.h5` or `.hdf5` for the
            format of Keras 1 and 2, which has no state of the optimizer.
        overwrite: whether an older file may be replaced.

    Raises:
        ValueError: for another name, and for a model that is not built.
        FileExistsError: when there is a file, and it may not be replaced.
        FileNotFoundError: when there is no such folder.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    _check(model, filepath, (".weights.h5", ".h5", ".hdf5"))
    refuse_target(filepath, overwrite)
    new = os.fspath(filepath).endswith(".weights.h5")
    content = layout.to_bytes(model) if new else hdf5_file.weights_to_bytes(model)
    files.write(filepath, content)


def load_weights(
    model: Layer,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    by_name: bool = False,
) -> None:
    """Set the weights of a model, and its optimizer's state, from a file.

    What the file is, its content says. All that is read is checked before anything is
    set.

    Args:
        model: a model (or layer) that is built, made of the same layers.
        filepath: a file of `save_weights` or of `save`, of Cornu or of Keras 1, 2 or 3.
        skip_mismatch: whether layers that the file does not fit keep their weights.
        by_name: whether layers are found by their names, and not in their order; for
            files of Keras 1 and 2, which is what `.h5` files are.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, or does not fit the model: the message
            names the layer and the shapes.
    """
    _check(model, filepath, (".weights.h5", ".h5", ".hdf5", ".keras"))
    refuse_absent(filepath, "save_weights")
    name = os.fspath(filepath)
    content: Any = filepath
    if name.endswith(".keras") and not hdf5.is_hdf5(filepath):
        content = keras_file.weights_in_archive(filepath)
    elif hdf5_file.kind(filepath) != "new":
        hdf5_file.set_weights(model, filepath, skip_mismatch, by_name)
        return
    if by_name:
        raise ValueError(
            f"load_weights was called with by_name=True for {name!r}.\n"
            "Expected a file of Keras 1 or 2: in those of Keras 3 layers have no "
            "names.\n"
            "Leave by_name away; skip_mismatch=True loads the layers that fit."
        )
    layout.set_weights(model, content, name, skip_mismatch)


def _check(
    model: Layer, path: str | os.PathLike[str], suffixes: tuple[str, ...]
) -> None:
    name = os.fspath(path)
    if not name.endswith(suffixes):
        raise ValueError(
            f"The weights were to be in {name!r}.\n"
            f"Expected a name that ends in {suffixes[0]!r}.\n"
            f"Write {name + suffixes[0]!r}."
        )
    refuse_unbuilt(model)
