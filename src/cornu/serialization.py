"""Objects as plain data, and back: what files and `get_config` are made of.

What a file may name is a fixed list: the registries of Cornu's own rooms, and what the
user announced. Nothing else is imported, and no code is ever run.
"""

from __future__ import annotations

import importlib
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu.graph.eager import as_array, is_native
from cornu.graph.spec import standardize_dtype
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import convert

# The rooms of Keras that files name, and where Cornu keeps what is in them.
HOMES = {
    "keras": "cornu.models",
    "keras.activations": "cornu.activations",
    "keras.constraints": "cornu.constraints",
    "keras.initializers": "cornu.initializers",
    "keras.layers": "cornu.layers",
    "keras.layers.preprocessing": "cornu.models.feature_space",
    "keras.losses": "cornu.losses",
    "keras.metrics": "cornu.metrics",
    "keras.models": "cornu.models",
    "keras.optimizers": "cornu.optimizers",
    "keras.optimizers.schedules": "cornu.optimizers.schedules",
    "keras.random": "cornu.random",
    "keras.regularizers": "cornu.regularizers",
    "keras.utils": "cornu.models.feature_space",
}

# Every registry that was made, by the public module of Keras that it stands for.
REGISTRIES: dict[str, Any] = {}

# What users registered for good, by "package>Name".
CUSTOM_OBJECTS: dict[str, Any] = {}

_PLAIN = (str, int, float, bool, type(None))
_ARRAYS = ("__numpy__", "__tensor__")


class _Scope(threading.local):
    """What holds while objects are read or written, in this thread."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []  # of the user, innermost last
        self.written: dict[int, tuple[Any, int]] | None = None
        self.read: dict[int, Any] | None = None


_scope = _Scope()


def is_plain(value: Any) -> bool:
    """Whether a value is text, a number, or nested lists and dicts of such."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return isinstance(value, _PLAIN)


# Objects of the user's own


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """A decorator that lets files name a class or function of yours.

    Args:
        package: what it belongs to.
        name: its name in files, that of the class or function by default.

    Returns:
        The decorator, which returns what it is given.

    Raises:
        ValueError: for a class without `get_config`.

    Example:

    >>> import cornu
    >>> @register_keras_serializable("mine")
    ... class Double(cornu.layers.Layer):
    ...     def call(self, inputs):
    ...         return inputs * 2
    >>> get_registered_name(Double)
    'mine>Double'
    """

    def announce(target: Any) -> Any:
        if isinstance(target, type) and not hasattr(target, "get_config"):
            raise ValueError(
                f"The class {target.__name__} was registered without get_config().\n"
                "Expected a class whose objects files can describe.\n"
                "Define get_config(): it returns the arguments of __init__ in a dict."
            )
        CUSTOM_OBJECTS[f"{package}>{name or target.__name__}"] = target
        return target

    return announce


def get_registered_name(obj: Any) -> Any:
    """The name under which a class or function was registered, else its own name."""
    for name, each in custom_objects().items():
        if each is obj:
            return name
    return getattr(obj, "__name__", None)


def get_registered_object(
    name: str | None,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """The class or function that was registered under a name, or None."""
    for names in (custom_objects or {}, _known(), module_objects or {}):
        if name in names:
            return names[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The dictionary of registered objects, which may be changed in place."""
    return CUSTOM_OBJECTS


@contextmanager
def custom_object_scope(custom_objects: dict[str, Any] | None) -> Iterator[None]:
    """Names that files may use, while the `with` block runs.

    Args:
        custom_objects: name -> class or function.

    Example:

    >>> import cornu
    >>> class Half(cornu.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return 0.5 * cornu.ops.sum(x * x)
    ...     def get_config(self):
    ...         return {}
    >>> with custom_object_scope({"Half": Half}):
    ...     type(cornu.regularizers.get("Half")).__name__
    'Half'
    """
    _scope.objects.append(dict(custom_objects or {}))
    try:
        yield
    finally:
        _scope.objects.pop()


CustomObjectScope = custom_object_scope  # its name in Keras


def custom_objects() -> dict[str, Any]:
    """All names of the user's own that hold just now, inner scopes first."""
    return _known()


def _known() -> dict[str, Any]:
    found = dict(CUSTOM_OBJECTS)
    for objects in _scope.objects:
        found.update(objects)
    return found


def custom_object(name: Any) -> Any:
    """The user's object of a name, with or without its package; or None."""
    known = _known()
    if name in known:
        return known[name]
    if isinstance(name, str):
        for each, found in known.items():
            if each.endswith(f">{name}"):
                return found
    return None


# Objects that are used in several places are written with one number, and read once.


@contextmanager
def sharing() -> Iterator[None]:
    """While a model is read or written: what is one object stays one."""
    before = _scope.written, _scope.read
    _scope.written, _scope.read = {}, {}
    try:
        yield
    finally:
        _scope.written, _scope.read = before


def serialize_whole(obj: Any) -> Any:
    """As `serialize_keras_object`; what stands in several places has a number there.

    Args:
        obj: a model.

    Raises:
        ValueError: for what cannot be described.
    """
    with sharing():
        config = serialize_keras_object(obj)
    # Each description got a number, for layers copy those of their parts, and the first
    # of several would not learn that there are others.
    found = list(_numbered(config))
    times = Counter(each["shared_object_id"] for each in found)
    for each in found:
        if times[each["shared_object_id"]] == 1:
            del each["shared_object_id"]
    return config


def _note_written(obj: Any, config: dict[str, Any]) -> None:
    if _scope.written is not None:
        count = len(_scope.written) + 1
        number = _scope.written.setdefault(id(obj), (obj, count))[1]
        config["shared_object_id"] = number


def _numbered(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _numbered(each)
    elif isinstance(config, dict) and config.get("class_name") not in _ARRAYS:
        if "shared_object_id" in config:
            yield config
        yield from _numbered(list(config.values()))


# Writing


def serialize_keras_object(obj: Any) -> Any:
    """Plain data that `deserialize_keras_object` makes the object of again.

    Args:
        obj: an object with `get_config`, a function with a name, an array, or lists and
            dicts of such, and of plain values.

    Returns:
        What JSON can hold, except that tuples stay tuples.

    Raises:
        ValueError: for what cannot be described, such as lambdas.

    Example:

    >>> import cornu
    >>> serialize_keras_object(cornu.constraints.NonNeg())["class_name"]
    'NonNeg'
    """
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        return type(obj)([serialize_keras_object(x) for x in obj])
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    special = _special(obj)
    if special is not None:
        return special
    if isinstance(obj, np.generic):
        return obj.item()
    if inspect.isroutine(obj):
        return _function(obj)
    return _object(obj)


def _special(obj: Any) -> dict[str, Any] | None:
    """Values that JSON lacks, as Keras writes them."""
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, slice):
        ends = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_keras_object(ends)}
    if isinstance(obj, (np.ndarray, TensorBase)) or is_native(obj):
        kind = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        array = as_array(obj) if is_native(obj) else np.asarray(obj)
        config = {"value": array.tolist(), "dtype": str(array.dtype)}
        return {"class_name": kind, "config": config}
    return None


def _function(obj: Any) -> dict[str, Any]:
    name = obj.__name__
    if name == "<lambda>":
        raise ValueError(
            "A lambda cannot be written to a file, for files hold no code.\n"
            "Expected a function with a name.\n"
            "Write `def` instead, and pass the function in custom_objects= on loading."
        )
    registered = get_registered_name(obj)
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name if registered == name else registered,
        "registered_name": registered if registered != name else "function",
    }


def _object(obj: Any) -> dict[str, Any]:
    if not hasattr(obj, "get_config"):
        raise ValueError(
            f"{obj!r} cannot be written to a file.\n"
            "Expected a function with a name, or an object with get_config().\n"
            "Define get_config() in its class: it returns the arguments of __init__."
        )
    cls = type(obj)
    inner = serialize_keras_object(obj.get_config())
    module = module_of(cls)
    config: dict[str, Any] = {
        "module": module,
        "class_name": _name_of(cls),
        "config": inner,
        "registered_name": None,
    }
    if module is None:
        config["module"] = None if cls.__module__ == "__main__" else cls.__module__
        config["registered_name"] = get_registered_name(cls)
    for part in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{part}", None)
        found = None if getter is None else getter()
        if found is not None:
            config[part] = serialize_keras_object(found)
    _note_written(obj, config)
    return config


def _name_of(cls: type) -> str:
    """What files call a class: its name, or that under which Keras exports it."""
    for registry in REGISTRIES.values():
        if registry.objects.get(cls.__name__) is cls:
            return registry.names.get(cls.__name__, cls.__name__)
    return cls.__name__


def module_of(cls: type) -> str | None:
    """The public module of Keras that a class of Cornu is found in; else None."""
    for registry in REGISTRIES.values():
        if registry.objects.get(cls.__name__) is cls:
            return registry.modules.get(cls.__name__, registry.module)
    return None


# Reading


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object that data of `serialize_keras_object` describes.

    Args:
        config: the data, of Cornu or of Keras 3.
        custom_objects: name -> class or function of the user's own.
        safe_mode: only True: code in files is never run.

    Raises:
        ValueError: for names that neither Cornu nor the user knows, and for lambdas.
        TypeError: when a class cannot be made of its arguments.

    Example:

    >>> import cornu
    >>> config = serialize_keras_object(cornu.layers.Dense(3, name="d"))
    >>> deserialize_keras_object(config)
    <Dense name=d, built=False>
    """
    refuse_code(safe_mode)
    with custom_object_scope(custom_objects):
        return _revive(config)


def refuse_code(safe_mode: bool) -> None:
    """Raise where code of a file was to be run."""
    if not safe_mode:
        raise ValueError(
            "safe_mode=False was given.\n"
            "Expected True: Cornu runs no code that stands in a file.\n"
            "Pass the functions in custom_objects= instead."
        )


def _revive(config: Any) -> Any:
    if isinstance(config, str):
        found = custom_object(config)
        return config if found is None else found
    if isinstance(config, _PLAIN):
        return config
    if isinstance(config, (list, tuple)):
        return type(config)([_revive(each) for each in config])
    if not isinstance(config, dict):
        raise TypeError(
            f"{type(config).__name__} describes no object.\n"
            "Expected plain data: dicts, lists, strings and numbers.\n"
            "Take it from serialize_keras_object."
        )
    if "class_name" not in config or "config" not in config:
        return {key: _revive(value) for key, value in config.items()}
    inner = config["config"]
    revive = _SPECIAL.get(config["class_name"])
    if revive is not None:
        return revive(inner)
    return registry_for(config).deserialize(config)


def registry_for(config: dict[str, Any]) -> Any:
    """The registry of the room that a description names; any, for the user's own."""
    module = str(config.get("module") or "").replace("keras.src", "keras")
    parts = module.split(".", 3)[:3]  # no room has a longer name
    while parts:
        module = ".".join(parts)
        if module in HOMES:
            importlib.import_module(HOMES[module])
            return REGISTRIES.get(module) or REGISTRIES["keras"]
        parts.pop()
    importlib.import_module("cornu.layers")
    if config["class_name"] == "function":  # files do not say in which room
        for room in ("activations", "losses", "metrics", "initializers"):
            importlib.import_module(f"cornu.{room}")
            found = REGISTRIES[f"keras.{room}"]
            if str(config["config"]) in found.functions:
                return found
    return REGISTRIES["keras.layers"]


@contextmanager
def reading(what: str, advice: str) -> Iterator[None]:
    """While a description is read: what goes wrong is an error of the description.

    A file may hold anything. Whatever classes raise when they are made of it becomes a
    ValueError of three parts; those that are such already pass.

    Args:
        what: what is read, for the message.
        advice: how to get a good one.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ValueError) and str(error).count("\n") == 2:
            raise
        raise unreadable(what, error, advice) from error


class WrongArguments(ValueError, TypeError):
    """A class cannot be made of what is described: what Keras has a TypeError for."""


def unreadable(what: str, problem: Any, advice: str) -> ValueError:
    """The error for a file or description that cannot be read.

    Args:
        what: which.
        problem: an exception, or what is wrong.
        advice: how to get a good one.
    """
    text = str(problem).partition("\n")[0][:300].rstrip(".")
    if isinstance(problem, Exception) and type(problem) is not ValueError:
        text = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    kind = WrongArguments if isinstance(problem, TypeError) else ValueError
    return kind(
        f"{what} cannot be read as a model: {text}.\n"
        "Expected what model.save or model.to_json made, of Cornu or of Keras.\n"
        f"{advice}"
    )


def once(config: dict[str, Any], make: Callable[[], Any]) -> Any:
    """What `make` makes, or the object that was made of the same number before."""
    number = config.get("shared_object_id")
    if number is None or _scope.read is None:
        return make()
    if number not in _scope.read:
        _scope.read[number] = make()
    return _scope.read[number]


def _array(config: Any) -> np.ndarray:
    # Only dtypes that tensors have: others may ask for any memory ("S1000000000").
    return np.array(config["value"], standardize_dtype(config["dtype"]))


def lambda_in_file() -> ValueError:
    """The error for a file that holds code."""
    return ValueError(
        "The file holds a lambda, that is code.\n"
        "Expected plain values: Cornu runs no code that stands in a file.\n"
        "Build the model in Python and load its weights alone, or save it with a "
        "named function."
    )


def _policies(config: Any) -> Any:
    room = importlib.import_module("cornu.dtype_policies")
    return room.DTypePolicyMap.from_config(config)


def _lambda(config: Any) -> Any:
    raise lambda_in_file()


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__bytes__": lambda config: str(config["value"]).encode(),
    "__ellipsis__": lambda config: Ellipsis,
    "__slice__": lambda config: slice(
        *(_revive(config[end]) for end in ("start", "stop", "step"))
    ),
    "__numpy__": lambda config: _array(config),
    "__tensor__": lambda config: convert(_array(config)),
    "__lambda__": _lambda,
    "DTypePolicy": lambda config: config["name"],
    "DTypePolicyMap": _policies,
}
