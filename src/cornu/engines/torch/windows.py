# pyright: reportMissingImports=false
"""Convolution and pooling in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cornu.engines.torch.lowerings import by_meaning, dtype_of, lowering, padded
from cornu.graph import Node

# Windows: PyTorch has the channels before the places, which is a view of ours


def _channels_first(x) -> Any:
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _channels_last(x) -> Any:
    return x.permute(0, *range(2, x.ndim), 1)


def _kernel_first(w) -> Any:
    return w.permute(w.ndim - 1, w.ndim - 2, *range(w.ndim - 2))


def _both_sides(node: Node) -> tuple[tuple[int, ...], bool]:
    """The padding where it is the same at both ends, and whether it is."""
    padding = node.params["padding"]
    even = all(low == high for low, high in padding)
    return tuple(low if even else 0 for low, _ in padding), even


@lowering("conv")
def _conv(engine, node: Node, x, w) -> Any:
    p, n = node.params, x.ndim - 2
    if not 0 < n < 4:
        return by_meaning(engine, node, x, w)
    padding, even = _both_sides(node)
    x = x if even else padded(x, ((0, 0), *p["padding"], (0, 0)))
    y = torch.convolution(
        _channels_first(x),
        _kernel_first(w),
        None,
        p["strides"],
        padding,
        p["dilation"],
        False,
        (0,) * n,
        p["groups"],
    )
    return _channels_last(y)


def _backwards(node: Node, g, x, w, mask: tuple[bool, bool, bool]) -> Any:
    p, n = node.params, g.ndim - 2
    padding, _ = _both_sides(node)
    return torch.ops.aten.convolution_backward(
        _channels_first(g),
        _channels_first(x),
        _kernel_first(w),
        None,
        p["strides"],
        padding,
        p["dilation"],
        False,
        (0,) * n,
        p["groups"],
        mask,
    )


@lowering("conv_input_grad")
def _conv_input_grad(engine, node: Node, g, w) -> Any:
    sizes, pads = node.params["sizes"], node.params["padding"]
    if not 0 < len(sizes) < 4:
        return by_meaning(engine, node, g, w)
    even = _both_sides(node)[1]
    pads = ((0, 0),) * len(sizes) if even else pads
    full = [n + low + high for n, (low, high) in zip(sizes, pads, strict=True)]
    x = g.new_empty((g.shape[0], *full, node.outputs[0].shape[-1]))
    y = _channels_last(_backwards(node, g, x, w, (True, False, False))[0])
    return padded(y, ((0, 0), *((-low, -high) for low, high in pads), (0, 0)))


@lowering("conv_kernel_grad")
def _conv_kernel_grad(engine, node: Node, x, g) -> Any:
    shape = node.outputs[0].shape
    if not 0 < len(shape) - 2 < 4:
        return by_meaning(engine, node, x, g)
    even = _both_sides(node)[1]
    x = x if even else padded(x, ((0, 0), *node.params["padding"], (0, 0)))
    w = _backwards(node, g, x, g.new_empty(shape), (False, True, False))[1]
    return w.permute(*range(2, w.ndim), 1, 0)


def _taps(node: Node, outs: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Where in the padded input each element of the window lies, for all windows."""
    return [
        (
            slice(None),
            *(
                slice(t, t + max(0, (n - 1) * s + 1), s)
                for t, n, s in zip(tap, outs, node.params["strides"], strict=True)
            ),
        )
        for tap in np.ndindex(*node.params["window"])
    ]


@lowering("window_argmax")
def _window_argmax(engine, node: Node, x, y) -> Any:
    padding, dtype = node.params["padding"], dtype_of(node.outputs[0].dtype)
    taps = _taps(node, y.shape[1:-1])
    if not any(map(any, padding)) and taps:
        # Of equals the first; NaN is the largest.
        return torch.stack([x[tap] for tap in taps]).argmax(0).to(dtype)
    inside = x.new_ones((1, *x.shape[1:-1], 1), dtype=torch.bool)
    inside = padded(inside, ((0, 0), *padding, (0, 0)))
    x = padded(x, ((0, 0), *padding, (0, 0)))
    found = torch.full(y.shape, len(taps), dtype=dtype, device=x.device)
    for number, tap in enumerate(taps):
        part = x[tap]
        hit = ((part == y) | (part != part)) & inside[tap] & (found == len(taps))
        found = torch.where(hit, number, found)
    return found


@lowering("window_put")
def _window_put(engine, node: Node, g, places) -> Any:
    return _spread(node, g, lambda n: torch.where(places == n, g, 0))


@lowering("window_sum_grad")
def _window_sum_grad(engine, node: Node, g) -> Any:
    return _spread(node, g, lambda n: g)


def _spread(node: Node, g, part: Callable[[int], Any]) -> Any:
    sizes, padding = node.params["sizes"], node.params["padding"]
    padded = [n + low + high for n, (low, high) in zip(sizes, padding, strict=True)]
    x = g.new_zeros((g.shape[0], *padded, g.shape[-1]))
    for number, tap in enumerate(_taps(node, g.shape[1:-1])):
        x[tap] += part(number)
    inner = [slice(low, low + n) for n, (low, _) in zip(sizes, padding, strict=True)]
    return x[(slice(None), *inner)]
