"""The part of a model that is run on the host, before its program: what leads to text.

Layers that work on the host (`layer.on_host`) look words up and hash. They and what
they read are run on the user's arrays, all at once; the program of the model begins at
the tensors that come out, and at the Inputs that it reads itself.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from cornu.graph.spec import STRING
from cornu.graph.symbolic import Bindings, Call, SymbolicTensor, replay, symbols
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import flatten
from cornu.layers.host import host_array
from cornu.layers.layer import Layer
from cornu.models.entering import check_array, ordered, with_rank_of


class HostPart:
    """What of a model's DAG is run on the host.

    Args:
        model: a model with a DAG, in which a layer works on the host.

    Raises:
        ValueError: when such a layer reads what training changes, or text comes out.

    Attributes:
        entrances: the symbolic tensors at which the program begins.
        names: a name for each, by which `run` gives its array.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        calls = _leading_to_host(model._calls_in_order)
        for call in calls:
            _check_fixed(call)
        made = {id(x): x for x in [*flatten(model._inputs), *_outputs_of(calls)]}
        inside = {id(call) for call in calls}
        read = [
            p for c in model._calls_in_order if id(c) not in inside for p in c.parents
        ]
        wanted = [*read, *flatten(model._outputs)]
        found = {id(x): x for x in wanted if id(x) in made}
        self.entrances = list(found.values())
        taken = set(model.input_names)
        self.names = [
            x.name if x.call is None else _free(x.name, taken) for x in self.entrances
        ]
        for symbol in self.entrances:
            if symbol.dtype == STRING:
                raise ValueError(
                    f"Model {model.name!r} gives text, {symbol!r}, which no program "
                    "holds.\n"
                    "Expected numbers at its end.\n"
                    "Call the model on the data, model(x), or the last layer on what "
                    "predict gives."
                )

    def made(self, inputs: Any) -> bool:
        """Whether this is what `run` gave."""
        return isinstance(inputs, dict) and set(inputs) == set(self.names)

    def run(self, x: Any) -> dict[str, np.ndarray]:
        """Run this part on the user's data: arrays by the names of the entrances."""
        model, table = self.model, Bindings()
        for symbol, value in zip(
            flatten(model._inputs), arrays_of(model, x), strict=True
        ):
            check_array(model, symbol, value)
            table[id(symbol)] = None if value is None else with_rank_of(value, symbol)
        with symbols(table):
            found = replay(self.entrances, table)
        return {name: np.asarray(v) for name, v in zip(self.names, found, strict=True)}


def _free(name: str, taken: set[str]) -> str:
    """A name that is not taken, and is now."""
    numbered = (f"{name}_{i}" if i else name for i in itertools.count())
    free = next(each for each in numbered if each not in taken)
    taken.add(free)
    return free


def _outputs_of(calls: list[Call]) -> list[SymbolicTensor]:
    leaves = [leaf for call in calls for leaf in flatten(call.outputs)]
    return [leaf for leaf in leaves if isinstance(leaf, SymbolicTensor)]


def _leading_to_host(calls: list[Call]) -> list[Call]:
    """The calls of layers on the host, and all that these read, in order."""
    needed: set[int] = set()  # symbolic tensors
    found = []
    for call in reversed(calls):
        made = {id(leaf) for leaf in flatten(call.outputs)}
        if getattr(call.function, "takes_text", False) or made & needed:
            found.append(call)
            needed |= {id(parent) for parent in call.parents}
    return found[::-1]


def _check_fixed(call: Call) -> None:
    """Raise for a call that may give something else at every step."""
    layer = call.function
    if not isinstance(layer, Layer) or layer.on_host:
        return
    if layer.trainable_variables or len(layer.variables) > len(layer.weights):
        raise ValueError(
            f"{layer._title()} has weights that train, or makes random numbers; but a "
            "layer that works on the host is in it, or reads what it gives.\n"
            "Expected layers for text and lookups at the beginning of a model, before "
            "all that training changes.\n"
            "Take them out into the outer model, or call them on the data before."
        )


def arrays_of(model: Any, x: Any) -> list[Any]:
    """What is fed to each Input of a model: arrays, or tensors as they are."""
    count = len(flatten(model._inputs))
    several = isinstance(x, (list, tuple)) and len(x) == count
    if isinstance(x, dict) or (several and (count > 1 or hasattr(x[0], "shape"))):
        values = ordered(model, x) if isinstance(x, dict) else list(x)
    else:
        values = [x] if count == 1 else ordered(model, x)
    owner = f"Model {model.name!r}"
    as_they_are = (TensorBase, type(None))  # None: an optional Input is left out
    return [v if isinstance(v, as_they_are) else host_array(v, owner) for v in values]
