"""`ImageDataGenerator`: images changed at random as batches are made, as in Keras 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.graph.config import floatx, standardize_data_format
from cornu.graph.messages import refuse_unknown, warn_user
from cornu.preprocessing.image.from_dataframe import DataFrameIterator
from cornu.preprocessing.image.from_files import DirectoryIterator
from cornu.preprocessing.image.iterators import NumpyArrayIterator, check_channels
from cornu.preprocessing.image.pictures import check_choice
from cornu.preprocessing.image.transforms import (
    FILL_MODES,
    apply_affine_transform,
    apply_channel_shift,
    brightened,
    check_pair,
    flip_axis,
    random_factors,
)


class ImageDataGenerator:
    """Makes batches of images, each changed at random and scaled.

    Changes are drawn from NumPy's global generator, as in Keras; see `iterators.py`.
    `layers.RandomRotation` and its kin are what Keras has for it today.

    Args:
        featurewise_center: whether the mean of each channel, of all data, is taken off.
            This and the others of all data need `fit`.
        samplewise_center: whether the mean of each image is taken off.
        featurewise_std_normalization: whether images are divided by the standard
            deviation of each channel, of all data.
        samplewise_std_normalization: whether they are divided by their own.
        zca_whitening: whether values of all pixels and channels are decorrelated.
        zca_epsilon: added to the singular values then.
        rotation_range: degrees that images are turned by at most, either way.
        width_shift_range: how far they are shifted at most. Below 1, as a part of the
            width; a larger float, in pixels; a whole number n, by one of 0, ..., n - 1
            pixels; a list, by one of these numbers; each either way.
        height_shift_range: the same for the height. In fact, as in Keras, the numbers
            drawn of it shift along the width, and the others along the height.
        brightness_range: (least, most) that images are multiplied by.
        shear_range: degrees that they are sheared by at most.
        zoom_range: z for (1 - z, 1 + z), or (least, most): how much is seen of width
            and height.
        channel_shift_range: what is added to all values at most, or taken off.
        fill_mode: what is seen outside an image: 'nearest' its edge, 'constant' the
            value `cval`, 'reflect' the image in a mirror, 'wrap' the image again.
        cval: see above.
        horizontal_flip: whether every other image, by chance, is flipped sidewards.
        vertical_flip: whether it is turned upside down.
        rescale: what values are multiplied by in the end, 1/255 for instance.
        preprocessing_function: called with each image after the changes; returns it.
        data_format: 'channels_last' or 'channels_first'. By default what
            `cornu.config.image_data_format` says.
        validation_split: part of the images that is for validation; see `subset=`.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.
        dtype: dtype of the images. By default `cornu.config.floatx()`.

    Attributes:
        mean: of each channel, after `fit`.
        std: of each channel, after `fit`.
        zca_whitening_matrix: after `fit`.

    Raises:
        ValueError: for arguments of another form.

    Example:

    >>> images, labels = np.full((3, 8, 8, 1), 51.0), np.array([0, 1, 1])
    >>> generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    >>> x, y = next(generator.flow(images, labels, batch_size=2, shuffle=False))
    >>> x.shape, x.max().round(3), y
    ((2, 8, 8, 1), np.float32(0.2), array([0, 1]))
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Any = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range = _shift("width_shift_range", width_shift_range)
        self.height_shift_range = _shift("height_shift_range", height_shift_range)
        self.brightness_range, self.zoom_range = brightness_range, zoom_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        owner = "ImageDataGenerator"
        self.data_format = standardize_data_format(data_format, owner)
        first = self.data_format == "channels_first"
        # Axes of a batch.
        self.channel_axis, self.row_axis, self.col_axis = (
            (1, 2, 3) if first else (3, 1, 2)
        )
        self._validation_split = validation_split
        self.interpolation_order, self.dtype = interpolation_order, dtype or floatx()
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        check_choice(owner, "fill_mode", fill_mode, FILL_MODES)
        if np.ndim(zoom_range) == 0:
            self.zoom_range = [1 - zoom_range, 1 + zoom_range]
        check_pair(owner, "zoom_range", self.zoom_range)
        if brightness_range is not None:
            check_pair(owner, "brightness_range", brightness_range)
        self._check_split()
        self._settle_normalization()

    def _check_split(self) -> None:
        if self._validation_split and not 0 < self._validation_split < 1:
            raise ValueError(
                f"ImageDataGenerator: validation_split is {self._validation_split!r}.\n"
                "Expected a part, between 0 and 1.\n"
                "For example validation_split=0.2."
            )

    def _settle_normalization(self) -> None:
        """What one kind of normalization means for the others."""
        for kind, other, value in (
            ("zca_whitening", "featurewise_center", True),
            ("zca_whitening", "featurewise_std_normalization", False),
            ("featurewise_std_normalization", "featurewise_center", True),
            ("samplewise_std_normalization", "samplewise_center", True),
        ):
            if getattr(self, kind) and bool(getattr(self, other)) != value:
                setattr(self, other, value)
                warn_user(
                    f"ImageDataGenerator: {kind}=True goes with {other}={value}.\n"
                    f"Expected these two.\nPass {other}={value}, which is set now.",
                    UserWarning,
                )

    # Batches

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches of the images of an array; for the arguments see the result."""
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle,
            sample_weight=sample_weight, seed=seed, data_format=self.data_format,
            save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            ignore_class_split=ignore_class_split, subset=subset, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of the images in a folder; for the arguments see the result."""
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode,
            keep_aspect_ratio=keep_aspect_ratio, classes=classes,
            class_mode=class_mode, data_format=self.data_format,
            batch_size=batch_size, shuffle=shuffle, seed=seed,
            save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            follow_links=follow_links, subset=subset, interpolation=interpolation,
            dtype=self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Batches of the images that a table of pandas names; see the result.

        Beside the arguments of Keras 3, `keep_aspect_ratio` is taken; and the old
        `has_ext`, `sort` and `drop_duplicates`, which have no meaning, and say so.
        """
        keep = kwargs.pop("keep_aspect_ratio", False)
        for name in _PAST.keys() & kwargs.keys():
            kwargs.pop(name)
            warn_user(
                f"flow_from_dataframe: {name}= has no meaning any more.\n"
                f"Expected {_PAST[name]}.\nLeave it away.",
                DeprecationWarning,
            )
        refuse_unknown("flow_from_dataframe", kwargs, ["keep_aspect_ratio", *_PAST])
        if class_mode == "other":
            class_mode = "raw"
            warn_user(
                "flow_from_dataframe: class_mode='other' is an old name.\n"
                "Expected 'raw'.\nWrite class_mode='raw', which is what is done.",
                DeprecationWarning,
            )
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col,
            weight_col=weight_col, target_size=target_size, color_mode=color_mode,
            classes=classes, class_mode=class_mode, data_format=self.data_format,
            batch_size=batch_size, shuffle=shuffle, seed=seed,
            save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            subset=subset, interpolation=interpolation, keep_aspect_ratio=keep,
            validate_filenames=validate_filenames, dtype=self.dtype,
        )  # fmt: skip

    # A single image

    def standardize(self, x: Any) -> Any:
        """Scales images, in place where it can be.

        Args:
            x: float array of an image, or of a batch of them.

        Returns:
            It, or another array where a function or whitening has made one.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if np.asarray(x).dtype.kind != "f":
            raise TypeError(
                "ImageDataGenerator.standardize was given an array of dtype "
                f"{np.asarray(x).dtype}.\nExpected floats: they are scaled in place.\n"
                "Write x.astype('float32')."
            )
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted(
            "featurewise_std_normalization", self.std
        ):
            x /= self.std + 1e-6
        matrix = self.zca_whitening_matrix
        if self.zca_whitening and self._fitted("zca_whitening", matrix):
            flat = x.reshape(-1, math.prod(x.shape[-3:]))
            x = (flat @ matrix).reshape(x.shape)
        return x

    def _fitted(self, kind: str, value: Any) -> bool:
        if value is None:
            warn_user(
                f"ImageDataGenerator: {kind}=True, and it has seen no data.\n"
                "Expected fit before.\n"
                "Call generator.fit(x_train); it is left out until then.",
                UserWarning,
            )
        return value is not None

    def get_random_transform(
        self, img_shape: Any, seed: int | None = None
    ) -> dict[str, Any]:
        """Draws how an image is to be changed.

        Args:
            img_shape: shape of the image.
            seed: seeds NumPy's global generator first.

        Returns:
            'theta', 'tx', 'ty', 'shear', 'zx', 'zy', 'flip_horizontal',
            'flip_vertical', 'channel_shift_intensity', 'brightness'; see
            `apply_transform`.
        """
        if seed is not None:
            np.random.seed(seed)
        uniform, turn, shear = np.random.uniform, self.rotation_range, self.shear_range
        shift, lightness = self.channel_shift_range, self.brightness_range
        # What is drawn comes in Keras's order: a seed gives the same there.
        found: dict[str, Any] = {"theta": uniform(-turn, turn) if turn else 0}
        found["tx"] = _drawn(self.height_shift_range, img_shape[self.row_axis - 1])
        found["ty"] = _drawn(self.width_shift_range, img_shape[self.col_axis - 1])
        found["shear"] = uniform(-shear, shear) if shear else 0
        found["zx"], found["zy"] = random_factors(self.zoom_range)
        found["flip_horizontal"] = (np.random.random() < 0.5) * self.horizontal_flip
        found["flip_vertical"] = (np.random.random() < 0.5) * self.vertical_flip
        found["channel_shift_intensity"] = uniform(-shift, shift) if shift else None
        found["brightness"] = None if lightness is None else uniform(*lightness)
        return found

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> Any:
        """Changes an image.

        Args:
            x: array of the image.
            transform_parameters: what `get_random_transform` gives, or a part of it:
                'theta', 'tx', 'ty', 'shear', 'zx', 'zy' of `apply_affine_transform`,
                'flip_horizontal' and 'flip_vertical', 'channel_shift_intensity' of
                `apply_channel_shift`, 'brightness' of `apply_brightness_shift`.

        Returns:
            An array of the shape of `x`; `x` where nothing is to be changed.
        """
        given = transform_parameters
        row, col, channel = (
            axis - 1 for axis in (self.row_axis, self.col_axis, self.channel_axis)
        )
        x = apply_affine_transform(
            x,
            **{name: given[name] for name in _AFFINE if name in given},
            row_axis=row,
            col_axis=col,
            channel_axis=channel,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.interpolation_order,
        )
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channel)
        if given.get("flip_horizontal"):
            x = flip_axis(x, col)
        if given.get("flip_vertical"):
            x = flip_axis(x, row)
        if given.get("brightness") is not None:
            x = brightened(x, given["brightness"], False, self.data_format)
        return x

    def random_transform(self, x: Any, seed: int | None = None) -> Any:
        """Changes an image at random.

        Args:
            x: array of the image.
            seed: seeds NumPy's global generator first.

        Returns:
            An array of the shape of `x`.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    # All data

    def fit(
        self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None
    ) -> None:
        """Learns from data what is to be known of all of it: `featurewise_center`,
        `featurewise_std_normalization` and `zca_whitening` need that.

        Args:
            x: array of images, as `flow` takes them.
            augment: whether it learns from them as they are after random changes.
            rounds: how often it takes each image then.
            seed: seeds NumPy's global generator first.

        Raises:
            ValueError: unless x has four axes.
        """
        x = np.array(x, dtype=self.dtype)
        check_channels("ImageDataGenerator.fit", x, self.data_format)
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            changed = [self.random_transform(each) for _ in range(rounds) for each in x]
            x = np.stack(changed).astype(self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x /= self.std + 1e-6
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            scale = np.sqrt(len(x)) / (s + self.zca_epsilon)
            self.zca_whitening_matrix = (u * scale).dot(u.T)


_AFFINE = ("theta", "tx", "ty", "shear", "zx", "zy")
_PAST = {
    "has_ext": "names in the table as those of the files",
    "sort": "batches in the order of the table, for shuffle=False",
    "drop_duplicates": "table.drop_duplicates() before",
}


def _shift(name: str, value: Any) -> Any:
    """A range of shifts: a number, or a list of numbers."""
    given = np.asarray(value)
    if given.ndim > 1 or given.size < 1 or given.dtype.kind not in "iuf":
        raise ValueError(
            f"ImageDataGenerator: {name} is {value!r}.\n"
            "Expected a number, or a list of them.\n"
            f"{name}=0.2 shifts by up to a fifth, {name}=[-3, 0, 3] by these pixels."
        )
    return value


def _drawn(shifts: Any, length: int) -> Any:
    """One of a range of shifts, in pixels of an axis of this length."""
    number = np.ndim(shifts) == 0
    if number and not shifts:
        return 0
    if number and not (isinstance(shifts, (int, np.integer)) and shifts > 0):
        found = np.random.uniform(-shifts, shifts)
    else:
        found = np.random.choice(shifts) * np.random.choice([-1, 1])
    return found * length if np.max(shifts) < 1 else found
