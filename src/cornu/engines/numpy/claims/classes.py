"""Softmax and the crossentropies of classes, along the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.graph import config
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


def _plain(node: Node) -> bool:
    return of_one_dtype(node) and has_elements(node)


def _by_rows(node: Node) -> bool:
    return _plain(node) and node.params["axis"] == (node.outputs[0].ndim - 1,)


@claim("softmax", accepts=_by_rows, shares=lambda node: (0,))
@claim("log_softmax", accepts=_by_rows, shares=lambda node: (0,))
@claim("softmax_grad", accepts=_by_rows, shares=lambda node: (0, 1))
def _softmax(w: Writer, node: Node) -> None:
    arrays = [*(w.array(v) for v in node.inputs), w.out(node)]
    w.line(f"{w.kernel(node.op.name)}({', '.join(arrays)})", node)


def _of_classes(node: Node) -> bool:
    return (
        _plain(node)
        and node.params["axis"] == node.inputs[1].ndim - 1
        and node.params.get("wrt", 1) == 1  # by the targets it is the logarithm alone
    )


@claim("categorical_crossentropy", accepts=_of_classes)
@claim("sparse_categorical_crossentropy", accepts=_of_classes)
@claim("categorical_crossentropy_grad", accepts=_of_classes, shares=lambda node: (1,))
@claim(
    "sparse_categorical_crossentropy_grad",
    accepts=_of_classes,
    shares=lambda node: (1,),
)
def _crossentropy(w: Writer, node: Node) -> None:
    kernel = "crossentropy_grad" if "wrt" in node.params else "crossentropy"
    arrays = [*(w.array(v) for v in node.inputs), w.out(node)]
    given = f"from_logits={node.params['from_logits']}, epsilon={config.epsilon()!r}"
    w.line(f"{w.kernel(kernel)}({', '.join(arrays)}, {given})", node)
