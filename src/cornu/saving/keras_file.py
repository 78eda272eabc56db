"""Whole models in `.keras` files, as Keras 3 writes them: either reads the other's.

The file is a zip archive of `metadata.json`, `config.json` (the architecture and how it
was compiled) and `model.weights.h5`.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import zipfile
import zlib
from typing import Any

from cornu import files
from cornu.layers.layer import Layer
from cornu.layers.tracking import weights_from_file
from cornu.saving.weights import refuse_absent, refuse_older, set_weights, to_bytes
from cornu.serialization import (
    deserialize_keras_object,
    serialize_keras_object,
    sharing,
)

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# The version of the format that is written: that of the Keras which Cornu implements.
_KERAS_VERSION = "3.15.1"
# No description of a network is longer; what says it is, is damaged or wants to harm.
_LONGEST_CONFIG = 2**28
# HDF5 files of numbers do not shrink more than this by compression.
_MOST_SHRUNK = 1000


def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
) -> None:
    """Write a model to a file: architecture, weights, compilation, optimizer.

    Args:
        model: a model that is built.
        filepath: the file; its name ends in `.keras`.
        overwrite: whether an older file may be replaced.
        zipped: only None or True.
        include_optimizer: whether the optimizer's state is written.

    Raises:
        FileExistsError: when there is one, and it may not.
        ValueError: for another name, and for models that cannot be described.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    name = os.fspath(filepath)
    if not name.endswith(".keras") or zipped is False:
        stem = name.removesuffix(".h5").removesuffix(".hdf5")
        raise ValueError(
            f"The model was to be saved as {name!r}"
            f"{' with zipped=False' if zipped is False else ''}.\n"
            "Expected a file whose name ends in '.keras'.\n"
            f"Write model.save({stem + '.keras'!r}); for the weights alone: "
            "model.save_weights('name.weights.h5')."
        )
    refuse_older(filepath, overwrite)
    if not model.built:
        raise ValueError(
            f"{type(model).__name__} {model.name!r} is not built: it has no weights.\n"
            "Expected a model whose input shape is known.\n"
            "Give it an input_shape=, or call it on data first."
        )
    with sharing():
        config = serialize_keras_object(model)
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": _KERAS_VERSION, "date_saved": date}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(_METADATA, json.dumps(metadata))
        archive.writestr(_CONFIG, json.dumps(config))
        archive.writestr(_WEIGHTS, to_bytes(model, include_optimizer))
    files.write(filepath, content.getvalue())


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that `save_model` wrote, of Cornu or of Keras 3.

    No code that the file may hold is run, and nothing is imported that it names: it may
    name what Cornu has, and what you announce.

    Args:
        filepath: the file.
        custom_objects: name -> class or function of your own.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: only True.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, is damaged, or names what is unknown.

    Example:

    >>> import cornu, tempfile
    >>> model = cornu.Sequential([cornu.Input((4,)), cornu.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.keras")
    ...     load_model(f"{folder}/model.keras").count_params()
    10
    """
    name = os.fspath(filepath)
    if name.endswith(".weights.h5"):
        raise ValueError(
            f"{name!r} holds weights alone.\nExpected a file of model.save.\n"
            "Build the model, and call model.load_weights with this name."
        )
    refuse_absent(filepath, "model.save")
    try:
        with zipfile.ZipFile(filepath) as archive:
            config = json.loads(_member(archive, _CONFIG))
            weights = _member(archive, _WEIGHTS)
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError) as error:
        raise _damaged(name, str(error)) from error
    if not isinstance(config, dict):
        raise _damaged(name, "its description is no dictionary")
    if not compile:
        config.pop("compile_config", None)
    with sharing(), weights_from_file(len(weights), name):
        model = deserialize_keras_object(config, custom_objects, safe_mode)
    if not isinstance(model, Layer):
        raise _damaged(name, f"it describes {type(model).__name__}, which is no model")
    set_weights(model, io.BytesIO(weights), name)
    return model


def _member(archive: zipfile.ZipFile, part: str) -> bytes:
    """The content of a part, once its size is seen to be possible."""
    try:
        info = archive.getinfo(part)
    except KeyError:
        raise zipfile.BadZipFile(f"it has no {part}") from None
    longest = _LONGEST_CONFIG if part == _CONFIG else info.compress_size * _MOST_SHRUNK
    if info.file_size > longest:
        raise zipfile.BadZipFile(f"its {part} says that it has {info.file_size} bytes")
    return archive.read(info)


def _damaged(name: str, problem: str) -> ValueError:
    problem = problem.partition("\n")[0]
    return ValueError(
        f"{name!r} cannot be read as a model: {problem}.\n"
        "Expected a file that model.save wrote, of Cornu or of Keras 3.\n"
        "If the file was copied or downloaded, do that again."
    )
