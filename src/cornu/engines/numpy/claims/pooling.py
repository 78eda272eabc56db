"""Pooling over one to three spatial axes: sums and maxima of windows, and gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


def _plain(node: Node) -> bool:
    p = node.params
    return (
        len(p["window"]) <= 3
        and of_one_dtype(node)
        and has_elements(node)
        and all(n >= 0 for pair in p["padding"] for n in pair)
    )


@claim("window_max", accepts=_plain)
@claim("window_max_at", accepts=_plain)
@claim("window_sum", accepts=_plain)
@claim("window_sum_grad", accepts=_plain)
@claim("window_argmax", accepts=_plain)
@claim("window_put", accepts=_plain)
@claim("window_pick", accepts=_plain)
def _pool(w: Writer, node: Node) -> None:
    arrays = [w.array(v) for v in node.inputs]
    arrays += [w.out(node, i) for i in range(len(node.outputs))]
    p = node.params
    given = f"{p['window']}, {p['strides']}, {p['padding']}"
    w.line(f"{w.kernel(node.op.name)}({', '.join(arrays)}, {given})", node)
