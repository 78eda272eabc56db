"""Batches of images that are changed at random as they are made.

The iterators draw from NumPy's global generator, as in Keras. With `seed=` they seed it
before each batch, with the seed plus the number of batches that were made, so what is
drawn from `np.random` afterwards follows from that. Without, they only draw from it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as Iterates
from typing import Any

import numpy as np

from cornu.graph.config import floatx, standardize_data_format
from cornu.graph.messages import warn_user
from cornu.preprocessing.image.pictures import array_to_img, check_choice
from cornu.training.py_dataset import PyDataset

SUBSETS = ("training", "validation")


class Iterator(PyDataset):
    """Base of what gives batches of images: without an end by `next`, or by number.

    A class of it says how a batch is made, in `_get_batches_of_transformed_samples`,
    which is given the numbers of its samples.

    Args:
        n: number of samples.
        batch_size: samples per batch; the last one of a pass may have fewer.
        shuffle: whether samples come in a new order in each pass.
        seed: what order and changes follow from; see above.
        **kwargs: see `PyDataset`.

    Example:

    >>> class Numbers(Iterator):
    ...     def _get_batches_of_transformed_samples(self, index_array):
    ...         return index_array
    >>> numbers = Numbers(5, batch_size=2, shuffle=False, seed=None)
    >>> len(numbers), numbers[2], [next(numbers).tolist() for _ in range(4)]
    (3, array([4]), [[0, 1], [2, 3], [4], [0, 1]])
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(
                f"{type(self).__name__}: batch_size is {batch_size!r}.\n"
                "Expected a whole number from 1 on.\nFor example batch_size=32."
            )
        self.n, self.batch_size = n, int(batch_size)
        self.shuffle, self.seed = shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array: Any = None
        self.lock = threading.Lock()
        self.index_generator = self._flow_index()

    def __getstate__(self) -> dict[str, Any]:
        # To worker processes; what cannot be sent is made anew there.
        return {
            k: v for k, v in vars(self).items() if k not in ("lock", "index_generator")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.lock = threading.Lock()
        self.index_generator = self._flow_index()

    def _set_index_array(self) -> None:
        shuffled = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)
        self.index_array = shuffled

    def _seed(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        """Batch number `idx` of a pass."""
        if not 0 <= idx < len(self):
            # IndexError would end a `for` silently; Keras says ValueError.
            raise ValueError(
                f"{type(self).__name__}: batch {idx} was asked for.\n"
                f"Expected a number from 0 to {len(self) - 1}.\n"
                "Use next(...) for batches without an end."
            )
        with self.lock:  # one order for all threads
            self._seed()
            self.total_batches_seen += 1
            if self.index_array is None:
                self._set_index_array()
            numbers: Any = self.index_array
        first = self.batch_size * idx
        return self._get_batches_of_transformed_samples(
            numbers[first : first + self.batch_size]
        )

    def on_epoch_begin(self) -> None:
        """Called before the first batch of an epoch."""
        if self.use_multiprocessing and self.index_array is None:
            self._seed()  # one order for all processes
            self._set_index_array()

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch: there is a new order."""
        self._set_index_array()

    def reset(self) -> None:
        """Let `next` begin a new pass."""
        self.batch_index = 0

    def _flow_index(self) -> Iterates[Any]:
        """The numbers of the samples of each batch that `next` gives."""
        self.reset()
        while True:
            self._seed()
            if self.batch_index == 0:
                self._set_index_array()
            first = (self.batch_index * self.batch_size) % max(self.n, 1)
            more = self.n > first + self.batch_size
            self.batch_index = self.batch_index + 1 if more else 0
            self.total_batches_seen += 1
            yield self.index_array[first : first + self.batch_size]

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self.lock:
            index_array = next(self.index_generator)
        # Outside the lock: images may be changed in several threads.
        return self._get_batches_of_transformed_samples(index_array)

    def next(self) -> Any:
        """The next batch, as Keras 2 called it."""
        return next(self)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} does not say how a batch is made.\n"
            "Expected a method _get_batches_of_transformed_samples(self, index_array)."
            "\nWrite one in the class."
        )


def changed(generator: Any, x: np.ndarray) -> Any:
    """An image, changed at random and scaled by an `ImageDataGenerator`."""
    x = generator.apply_transform(x, generator.get_random_transform(x.shape))
    return generator.standardize(x)


def check_folder(save_to_dir: Any) -> None:
    """Refuse to save where there is no folder, before there is anything to save."""
    if save_to_dir and not os.path.isdir(save_to_dir):
        raise FileNotFoundError(
            f"save_to_dir is {os.fspath(save_to_dir)!r}, which is no folder.\n"
            "Expected one that exists.\n"
            "Make it first: os.makedirs(folder, exist_ok=True)."
        )


def save(iterator: Any, batch: np.ndarray, index_array: Any, names: int) -> None:
    """Save the images of a batch, where the iterator is to do so.

    Args:
        iterator: says where, under which names, in which format.
        batch: the images.
        index_array: their numbers.
        names: how many further numbers there are, drawn to tell files apart.
    """
    for image, number in zip(batch, index_array) if iterator.save_to_dir else ():
        unique = np.random.randint(names)
        name = f"{iterator.save_prefix}_{number}_{unique}.{iterator.save_format}"
        picture = array_to_img(image, iterator.data_format, scale=True)
        picture.save(os.path.join(iterator.save_to_dir, name))


class NumpyArrayIterator(Iterator):
    """What `ImageDataGenerator.flow` gives: batches of images of an array.

    Args:
        x: array of shape (samples, height, width, channels), or (samples, channels,
            height, width). Or such an array and others: [images, [more, ...]].
        y: labels, one per image; None for none.
        image_data_generator: changes the images.
        batch_size: images per batch.
        shuffle: whether they come in a new order in each pass.
        sample_weight: a weight per image, or None.
        seed: what order and changes follow from; see the head of this file.
        data_format: 'channels_last' or 'channels_first'.
        save_to_dir: folder to save the changed images in, or None.
        save_prefix: what the names of these files begin with.
        save_format: what they end with.
        subset: 'training' or 'validation' for that part of the images, by the
            generator's `validation_split`, the validation's being the first.
        ignore_class_split: whether the parts may have other labels.
        dtype: dtype of the images. By default `cornu.config.floatx()`.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        data_format = standardize_data_format(data_format, "NumpyArrayIterator")
        self.dtype = dtype or floatx()
        misc: list[np.ndarray] = []
        if isinstance(x, (tuple, list)):
            x, misc = _with_others(x)
        labels = {"y": y, "sample_weight": sample_weight}
        given = {k: np.asarray(v) for k, v in labels.items() if v is not None}
        for name, array in [*given.items(), *(("an array of x", a) for a in misc)]:
            if len(array) != len(x):
                raise ValueError(
                    f"flow: there are {len(x)} images, and {name} has length "
                    f"{len(array)}.\nExpected equal lengths.\n"
                    "Give each image its own."
                )
        if subset is not None:
            check_choice("flow", "subset", subset, SUBSETS)
            part = _part(
                subset, len(x), image_data_generator, given.get("y"), ignore_class_split
            )
            x, misc = x[part], [each[part] for each in misc]
            # Of the weights Keras takes the first ones, whichever part it is.
            given = {name: array[part] for name, array in given.items()}
        self.x, self.x_misc = np.asarray(x, dtype=self.dtype), misc
        check_channels("flow", self.x, data_format)
        self.y, self.sample_weight = given.get("y"), given.get("sample_weight")
        self.image_data_generator = image_data_generator
        self.data_format = data_format
        check_folder(save_to_dir)
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format = save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        batch = np.zeros((len(index_array), *self.x.shape[1:]), dtype=self.dtype)
        for i, j in enumerate(index_array):
            batch[i] = changed(self.image_data_generator, self.x[j].copy())
        save(self, batch, index_array, 10**4)
        others = [each[index_array] for each in self.x_misc]
        found: list[Any] = [[batch, *others] if others else batch]
        found += [a[index_array] for a in (self.y, self.sample_weight) if a is not None]
        if self.y is None:
            return found[0]
        return tuple(found)


def _with_others(x: Any) -> tuple[Any, list[np.ndarray]]:
    """Images, and the arrays that come along with them."""
    if len(x) != 2:
        raise ValueError(
            f"flow was given a {type(x).__name__} of {len(x)} elements.\n"
            "Expected an array of images, or [images, [more, ...]].\n"
            "Write np.stack(x) where it is a list of images of one size."
        )
    others = x[1] if isinstance(x[1], list) else [x[1]]
    return x[0], [np.asarray(each) for each in others]


def _part(
    subset: str, count: int, generator: Any, labels: Any, ignore_class_split: bool
) -> slice:
    """The samples of a subset: the first are the validation's."""
    first = int(count * generator._validation_split)
    if labels is not None and not ignore_class_split:
        parts = np.unique(labels[:first]), np.unique(labels[first:])
        if not np.array_equal(*parts):
            raise ValueError(
                f"flow: of the labels, {len(parts[0])} are in the validation part, and "
                f"{len(parts[1])} in the training part; or not the same ones.\n"
                "Expected the same labels in both.\n"
                "Shuffle images and labels before, or pass ignore_class_split=True."
            )
    return slice(None, first) if subset == "validation" else slice(first, None)


def check_channels(owner: str, x: np.ndarray, data_format: str) -> None:
    """Whether an array can be a batch of images.

    Raises:
        ValueError: unless it has four axes.
    """
    if x.ndim != 4:
        raise ValueError(
            f"{owner} was given an array of shape {x.shape}.\n"
            "Expected images: four axes, the first that of the samples.\n"
            "Write x[..., np.newaxis] for gray ones, x[np.newaxis] for a single one."
        )
    axis = 3 if data_format == "channels_last" else 1
    if x.shape[axis] not in (1, 3, 4):
        warn_user(
            f"{owner} was given images with {x.shape[axis]} channels (shape {x.shape}, "
            f"data_format={data_format!r}).\nExpected 1, 3 or 4 of them.\n"
            f"Say where they are: data_format='{_OTHER[data_format]}'?",
            UserWarning,
        )


_OTHER = {"channels_last": "channels_first", "channels_first": "channels_last"}
