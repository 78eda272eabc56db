"""Random bits, and dropout in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


@claim("random_bits", accepts=has_elements)
def _random_bits(w: Writer, node: Node) -> None:
    key = w.array(node.inputs[0])
    w.line(f"{w.kernel('random_bits')}({key}, {w.out(node)})", node)


def _one_mask(node: Node) -> bool:
    own = node.params["noise_shape"] == node.inputs[0].shape
    return own and of_one_dtype(node) and has_elements(node)


@claim("dropout", accepts=_one_mask, shares=lambda node: (0,))
def _dropout(w: Writer, node: Node) -> None:
    arrays = ", ".join([*(w.array(v) for v in node.inputs), w.out(node)])
    rate = node.params["rate"]
    limit = min(round(rate * 2**31), 2**31 - 1)
    given = f"limit={limit}, keep={1.0 - rate!r}"
    w.line(f"{w.kernel('dropout')}({arrays}, {given})", node)
