"""Batch and layer normalization, where the axes are the first or the last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.graph.node import Node, Value

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


def _parts(node: Node) -> tuple[Value, tuple[Value, ...]]:
    """What is standardized, and the weights."""
    if node.op.name == "standardize":
        return node.inputs[0], node.inputs[1:]
    return node.inputs[1], node.inputs[4:]


def _down_columns(node: Node) -> bool:
    axes = node.params["axes"]
    return axes == tuple(range(len(axes)))


def _accepts(node: Node) -> bool:
    x, weights = _parts(node)
    axes = node.params["axes"]
    first = _down_columns(node)
    last = axes == tuple(range(x.ndim - len(axes), x.ndim))
    if not axes or not (first or last) or not of_one_dtype(node):
        return False
    # Weights belong to the columns: the axes that are not, or that are, reduced.
    own = tuple(n if (i in axes) != first else 1 for i, n in enumerate(x.shape))
    return has_elements(node) and all(w.shape == own for w in weights)


def _how(node: Node) -> str:
    return f"columns={_down_columns(node)}, epsilon={node.params['epsilon']!r}"


def _chosen(names: list[str], p: dict[str, bool]) -> tuple[str, str]:
    """Scale and offset among names of what there is of them."""
    left = iter(names)
    return tuple(next(left) if p[k] else "None" for k in ("scale", "center"))  # type: ignore[return-value]


@claim("standardize", accepts=_accepts)
def _standardize(w: Writer, node: Node) -> None:
    x, weights = _parts(node)
    arrays = [w.array(x), *_chosen([w.array(v) for v in weights], node.params)]
    arrays += [w.out(node, i) for i in range(3)]
    w.line(f"{w.kernel('standardize')}({', '.join(arrays)}, {_how(node)})", node)


@claim("standardize_grad", accepts=_accepts)
def _standardize_grad(w: Writer, node: Node) -> None:
    arrays = [w.array(v) for v in node.inputs[:4]]
    weights = [w.array(v) for v in _parts(node)[1]]
    outs = [w.out(node, i) for i in range(len(node.outputs))]
    arrays += [_chosen(weights, node.params)[0], outs[0]]
    arrays += _chosen(outs[1:], node.params)
    w.line(f"{w.kernel('standardize_grad')}({', '.join(arrays)}, {_how(node)})", node)
