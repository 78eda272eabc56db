"""Models of one call of a function, by either library: this file is run by both."""

from __future__ import annotations

from typing import Any

import numpy as np


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [tree]


def is_data(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"


def arrays_of(call: Any) -> list[np.ndarray]:
    """The floating arrays of a call (name, args, kwargs, ...): its data."""
    return [a for a in leaves([*call[1], call[2]]) if is_data(a)]


def with_leaves(call: Any, values: list[Any]) -> tuple[Any, Any]:
    """The arguments of a call with other things in place of its data."""
    given = iter(values)

    def swap(part: Any) -> Any:
        if isinstance(part, (list, tuple)):
            return type(part)([swap(each) for each in part])
        if isinstance(part, dict):
            return {key: swap(each) for key, each in part.items()}
        return next(given) if is_data(part) else part

    return swap(tuple(call[1])), swap(call[2])


def key_of(part: Any) -> Any:
    """An index that was written as data: slices as ("slice", start, stop, step)."""
    if isinstance(part, str):
        return Ellipsis
    if isinstance(part, tuple):
        is_slice = len(part) == 4 and isinstance(part[0], str)
        return slice(*part[1:]) if is_slice else tuple(key_of(each) for each in part)
    return part


def model_of(keras: Any, call: Any) -> Any:
    """A model that makes one call of its inputs; None where nothing comes out.

    Inputs of no axes get one, for Keras's models have none without a batch.
    """
    arrays = arrays_of(call)
    inputs = [
        keras.Input(batch_shape=a.shape, dtype=a.dtype.name, name=f"x{i}")
        for i, a in enumerate(arrays)
    ]
    args, kwargs = with_leaves(call, inputs)
    if call[0] == "get_item":
        out = args[0][key_of(args[1])]
    else:
        out = getattr(keras.ops, call[0])(*args, **kwargs)
    symbols = [s for s in leaves(out) if hasattr(s, "dtype") and hasattr(s, "shape")]
    if not symbols or not inputs:
        return None
    return keras.Model(inputs, symbols)


def run(model: Any, call: Any) -> list[np.ndarray]:
    """What comes out of a model of a call for its data."""
    found = model(arrays_of(call))
    return [np.asarray(a) for a in leaves(found)]


def same(mine: list[np.ndarray], theirs: list[np.ndarray], call: Any) -> None:
    """Equal, but for the rounding of float32, and dtypes of JAX with 64 bits."""
    assert len(mine) == len(theirs), call
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape, call
        half = "float16" in (a.dtype.name, b.dtype.name)
        tolerance = 1e-3 if half else 2e-6
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance, err_msg=str(call)
        )
