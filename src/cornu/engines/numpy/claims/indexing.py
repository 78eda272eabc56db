"""Rows of tables: embeddings and their gradients, and what is picked by its index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import FLOATS, claim, has_elements
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


@claim("gather", accepts=has_elements)
def _gather(w: Writer, node: Node) -> None:
    x, indices = (w.array(v) for v in node.inputs)
    axis = node.params["axis"]
    w.line(f"{w.kernel('gather')}({x}, {indices}, {w.out(node)}, axis={axis})", node)


def _adds(node: Node) -> bool:
    return has_elements(node) and node.outputs[0].dtype in (*FLOATS, "int32", "int64")


@claim("scatter_add", accepts=_adds, shares=lambda node: (0,))
def _scatter_add(w: Writer, node: Node) -> None:
    table, indices, updates = node.inputs
    out, axis = w.out(node), node.params["axis"]
    if not w.same(table, node.outputs[0]):
        w.line(f"np.copyto({out}, {w.text(table)})")
    given = f"{w.array(indices)}, {w.array(updates)}, {out}, axis={axis}"
    w.line(f"{w.kernel('scatter_add')}({given})", node)
