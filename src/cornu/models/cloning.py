"""Models made of other models' descriptions, with new weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cornu.graph.messages import described
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.tree import flatten, map_structure
from cornu.layers.core import Input, InputLayer
from cornu.layers.layer import Layer
from cornu.models.model import Functional, Model
from cornu.models.sequential import Sequential
from cornu.saving import legacy
from cornu.serialization import deserialize_keras_object, reading, sharing


def model_from_json(
    json_string: str, custom_objects: dict[str, Any] | None = None
) -> Any:
    """The model that `to_json` described, with new weights.

    Args:
        json_string: what `to_json` returned, in Cornu or in Keras 1, 2 or 3.
        custom_objects: name -> class or function of your own.

    Raises:
        ValueError: when it describes no model.

    Example:

    >>> import cornu
    >>> model = cornu.Sequential([cornu.Input((4,)), cornu.layers.Dense(2)])
    >>> model_from_json(model.to_json()).count_params()
    10
    """
    try:
        config = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"model_from_json was given {described(json_string)}, which is no JSON "
            f"({error}).\nExpected what model.to_json() returns.\n"
            "To read a file of model.save(), use load_model."
        ) from error
    with reading("The JSON", "Take the JSON from model.to_json()."), sharing():
        if isinstance(config, dict) and "module" not in config:
            version = str(config.get("keras_version", "2"))
            config = legacy.upgrade(config, version)
        model = deserialize_keras_object(config, custom_objects)
    if not isinstance(model, Model):
        raise ValueError(
            f"The JSON describes {described(model)}.\nExpected a model.\n"
            "Take the JSON from model.to_json()."
        )
    return model


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """A model of the same layers, made anew, with new weights.

    Args:
        model: a model; a subclassed one is made of its `get_config`.
        input_tensors: symbolic tensors to build on, in the order of its inputs; new
            Inputs by default.
        clone_function: `f(layer)` gives the layer to use instead of it; by default one
            of the same configuration.
        call_function: `f(layer, *args, **kwargs)` calls it; functional models only.
        recursive: whether models inside are cloned by the same functions.

    Raises:
        ValueError: when the other arguments are given for a subclassed model, whose
            layers are in its code, or `call_function` for a Sequential model, and for
            `input_tensors` that are nested otherwise than the inputs.

    Example:

    >>> import cornu
    >>> model = cornu.Sequential([cornu.Input((4,)), cornu.layers.Dense(2)])
    >>> clone_model(model).layers[0].units
    2
    """

    def clone(layer: Any) -> Any:
        if recursive and isinstance(layer, (Sequential, Functional)):
            calls = None if isinstance(layer, Sequential) else call_function
            return clone_model(layer, None, clone_function, calls, True)
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "clone_model was given call_function= for a Sequential model.\n"
                "Expected a functional model: Sequential calls its layers itself.\n"
                "Leave call_function away, or use clone_function."
            )
        return _compiled_as(model, _sequential(model, input_tensors, clone))
    if not isinstance(model, Model):
        raise ValueError(
            f"clone_model was given {described(model)}.\nExpected a model.\n"
            "For a layer: type(layer).from_config(layer.get_config())."
        )
    if getattr(model, "inputs", None) is not None:
        made = _functional(model, input_tensors, clone, call_function or _call)
        return _compiled_as(model, made)
    if any(x is not None for x in (input_tensors, clone_function, call_function)):
        raise ValueError(
            f"clone_model was told how to clone {described(model)}.\n"
            "Expected a Sequential or functional model: the layers of a subclassed one "
            "are in its code.\n"
            "Leave the other arguments away, or make another object of its class."
        )
    return _compiled_as(model, type(model).from_config(model.get_config()))


def _compiled_as(model: Any, clone: Any) -> Any:
    """The clone, compiled as the model is, if that can be described."""
    if model.compiled:
        config = model.get_compile_config()
        if config is not None:
            clone.compile_from_config(config)
    return clone


def _call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return layer(*args, **kwargs)


def _entrances(symbols: list[Any], given: Any) -> list[Any]:
    """New Inputs like the `symbols`, or the given tensors, of equal number."""
    if given is None:
        return [
            Input(
                None, None, s.dtype, s.sparse, None, s.shape, s.name, None, s.optional
            )
            for s in symbols
        ]
    tensors = [
        each.output if isinstance(each, InputLayer) else each for each in flatten(given)
    ]
    symbolic = all(isinstance(each, SymbolicTensor) for each in tensors)
    if len(tensors) != len(symbols) or not symbolic:
        raise ValueError(
            f"clone_model was given {len(tensors)} input_tensors for a model of "
            f"{len(symbols)} inputs.\nExpected one symbolic tensor for each.\n"
            "Make them with Input(shape=...)."
        )
    return tensors


def _sequential(model: Any, given: Any, clone: Callable[[Any], Any]) -> Any:
    layers = [clone(layer) for layer in model.layers]
    if getattr(model, "inputs", None) is not None:
        tensor = _entrances(model.inputs, given)[0]
        layers.insert(0, InputLayer(input_tensor=tensor, name=tensor.name))
    return Sequential(layers, name=model.name, trainable=model.trainable)


def _functional(model: Any, given: Any, clone: Any, call: Any) -> Any:
    if isinstance(given, dict) and isinstance(model.input, dict):
        given = [given.get(key) for key in sorted(model.input)]
    elif isinstance(model.input, dict) and given is not None:
        raise ValueError(
            f"clone_model was given input_tensors={described(given)} for a model whose "
            f"inputs are a dict.\nExpected the keys {', '.join(model.input)}.\n"
            "Pass a dict."
        )
    entrances = _entrances(model.inputs, given)
    table = {id(s): t for s, t in zip(model.inputs, entrances, strict=True)}
    clones: dict[int, Any] = {}

    def value(leaf: Any) -> Any:
        return table[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf

    for each in model._calls_in_order:
        function = each.function
        args, kwargs = map_structure(value, (each.args, each.kwargs))
        if isinstance(function, Layer):
            if id(function) not in clones:
                clones[id(function)] = clone(function)
            made = call(clones[id(function)], *args, **kwargs)
        else:
            made = function(*args, **kwargs)
        for symbol, new in zip(flatten(each.outputs), flatten(made), strict=True):
            table[id(symbol)] = new
    inputs, outputs = map_structure(value, (model.input, model.output))
    return Model(inputs, outputs, name=model.name)
