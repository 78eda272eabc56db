"""Descriptions of Keras 1 and 2, in the words of Keras 3.

A description of these versions names classes without their modules. Keras 1 called
some arguments differently, and a Sequential was a bare list. Calls in a functional
model are `[[name, call, tensor, {}], ...]`. The `.h5` files of Keras 3 are in between.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from cornu.registry import keywords_of
from cornu.serialization import REGISTRIES, custom_object, lambda_in_file

# Keras 1's names of arguments.
_COMMON_1 = {
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
    "init": "kernel_initializer",
}
_RENAMED_1 = {
    "Dense": {"output_dim": "units", **_COMMON_1},
    "Dropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "GaussianDropout": {"p": "rate"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
}
# What says how to compute, and not what; and what Keras wrote for itself.
_WITHOUT_MEANING = {
    "implementation", "input_dtype", "is_legacy_optimizer", "jit_compile", "unroll",
    "function_type", "module", "output_shape_type", "__passive_serialization__",
}  # fmt: skip
_MODELS = {"Model": "Functional", "Functional": "Functional", "Network": "Functional"}
_MODELS["Sequential"] = "Sequential"
_DEFAULTS = {
    "axis": -1, "dropout": 0.0, "schedule_decay": 0.004, "dtype": "float32",
    "mode": 0, "time_major": False,
}  # fmt: skip


def upgrade(config: Any, version: str) -> Any:
    """The description of a model in the form of Keras 3.

    Args:
        config: dict with 'class_name' and 'config', without modules.
        version: the version of Keras that wrote it.

    Raises:
        ValueError: when it holds code.
    """
    return _object(config, _number(version))


def functional_config(config: dict[str, Any]) -> dict[str, Any]:
    """What `get_config` of a functional model gave, in the form of Keras 3.

    Args:
        config: of any version; Keras 1 and 2 wrote calls as lists, without modules.
    """
    nodes = [node for each in config["layers"] for node in each["inbound_nodes"] or []]
    if not any(isinstance(node, list) for node in nodes):
        return config
    return {**config, **_functional(config, 2)}


def compile_config(config: dict[str, Any], version: str) -> dict[str, Any]:
    """What a file says of `compile`, in the form of Keras 3.

    Args:
        config: a file's `training_config`.
        version: the version of Keras that wrote it.
    """
    era = _number(version)
    optimizer = _object(config["optimizer_config"], era)
    found: dict[str, Any] = {"optimizer": {"module": "keras.optimizers", **optimizer}}
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if config.get(name) is not None:
            given = _value(config[name], era)
            found[name] = given if name == "loss" else _losses_named(given)
    return found


def _losses_named(metrics: Any) -> Any:
    """Metrics, among which losses are told by their reduction."""
    if isinstance(metrics, list):
        return [_losses_named(each) for each in metrics]
    if not isinstance(metrics, dict):
        return metrics
    if "class_name" not in metrics:
        return {key: _losses_named(each) for key, each in metrics.items()}
    is_loss = "reduction" in metrics["config"]
    return {"module": "keras.losses", **metrics} if is_loss else metrics


def _number(version: str) -> int:
    """1, 2 or 3."""
    first = version.partition(".")[0]
    return int(first) if first in ("1", "2", "3") else 1


def _value(value: Any, era: int) -> Any:
    if isinstance(value, list):
        return [_value(each, era) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return _value(value["items"], era)
    if "class_name" in value and "config" in value:
        return _object(value, era)
    called = value.get("name")
    if era == 1 and isinstance(called, str) and set(value) & _PENALTIES:
        config = {k: v for k, v in value.items() if k != "name"}
        if "m" in config:
            config["max_value"] = config.pop("m")
        name = "L1L2" if called == "WeightRegularizer" else called
        return {"class_name": name.removesuffix("Regularizer"), "config": config}
    return {key: _value(each, era) for key, each in value.items()}


# How Keras 1 wrote regularizers and constraints: {"name": "MaxNorm", "m": 2}.
_PENALTIES = {"l1", "l2", "m", "axis"}


def _object(described: Any, era: int) -> Any:
    """One description of an object, with all in it."""
    if not isinstance(described, dict) or "module" in described:
        return described
    name, config = described["class_name"], described["config"]
    rest = {k: v for k, v in described.items() if k not in ("class_name", "config")}
    if name in _MODELS and custom_object(name) is None:
        kind = _MODELS[name]
        make: Callable[..., Any] = _sequential if kind == "Sequential" else _functional
        return {
            **rest,
            "module": "keras"
            if kind == "Sequential"
            else "keras.src.models.functional",
            "class_name": kind,
            "config": make(config, era),
        }
    if ">" in str(name):
        if custom_object(name) is not None:
            rest["registered_name"] = name
        name = name.rpartition(">")[2]  # tf.keras wrote "Custom>Adam" for its own
    if not isinstance(config, dict):
        return {**rest, "class_name": name, "config": config}
    if name == "Lambda":
        _refuse_code(config)
    config = {k: _value(v, era) for k, v in config.items()}
    if era < 3:
        config = _renamed(name, config, era)
        config = _without_old(name, config)
    return {**rest, "class_name": name, "config": config}


def _refuse_code(config: dict[str, Any]) -> None:
    """Raise for the marshalled function of a Lambda; a name of one is its name."""
    function = config.get("function")
    named = isinstance(function, dict) and function.get("class_name") == "function"
    if not isinstance(function, str) and not named:
        raise lambda_in_file()


def _renamed(name: str, config: dict[str, Any], era: int) -> dict[str, Any]:
    names = _RENAMED_1.get(name, {}) if era == 1 else {}
    config = {names.get(key, key): value for key, value in config.items()}
    if name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    axis = config.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    return config


def _without_old(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Leave away what a class does not take any more, where it asks for nothing."""
    cls = _class_of(name)
    if cls is None:
        return config
    known = {*keywords_of(cls), "batch_input_shape", "input_shape", "decay", "lr", "fn"}
    kept = {}
    for key, value in config.items():
        asks = value not in (None, False, [], {}) and key not in _WITHOUT_MEANING
        if key in known:
            if value is not None or key != "epsilon":
                kept[key] = value
        elif key == "input_dim" and "batch_input_shape" in config:
            pass  # which says it too
        elif asks and value != _DEFAULTS.get(key):
            kept[key] = value  # and its class says that it does not know it
    return kept


def _class_of(name: str) -> Any:
    """A class of Cornu by its name in files."""
    importlib.import_module("cornu.layers")
    for module in _ROOMS:
        registry = REGISTRIES.get(module)
        found = registry.objects.get(name) if registry is not None else None
        if isinstance(found, type):
            return found
    return None


_ROOMS = (
    "keras.layers", "keras.optimizers", "keras.losses", "keras.metrics",
    "keras.initializers", "keras.regularizers", "keras.constraints",
)  # fmt: skip


def _sequential(config: Any, era: int) -> dict[str, Any]:
    if isinstance(config, list):  # as it was before Keras 2.2.3
        config = {"layers": config}
    layers = [_object(each, era) for each in config["layers"]]
    known = ("name", "trainable", "dtype", "build_input_shape")
    kept = {k: _value(config[k], era) for k in known if k in config}
    return {**kept, "layers": layers}


def _functional(config: dict[str, Any], era: int) -> dict[str, Any]:
    layers = [_object(_placed(each, era), era) for each in config["layers"]]
    if era == 3:
        return {**config, "layers": layers}
    names = {each["name"]: each for each in layers}
    ends = [config["input_layers"], config["output_layers"]]
    refs = list(_refs([*(each["inbound_nodes"] for each in layers), ends], names))
    # A model that is called in another has its first call for itself in these versions.
    models = {n for n, each in names.items() if each["class_name"] in _MODELS}
    first: dict[str, int] = {}
    for name, i, *_ in refs:
        if name in models:
            first[name] = min(i, first.get(name, i))

    def place(ref: Any) -> list[Any]:
        return [ref[0], ref[1] - min(first.get(ref[0], 0), 1), ref[2]]

    def end(tree: Any) -> Any:
        if _is_ref(tree, names):
            name, i, j = place(tree)
            # Keras 3 counts from 1 here for a functional model.
            return [name, i + (names[name]["class_name"] == "Functional"), j]
        if isinstance(tree, dict):
            return {key: end(each) for key, each in tree.items()}
        return [end(each) for each in tree]

    for each in layers:
        each["inbound_nodes"] = [
            _call(node, names, place) for node in each["inbound_nodes"]
        ]
    known = {k: config[k] for k in ("name", "trainable") if k in config}
    for k in ("input_layers", "output_layers"):
        known[k] = _only(end(config[k]))
    return {**known, "layers": layers}


def _placed(described: dict[str, Any], era: int) -> dict[str, Any]:
    """A description with its module where it is a function: layers have a dtype."""
    name, config = described["class_name"], described["config"]
    layer = {"trainable", "layers"} & set(config) or custom_object(name) is not None
    if era < 3 or layer or ("dtype" in config and _class_of(name) is not None):
        return described
    return {"module": "keras.src.ops.numpy", **described}


def _only(ends: Any) -> Any:
    return ends[0] if isinstance(ends, list) and len(ends) == 1 else ends


def _is_ref(part: Any, names: Any) -> bool:
    """Whether something is [name, call, tensor], maybe with a dict of arguments."""
    return (
        isinstance(part, list)
        and len(part) in (3, 4)
        and isinstance(part[0], str)
        and part[0] in names
        and all(type(n) is int for n in part[1:3])
    )


def _refs(tree: Any, names: Any) -> Iterator[list[Any]]:
    if _is_ref(tree, names):
        yield tree
        tree = tree[3:]
    if isinstance(tree, (list, dict)):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from _refs(each, names)


def _call(node: Any, names: Any, place: Callable[[Any], list[Any]]) -> dict[str, Any]:
    """A call in the form of Keras 3: its arguments, with a mark for each tensor."""
    kwargs: dict[str, Any] = {}

    def read(part: Any) -> Any:
        if _is_ref(part, names):
            kwargs.update(part[3] if len(part) == 4 else {})
            history = {"keras_history": place(part)}
            return {"class_name": "__keras_tensor__", "config": history}
        if isinstance(part, dict):
            return {key: read(each) for key, each in part.items()}
        return [read(each) for each in part] if isinstance(part, list) else part

    first = _only(read(node))
    given = {k: read(v) for k, v in dict(kwargs).items() if v is not None}
    return {"args": [first], "kwargs": given}
