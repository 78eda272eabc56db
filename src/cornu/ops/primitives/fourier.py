"""Fourier transforms as primitives; complex numbers are pairs of real tensors.

None of them divides by the number of elements: so each is, up to weights of the ends,
the transpose of another one, which is its gradient.
"""

from __future__ import annotations

import numpy as np

from cornu.graph.op import Op
from cornu.graph.spec import Spec
from cornu.graph.trace import bind, convert
from cornu.ops.primitives.elementwise import multiply

__all__: list[str] = []


def dft_numpy(re, im, *, axes, inverse):
    """Sums of x_t exp(-2 pi i k t / n), with + where `inverse`, over some axes."""
    x = np.empty(re.shape, np.result_type(re.dtype, np.complex64))
    x.real, x.imag = re, im
    y = np.fft.ifftn(x, axes=axes, norm="forward") if inverse else np.fft.fftn(
        x, axes=axes
    )  # fmt: skip
    return y.real.astype(re.dtype), y.imag.astype(re.dtype)


def _infer_dft(re: Spec, im: Spec, *, axes, inverse):
    if re != im:
        raise ValueError(
            f"[dft] the real part is {re}, the imaginary part {im}.\n"
            "Expected equal shapes and dtypes.\n"
            "Give ops.zeros_like(x) as the imaginary part of real numbers."
        )
    return re, im


def _or_zeros(parts, like):
    zeros = [convert(np.zeros(v.shape, v.dtype)) for v in like]
    return [z if p is None else p for p, z in zip(parts, zeros, strict=True)]


def dft(re, im, axes, inverse):
    """See `dft_numpy`."""
    return bind(dft_op, (re, im), {"axes": axes, "inverse": inverse})


def _dft_gradient(g, ins, outs, *, axes, inverse):
    # The transpose of multiplying by exp(-it) is multiplying by exp(it).
    re, im = _or_zeros(g, outs)
    return dft(re, im, axes, not inverse)


dft_op = Op(
    "dft",
    infer=_infer_dft,
    numpy=dft_numpy,
    gradient=_dft_gradient,
    doc="The discrete Fourier transform of pairs of numbers.",
    core=False,
)


def rdft_numpy(x):
    """The first n // 2 + 1 sums of x_t exp(-2 pi i k t / n) along the last axis."""
    y = np.fft.rfft(x.astype(np.result_type(x.dtype, np.float32)))
    return y.real.astype(x.dtype), y.imag.astype(x.dtype)


def _infer_rdft(x: Spec):
    y = Spec((*x.shape[:-1], x.shape[-1] // 2 + 1), x.dtype)
    return y, y


def ends(n, dtype, end, middle):
    """Weights of the n // 2 + 1 numbers that stand for n: of those that stand for
    themselves alone (the first, of even n also the last), and of the others."""
    weights = np.full(n // 2 + 1, middle)
    weights[0] = end
    if n % 2 == 0:
        weights[-1] = end
    return convert(weights.astype(dtype))


def rdft(x):
    """See `rdft_numpy`."""
    return bind(rdft_op, (x,), {})


def _rdft_gradient(g, ins, outs):
    n = ins[0].shape[-1]
    weights = ends(n, ins[0].dtype, 1.0, 0.5)
    re, im = (multiply(part, weights) for part in _or_zeros(g, outs))
    return (irdft(re, im, n),)


rdft_op = Op(
    "rdft",
    infer=_infer_rdft,
    numpy=rdft_numpy,
    gradient=_rdft_gradient,
    doc="The discrete Fourier transform of real numbers, its first half.",
    core=False,
)


def irdft_numpy(re, im, *, length):
    """`length` real numbers that are sums of waves; what is not given of them follows
    from what is, as their sum is real."""
    x = np.empty(re.shape, np.result_type(re.dtype, np.complex64))
    x.real, x.imag = re, im
    return np.fft.irfft(x, length, norm="forward").astype(re.dtype)


def _infer_irdft(re: Spec, im: Spec, *, length: int) -> Spec:
    if re != im or re.shape[-1] != length // 2 + 1:
        raise ValueError(
            f"[irdft] the real part is {re}, the imaginary part {im}, for {length} "
            f"numbers.\nExpected equal shapes with a last axis of {length // 2 + 1}.\n"
            "Call ops.irfft, which cuts or fills up."
        )
    return Spec((*re.shape[:-1], length), re.dtype)


def irdft(re, im, length):
    """See `irdft_numpy`."""
    return bind(irdft_op, (re, im), {"length": length})


def _irdft_gradient(g, ins, out, *, length):
    weights = ends(length, g.dtype, 1.0, 2.0)
    return tuple(multiply(part, weights) for part in rdft(g))


irdft_op = Op(
    "irdft",
    infer=_infer_irdft,
    numpy=irdft_numpy,
    gradient=_irdft_gradient,
    doc="Real numbers from the first half of their discrete Fourier transform.",
    core=False,
)
