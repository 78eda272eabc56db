"""Which dtypes results have in real Keras: a process of its own, in 32 bits.

It reads a list of calls from its input and writes what came out; nothing is computed,
JAX only follows the shapes and dtypes. `worker.py` has JAX_ENABLE_X64 set, with which
Keras gives integers of 64 bits that nobody sees otherwise.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import jax
import keras
import wire

SCALARS = {"Python bool": True, "Python int": 2, "Python float": 2.5}


def dtypes_of(name: str, args: list, kwargs: dict, at: list, dtypes: list) -> Any:
    """The dtypes of what a function gives, nested; or the error's name."""
    function = keras.ops
    for part in name.split("."):
        function = getattr(function, part)
    args = list(args)
    abstract = []
    for place, dtype in zip(at, dtypes, strict=True):
        if dtype in SCALARS:
            args[place] = SCALARS[dtype]
        else:
            spec = jax.ShapeDtypeStruct(args[place].shape, dtype)
            abstract.append((place, spec))

    def call(*tensors: Any) -> Any:
        given = list(args)
        for (place, _), tensor in zip(abstract, tensors, strict=True):
            given[place] = tensor
        return function(*given, **kwargs)

    try:
        found = jax.eval_shape(call, *[spec for _, spec in abstract])
    except Exception as error:
        return {"error": type(error).__name__}
    return [str(leaf.dtype) for leaf in jax.tree_util.tree_leaves(found)]


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = wire.receive(sys.stdin.buffer)
    wire.send(answers, [dtypes_of(**request) for request in requests])


main()
