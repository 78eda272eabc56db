"""`audio_dataset_from_directory`: recordings in folders, a folder for each class."""

from __future__ import annotations

import importlib
import math
import os
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.graph.messages import described
from cornu.preprocessing.dataset import Dataset
from cornu.preprocessing.folders import Request, datasets_of


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of recordings and their labels, read from the `.wav` files of a folder.

    Args:
        directory: the folder. For labels='inferred' it has a folder for each class.
        labels: 'inferred' from the folders, None for recordings alone, or a list of
            whole numbers, one for each file in the order of their sorted names.
        label_mode: 'int' for int32 of shape (batch,), 'binary' for 0.0 and 1.0 of
            shape (batch, 1), 'categorical' for one-hot rows of shape (batch, classes),
            both float32; or None for recordings alone.
        class_names: folders of the classes, in the order of their numbers.
        batch_size: recordings per batch; None for one after the other.
        sampling_rate: samples per second that all recordings get; by default each
            keeps its own. Where they differ, SciPy's `resample_poly` makes them anew
            (`pip install 'cornu[image]'`).
        output_sequence_length: length to which they are cut or filled up with 0; by
            default that of the longest in the batch.
        ragged: only False.
        shuffle: whether they come in random order; else in that of their names.
        seed: whole number that the order follows from.
        validation_split: part of the files that is held out, between 0 and 1.
        subset: 'training', 'validation', or 'both' for a tuple of the two data sets.
        follow_links: whether linked folders are gone into.
        verbose: whether the numbers of files are told.

    Returns:
        `Dataset` of recordings, or of (recordings, labels): float32 from -1 to 1, of
        shape (batch, length, channels). It has the attributes `class_names` and
        `file_paths`.

    Raises:
        FileNotFoundError: where there is no such folder.
        ValueError: where there are no recordings, or arguments do not fit; in a pass,
            where a file cannot be read.

    Example:

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> os.mkdir(os.path.join(folder.name, "silence"))
    >>> with wave.open(os.path.join(folder.name, "silence", "1.wav"), "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     file.writeframes(bytes(2 * 50))
    >>> dataset = audio_dataset_from_directory(folder.name)
    Found 1 files belonging to 1 classes.
    >>> for sounds, labels in dataset:
    ...     print(sounds.shape, labels.numpy())
    (1, 50, 1) [0]
    >>> folder.cleanup()
    """
    if ragged:
        raise ValueError(
            "audio_dataset_from_directory was given ragged=True.\n"
            "Expected False: arrays have rows of equal length.\n"
            "Use batch_size=None, where each recording keeps its length."
        )
    for name, given in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        whole = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
        if given is not None and (not whole or given <= 0):
            raise ValueError(
                f"{name}={described(given)} was given.\n"
                f"Expected a whole number above 0.\nFor example {name}=16000."
            )
    found = datasets_of(
        Request(
            *("recordings", (".wav",), os.fspath(directory), labels, label_mode),
            *(class_names, batch_size, shuffle, seed, validation_split, subset),
            *(follow_links, verbose),
        ),
        lambda path: load_recording(path, sampling_rate, output_sequence_length),
        Dataset.padded_batch,
    )
    return tuple(found) if subset == "both" else found


def load_recording(
    path: str, rate: int | None = None, length: int | None = None
) -> np.ndarray:
    """The samples of a `.wav` file.

    Args:
        path: where it is.
        rate: samples per second; by default as it is.
        length: number of samples: they are cut, or filled up with 0.

    Returns:
        float32 from -1 to 1, of shape (samples, channels).

    Raises:
        ValueError: where the file holds no recording that can be read.
    """
    try:
        with wave.open(path, "rb") as file:
            found, width = file.getframerate(), file.getsampwidth()
            channels = file.getnchannels()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"The recording {path!r} cannot be read: {error or 'it ends too early'}.\n"
            "Expected a .wav file with whole numbers of 8, 16, 24 or 32 bits (PCM).\n"
            "Remove the file, or write it again."
        ) from error
    samples = _numbers(content, width).reshape(-1, channels)
    if rate is not None and rate != found:
        samples = _at_rate(samples, found, rate)
    if length is not None:
        samples = samples[:length]
        samples = np.pad(samples, ((0, length - len(samples)), (0, 0)))
    return samples


def _numbers(content: bytes, width: int) -> np.ndarray:
    """Numbers of so many bytes as float32 from -1 to 1."""
    if width == 1:  # from 0 to 255
        return (np.frombuffer(content, "u1").astype("float32") - 128) / 128
    if width == 3:  # as the upper bytes of four
        parts = np.frombuffer(content, "u1").reshape(-1, 3)
        numbers = np.pad(parts, ((0, 0), (1, 0))).reshape(-1).view("<i4")
    else:
        numbers = np.frombuffer(content, f"<i{width}")
    scale = 2.0 ** (8 * numbers.dtype.itemsize - 1)
    return (numbers / scale).astype("float32")


def _at_rate(samples: np.ndarray, found: int, rate: int) -> np.ndarray:
    try:
        signal = importlib.import_module("scipy.signal")
    except ImportError as error:
        raise ImportError(
            f"Recordings of {found} samples per second are to have {rate}, and SciPy "
            "is not installed.\nExpected the package SciPy.\n"
            "Run `pip install 'cornu[image]'`, or leave sampling_rate away."
        ) from error
    shared = math.gcd(found, rate)
    made = signal.resample_poly(samples, rate // shared, found // shared, axis=0)
    return made.astype("float32", copy=False)
