# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""Convolution and pooling in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from cornu.engines.library import taps_of
from cornu.engines.torch import lowerings
from cornu.engines.torch.lowerings import by_meaning, dtype_of, kept, lowering, padded
from cornu.graph import Node

# Windows: PyTorch has the channels before the places, which is a view of ours


def _channels_first(x) -> Any:
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _channels_last(x) -> Any:
    # PyTorch may have put the channels first: what mixes both orders is slow.
    return x.permute(0, *range(2, x.ndim), 1).contiguous()


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
    return w.permute(*range(2, w.ndim), 1, 0).contiguous()


@lowering("window_argmax")
def _window_argmax(engine, node: Node, x, y) -> Any:
    padding, dtype = node.params["padding"], dtype_of(node.outputs[0].dtype)
    x, y = (v.float() if v.dtype.itemsize < 4 else v for v in (x, y))
    outside = None
    if any(map(any, padding)):
        pads = ((0, 0), *padding, (0, 0))
        outside = padded(x.new_zeros((1, *x.shape[1:-1], 1)), pads, 1)
        x = padded(x, pads)
    # A maximum is NaN where some element is. Elsewhere than on a CPU it would take
    # longer to ask for one than to look everywhere.
    with_nan = not lowerings.on_cpu(y) or bool(torch.isnan(y).any())
    found = torch.zeros_like(y)
    for tap in reversed(taps_of(node, y.shape[1:-1])):
        part = x[tap]
        # 0 and 1 as floats: PyTorch is slow to mix dtypes.
        missed = torch.ne(part, y, out=torch.empty_like(y))
        if with_nan:
            missed *= part == part
        if outside is not None:
            missed = torch.maximum(missed, outside[tap])
        # 0 where it is this one, and else one more than for those after it.
        found.add_(1).mul_(missed)
    return found.to(dtype)


@lowering("window_put")
def _window_put(engine, node: Node, g, places) -> Any:
    return _spread(node, g, lambda n: kept(places == n, g))


@lowering("window_sum_grad")
def _window_sum_grad(engine, node: Node, g) -> Any:
    return _spread(node, g, lambda n: g)


def _spread(node: Node, g, part: Callable[[int], Any]) -> Any:
    p = node.params
    sizes, padding = p["sizes"], p["padding"]
    full = [n + low + high for n, (low, high) in zip(sizes, padding, strict=True)]
    x = g.new_zeros((g.shape[0], *full, g.shape[-1]))
    apart = all(n <= s for n, s in zip(p["window"], p["strides"], strict=True))
    for number, tap in enumerate(taps_of(node, g.shape[1:-1])):
        if apart:
            x[tap] = part(number)
        else:
            x[tap] += part(number)
    inner = [slice(low, low + n) for n, (low, _) in zip(sizes, padding, strict=True)]
    return x[(slice(None), *inner)]
