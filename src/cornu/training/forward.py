"""The forward pass of a model as a graph, for those who take it elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

from cornu.graph.graph import Graph
from cornu.graph.spec import Spec
from cornu.graph.trace import Trace, convert
from cornu.graph.tree import flatten, flatten_names, map_structure, pack_like
from cornu.layers.tracking import trainable_as
from cornu.training.program import section


class Forward(NamedTuple):
    """A forward pass as a graph.

    Attributes:
        graph: gives the outputs, and then the losses that layers add.
        nest: the nesting of the outputs, with None for leaves.
        results: how many outputs there are; the rest are losses.
    """

    graph: Graph
    nest: Any
    results: int


def forward_graph(
    model: Any, nest: Any, specs: list[Spec], training: bool, noted: dict[Any, bool]
) -> Forward:
    """Trace the call of a model on inputs of such shapes.

    Args:
        model: the model; it is built if it was not.
        nest: the nesting of its inputs, with None where there is nothing.
        specs: one per input that is there.
        training: whether the call is one of training.
        noted: layer -> whether it is trained, as `compile` notes it.
    """
    model._build_by_tracing([nest], specs)
    with Trace(f"{'training' if training else 'prediction'} of {model.name}") as t:
        given = iter(specs)
        leaves = [
            None if leaf is None else t.input(next(given), name)
            for leaf, name in zip(
                flatten(nest), flatten_names(nest, ("x",)), strict=True
            )
        ]
        with section("forward"), trainable_as(noted):
            result = model(pack_like(nest, leaves), training=training)
            losses = [convert(each) for each in model.losses]
        outputs = [t.own(convert(leaf)) for leaf in flatten(result)]
        graph = t.finish([*outputs, *(t.own(each) for each in losses)])
    model._clear_losses()
    return Forward(graph, map_structure(lambda leaf: None, result), len(outputs))
