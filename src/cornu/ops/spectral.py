"""Fourier transforms. Complex numbers are tuples (real part, imaginary part)."""

from __future__ import annotations

import math

import numpy as np

from cornu.graph import config
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.primitives.elementary import i0
from cornu.ops.primitives.elementwise import cast, greater, multiply, where
from cornu.ops.primitives.fourier import dft, irdft, rdft
from cornu.ops.primitives.indexing import known_array, scatter_add
from cornu.ops.primitives.shapes import broadcast_to, pad
from cornu.ops.public import cast_to, floating, public
from cornu.ops.rearranging import extract_sequences

__all__ = [
    "bartlett",
    "blackman",
    "fft",
    "fft2",
    "hamming",
    "hanning",
    "ifft2",
    "irfft",
    "istft",
    "kaiser",
    "rfft",
    "stft",
]


def _pair(x, function, axes=1):
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"[{function}] {type(x).__name__} was given.\n"
            "Expected a tuple: the real part and the imaginary part.\n"
            "Write (x, ops.zeros_like(x)) for real numbers."
        )
    re, im = convert(x[0]), convert(x[1])
    good = re.shape == im.shape and re.ndim >= axes
    if not good or not is_float(re.dtype) or not is_float(im.dtype):
        raise ValueError(
            f"[{function}] the real part is {re.dtype} of shape {re.shape}, the "
            f"imaginary part {im.dtype} of shape {im.shape}.\n"
            f"Expected floats of one shape with at least {axes} axes.\n"
            "Cast with ops.cast(x, 'float32')."
        )
    dtype = re.dtype if re.dtype == im.dtype else "float32"
    dtype = "float64" if "float64" in (re.dtype, im.dtype) else dtype
    return cast_to(re, dtype), cast_to(im, dtype)


@public
def fft(x):
    """The Fourier transform along the last axis.

    Args:
        x: tuple (real part, imaginary part) of floats.

    Returns:
        Tuple of the same shape.

    Raises:
        ValueError: when it is no such tuple.

    Example:

    >>> re, im = fft(([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]))
    >>> re.tolist(), im.tolist()
    ([10.0, -2.0, -2.0, -2.0], [0.0, 2.0, 0.0, -2.0])
    """
    re, im = _pair(x, "fft")
    return dft(re, im, (re.ndim - 1,), False)


@public
def fft2(x):
    """The Fourier transform along the last two axes, of a tuple (real, imaginary)."""
    re, im = _pair(x, "fft2", 2)
    return dft(re, im, (re.ndim - 2, re.ndim - 1), False)


@public
def ifft2(x):
    """The inverse of `fft2`."""
    re, im = _pair(x, "ifft2", 2)
    n = math.prod(re.shape[-2:])
    re, im = dft(re, im, (re.ndim - 2, re.ndim - 1), True)
    return re / float(n), im / float(n)


def _fitted(x, n):
    """The last axis cut or filled up with zeros to n."""
    more = n - x.shape[-1]
    return pad(x, ((0, 0),) * (x.ndim - 1) + ((0, more),)) if more else x


@public
def rfft(x, fft_length=None):
    """The Fourier transform of real numbers along the last axis, its first half.

    Args:
        x: tensor of shape (..., n).
        fft_length: size to cut or fill up the last axis to, before.

    Returns:
        Tuple (real part, imaginary part) of shape (..., fft_length // 2 + 1).
    """
    x = floating(x)
    if not x.ndim:
        raise ValueError(
            "[rfft] a single number was given.\nExpected at least one axis.\n"
            "Add one with ops.expand_dims(x, 0)."
        )
    return rdft(_fitted(x, x.shape[-1] if fft_length is None else int(fft_length)))


@public
def irfft(x, fft_length=None):
    """The inverse of `rfft`.

    Args:
        x: tuple (real part, imaginary part) of shape (..., k).
        fft_length: size of the last axis of the result, by default 2 * (k - 1).

    Returns:
        Tensor of shape (..., fft_length).
    """
    re, im = _pair(x, "irfft")
    n = 2 * (re.shape[-1] - 1) if fft_length is None else int(fft_length)
    re, im = (_fitted(part, n // 2 + 1) for part in (re, im))
    return irdft(re, im, n) / float(n)


# Short pieces of a signal


def _window(window, sequence_length, fft_length, dtype, function):
    """The weights of a piece, in the middle of fft_length."""
    if isinstance(window, str) and window not in ("hann", "hamming"):
        raise ValueError(
            f"[{function}] window={window!r} is unknown.\n"
            "Expected 'hann', 'hamming', a tensor, or None for no weights.\n"
            "Leave it away for 'hann'."
        )
    if fft_length < sequence_length:
        raise ValueError(
            f"[{function}] fft_length={fft_length} is below "
            f"sequence_length={sequence_length}.\n"
            "Expected at least the length of a piece.\nRaise fft_length."
        )
    if window is None:
        return convert(np.ones(fft_length, dtype))
    if isinstance(window, str):
        wave = np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
        middle = 0.5 if window == "hann" else 0.54
        window = (middle - (1 - middle) * wave).astype(dtype)
    weights = cast(window, dtype)
    if weights.shape != (sequence_length,):
        raise ValueError(
            f"[{function}] the window has the shape {weights.shape}.\n"
            f"Expected ({sequence_length},), one weight for each sample of a piece.\n"
            "Check sequence_length."
        )
    before = (fft_length - sequence_length) // 2
    return pad(weights, ((before, fft_length - sequence_length - before),))


def _check_stride(stride, function):
    if not isinstance(stride, (int, np.integer)) or stride < 1:
        raise ValueError(
            f"[{function}] sequence_stride={stride!r} was given.\n"
            "Expected a positive whole number: the distance of the pieces.\n"
            "Write sequence_stride=sequence_length // 2, for example."
        )


@public
def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """The Fourier transforms of short pieces of signals.

    Args:
        x: tensor of shape (..., samples), float32 or float64.
        sequence_length: number of samples of a piece.
        sequence_stride: distance of the pieces.
        fft_length: size of each transform; around a piece there are zeros.
        window: weights of the samples of a piece: 'hann', 'hamming', a tensor of shape
            (sequence_length,), or None.
        center: whether the signal is mirrored at its ends, so that the first piece has
            the first sample in its middle.

    Returns:
        Tuple (real part, imaginary part) of shape (..., pieces, fft_length // 2 + 1).

    Raises:
        TypeError: for other dtypes.
        ValueError: for another window, or lengths that do not fit.
    """
    x = convert(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(
            f"[stft] a tensor of dtype {x.dtype} was given.\n"
            "Expected float32 or float64.\nCast with ops.cast(x, 'float32')."
        )
    _check_stride(sequence_stride, "stft")
    weights = _window(window, sequence_length, fft_length, x.dtype, "stft")
    if center:
        half = fft_length // 2
        x = pad(x, ((0, 0),) * (x.ndim - 1) + ((half, half),), mode="reflect")
    return rdft(multiply(extract_sequences(x, fft_length, sequence_stride), weights))


@public
def istft(
    x,
    sequence_length,
    sequence_stride,
    fft_length,
    length=None,
    window="hann",
    center=True,
):
    """The inverse of `stft`: pieces are weighed and laid over each other.

    Without a window the result is fft_length / sequence_stride times the signal.

    Args:
        x: tuple (real part, imaginary part), as `stft` gives it.
        sequence_length: see `stft`.
        sequence_stride: see `stft`.
        fft_length: see `stft`.
        length: number of samples of the result.
        window: see `stft`.
        center: see `stft`: the mirrored ends are cut off.

    Returns:
        Tensor of shape (..., samples).

    Raises:
        ValueError: for another window, or lengths that do not fit.
    """
    re, im = _pair(x, "istft", 2)
    _check_stride(sequence_stride, "istft")
    pieces, stride = re.shape[-2], int(sequence_stride)
    weights = _window(window, sequence_length, fft_length, re.dtype, "istft")
    y = irfft((re, im), fft_length)
    total = fft_length + stride * (pieces - 1)
    starts = np.arange(pieces)[:, None] * stride
    places = (starts + np.arange(fft_length)).astype(np.int32)
    y = _laid_over(multiply(y, weights), places, total)
    # Where the weights add up to nothing, nothing is divided by.
    squares = broadcast_to(multiply(weights, weights), places.shape)
    norm = _laid_over(squares, places, total)
    y = y / where(greater(norm, 1e-10), norm, 1.0)
    if window is None:  # as in Keras, which divides by less then
        y = y * (fft_length / stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        stop = start + int(length)
    else:
        stop = total - fft_length // 2 if center else total
    return y[..., start:stop]


def _laid_over(pieces, places, total):
    lead = pieces.shape[:-2]
    zeros = broadcast_to(convert(np.zeros((), pieces.dtype)), (*lead, total))
    return scatter_add(zeros, places, pieces, axis=len(lead))


# Windows


def _points(x, function):
    """How many points a window is asked for."""
    n = known_array(convert(x))
    if n is None or n.ndim:
        raise ValueError(
            f"[{function}] the number of points is not known.\n"
            "Expected a whole number.\nGive it as an int."
        )
    return int(n)


def _as_floatx(values):
    return convert(np.asarray(values, config.floatx()))


@public
def bartlett(x):
    """Bartlett's window of x points: a triangle from 0 to 1 and back."""
    return _as_floatx(np.bartlett(_points(x, "bartlett")))


@public
def blackman(x):
    """Blackman's window of x points: a sum of two cosines from 0 to 1 and back."""
    return _as_floatx(np.blackman(_points(x, "blackman")))


@public
def hamming(x):
    """Hamming's window of x points: a cosine from 0.08 to 1 and back."""
    return _as_floatx(np.hamming(_points(x, "hamming")))


@public
def hanning(x):
    """Von Hann's window of x points: a cosine from 0 to 1 and back."""
    return _as_floatx(np.hanning(_points(x, "hanning")))


@public
def kaiser(x, beta):
    """Kaiser's window of x points; a larger beta makes it narrower."""
    n = _points(x, "kaiser")
    half = (n - 1) / 2
    place = (np.arange(n) - half) / half if n > 1 else np.zeros(n)
    beta = cast(beta, "float64")
    weights = i0(beta * np.sqrt(np.maximum(1 - place**2, 0))) / i0(beta)
    return cast(weights, config.floatx())
