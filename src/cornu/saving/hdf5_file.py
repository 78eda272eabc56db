"""Whole models and weights in `.h5` files, as Keras 1 and 2 wrote them, and 3 can.

The description is in the attributes `model_config` and `training_config`. The weights
of a layer are in `model_weights/<layer>`, in the order of its attribute `weight_names`;
the optimizer's state is in `optimizer_weights`. A file of weights alone has what is in
`model_weights` at its root.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from cornu import losses
from cornu.graph.variable import Variable
from cornu.layers.tracking import weights_from_file
from cornu.saving import hdf5, legacy
from cornu.saving.checks import refuse_absent
from cornu.saving.layout import KERAS_VERSION, misfit_of, tell_lost_state
from cornu.serialization import (
    custom_object,
    custom_object_scope,
    deserialize_keras_object,
    reading,
    refuse_code,
    serialize_whole,
    sharing,
    unreadable,
)

_ADVICE = "If the file was copied or downloaded, do that again."
_OWN_WEIGHTS = "top_level_model_weights"
# HDF5 keeps no longer attributes: longer lists of names are written in parts.
_LONGEST_ATTRIBUTE = 64512


def kind(path: str | os.PathLike[str]) -> str:
    """What an HDF5 file holds: 'model', 'weights', or 'new' for Keras 3's weights.

    Raises:
        ValueError: when it cannot be read.
    """
    with hdf5.opened(path, os.fspath(path)) as file:
        if "model_config" in file.attrs:
            return "model"
        old = any(name in file.attrs for name in ("layer_names", "layer_names0"))
        return "weights" if old else "new"


# Writing


def to_bytes(model: Any, include_optimizer: bool = True) -> memoryview:
    """The content of a file of a whole model.

    Args:
        model: a Sequential or functional model.
        include_optimizer: whether the compilation and the optimizer's state are
            written.

    Raises:
        ValueError: for a subclassed model, and what cannot be described.
    """
    if getattr(model, "inputs", None) is None:
        raise ValueError(
            f"{type(model).__name__} {model.name!r} cannot be written to an .h5 file: "
            "its layers are in its code.\n"
            "Expected a Sequential or functional model.\n"
            "Write model.save('name.keras'), or the weights alone: "
            "model.save_weights('name.weights.h5')."
        )
    described = serialize_whole(model)
    compiled = described.pop("compile_config", None)
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "cornu"
        file.attrs["model_config"] = json.dumps(_without_modules(described))
        if compiled is not None and include_optimizer:
            optimizer = compiled.pop("optimizer")
            compiled = {k: _compiled(v, k == "loss") for k, v in compiled.items()}
            compiled["optimizer_config"] = _named(optimizer)
            file.attrs["training_config"] = json.dumps(compiled)
        _write_layers(file.create_group("model_weights"), model)
        if compiled is not None and include_optimizer:
            group = file.create_group("optimizer_weights")
            _write_variables(group, model.optimizer.variables)
    return content.getbuffer()


def weights_to_bytes(model: Any) -> memoryview:
    """The content of a file of weights alone."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        _write_layers(file, model)
    return content.getbuffer()


def _without_modules(described: dict[str, Any]) -> dict[str, Any]:
    """A description of a model or layer as Keras 1 and 2 wrote it.

    Functions of ops keep their modules, and so does all that is in a layer.
    """
    if ".ops" in str(described["module"]):
        return described
    described = _named(described)
    config = described["config"]
    if "layers" in config:
        layers = [_without_modules(each) for each in config["layers"]]
        described["config"] = {**config, "layers": layers}
    return described


def _named(described: Any) -> Any:
    """A description by the registered name of a class alone."""
    if not isinstance(described, dict) or "class_name" not in described:
        return described
    if described["class_name"] == "function":
        return described["config"]
    hidden = ("module", "registered_name", "build_config", "compile_config")
    kept = {k: v for k, v in described.items() if k not in hidden}
    registered = described.get("registered_name")
    return {**kept, "class_name": registered or described["class_name"]}


def _compiled(given: Any, is_loss: bool) -> Any:
    """What compile was given, by names."""
    if isinstance(given, dict) and "class_name" not in given:
        return {key: _compiled(each, is_loss) for key, each in given.items()}
    if isinstance(given, (list, tuple)):
        return [_compiled(each, is_loss) for each in given]
    if is_loss and isinstance(given, str) and custom_object(given) is None:
        return losses.get(given).__name__  # Keras 3 reads no short names here
    return _named(given)


def _write_layers(group: Any, model: Any) -> None:
    layers = model.layers
    _write_names(group, "layer_names", [each.name for each in layers])
    group.attrs["backend"] = "cornu"
    group.attrs["keras_version"] = KERAS_VERSION
    for layer in layers:
        _write_variables(group.create_group(layer.name), _in_order(layer))
    _write_variables(group.create_group(_OWN_WEIGHTS), model._own_variables())


def _in_order(layer: Any) -> list[Variable]:
    """A layer's weights in the order of these files: those that train come first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_variables(group: Any, variables: Iterable[Variable]) -> None:
    named: dict[str, Variable] = {}
    for v in variables:
        name = path = v.path or v.name
        while name in named:
            name = f"{path}_{len(named)}"
        named[name] = v
    _write_names(group, "weight_names", list(named))
    for name, v in named.items():
        group.create_dataset(name, data=v.numpy())


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    data = np.array([name.encode() for name in names])
    parts = max(1, -(-data.nbytes // _LONGEST_ATTRIBUTE))
    for i, part in enumerate(np.array_split(data, parts)):
        group.attrs[f"{attribute}{i}" if parts > 1 else attribute] = part


# Reading


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model in an `.h5` file of Keras 1, 2 or 3, or of Cornu.

    Args:
        filepath: the file.
        custom_objects: name -> class or function of your own.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: only True.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no such file, is damaged, or names what is unknown.
    """
    refuse_absent(filepath, "model.save")
    refuse_code(safe_mode)
    name = os.fspath(filepath)
    with hdf5.opened(filepath, name) as file:
        described = hdf5.text(file, "model_config")
        if described is None:
            raise unreadable(
                repr(name),
                "it holds weights alone",
                "Build the model, and call model.load_weights with this name.",
            )
        compiled = hdf5.text(file, "training_config") if compile else None
        version = _version(file, hdf5.group_at(file, "model_weights"))
    with (
        reading(repr(name), _ADVICE),
        sharing(),
        weights_from_file(os.path.getsize(filepath), name),
    ):
        config = legacy.upgrade(json.loads(described), version)
        model: Any = deserialize_keras_object(config, custom_objects)
        if not hasattr(model, "compile_from_config"):
            raise ValueError(f"it describes {type(model).__name__}, which is no model")
    set_weights(model, filepath)
    if compiled is not None:
        with reading(repr(name), "Load it with compile=False, and compile it."):
            config = legacy.compile_config(json.loads(compiled), version)
            with custom_object_scope(custom_objects):
                model.compile_from_config(config)
        if model.optimizer is not None:
            _set_optimizer(model.optimizer, filepath, name)
    return model


def _version(file: Any, weights: Any) -> str:
    for owner in (file, weights):
        found = None if owner is None else hdf5.text(owner, "keras_version")
        if found is not None:
            return found
    return "1"


def set_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    by_name: bool = False,
) -> None:
    """Set the weights of a model from an `.h5` file of Keras 1 and 2.

    Args:
        model: the model.
        filepath: the file, of a whole model or of weights alone.
        skip_mismatch: whether layers that the file does not fit keep their weights.
        by_name: whether layers are found by their names, and not in their order.

    Raises:
        ValueError: when it cannot be read, or does not fit; nothing is set then.
    """
    name = os.fspath(filepath)
    pairs: list[tuple[Variable, np.ndarray]] = []
    with hdf5.opened(filepath, name) as file:
        group = hdf5.group_at(file, "model_weights") or file
        for layer, variables, stored in _matched(group, model, by_name):
            found = [hdf5.at(stored, each) for each in _names_in(stored)]
            problem = _misfit(layer, variables, found, stored)
            if problem is None:
                pairs += [
                    (v, hdf5.numbers(f)) for v, f in zip(variables, found, strict=True)
                ]
            elif not skip_mismatch:
                raise hdf5.Misfit(problem)
    for variable, array in pairs:
        variable.assign(array)


def _names_in(group: Any) -> list[str]:
    return hdf5.names(group, "weight_names")


def _matched(group: Any, model: Any, by_name: bool) -> list[tuple[Any, Any, Any]]:
    """(owner, its variables, its group) of all that a file has weights for."""
    stored = {}
    for name in hdf5.names(group, "layer_names"):
        found = hdf5.group_at(group, name)
        if found is None:
            raise hdf5.Misfit(f"it has nothing for its layer {name!r}")
        if _names_in(found):
            stored[name] = found
    layers = [each for each in model.layers if each.weights]
    if by_name:
        return [(x, _in_order(x), stored[x.name]) for x in layers if x.name in stored]
    if len(layers) != len(stored):
        raise hdf5.Misfit(
            f"it has weights for {len(stored)} layers, but the model has "
            f"{len(layers)} layers with weights"
        )
    matched: list[tuple[Any, Any, Any]] = [
        (layer, _in_order(layer), found)
        for layer, found in zip(layers, stored.values(), strict=True)
    ]
    top = hdf5.group_at(group, _OWN_WEIGHTS)
    if top is not None and (_names_in(top) or model._own_variables()):
        matched.append((model, model._own_variables(), top))
    return matched


def _misfit(owner: Any, variables: Any, found: list[Any], group: Any) -> str | None:
    title = f"{type(owner).__name__} {owner.name!r}"
    if len(found) != len(variables):
        return (
            f"it has {len(found)} arrays for {title} ({group.name}), which has "
            f"{len(variables)}"
        )
    for i, (each, variable) in enumerate(zip(found, variables, strict=True)):
        problem = misfit_of(each, variable)
        if problem is not None:
            return f"the array {i} for {title} ({group.name}) {problem}"
    return None


# The state of the optimizer


def _set_optimizer(optimizer: Any, filepath: Any, name: str) -> None:
    own = optimizer.variables
    with hdf5.opened(filepath, name) as file:
        group = hdf5.group_at(file, "optimizer_weights")
        if group is None:
            return
        found = [hdf5.at(group, each) for each in _names_in(group)]
        order = _slots(optimizer, found)
        first = found[0] if found else None
        fresh = hdf5.is_plain(first) and not hdf5.numbers(first).any()
        for each, variable in zip(found, order or [], strict=order is not None):
            problem = None if variable is None else misfit_of(each, variable)
            if variable is not None and problem is not None:
                raise hdf5.Misfit(f"{variable.path!r} of the optimizer {problem}")
        arrays = [
            None if v is None else hdf5.numbers(f) for v, f in zip(order or [], found)
        ]
    if order is None and not fresh:
        tell_lost_state(optimizer, name, len(found), len(own))
    for variable, array in zip(order or [], arrays, strict=True):
        if variable is not None:
            variable.assign(array)


def _slots(optimizer: Any, found: list[Any]) -> list[Variable | None] | None:
    """The optimizer's variables in the order of a file; None where that is unknown.

    Keras 3 writes them as they are. Keras 2 had the count of steps first, Keras 1 not
    always; both had no learning rate, and all first slots before all second ones.
    """
    own, trained = optimizer.variables, optimizer._trainable_variables
    first = getattr(found[0], "name", "") if found else ""
    if first.removesuffix(":0").endswith("/iteration"):
        return list(own) if len(found) == len(own) else None
    slots: dict[str, list[Variable]] = {}
    paths = sorted((v.path.replace("/", "_") for v in trained), key=len, reverse=True)
    for v in own[1:]:
        path = next((p for p in paths if v.name.startswith(f"{p}_")), None)
        if path is not None:
            slots.setdefault(v.name[len(path) :], []).append(v)
    counted = bool(found) and getattr(found[0], "shape", None) == ()
    order = own[: int(counted)] + [v for slot in slots.values() for v in slot]
    # Keras 2 kept a place for what the optimizer was not asked for.
    for spare in (0, len(trained)):
        if len(found) == len(order) + spare:
            return [*order, *[None] * spare]
    return None
