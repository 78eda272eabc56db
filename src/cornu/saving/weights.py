"""Weights alone, in `.weights.h5` files of Keras 3 and `.h5` files of Keras 1 and 2."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from cornu import files
from cornu.layers.layer import Layer
from cornu.saving import hdf5, hdf5_file, keras_file, layout, shards
from cornu.saving.checks import (
    is_file_object,
    name_of,
    refuse_absent,
    refuse_target,
    refuse_unbuilt,
)
from cornu.saving.parts import is_folder_of_parts

_NEW, _OLD = ".weights.h5", (".h5", ".hdf5")


def save_weights(
    model: Layer,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Write the weights of a model, and the state of its optimizer.

    Args:
        model: a model (or layer) that is built.
        filepath: the file. Its name ends in `.weights.h5`; in `.h5` or `.hdf5` for the
            format of Keras 1 and 2, which has no state of the optimizer; in
            `.weights.json` with `max_shard_size`.
        overwrite: whether an older file may be replaced.
        max_shard_size: how many gigabytes one file may hold. `filepath` then tells of
            several beside it: `name_00000.weights.h5`, ...
        objects_to_skip: layers whose weights are not written, with what is in them.

    Raises:
        ValueError: for another name, for a model that is not built, and for an array
            that is larger than `max_shard_size`.
        FileExistsError: when there is a file, and it may not be replaced.
        FileNotFoundError: when there is no such folder.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    if max_shard_size is not None:
        _check(model, filepath, (shards.SUFFIX, _NEW))
        filepath = shards.path_of_list(filepath)
        refuse_target(filepath, overwrite)
        shards.save(model, filepath, max_shard_size, objects_to_skip or ())
        return
    if name_of(filepath).endswith(shards.SUFFIX):
        raise ValueError(
            f"The weights were to be in {name_of(filepath)!r}, which tells of several "
            "files.\nExpected max_shard_size=, the gigabytes that each may hold.\n"
            "Give it, or a name that ends in '.weights.h5'."
        )
    _check(model, filepath, (_NEW, *_OLD))
    refuse_target(filepath, overwrite)
    if os.fspath(filepath).endswith(_NEW):
        content = layout.to_bytes(model, objects_to_skip=objects_to_skip or ())
    else:
        _refuse_skipping(filepath, objects_to_skip)
        content = hdf5_file.weights_to_bytes(model)
    files.write(filepath, content)


def load_weights(
    model: Layer,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    by_name: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
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
        objects_to_skip: layers that keep their weights, with what is in them; not for
            files of Keras 1 and 2.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, or does not fit the model: the message
            names the layer and the shapes.
    """
    skipped = objects_to_skip or ()
    if is_folder_of_parts(filepath):
        refuse_unbuilt(model)
    else:
        _check(model, filepath, (_NEW, *_OLD, ".keras", shards.SUFFIX))
        refuse_absent(filepath, "save_weights")
    name = os.fspath(filepath)
    content: Any = filepath
    if name.endswith(shards.SUFFIX):
        _refuse_by_name(by_name, name)
        shards.load(model, filepath, skip_mismatch, skipped)
        return
    if is_folder_of_parts(filepath) or (
        name.endswith(".keras") and not hdf5.is_hdf5(filepath)
    ):
        content = keras_file.weights_in_archive(filepath)
    elif hdf5_file.kind(filepath) != "new":
        _refuse_skipping(filepath, objects_to_skip)
        hdf5_file.set_weights(model, filepath, skip_mismatch, by_name)
        return
    _refuse_by_name(by_name, name)
    layout.set_weights(model, content, name, skip_mismatch, skipped)


def _refuse_by_name(by_name: bool, name: str) -> None:
    if by_name:
        raise ValueError(
            f"load_weights was called with by_name=True for {name!r}.\n"
            "Expected a file of Keras 1 or 2: in those of Keras 3 layers have no "
            "names.\n"
            "Leave by_name away; skip_mismatch=True loads the layers that fit."
        )


def _refuse_skipping(path: Any, objects_to_skip: Any) -> None:
    if objects_to_skip:
        raise ValueError(
            f"objects_to_skip was given with {os.fspath(path)!r}, a file in the format "
            "of Keras 1 and 2.\n"
            f"Expected a file whose name ends in {_NEW!r}.\n"
            "Write such a file, or load by_name=True and rename the layer."
        )


def _check(
    model: Layer, path: str | os.PathLike[str], suffixes: tuple[str, ...]
) -> None:
    name = name_of(path)
    if is_file_object(path):
        raise TypeError(
            f"The weights were to be in the file object {name}.\n"
            "Expected the name of a file; whole models may be in file objects.\n"
            "Pass a name, or use model.save and cornu.models.load_model."
        )
    if not name.endswith(suffixes):
        raise ValueError(
            f"The weights were to be in {name!r}.\n"
            f"Expected a name that ends in {suffixes[0]!r}.\n"
            f"Write {name + suffixes[0]!r}."
        )
    refuse_unbuilt(model)
