"""What models are fed with, and what they do: this file is run by both libraries."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 12
# Kinds that draw random numbers in training, which differ between libraries.
RANDOM = {"dropout"}
# Kinds that are called, for data of this nesting are not taken by Cornu's `predict`.
CALLED = {"nests"}


def rng_of(*key: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def map_shapes(function: Callable[..., Any], tree: Any) -> Any:
    """`function(shape, path)` for each symbolic tensor in nested lists and dicts."""

    def walk(part: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(part, dict):
            return {k: walk(v, (*path, k)) for k, v in part.items()}
        if isinstance(part, (list, tuple)):
            return [walk(v, (*path, i)) for i, v in enumerate(part)]
        return function(tuple(part.shape)[1:], path)

    return walk(tree, ())


def data_for(found: Any) -> tuple[Any, Any]:
    """Inputs and targets of a model, the same in both libraries.

    Targets are class indices where a loss says so by its name.
    """
    symbolic = getattr(found, "inputs", None)
    if not symbolic:
        rng = rng_of("subclassed")
        return rng.normal(size=(ROWS, 4)), rng.normal(size=(ROWS, 2))

    def normal(shape: Any, path: Any) -> Any:
        return rng_of(path).normal(size=(ROWS, *shape))

    def target(shape: Any, path: Any) -> Any:
        rng = rng_of("target", path)
        if "sparse" in str(getattr(found, "loss", "")):
            return rng.integers(0, shape[-1], ROWS)
        return rng.uniform(size=(ROWS, *shape))

    if hasattr(found, "add"):  # a Sequential of Keras has no `input`
        return normal(found.inputs[0].shape[1:], ()), target(
            found.outputs[0].shape[1:], ()
        )
    return map_shapes(normal, found.input), map_shapes(target, found.output)


training = True  # whether models are trained when they are built


def train(found: Any) -> Any:
    """A few steps, for models that are compiled."""
    if not training:
        if not found.built:
            found(data_for(found)[0])
    elif found.compiled:
        x, y = data_for(found)
        found.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    return found


def course(found: Any, kind: str, more: bool = True) -> dict[str, Any]:
    """What a model does: predictions, evaluation, and predictions after more training.

    Args:
        found: the model.
        kind: which.
        more: whether it is trained further.
    """
    x, y = data_for(found)
    if kind in CALLED:
        outputs = found(x)
        done = {"before": {k: to_numpy(v) for k, v in outputs.items()}}
    else:
        done = {"before": found.predict(x, verbose=0)}
    done["layers"] = [each.name for each in found.layers]
    done["weights"] = [np.asarray(w) for w in found.get_weights()]
    done["trainable"] = [each.trainable for each in layers_of(found) if each.weights]
    if not found.compiled:
        return done
    done["steps"] = int(np.asarray(found.optimizer.iterations))
    if kind not in RANDOM:
        done["logs"] = found.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    if kind not in RANDOM and more:
        train(found)
        done["after"] = found.predict(x, verbose=0)
        done["slots"] = [np.asarray(v) for v in found.optimizer.variables]
    return done


def to_numpy(part: Any) -> Any:
    several = isinstance(part, (list, tuple))
    return [to_numpy(p) for p in part] if several else np.asarray(part)


def layers_of(found: Any) -> list[Any]:
    """All layers of a model and of models inside, but no models: Keras's files forget
    what a Sequential says of itself."""
    layers = []
    for layer in found.layers:
        layers += layers_of(layer) if hasattr(layer, "layers") else [layer]
    return layers
