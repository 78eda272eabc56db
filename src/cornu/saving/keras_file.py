"""Whole models in `.keras` files, as Keras 3 writes them: either reads the other's.

A name that ends in `.h5` leads to `hdf5_file`.

The file is a zip archive of `metadata.json`, `config.json` (the architecture and how it
was compiled) and `model.weights.h5`, and under `assets/` what `assets.py` tells of.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import zipfile
from typing import Any

from cornu import files
from cornu.layers.tracking import weights_from_file
from cornu.saving import hdf5, hdf5_file
from cornu.saving.assets import assets_of, load_assets, refuse_assets
from cornu.saving.checks import (
    refuse_absent,
    refuse_target,
    refuse_unbuilt,
    tell_unbuilt,
)
from cornu.saving.layout import KERAS_VERSION, set_weights, to_bytes
from cornu.serialization import (
    deserialize_keras_object,
    reading,
    serialize_whole,
    sharing,
    unreadable,
)

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_SUFFIXES = (".keras", ".h5", ".hdf5")
# Both libraries write the parts as they are; others may have packed them. What shrank
# more than descriptions and numbers do, says so to fill the memory.
_MOST_SHRUNK = {_CONFIG: 50, _WEIGHTS: 20}
_ALWAYS_ALLOWED = 2**22  # bytes: the initial zeros of a small network shrink to nothing
_ADVICE = "If the file was copied or downloaded, do that again."


def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
) -> None:
    """Write a model to a file: architecture, weights, compilation, optimizer.

    Args:
        model: a model; of one that is not built only the description can be kept, of
            which a warning tells.
        filepath: the file; its name ends in `.keras`, or in `.h5` or `.hdf5` for the
            format of Keras 1 and 2, which takes no subclassed models.
        overwrite: whether an older file may be replaced.
        zipped: only None or True.
        include_optimizer: whether the optimizer's state is written.

    Raises:
        FileExistsError: when there is one, and it may not.
        ValueError: for another name, and for models that cannot be described.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    name = os.fspath(filepath)
    if not name.endswith(_SUFFIXES) or zipped is False:
        stem = name.removesuffix(".h5").removesuffix(".weights")
        raise ValueError(
            f"The model was to be saved as {name!r}"
            f"{' with zipped=False' if zipped is False else ''}.\n"
            "Expected a file whose name ends in '.keras', or in '.h5' or '.hdf5' for "
            "the format of Keras 1 and 2.\n"
            f"Write model.save({stem + '.keras'!r}); for the weights alone: "
            f"model.save_weights({stem + '.weights.h5'!r})."
        )
    refuse_target(filepath, overwrite)
    if not name.endswith(".keras"):
        refuse_unbuilt(model)
        refuse_assets(model, os.path.splitext(name)[1])
        files.write(filepath, hdf5_file.to_bytes(model, include_optimizer))
        return
    tell_unbuilt(model)
    files.write(filepath, content_of(model, include_optimizer))


def content_of(model: Any, include_optimizer: bool = True) -> memoryview:
    """The content of a `.keras` file, made in memory.

    Args:
        model: a model; one that is not built is described alone.
        include_optimizer: whether the optimizer's state is in it.

    Raises:
        ValueError: for models that cannot be described.
    """
    config = json.dumps(serialize_whole(model))
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": date}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(_METADATA, json.dumps(metadata))
        archive.writestr(_CONFIG, config)
        archive.writestr(_WEIGHTS, to_bytes(model, include_optimizer, seeds=True))
        for part, asset in assets_of(model).items():
            archive.writestr(part, asset)
    return content.getbuffer()


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that `save_model` wrote, of Cornu or of Keras, in either format.

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
    refuse_absent(filepath, "model.save")
    if hdf5.is_hdf5(filepath):
        return hdf5_file.load_model(filepath, custom_objects, compile, safe_mode)
    config, weights = _read(filepath)
    if not compile:
        config = _uncompiled(config)
    with (
        reading(repr(name), _ADVICE),
        sharing(),
        weights_from_file(len(weights), name),
    ):
        model: Any = deserialize_keras_object(config, custom_objects, safe_mode)
    if not hasattr(model, "save"):
        what = f"it describes {type(model).__name__}, which is no model"
        raise unreadable(repr(name), what, _ADVICE)
    set_weights(model, io.BytesIO(weights), name)
    with reading(repr(name), _ADVICE), zipfile.ZipFile(filepath) as archive:
        load_assets(model, archive, _member)
    return model


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], bytes]:
    """The description and the weights in an archive."""
    name = repr(os.fspath(path))
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, _CONFIG))
            weights = _member(archive, _WEIGHTS)
    except Exception as error:  # zipfile, zlib and json raise a dozen kinds
        raise unreadable(name, error, _ADVICE) from error
    if not isinstance(config, dict):
        raise unreadable(name, "its description is no dictionary", _ADVICE)
    return config, weights


def weights_in_archive(path: str | os.PathLike[str]) -> io.BytesIO:
    """The file of weights in a `.keras` file.

    Raises:
        ValueError: when it is damaged.
    """
    return io.BytesIO(_read(path)[1])


def _member(archive: zipfile.ZipFile, part: str) -> bytes:
    """The content of a part, once its size is seen to be possible."""
    try:
        info = archive.getinfo(part)
    except KeyError:
        raise zipfile.BadZipFile(f"it has no {part}") from None
    packed = min(info.compress_size, os.path.getsize(str(archive.filename)))
    if info.file_size > packed * _MOST_SHRUNK.get(part, 20) + _ALWAYS_ALLOWED:
        raise zipfile.BadZipFile(f"its {part} says that it has {info.file_size} bytes")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"its {part} is packed in a way that is not Keras's")
    return archive.read(info)


def _uncompiled(config: Any) -> Any:
    """The description without `compile_config`, also in models inside."""
    if isinstance(config, list):
        return [_uncompiled(each) for each in config]
    if isinstance(config, dict):
        return {k: _uncompiled(v) for k, v in config.items() if k != "compile_config"}
    return config
