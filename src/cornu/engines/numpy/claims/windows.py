"""Convolutions over one or two spatial axes, without groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cornu.engines.numpy.claims import claim, has_elements, of_one_dtype
from cornu.engines.numpy.layout import in_shape
from cornu.graph.node import Node

if TYPE_CHECKING:
    from cornu.engines.numpy.writer import Writer


def _plain(node: Node) -> bool:
    p = node.params
    return (
        node.outputs[0].ndim in (3, 4)
        and p["groups"] == 1
        and of_one_dtype(node)
        and has_elements(node)
        and all(n >= 0 for pair in p["padding"] for n in pair)
    )


def _reaches(node: Node) -> bool:
    """Whether the gradient by the input is a convolution itself."""
    p, window = node.params, node.inputs[1].shape[:-2]
    return (
        _plain(node)
        and all(n == 1 for n in p["strides"])
        and all(
            hi <= (k - 1) * d and lo <= (k - 1) * d
            for (lo, hi), k, d in zip(p["padding"], window, p["dilation"], strict=True)
        )
    )


def _in_two(values: tuple[Any, ...], alone: Any) -> tuple[Any, ...]:
    """A parameter of two spatial axes; one axis is the second of two."""
    return values if len(values) == 2 else (alone, *values)


def _call(w: Writer, node: Node, operands: list[str], strided: bool) -> None:
    p = node.params
    arguments = [*operands]
    if strided:
        arguments.append(f"{_in_two(p['strides'], 1)}")
    arguments += [
        f"{_in_two(p['padding'], (0, 0))}",
        f"{_in_two(p['dilation'], 1)}",
    ]
    w.line(f"{w.kernel(node.op.name)}({', '.join(arguments)})", node)


def _seen(text: str, shape: tuple[int, ...], is_kernel: bool = False) -> str:
    """An array of one spatial axis as one of two, the first of size 1."""
    if len(shape) == 4:
        return text
    two = (1, *shape) if is_kernel else (shape[0], 1, *shape[1:])
    return text + in_shape(two)


def _operands(w: Writer, node: Node, kernel_at: int) -> list[str]:
    values = [*node.inputs, node.outputs[0]]
    texts = [w.array(v) for v in node.inputs] + [w.out(node)]
    return [
        _seen(text, v.shape, i == kernel_at)
        for i, (text, v) in enumerate(zip(texts, values, strict=True))
    ]


@claim("conv", accepts=_plain)
def _conv(w: Writer, node: Node) -> None:
    _call(w, node, _operands(w, node, 1), strided=True)


@claim("conv_input_grad", accepts=_reaches)
def _conv_input_grad(w: Writer, node: Node) -> None:
    _call(w, node, _operands(w, node, 1), strided=False)


@claim("conv_kernel_grad", accepts=_plain)
def _conv_kernel_grad(w: Writer, node: Node) -> None:
    _call(w, node, _operands(w, node, 2), strided=True)
