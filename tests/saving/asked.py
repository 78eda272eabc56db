"""What is asked of both libraries: this file is run by both."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

if __package__:
    from tests.saving import course, graphs, own, zoo
else:  # in the process with real Keras
    import course
    import graphs
    import own
    import zoo


def answer(keras: Any, request: dict[str, Any]) -> Any:
    """Do what a request says, with a library.

    Args:
        keras: the library.
        request: 'do', and the arguments of the function of that name.
    """
    request = dict(request)
    return globals()[request.pop("do")](keras, **request)


def make(
    keras: Any, kind: str, path: str | None = None, more: bool = True, **how: Any
) -> Any:
    """Build a model, write it, and say what it does."""
    model = zoo.MODELS[kind](keras)
    if path is not None:
        model.save(path, **how)
    return {"json": json.loads(model.to_json()), **course.course(model, kind, more)}


def describe(keras: Any, kind: str) -> Any:
    """Build a model, without training, and say what it is."""
    course.training = False
    try:
        model = zoo.MODELS[kind](keras)
    finally:
        course.training = True
    names = [each.name for each in model.layers]
    shapes = [tuple(w.shape) for w in model.weights]
    return {"layers": names, "weights": shapes, "json": json.loads(model.to_json())}


def serialize(keras: Any, path: str, config: dict[str, Any]) -> Any:
    """The description of an object that is made of a class and arguments."""
    found = keras
    for part in path.split("."):
        found = getattr(found, part)
    return keras.saving.serialize_keras_object(found(**config))


def revive(keras: Any, config: Any) -> Any:
    """The description of what is made of a description."""
    made = keras.saving.deserialize_keras_object(config)
    return keras.saving.serialize_keras_object(made)


def serialize_value(keras: Any, v: Any) -> Any:
    """The description of a value."""
    return [json.loads(json.dumps(keras.saving.serialize_keras_object(v)))]


def load(
    keras: Any, kind: str, path: str, more: bool = True, compile: bool = True
) -> Any:
    """Read a model, and say what it does."""
    objects = own.own(keras)
    model = keras.models.load_model(path, custom_objects=objects, compile=compile)
    return course.course(model, kind, more)


def save_weights(keras: Any, kind: str, path: str, **how: Any) -> Any:
    """Build a model, write its weights, and say what it does."""
    model = zoo.MODELS[kind](keras)
    model.save_weights(path, **how)
    return course.course(model, kind)


def both_directions(keras: Any, path: str) -> Any:
    """Write a large layer of both directions, and say what it gives for ones."""
    layer = keras.layers.Bidirectional(keras.layers.LSTM(64))
    model = keras.Sequential([keras.Input((3, 2)), layer])
    model.save(path)
    return model.predict(np.ones((2, 3, 2)), verbose=0)


def load_weights(keras: Any, kind: str, path: str, more: bool = True) -> Any:
    """Build a model, read weights into it, and say what it does."""
    model = zoo.MODELS[kind](keras)
    model.load_weights(path)
    return course.course(model, kind, more)


def from_json(keras: Any, kind: str, text: str) -> Any:
    """Make a model of JSON, and say what its parts are."""
    model = keras.models.model_from_json(text, custom_objects=own.own(keras))
    names = [each.name for each in model.layers]
    shapes = [tuple(w.shape) for w in model.weights]
    return {"layers": names, "weights": shapes, "json": json.loads(model.to_json())}


def functions(keras: Any, calls: list[Any]) -> list[Any]:
    """What models of one call of a function each give, and their JSON."""
    found = []
    for call in calls:
        try:
            model = graphs.model_of(keras, call)
            graphs.run(keras.models.model_from_json(model.to_json()), call)
            found.append({"json": model.to_json(), "outputs": graphs.run(model, call)})
        except Exception as error:
            found.append({"error": f"{type(error).__name__}: {error}"})
    return found


def run_functions(keras: Any, calls: list[Any], texts: list[str]) -> list[Any]:
    """What models that JSON describes give for the data of calls."""
    found = []
    for call, text in zip(calls, texts, strict=True):
        try:
            model = keras.models.model_from_json(text)
            found.append({"outputs": graphs.run(model, call)})
        except Exception as error:
            found.append({"error": f"{type(error).__name__}: {error}"})
    return found


def classes_of_functions(keras: Any) -> dict[str, Any]:
    """Keras's classes of functions with the modules that have them; and functions."""
    from keras.src import ops

    found: dict[str, list[str]] = {}
    for name in ("core", "linalg", "math", "nn", "numpy"):
        for each, value in vars(getattr(ops, name)).items():
            if isinstance(value, type) and issubclass(value, keras.Operation):
                found.setdefault(each, []).append(name)
    return {"classes": found, "public": dir(keras.ops)}


def write_again(keras: Any, path: str, to: str, data: Any) -> Any:
    """Read a model and write it; what it predicts."""
    model = keras.models.load_model(path)
    model.save(to)
    return model.predict(data, verbose=0)
