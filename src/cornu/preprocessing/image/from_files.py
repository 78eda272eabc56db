"""Batches of images that are read from files as they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from cornu.graph.config import floatx, standardize_data_format
from cornu.graph.messages import warn_user
from cornu.preprocessing.image.iterators import (
    SUBSETS,
    Iterator,
    changed,
    check_folder,
    save,
)
from cornu.preprocessing.image.pictures import (
    INTERPOLATIONS,
    check_choice,
    check_size,
    img_to_array,
    load_img,
)
from cornu.training.progress import tell

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class BatchFromFilesMixin:
    """How files become batches; a part of the iterators below.

    A class of it has `filepaths`, `labels`, `sample_weight`, `class_mode`, `dtype`;
    `classes` and `class_indices` where the labels are classes.
    """

    filepaths: list[str]
    labels: Any
    sample_weight: Any
    class_mode: str | None
    class_indices: dict[str, int]
    classes: Any
    dtype: Any

    def set_processing_attrs(
        self,
        image_data_generator: Any,
        target_size: Any,
        color_mode: str,
        data_format: str,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        """Keep what is needed to make batches, and check it.

        Args:
            image_data_generator: changes the images; None leaves them.
            target_size: (height, width) that all of them get.
            color_mode: 'rgb', 'rgba' or 'grayscale'.
            data_format: 'channels_last' or 'channels_first'.
            save_to_dir: folder to save the changed images in, or None.
            save_prefix: what the names of these files begin with.
            save_format: what they end with.
            subset: 'training', 'validation', or None for all.
            interpolation: see `load_img`.
            keep_aspect_ratio: see `load_img`.
        """
        owner = type(self).__name__
        check_choice(owner, "color_mode", color_mode, _CHANNELS)
        check_choice(owner, "interpolation", interpolation, INTERPOLATIONS)
        if subset is not None:
            check_choice(owner, "subset", subset, SUBSETS)
        self.image_data_generator, self.color_mode = image_data_generator, color_mode
        self.target_size = check_size(owner, "target_size", target_size)
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.data_format = standardize_data_format(data_format, owner)
        channels, last = _CHANNELS[color_mode], self.data_format == "channels_last"
        self.image_shape = (
            (*self.target_size, channels) if last else (channels, *self.target_size)
        )
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format = save_format
        check_folder(save_to_dir)
        self.subset, self.split = subset, None
        if subset is not None:
            part = image_data_generator._validation_split
            self.split = (0, part) if subset == "validation" else (part, 1)

    def part_of(self, count: int) -> slice:
        """Which ones of `count` files, in their order, belong to the subset."""
        if self.split is None:
            return slice(None)
        return slice(int(self.split[0] * count), int(self.split[1] * count))

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        """The images of these numbers, changed; labels and weights, if there are."""
        batch = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        for i, j in enumerate(index_array):
            picture = load_img(
                self.filepaths[j],
                color_mode=self.color_mode,
                target_size=self.target_size,
                interpolation=self.interpolation,
                keep_aspect_ratio=self.keep_aspect_ratio,
            )
            x = img_to_array(picture, data_format=self.data_format)
            if self.image_data_generator is not None:
                x = changed(self.image_data_generator, x)
            batch[i] = x
        save(self, batch, index_array, 10**7)
        if self.class_mode is None:
            return batch
        labels = self._labels_of(batch, index_array)
        if self.sample_weight is None:
            return batch, labels
        return batch, labels, self.sample_weight[index_array]

    def _labels_of(self, batch: np.ndarray, index_array: np.ndarray) -> Any:
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        if self.class_mode != "categorical":
            return np.array([self.classes[j] for j in index_array], dtype=self.dtype)
        labels = np.zeros((len(batch), len(self.class_indices)), dtype=self.dtype)
        for row, j in zip(labels, index_array):
            row[self.classes[j]] = 1  # a list of classes is several of them
        return labels


class DirectoryIterator(BatchFromFilesMixin, Iterator):
    """What `ImageDataGenerator.flow_from_directory` gives: a folder for each class.

    Args:
        directory: the folder that holds these.
        image_data_generator: changes the images; None leaves them.
        target_size: (height, width) that all images get.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        classes: names of the folders. By default all that there are, in their order.
        class_mode: the labels: 'categorical' (one-hot), 'binary' and 'sparse'
            (numbers), 'input' (the images themselves), or None for none.
        batch_size: images per batch.
        shuffle: whether they come in a new order in each pass.
        seed: what order and changes follow from; see `iterators.py`.
        data_format: 'channels_last' or 'channels_first'.
        save_to_dir: folder to save the changed images in, or None.
        save_prefix: what the names of these files begin with.
        save_format: what they end with.
        follow_links: whether links to folders are followed.
        subset: 'training' or 'validation' for that part of each class, by the
            generator's `validation_split`, the validation's being the first.
        interpolation: see `load_img`.
        keep_aspect_ratio: see `load_img`.
        dtype: dtype of images and labels. By default `cornu.config.floatx()`.

    Attributes:
        samples: number of images.
        num_classes: number of classes.
        class_indices: number of each class, by its name.
        classes: class of each image.
        filenames: their names, seen from `directory`.

    Raises:
        FileNotFoundError: where there is no such folder, or no image in it.
        ValueError: for other arguments.
    """

    allowed_class_modes = frozenset({"categorical", "binary", "sparse", "input", None})

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        data_format = standardize_data_format(data_format, "DirectoryIterator")
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, data_format, save_to_dir,
            save_prefix, save_format, subset, interpolation, keep_aspect_ratio,
        )  # fmt: skip
        check_class_mode(self, class_mode)
        self.directory, self.class_mode = directory, class_mode
        self.dtype = dtype or floatx()
        names = list(classes) if classes else _folders(directory)
        self.num_classes = len(names)
        self.class_indices = {name: i for i, name in enumerate(names)}
        self._find(names, follow_links)
        tell(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _find(self, names: list[str], follow_links: bool) -> None:
        """List the images of each class."""
        self.filenames: list[str] = []
        numbers: list[int] = []
        for number, name in enumerate(names):
            folder = os.path.join(self.directory, name)
            if not os.path.isdir(folder):
                warn_user(
                    f"There is no folder {folder!r} for the class {name!r}.\n"
                    "Expected one for each of classes=.\n"
                    "Make the folder, or leave the class out.",
                    UserWarning,
                )
            found = list(_image_files(folder, self.white_list_formats, follow_links))
            found = found[self.part_of(len(found))]
            self.filenames += [
                os.path.join(name, os.path.relpath(f, folder)) for f in found
            ]
            numbers += [number] * len(found)
        self.samples = len(self.filenames)
        self.classes = np.array(numbers, dtype="int32")
        self._filepaths = [os.path.join(self.directory, f) for f in self.filenames]
        if not self.samples:
            raise FileNotFoundError(
                f"There are no images in the folders of the {len(names)} classes in "
                f"{os.fspath(self.directory)!r}.\n"
                f"Expected files that end with {', '.join(self.white_list_formats)}, "
                "in a folder for each class.\n"
                "Put the images into such a folder, also where there is one class only."
            )

    @property
    def filepaths(self) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Names of the files, with that of `directory`."""
        return self._filepaths

    @property
    def labels(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Class of each image."""
        return self.classes

    @property
    def sample_weight(self) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """There are no weights."""
        return None


def check_class_mode(iterator: Any, class_mode: Any) -> None:
    """Refuse a kind of labels that an iterator does not know."""
    known = sorted(m for m in iterator.allowed_class_modes if m)
    if class_mode is not None:
        check_choice(type(iterator).__name__, "class_mode", class_mode, known)


def _folders(directory: Any) -> list[str]:
    """The folders in a folder, in their order."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"There is no folder {os.fspath(directory)!r}.\n"
            f"Expected one with a folder for each class, seen from {os.getcwd()}.\n"
            "Check the name, or write the path from the root on."
        ) from None
    return [name for name in names if os.path.isdir(os.path.join(directory, name))]


def _image_files(
    folder: str, endings: tuple[str, ...], follow_links: bool
) -> Iterable[str]:
    """The images in a folder and those below it, in a fixed order."""
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        for name in sorted(names):
            if name.lower().endswith(".tiff"):
                warn_user(
                    f"{os.path.join(root, name)!r} is a TIFF.\n"
                    "Expected an image of 1, 3 or 4 bands of 8 bits.\n"
                    "Look at what is read of it, where it has others.",
                    UserWarning,
                )
            if name.lower().endswith(endings):
                yield os.path.join(root, name)
