"""What a model is called on, for those who write it for another program."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cornu.graph import Graph, Spec, config, is_float, standardize_dtype
from cornu.graph.messages import described
from cornu.graph.tree import flatten, map_structure
from cornu.layers.spec import InputSpec


class Entrance(NamedTuple):
    """An input of a model: a shape in which None is the batch, a dtype, a name."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str


class Signature(NamedTuple):
    """The inputs of a model.

    Attributes:
        form: their nesting, with True for each.
        entrances: one each, in the order of `flatten`.
    """

    form: Any
    entrances: list[Entrance]

    @property
    def names(self) -> list[str]:
        """What the inputs are called."""
        return [x.name for x in self.entrances]

    def batch(self, usual: int) -> int:
        """The size of the batch where it is fixed, or else the usual one."""
        sizes = [x.shape[0] for x in self.entrances if x.shape]
        return next((n for n in sizes if n is not None), usual)

    @property
    def is_open(self) -> bool:
        """Whether the batch may have any size."""
        return any(x.shape and x.shape[0] is None for x in self.entrances)

    def specs(self, batch: int) -> list[Spec]:
        """The inputs for a size of the batch."""
        return [
            Spec(tuple(batch if n is None else n for n in x.shape), x.dtype)
            for x in self.entrances
        ]


def signature_of(model: Any, given: Any = None) -> Signature:
    """What a model is called on: what was given, its Inputs, or what it was built for.

    Args:
        model: a model that is built.
        given: what has shape and dtype (an InputSpec, an Input, an array), nested as
            the inputs are; as in Keras it may stand in a list.

    Raises:
        ValueError: when the inputs are not known, or an axis other than the batch is
            open.
    """
    if given is not None:
        alone = isinstance(given, (list, tuple)) and len(given) == 1
        nest = given[0] if alone else given
    elif model.inputs is not None:
        nest = model._inputs
    else:
        nest = _built_for(model)
    leaves = flatten(nest)
    if not all(hasattr(leaf, "shape") for leaf in leaves):
        raise ValueError(
            f"input_signature={described(given)} was given.\n"
            "Expected what has a shape and a dtype, nested as the inputs are.\n"
            "Write [cornu.layers.InputSpec(shape=(None, 10), dtype='float32')]."
        )
    names = [getattr(leaf, "name", None) for leaf in leaves]
    usual = model.input_names if len(model.input_names) == len(leaves) else names
    chosen = [a or b for a, b in zip(names, usual, strict=True)]
    if None in chosen or len(set(chosen)) < len(chosen):
        chosen = [f"input_{i}" for i in range(len(leaves))]
    found = [
        Entrance(tuple(leaf.shape), _dtype_of(leaf), str(name))
        for leaf, name in zip(leaves, chosen, strict=True)
    ]
    for entrance in found:
        if None in entrance.shape[1:]:
            raise ValueError(
                f"The input {entrance.name!r} of model {model.name!r} has the shape "
                f"{entrance.shape}, in which more than the batch is open.\n"
                "Expected fixed sizes after the first axis.\n"
                "Pass input_signature=[cornu.layers.InputSpec(shape=(None, ...))] with "
                "the sizes that the file is to be for."
            )
    return Signature(map_structure(lambda leaf: True, nest), found)


def _dtype_of(leaf: Any) -> str:
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return config.floatx()
    name = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
    return standardize_dtype(name)


def _built_for(model: Any) -> Any:
    """What a model without Inputs was built for."""
    shape = (model.get_build_config() or {}).get("input_shape")
    if not isinstance(shape, (list, tuple)):
        raise ValueError(
            f"The inputs of model {model.name!r} are not known.\n"
            "Expected a model with Inputs, or one that was called on one tensor.\n"
            "Pass input_signature=[cornu.layers.InputSpec(shape=(None, ...))]."
        )
    alone = all(n is None or isinstance(n, int) for n in shape)
    shapes = [shape] if alone else list(shape)
    specs = [InputSpec(shape=(None, *each[1:])) for each in shapes]
    return specs[0] if alone else specs


def made_inputs(model: Any, graph: Graph, specs: list[Spec]) -> list[np.ndarray]:
    """Numbers to try a model on: whole ones where they look something up.

    Args:
        model: the model.
        graph: its forward pass, from which the sizes of tables are known.
        specs: one per input.
    """
    rng = np.random.default_rng(0)
    most = min(_tables(graph), default=2)
    symbols = model.inputs or []
    indices = [id(x) in model._indices for x in symbols]
    indices = indices if len(indices) == len(specs) else [False] * len(specs)
    arrays = []
    for spec, looked_up in zip(specs, indices, strict=True):
        if looked_up or not is_float(spec.dtype):
            high = 2 if spec.dtype == "bool" else max(min(most, 100), 1)
            array = rng.integers(0, high, spec.shape)
        else:
            # Of float32, so that whatever dtype they come in they are the same.
            array = rng.normal(size=spec.shape).astype(np.float32)
        arrays.append(array.astype(spec.dtype))
    return arrays


def _tables(graph: Graph) -> Iterator[int]:
    """How much is looked up from, wherever something is."""
    for node in graph.nodes:
        if node.op.name == "gather":
            yield node.inputs[0].shape[node.params["axis"]]
        for param in node.params.values():
            if isinstance(param, Graph):
                yield from _tables(param)


def outputs_of(model: Any, forward: Any) -> Graph:
    """The graph of a forward pass, without losses.

    Raises:
        ValueError: when the pass changes what the model keeps.
    """
    graph = forward.graph
    changed = [s.variable.path for s in graph.state if s.after is not None]
    if changed:
        raise ValueError(
            f"Model {model.name!r} changes what it keeps when it predicts: "
            f"{', '.join(changed)}.\n"
            "Expected outputs that depend on the inputs alone: a file keeps nothing "
            "between two calls.\n"
            "Make recurrent layers without stateful=True, and leave random layers to "
            "training."
        )
    outputs = graph.outputs[: forward.results]
    return Graph(graph.inputs, graph.nodes, outputs, graph.state, graph.name)


def output_names(model: Any, nest: Any, count: int) -> list[str]:
    """What the outputs are called, each with a name of its own."""
    if isinstance(nest, dict):
        names = [str(key) for key in sorted(nest)]
    else:
        names = list(model.output_names)
    if len(names) != count or len(set(names)) != count:
        names = [f"output_{i}" for i in range(count)]
    return names


def farthest(found: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The largest difference, beside 1 or the size of what was expected."""
    worst = 0.0
    for a, b in zip(found, expected, strict=True):
        if a.shape != b.shape:
            return math.inf
        a, b = (np.asarray(x, np.float64) for x in (a, b))
        with np.errstate(invalid="ignore"):
            apart = np.abs(a - b) / np.maximum(np.abs(b), 1)
        apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
        worst = max(worst, float(np.nan_to_num(apart, nan=np.inf).max(initial=0)))
    return worst
