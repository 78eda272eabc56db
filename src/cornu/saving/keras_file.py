"""Whole models in `.keras` files, as Keras 3 writes them: either reads the other's.

A name that ends in `.h5` leads to `hdf5_file`.

The file is a zip archive of `metadata.json`, `config.json` (the architecture and how it
was compiled) and `model.weights.h5`, and under `assets/` what `assets.py` tells of.
With `zipped=False` these are the files of a folder.
"""

from __future__ import annotations

import datetime
import io
import json
import os
from typing import Any

from cornu import files, processes
from cornu.graph.messages import warn_user
from cornu.layers.tracking import weights_from_file
from cornu.saving import hdf5, hdf5_file
from cornu.saving.assets import assets_of, load_assets, refuse_assets
from cornu.saving.checks import (
    is_file_object,
    name_of,
    refuse_absent,
    refuse_target,
    refuse_unbuilt,
    tell_unbuilt,
)
from cornu.saving.layout import KERAS_VERSION, set_weights, to_bytes
from cornu.saving.parts import (
    CONFIG,
    METADATA,
    WEIGHTS,
    is_folder_of_parts,
    opened,
    packed,
    write_folder,
)
from cornu.serialization import (
    deserialize_keras_object,
    reading,
    serialize_whole,
    sharing,
    unreadable,
)

_SUFFIXES = (".keras", ".h5", ".hdf5")
_ADVICE = "If the file was copied or downloaded, do that again."


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    **kwargs: Any,
) -> None:
    """Write a model to a file: architecture, weights, compilation, optimizer.

    Args:
        model: a model; of one that is not built only the description can be kept, of
            which a warning tells.
        filepath: the file; its name ends in `.keras`, or in `.h5` or `.hdf5` for the
            format of Keras 1 and 2, which takes no subclassed models. Or a file object
            that is open for writing bytes, such as an `io.BytesIO`: it gets what a
            `.keras` file holds. With `zipped=False` the name of a folder.
        overwrite: whether an older file may be replaced.
        zipped: False for a folder with the parts of a `.keras` file in it.
        include_optimizer: whether the optimizer's state is written.
        **kwargs: only `save_format`, of Keras 2: what the name says anyway.

    Raises:
        FileExistsError: when there is one, and it may not.
        ValueError: for another name or argument, and for models that cannot be
            described.
        OSError: when the file cannot be written; an older one is left as it was.
    """
    name = name_of(filepath)
    _check_format(name, kwargs)
    if is_file_object(filepath) and zipped is not False:
        tell_unbuilt(model)
        content = content_of(model, include_optimizer)
        if processes.first():
            filepath.write(content)
        return
    _check_name(name, zipped)
    refuse_target(filepath, overwrite, folder=zipped is False)
    if zipped is not False and not name.endswith(".keras"):
        refuse_unbuilt(model)
        refuse_assets(model, os.path.splitext(name)[1])
        files.write(filepath, hdf5_file.to_bytes(model, include_optimizer))
        return
    tell_unbuilt(model)
    if zipped is False:
        write_folder(filepath, _parts_of(model, include_optimizer))
    else:
        files.write(filepath, content_of(model, include_optimizer))


def _check_format(name: str, given: dict[str, Any]) -> None:
    """Raise for arguments that are not, and for a format that the name does not say."""
    unknown = [key for key in given if key != "save_format"]
    if unknown:
        raise ValueError(
            f"save was given {', '.join(unknown)}=, which it does not take.\n"
            "Expected filepath, overwrite, zipped and include_optimizer.\n"
            "Leave the others away."
        )
    wanted = given.get("save_format")
    if not wanted:
        return
    is_h5 = name.endswith((".h5", ".hdf5"))
    if not name.endswith(_SUFFIXES) or wanted not in ("h5" if is_h5 else "keras",):
        raise ValueError(
            f"The model was to be saved as {name!r} with save_format={wanted!r}.\n"
            "Expected a name that says the format: it ends in '.keras', or in '.h5' "
            "for the format of Keras 1 and 2.\n"
            "Leave save_format away, and choose the name."
        )
    warn_user(
        f"save_format={wanted!r} was given, which was an argument of Keras 2.\n"
        f"Expected the name alone: {name!r} says it.\n"
        "Leave save_format away.",
        FutureWarning,
    )


def _check_name(name: str, zipped: bool | None) -> None:
    if zipped is False and not name.endswith(_SUFFIXES) and not name.startswith("<"):
        return
    if zipped is not False and name.endswith(_SUFFIXES if not zipped else ".keras"):
        return
    stem = name.removesuffix(".h5").removesuffix(".weights")
    given = "" if zipped is None else f" with zipped={zipped}"
    if zipped is False:
        folder = os.path.splitext(stem)[0]
        raise ValueError(
            f"The model was to be saved as {name!r}{given}.\n"
            "Expected the name of a folder, for zipped=False was given.\n"
            f"Write model.save({folder!r}, zipped=False), or leave zipped away."
        )
    raise ValueError(
        f"The model was to be saved as {name!r}{given}.\n"
        "Expected a file whose name ends in '.keras', or in '.h5' or '.hdf5' for the "
        "format of Keras 1 and 2.\n"
        f"Write model.save({stem + '.keras'!r}); for the weights alone: "
        f"model.save_weights({stem + '.weights.h5'!r})."
    )


def content_of(model: Any, include_optimizer: bool = True) -> memoryview:
    """The content of a `.keras` file, made in memory.

    Args:
        model: a model; one that is not built is described alone.
        include_optimizer: whether the optimizer's state is in it.

    Raises:
        ValueError: for models that cannot be described.
    """
    return packed(_parts_of(model, include_optimizer))


def _parts_of(model: Any, include_optimizer: bool) -> dict[str, Any]:
    """What a `.keras` file holds, part by part."""
    config = json.dumps(serialize_whole(model))
    date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": date}
    return {
        METADATA: json.dumps(metadata).encode(),
        CONFIG: config.encode(),
        WEIGHTS: to_bytes(model, include_optimizer, seeds=True),
        **assets_of(model),
    }


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that `save_model` wrote, of Cornu or of Keras, in either format.

    No code that the file may hold is run, and nothing is imported that it names: it may
    name what Cornu has, and what you announce.

    Args:
        filepath: the file; or a folder of `zipped=False`; or a file object that is open
            for reading the bytes of a `.keras` file, such as an `io.BytesIO`.
        custom_objects: name -> class or function of your own.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: only True.

    Raises:
        FileNotFoundError: when there is no such file; it is a ValueError, too.
        ValueError: when it is no such file, is damaged, or names what is unknown.

    Example:

    >>> import cornu, tempfile
    >>> model = cornu.Sequential([cornu.Input((4,)), cornu.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/model.keras")
    ...     load_model(f"{folder}/model.keras").count_params()
    10
    """
    name = name_of(filepath)
    if not is_file_object(filepath) and not is_folder_of_parts(filepath):
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
    with reading(repr(name), _ADVICE), opened(filepath) as parts:
        load_assets(model, parts)
    return model


def _read(where: Any) -> tuple[dict[str, Any], bytes]:
    """The description and the weights in an archive or a folder."""
    name = repr(name_of(where))
    try:
        with opened(where) as parts:
            config = json.loads(parts.read(CONFIG))
            weights = parts.read(WEIGHTS)
    except Exception as error:  # zipfile, zlib and json raise a dozen kinds
        raise unreadable(name, error, _ADVICE) from error
    if not isinstance(config, dict):
        raise unreadable(name, "its description is no dictionary", _ADVICE)
    return config, weights


def weights_in_archive(path: Any) -> io.BytesIO:
    """The file of weights in a `.keras` file.

    Raises:
        ValueError: when it is damaged.
    """
    return io.BytesIO(_read(path)[1])


def _uncompiled(config: Any) -> Any:
    """The description without `compile_config`, also in models inside."""
    if isinstance(config, list):
        return [_uncompiled(each) for each in config]
    if isinstance(config, dict):
        return {k: _uncompiled(v) for k, v in config.items() if k != "compile_config"}
    return config
