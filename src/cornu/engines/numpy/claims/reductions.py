"""Sums and extremes over axes that lie side by side, and where extremes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import FLOATS, claim, has_elements
from cornu.engines.numpy.lowerings import lower
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


# Fewer elements are NumPy's: they take no time, and sums of them are as eager ones.
_MANY = 512


def _side_by_side(node: Node) -> bool:
    (x,), axes = node.inputs, node.params["axis"]
    if x.dtype not in FLOATS or x.spec.size < _MANY or not has_elements(node):
        return False
    marks = [i in axes for i, n in enumerate(x.shape) if n > 1]
    starts = [b and not a for a, b in zip([False, *marks], marks, strict=False)]
    return sum(starts) == 1  # of what is reduced: of one alone nothing is left to do


def _of_a_part(node: Node) -> bool:
    """Not of a whole array: there NumPy's own loop is four times as fast."""
    return _side_by_side(node) and node.outputs[0].spec.size > 1


@claim("reduce_sum", accepts=_side_by_side)
@claim("reduce_max", accepts=_of_a_part)
@claim("reduce_min", accepts=_of_a_part)
def _reduce(w: Writer, node: Node) -> None:
    (x,) = node.inputs
    if not w.plan.home(x).array.flags.c_contiguous:
        lower(w, node)  # NumPy goes through what lies otherwise without a copy
        return
    axes = node.params["axis"]
    w.line(f"{w.kernel(node.op.name)}({w.array(x)}, {w.out(node)}, {axes})", node)


def _along_rows(node: Node) -> bool:
    (x,) = node.inputs
    last = node.params["axis"] == x.ndim - 1
    return last and x.dtype in FLOATS and has_elements(node)


@claim("argmax", accepts=_along_rows)
@claim("argmin", accepts=_along_rows)
def _arg(w: Writer, node: Node) -> None:
    text = f"{w.kernel(node.op.name)}({w.array(node.inputs[0])}, {w.out(node)})"
    w.line(text, node)
