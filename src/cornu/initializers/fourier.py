"""Kernels that compute Fourier transforms of the pieces of a signal."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.tensor import TensorBase
from cornu.initializers.base import Initializer, dtype_name

# Sums of cosines, sum_k (-1)^k a_k cos(2 pi k n / (N - 1)): Harris, "On the use of
# windows for harmonic analysis with the discrete Fourier transform" (1978).
_COSINES = {
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    "hamming": (0.54, 0.46),
    "hann": (0.5, 0.5),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
}
_OTHERS: dict[str, Callable[[int], np.ndarray]] = {
    "bartlett": np.bartlett,
    "boxcar": np.ones,
    "cosine": lambda n: np.sin(np.pi / n * (np.arange(n) + 0.5)),
}
WINDOWS = (*_COSINES, *_OTHERS)


def window_of(window: Any, length: int, periodic: bool) -> np.ndarray:
    """The weights of a window.

    Args:
        window: one of `WINDOWS`, another name that SciPy knows, or the weights
            themselves.
        length: how many there are.
        periodic: whether the weight after the last one is the first one again.

    Returns:
        float64 array of shape (length,).

    Raises:
        ValueError: when weights of another shape are given.
    """
    if not isinstance(window, str):
        weights = np.asarray(window, np.float64)
        if weights.shape != (length,):
            raise ValueError(
                f"The window has the shape {weights.shape}.\n"
                f"Expected ({length},), a weight for each sample of a piece.\n"
                "Give as many as frame_length, the first size of the kernel, says."
            )
        return weights
    if window not in WINDOWS:
        return _of_scipy(window, length, periodic)
    n = length + 1 if periodic else length
    if length == 1:
        return np.ones(1)
    if window in _OTHERS:
        return _OTHERS[window](n)[:length]
    angles = 2.0 * np.pi * np.arange(length) / (n - 1)
    terms = ((-1) ** k * a * np.cos(k * angles) for k, a in enumerate(_COSINES[window]))
    return np.sum(list(terms), axis=0)


def _of_scipy(window: str, length: int, periodic: bool) -> np.ndarray:
    """A window that SciPy knows by its name alone."""
    from scipy.signal import get_window

    return np.asarray(get_window(window, length, fftbins=periodic), np.float64)


def check_window(window: Any, scaling: Any, owner: str) -> None:
    """Refuse names of windows and scalings that there are not.

    Raises:
        ValueError: naming those that there are.
    """
    known = not isinstance(window, str) or window in WINDOWS
    with contextlib.suppress(ImportError, ValueError):
        known = known or _of_scipy(window, 2, True) is not None
    if not known:
        raise ValueError(
            f"{owner} was given window={window!r}.\n"
            f"Expected one of {', '.join(map(repr, WINDOWS))}, an array, or None.\n"
            "Compute other windows with SciPy and give the array: "
            "window=scipy.signal.get_window(name, frame_length)."
        )
    if scaling not in (None, "density", "spectrum"):
        raise ValueError(
            f"{owner} was given scaling={scaling!r}.\n"
            "Expected 'density', 'spectrum' or None.\nLeave it away for 'density'."
        )


class STFT(Initializer):
    """One side of the Fourier transform of a piece: cosines, or sines, of a window.

    The entry at sample t of frequency k is cos(2 pi t k / n), or -sin of it, times the
    weight of the window at t.

    Args:
        side: 'real' for cosines, 'imag' for sines.
        window: 'hann', 'hamming', 'blackman' ..., an array with the weights of the
            samples, or None for no window.
        scaling: 'density' divides the window by its Euclidean norm, 'spectrum' by the
            sum of its absolute values; None leaves it.
        periodic: whether the window goes on as it begins.

    Raises:
        ValueError: for other arguments, or when called for another shape than
            (samples, 1, n // 2 + 1).

    Example:

    >>> STFT("real", window=None)((4, 1, 3))[:, 0].tolist()[0]
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(
                f"STFT was given side={side!r}.\n"
                "Expected 'real' or 'imag'.\nLeave it away for 'real'."
            )
        check_window(window, scaling, "STFT")
        if isinstance(window, (np.ndarray, TensorBase)):
            window = np.asarray(window).tolist()  # which a file can hold
        self.side, self.window = side, window
        self.scaling, self.periodic = scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ValueError(
                f"STFT was asked for shape {tuple(shape)}.\n"
                "Expected (frame_length, 1, fft_length // 2 + 1).\n"
                "Use it for kernels of one-dimensional convolutions of one channel."
            )
        length, _, frequencies = shape
        window = np.ones(length)
        if self.window is not None:
            window = window_of(self.window, length, self.periodic)
            if self.scaling == "density":
                window = window / math.sqrt(np.sum(window**2))
            elif self.scaling == "spectrum":
                window = window / np.sum(np.abs(window))
        n = 2 * (frequencies - 1)
        turns = np.outer(np.arange(length), np.arange(frequencies)) % n / n
        wave = np.cos if self.side == "real" else np.sin
        kernel = wave(-2.0 * np.pi * turns) * window[:, None]
        return Tensor(kernel[:, None].astype(dtype_name(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }
