"""`image_dataset_from_directory`: images in folders, a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.graph import config
from cornu.graph.messages import described, nearest, refuse_unknown
from cornu.preprocessing.folders import Request, check_format, datasets_of
from cornu.preprocessing.image_files import (
    INTERPOLATIONS,
    ImageFormat,
    load_image,
)
from cornu.preprocessing.libraries import pillow

_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
    **kwargs: Any,
) -> Any:
    """Batches of images and their labels, read from the image files of a folder.

    Files that end with .bmp, .gif, .jpeg, .jpg or .png count; of moving pictures the
    first one. They are read by Pillow (`pip install 'cornu[image]'`).

    Args:
        directory: the folder. For labels='inferred' it has a folder for each class.
        labels: 'inferred' from the folders, None for images alone, or a list of whole
            numbers, one for each file in the order of their sorted names.
        label_mode: 'int' for int32 of shape (batch,), 'binary' for 0.0 and 1.0 of
            shape (batch, 1), 'categorical' for one-hot rows of shape (batch, classes),
            both float32; or None for images alone.
        class_names: folders of the classes, in the order of their numbers.
        color_mode: 'grayscale', 'rgb' or 'rgba', for 1, 3 or 4 channels.
        batch_size: images per batch; None for one image after the other.
        image_size: (height, width) that all images get.
        shuffle: whether they come in random order; else in that of their names.
        seed: whole number that the order follows from.
        validation_split: part of the files that is held out, between 0 and 1.
        subset: 'training', 'validation', or 'both' for a list of the two data sets.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5',
            'gaussian' or 'mitchellcubic', as TensorFlow has them.
        follow_links: whether linked folders are gone into.
        crop_to_aspect_ratio: whether what is too much of height or width is cut off
            first, so that nothing is distorted. Keras 2.4 called it `smart_resize`.
        pad_to_aspect_ratio: whether what is missing of height or width is black.
        data_format: 'channels_last' or 'channels_first'; by default that of
            `keras.config.image_data_format()`.
        format: 'tf', a `Dataset` with the methods of tf.data; there is no other.
        verbose: whether the numbers of files are told.

    Returns:
        `Dataset` of images, or of (images, labels). Images are float32 from 0 to 255,
        of shape (batch, height, width, channels). It has the attributes `class_names`
        and `file_paths`.

    Raises:
        FileNotFoundError: where there is no such folder.
        ImportError: where Pillow is not installed.
        ValueError: where there are no images, or arguments do not fit; in a pass, where
            a file cannot be read.

    Example:

    >>> import os, tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name, level in (("dark", 10), ("light", 200)):
    ...     os.mkdir(os.path.join(folder.name, name))
    ...     pixels = np.full((6, 8, 3), level, "uint8")
    ...     Image.fromarray(pixels).save(os.path.join(folder.name, name, "1.png"))
    >>> dataset = image_dataset_from_directory(
    ...     folder.name, image_size=(4, 4), shuffle=False)
    Found 2 files belonging to 2 classes.
    >>> for images, labels in dataset:
    ...     print(images.shape, images.numpy().max(axis=(1, 2, 3)), labels.numpy())
    (2, 4, 4, 3) [ 10. 200.] [0 1]
    >>> folder.cleanup()
    """
    name = "image_dataset_from_directory"
    if "smart_resize" in kwargs:
        crop_to_aspect_ratio = kwargs.pop("smart_resize")
    refuse_unknown(name, kwargs, ("crop_to_aspect_ratio", "pad_to_aspect_ratio"))
    check_format(name, format)
    pillow()
    wanted = ImageFormat(
        _size(image_size),
        _channels(color_mode),
        _interpolation(interpolation),
        bool(crop_to_aspect_ratio),
        bool(pad_to_aspect_ratio),
        config.standardize_data_format(data_format) == "channels_first",
    )
    if wanted.crop and wanted.pad:
        raise ValueError(
            f"{name} was given crop_to_aspect_ratio and pad_to_aspect_ratio.\n"
            "Expected one of them at most.\nLeave one away."
        )
    return datasets_of(
        Request(
            *("images", _FORMATS, os.fspath(directory), labels, label_mode),
            *(class_names, batch_size, shuffle, seed, validation_split, subset),
            *(follow_links, verbose),
        ),
        lambda path: load_image(path, wanted),
        parallel=True,
    )


def _size(given: Any) -> tuple[int, int]:
    pair = (given, given) if isinstance(given, (int, np.integer)) else given
    good = isinstance(pair, (list, tuple)) and len(pair) == 2
    if not good or not all(isinstance(n, (int, np.integer)) and n > 0 for n in pair):
        raise ValueError(
            f"image_size={described(given)} was given.\n"
            "Expected (height, width), two whole numbers above 0.\n"
            "For example image_size=(180, 180)."
        )
    return int(pair[0]), int(pair[1])


def _channels(given: Any) -> int:
    if given not in _CHANNELS:
        raise ValueError(
            f"color_mode={given!r} was given.\n"
            "Expected 'grayscale', 'rgb' or 'rgba'.\nLeave it away for 'rgb'."
        )
    return _CHANNELS[given]


def _interpolation(given: Any) -> str:
    found = given.lower() if isinstance(given, str) else given
    if found not in INTERPOLATIONS:
        raise ValueError(
            f"interpolation={given!r} was given.\n"
            f"Expected one of {', '.join(map(repr, INTERPOLATIONS))}.\n"
            f"{nearest(given, INTERPOLATIONS)}"
        )
    return found
