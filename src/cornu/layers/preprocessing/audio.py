"""Sound: spectrograms, the strength of each frequency at each time."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from cornu import initializers, ops
from cornu.graph import config
from cornu.graph.tensor import TensorBase
from cornu.initializers.fourier import check_window
from cornu.layers.layer import Layer
from cornu.layers.preprocessing.images import choice
from cornu.layers.spec import InputSpec


class STFTSpectrogram(Layer):
    """Short-time Fourier transforms of signals, by kernels that can be trained.

    Args:
        mode: what is returned: 'log' of the magnitude, 'magnitude', 'psd' (power
            spectral density), 'real', 'imag', 'angle', or 'stft' (real parts, then
            imaginary ones).
        frame_length: number of samples of a piece.
        frame_step: distance of the pieces, by default half their length.
        fft_length: size of each transform, by default the next power of two.
        window: name ('hann', 'hamming', 'blackman' ...) or weights of the samples of a
            piece; None for no window.
        periodic: whether the window goes on as it begins.
        scaling: 'density', 'spectrum' or None: see `cornu.initializers.STFT`.
        padding: 'valid' for pieces inside the signal, 'same' for one per frame_step.
        expand_dims: whether the channels keep an axis of their own, as images have it.
        data_format: 'channels_last' or 'channels_first'.

    Input: floats of shape (batch, time, channels); channels come before time for
    'channels_first'. Output: (batch, new time, channels * frequencies), or with
    expand_dims (batch, new time, frequencies, channels); for 'channels_first' (batch,
    channels * frequencies, new time), or (batch, channels, new time, frequencies).
    There are fft_length // 2 + 1 frequencies, twice as many for 'stft'.

    Raises:
        TypeError: for inputs that are no floats.
        ValueError: for other arguments, and for signals shorter than a piece.

    Example:

    >>> STFTSpectrogram(frame_length=8)(np.ones((2, 16, 1), "float32")).shape
    (2, 3, 5)
    """

    MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        title = self._title()
        self.mode = choice(self, "mode", mode, self.MODES)
        self.padding = choice(self, "padding", padding, ("valid", "same"))
        check_window(window, scaling, title)
        if isinstance(window, (np.ndarray, TensorBase)):
            window = np.asarray(window).tolist()
        self.frame_length, self.frame_step = frame_length, frame_step
        self.fft_length, self.window, self.periodic = fft_length, window, periodic
        self.scaling, self.expand_dims = scaling, expand_dims
        self.data_format = config.standardize_data_format(data_format, title)
        self._step = frame_length // 2 if frame_step is None else frame_step
        self._size = fft_length or 2 ** math.ceil(math.log2(max(frame_length, 2)))
        self._check_sizes()
        self.input_spec = InputSpec(ndim=3)

    def _check_sizes(self) -> None:
        """
        Raises:
            ValueError: unless 1 <= frame_step <= frame_length <= fft_length.
        """
        if not 1 <= self._step <= self.frame_length <= self._size:
            raise ValueError(
                f"{self._title()} was given frame_length={self.frame_length}, "
                f"frame_step={self.frame_step} and fft_length={self.fft_length}.\n"
                "Expected 1 <= frame_step <= frame_length <= fft_length.\n"
                "Leave frame_step and fft_length away for the usual ones."
            )
        if self._size & (self._size - 1):
            warnings.warn(
                f"{self._title()} was given fft_length={self._size}, which is no power "
                "of two; the next one is usual.",
                stacklevel=4,
            )

    def build(self, input_shape: Any) -> None:
        shape = (self.frame_length, 1, self._size // 2 + 1)
        for side in ("real", "imag"):
            if self.mode == {"real": "imag", "imag": "real"}[side]:
                continue
            made = initializers.STFT(side, self.window, self.scaling, self.periodic)
            name = f"{side}_kernel"
            setattr(self, name, self.add_weight(shape, made, name=name))

    def _pieces(self, x: Any) -> Any:
        """(batch, channels, pieces, frame_length)"""
        if self.data_format == "channels_last":
            x = ops.transpose(x, (0, 2, 1))
        time, length = x.shape[-1], self.frame_length
        if self.padding == "same":
            missing = max((-(-time // self._step) - 1) * self._step + length - time, 0)
            x = ops.pad(x, ((0, 0), (0, 0), (missing // 2, missing - missing // 2)))
        elif time < length:
            raise ValueError(
                f"{self._title()} was called on signals of {time} samples.\n"
                f"Expected at least frame_length={length} of them.\n"
                "Choose a smaller frame_length, or padding='same'."
            )
        return ops.extract_sequences(x, length, self._step)

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("float16", "float32", "float64"):
            raise TypeError(
                f"{self._title()} was called on {inputs.dtype}.\n"
                "Expected float16, float32 or float64.\n"
                "Cast the signal with ops.cast(x, 'float32')."
            )
        pieces = self._pieces(inputs)
        sides = [
            ops.matmul(pieces, ops.cast(kernel[:, 0], inputs.dtype))
            for kernel in (getattr(self, f"{s}_kernel", None) for s in ("real", "imag"))
            if kernel is not None
        ]
        if self.mode in ("real", "imag"):
            return self._laid_out(sides[0])
        real, imag = sides
        if self.mode == "angle":
            return self._laid_out(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._laid_out(ops.concatenate(sides, axis=-1))
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":
            # Each of the middle frequencies stands for two, of either sign.
            twice = np.ones(power.shape[-1], power.dtype)
            twice[1:-1] = 2.0
            return self._laid_out(power * twice)
        least = config.epsilon()
        magnitude = ops.sqrt(ops.maximum(power, least))
        if self.mode == "log":
            magnitude = ops.log(ops.maximum(magnitude, least))
        return self._laid_out(magnitude)

    def _laid_out(self, x: Any) -> Any:
        """From (batch, channels, time, frequencies) to what is asked for."""
        batch, channels, time, frequencies = x.shape
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return x if first else ops.transpose(x, (0, 2, 3, 1))
        if first:
            x = ops.transpose(x, (0, 1, 3, 2))
            return ops.reshape(x, (batch, channels * frequencies, time))
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (batch, time, channels * frequencies))

    def get_config(self) -> dict[str, Any]:
        names = ("mode", "frame_length", "frame_step", "fft_length", "window")
        names += ("periodic", "scaling", "padding", "data_format", "expand_dims")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


class MelSpectrogram(Layer):
    """Spectrograms in bands as wide as the ear tells apart, in decibel.

    Short-time Fourier transforms, their magnitudes to a power, sums over triangular
    bands that lie evenly in mel = 1127 log(1 + hertz / 700), and the logarithm of them.

    Args:
        fft_length: size of each transform.
        sequence_stride: distance of the pieces of the signal.
        sequence_length: number of samples of a piece, by default fft_length.
        window: weights of the samples of a piece: 'hann', 'hamming', an array, or None.
        sampling_rate: samples per second.
        num_mel_bins: number of bands.
        min_freq: where the lowest band begins, in hertz.
        max_freq: where the highest one ends, by default half the sampling rate.
        power_to_db: whether the result is in decibel.
        top_db: how far below the largest value of all that is given in one call the
            smallest may be.
        mag_exp: the power of the magnitudes: 1 for energy, 2 for power.
        min_power: the smallest power, so that the logarithm has a limit.
        ref_power: the power that is 0 decibel.

    Input: numbers of shape (samples,) or (batch, samples). Output: floats of shape
    (..., num_mel_bins, 1 + samples // sequence_stride).

    Raises:
        ValueError: for a sequence longer than fft_length, and for signals that are not
            longer than half of fft_length.

    Example:

    >>> layer = MelSpectrogram(num_mel_bins=80, sampling_rate=8000)
    >>> layer(np.zeros((2, 16000), "float32")).shape
    (2, 80, 32)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        length = sequence_length or fft_length
        if not 1 <= length <= fft_length or sequence_stride < 1:
            raise ValueError(
                f"{self._title()} was given fft_length={fft_length}, "
                f"sequence_length={sequence_length} and sequence_stride="
                f"{sequence_stride}.\n"
                "Expected 1 <= sequence_length <= fft_length, and a positive stride.\n"
                "Leave sequence_length away for pieces of fft_length samples."
            )
        if isinstance(window, (np.ndarray, TensorBase)):
            window = np.asarray(window).tolist()
        self.fft_length, self.sequence_length = fft_length, length
        self.sequence_stride, self.window = sequence_stride, window
        self.sampling_rate, self.num_mel_bins = sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power
        self.built = True

    def call(self, inputs: Any) -> Any:
        if inputs.ndim not in (1, 2) or inputs.shape[-1] <= self.fft_length // 2:
            raise ValueError(
                f"{self._title()} was called on an input of shape {inputs.shape}.\n"
                f"Expected (batch, samples) with more than {self.fft_length // 2} "
                "samples, half of fft_length: the signal is mirrored at its ends.\n"
                "Choose a smaller fft_length."
            )
        dtype = self._dtype if self._dtype in ("float32", "float64") else "float32"
        window: Any = self.window
        if isinstance(window, (list, tuple)):
            window = np.asarray(window, dtype)
        real, imag = ops.stft(
            ops.cast(inputs, dtype),
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            window,
            center=True,
        )
        power = ops.square(real) + ops.square(imag)
        if self.mag_exp != 2.0:
            power = ops.power(ops.sqrt(power), self.mag_exp)
        bands = ops.matmul(power, self._bands(dtype))
        bands = self._in_decibel(bands) if self.power_to_db else bands
        return ops.cast(ops.swapaxes(bands, -1, -2), self._dtype)

    def _in_decibel(self, power: Any) -> Any:
        reference = 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
        level = 10.0 * ops.log10(ops.maximum(power, self.min_power)) - reference
        return ops.maximum(level, ops.max(level) - self.top_db)

    def _bands(self, dtype: str) -> Any:
        return self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            dtype,
        )

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Any:
        """How much each frequency counts in each band: triangles, 1 in the middle.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies from 0 to half the rate.
            sampling_rate: samples per second.
            lower_edge_hertz: where the lowest band begins.
            upper_edge_hertz: where the highest one ends.
            dtype: floating dtype.

        Returns:
            Tensor of shape (num_spectrogram_bins, num_mel_bins); its first row is 0, as
            in the Hidden Markov Model Toolkit.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log(1.0 + hertz / 700.0)

        places = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins))
        low, high = mel(lower_edge_hertz), mel(upper_edge_hertz)
        edges = np.linspace(low, high, num_mel_bins + 2)
        lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
        rising = (places[:, None] - lower) / (center - lower)
        falling = (upper - places[:, None]) / (upper - center)
        weights = np.maximum(np.minimum(rising, falling), 0.0)
        weights[0] = 0.0
        return ops.convert_to_tensor(weights.astype(dtype))

    def get_config(self) -> dict[str, Any]:
        names = ("fft_length", "sequence_stride", "sequence_length", "window")
        names += ("sampling_rate", "num_mel_bins", "min_freq", "max_freq")
        names += ("power_to_db", "top_db", "mag_exp", "min_power", "ref_power")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}
