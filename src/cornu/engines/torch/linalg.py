# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""Linear algebra and Fourier transforms in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from cornu.engines.torch.lowerings import lowering
from cornu.graph import Node

# Linear algebra and Fourier transforms, which know float32 and float64


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """The lowering, in float32 where the tensors are narrower."""

    def wide(engine, node: Node, *xs) -> Any:
        dtype = xs[0].dtype
        if dtype.itemsize >= 4:
            return function(engine, node, *xs)
        found = function(engine, node, *(x.float() for x in xs))
        if not isinstance(found, tuple):
            return found.to(dtype)
        return tuple(y.to(dtype) if y.is_floating_point() else y for y in found)

    return wide


def _symmetric(x) -> Any:
    return (x + x.mT) / 2


@lowering("det")
@_wide
def _det(engine, node: Node, x) -> Any:
    return torch.linalg.det(x)


@lowering("slogdet")
@_wide
def _slogdet(engine, node: Node, x) -> Any:
    return tuple(torch.linalg.slogdet(x))


@lowering("solve")
@_wide
def _solve(engine, node: Node, a, b) -> Any:
    x, info = torch.linalg.solve_ex(a, b)
    return torch.where(info[..., None, None] == 0, x, math.nan)


@lowering("solve_triangular")
@_wide
def _solve_triangular(engine, node: Node, a, b) -> Any:
    return torch.linalg.solve_triangular(a, b, upper=not node.params["lower"])


@lowering("cofactor")
@_wide
def _cofactor(engine, node: Node, x) -> Any:
    u, s, vh = torch.linalg.svd(x)
    unit = torch.eye(s.shape[-1], dtype=torch.bool, device=x.device)
    others = torch.where(unit, 1, s[..., None, :]).prod(-1)
    sign = torch.linalg.det(u) * torch.linalg.det(vh)
    return (u * others[..., None, :]) @ vh * torch.round(sign)[..., None, None]


@lowering("cholesky")
@_wide
def _cholesky(engine, node: Node, x) -> Any:
    y, info = torch.linalg.cholesky_ex(_symmetric(x))
    return torch.where(info[..., None, None] == 0, y, math.nan)


@lowering("lu_factor")
@_wide
def _lu_factor(engine, node: Node, x) -> Any:
    lu, pivots, _ = torch.linalg.lu_factor_ex(x)
    order = torch.lu_unpack(lu, pivots, unpack_data=False)[0].argmax(-2)
    return lu, pivots - 1, order.int()


@lowering("qr")
@_wide
def _qr(engine, node: Node, x) -> Any:
    mode = "complete" if node.params["complete"] else "reduced"
    return tuple(torch.linalg.qr(x, mode))


@lowering("eigh")
@_wide
def _eigh(engine, node: Node, x) -> Any:
    return tuple(torch.linalg.eigh(_symmetric(x)))


@lowering("svd")
@_wide
def _svd(engine, node: Node, x) -> Any:
    return tuple(torch.linalg.svd(x, node.params["full"]))


def _fourier(function: Callable[..., Any]) -> Callable[..., Any]:
    """The lowering of a transform, which PyTorch may refuse to do to nothing."""

    def transform(engine, node: Node, *xs) -> Any:
        if xs[0].numel():
            return function(engine, node, *xs)
        return tuple(xs[0].new_zeros(v.shape) for v in node.outputs)

    return _wide(transform)


@lowering("dft")
@_fourier
def _dft(engine, node: Node, re, im) -> Any:
    axes, x = node.params["axes"], torch.complex(re, im)
    if node.params["inverse"]:
        return _parts(torch.fft.ifftn(x, dim=axes, norm="forward"))
    return _parts(torch.fft.fftn(x, dim=axes))


@lowering("rdft")
@_fourier
def _rdft(engine, node: Node, x) -> Any:
    return _parts(torch.fft.rfft(x))


@lowering("irdft")
@_fourier
def _irdft(engine, node: Node, re, im) -> Any:
    length = node.params["length"]
    return torch.fft.irfft(torch.complex(re, im), length, norm="forward")


def _parts(x) -> Any:
    return x.real, x.imag
