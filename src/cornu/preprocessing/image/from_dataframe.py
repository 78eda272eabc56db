"""Batches of images whose files and labels are the rows of a table of pandas."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from cornu.graph.config import floatx
from cornu.graph.messages import warn_user
from cornu.preprocessing.image.from_files import BatchFromFilesMixin, check_class_mode
from cornu.preprocessing.image.iterators import Iterator
from cornu.training.progress import tell

_BY_CLASS = ("binary", "categorical", "sparse")


class DataFrameIterator(BatchFromFilesMixin, Iterator):
    """What `ImageDataGenerator.flow_from_dataframe` gives: an image for each row.

    Args:
        dataframe: table of pandas.
        directory: folder that names of files are seen from; None where they are whole.
        image_data_generator: changes the images; None leaves them.
        x_col: column with the names of the files.
        y_col: column with the labels; a list of columns for 'multi_output'.
        weight_col: column with a weight per image, or None.
        target_size: (height, width) that all images get.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        classes: names of the classes. By default all that there are, in their order.
        class_mode: the labels: 'categorical' (one-hot; a list of names is several of
            them), 'binary' and 'sparse' (numbers), 'raw' (as in the table),
            'multi_output' (a list of columns), 'input' (the images), or None.
        batch_size: images per batch.
        shuffle: whether they come in a new order in each pass.
        seed: what order and changes follow from; see `iterators.py`.
        data_format: 'channels_last' or 'channels_first'.
        save_to_dir: folder to save the changed images in, or None.
        save_prefix: what the names of these files begin with.
        save_format: what they end with.
        subset: 'training' or 'validation' for that part of the rows, by the
            generator's `validation_split`, the validation's being the first.
        interpolation: see `load_img`.
        keep_aspect_ratio: see `load_img`.
        dtype: dtype of images and labels. By default 'float32'.
        validate_filenames: whether rows without such a file are left out.

    Attributes:
        samples: number of images.
        class_indices: number of each class, by its name.
        classes: class of each image.
        filenames: their names.

    Raises:
        TypeError: where a column holds something else.
        ValueError: for other arguments.
    """

    allowed_class_modes = frozenset({*_BY_CLASS, "input", "multi_output", "raw", None})

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
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
        data_format: str = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, data_format, save_to_dir,
            save_prefix, save_format, subset, interpolation, keep_aspect_ratio,
        )  # fmt: skip
        check_class_mode(self, class_mode)
        self.directory, self.class_mode = directory or "", class_mode
        self.dtype = dtype or floatx()
        _check_columns(dataframe, x_col, y_col, weight_col, class_mode)
        df, by_class = dataframe, class_mode in _BY_CLASS
        if validate_filenames:
            df = self._with_files(df, x_col)
        if by_class:
            _check_labels(df[y_col], y_col, class_mode, classes)
            df, names = _with_classes(df, y_col, classes)
            self.class_indices = {name: i for i, name in enumerate(names)}
        elif classes:
            warn_user(
                f"flow_from_dataframe: classes= has no meaning for class_mode="
                f"{class_mode!r}.\nExpected one of {', '.join(map(repr, _BY_CLASS))}.\n"
                "Leave classes= away, or name such a class_mode.",
                UserWarning,
            )
        df = df.iloc[self.part_of(len(df))]
        if by_class:
            self.classes = [_numbers(label, self.class_indices) for label in df[y_col]]
        self._keep(df, x_col, y_col, weight_col)
        what = f"{'' if validate_filenames else 'non-'}validated image filenames"
        more = f" belonging to {len(self.class_indices)} classes" if by_class else ""
        tell(f"Found {self.samples} {what}{more}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _keep(self, df: Any, x_col: str, y_col: Any, weight_col: str | None) -> None:
        """Take out of the table what is needed of it."""
        self.filenames: list[str] = df[x_col].tolist()
        self.samples = len(self.filenames)
        self._filepaths = [os.path.join(self.directory, f) for f in self.filenames]
        self._sample_weight = df[weight_col].to_numpy() if weight_col else None
        if self.class_mode == "multi_output":
            self._targets: Any = [np.array(df[column].tolist()) for column in y_col]
        if self.class_mode == "raw":
            self._targets = df[y_col].to_numpy()
        if not self.samples:
            raise ValueError(
                "flow_from_dataframe: of the table no row is left.\n"
                "Expected names of images in x_col, seen from directory, and known "
                "classes.\nCheck directory= and the ends of the names ('.png', ...)."
            )

    def _with_files(self, df: Any, x_col: str) -> Any:
        """The rows whose file is an image that exists."""
        there = [
            name.lower().endswith(self.white_list_formats)
            and os.path.isfile(os.path.join(self.directory, name))
            for name in df[x_col]
        ]
        if not all(there):
            warn_user(
                f"{there.count(False)} of the {len(there)} names in x_col={x_col!r} "
                f"are no images that exist, {df[x_col].iloc[there.index(False)]!r} for "
                "instance.\nExpected names seen from directory=.\n"
                "These rows are left out.",
                UserWarning,
            )
        return df[there]

    @property
    def filepaths(self) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Names of the files, with that of `directory`."""
        return self._filepaths

    @property
    def labels(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the table says of each image."""
        by_column = self.class_mode in ("multi_output", "raw")
        return self._targets if by_column else self.classes

    @property
    def sample_weight(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Weight of each image, or None."""
        return self._sample_weight


def _check_columns(
    df: Any, x_col: str, y_col: Any, weight_col: Any, class_mode: str | None
) -> None:
    """Whether the columns that are needed are there, and hold what they should."""
    several = class_mode == "multi_output"
    if several and not isinstance(y_col, list):
        raise TypeError(
            f"flow_from_dataframe: class_mode is 'multi_output', and y_col {y_col!r}.\n"
            "Expected a list of columns.\nWrite y_col=['first', 'second']."
        )
    labelled = class_mode not in ("input", None)
    wanted = [x_col, *(y_col if isinstance(y_col, list) else [y_col] * labelled)]
    for column in [*wanted, *([weight_col] if weight_col else [])]:
        if column not in df.columns:
            raise ValueError(
                f"flow_from_dataframe: the table has no column {column!r}.\n"
                f"Expected one of {', '.join(map(repr, df.columns))}.\n"
                "Name the columns: x_col=, y_col=, weight_col=."
            )
    odd = [name for name in df[x_col] if not isinstance(name, str)]
    if odd:
        raise TypeError(
            f"flow_from_dataframe: x_col={x_col!r} holds {odd[0]!r}.\n"
            "Expected names of files, as texts.\n"
            f"Write df[{x_col!r}] = df[{x_col!r}].astype(str), or leave the row out."
        )
    if weight_col and not np.issubdtype(df[weight_col].to_numpy().dtype, np.number):
        raise TypeError(
            f"flow_from_dataframe: weight_col={weight_col!r} has dtype "
            f"{df[weight_col].dtype}.\nExpected numbers.\n"
            f"Convert the column: df[{weight_col!r}].astype(float)."
        )


def _check_labels(labels: Any, y_col: str, class_mode: str | None, names: Any) -> None:
    """Whether labels are names of classes; two classes where it is binary."""
    kinds = (str, list, tuple) if class_mode == "categorical" else (str,)
    odd = [label for label in labels if not isinstance(label, kinds)]
    if odd:
        raise TypeError(
            f"flow_from_dataframe: y_col={y_col!r} holds {odd[0]!r}, and class_mode is "
            f"{class_mode!r}.\nExpected names of classes, as texts"
            f"{' or lists of them' if class_mode == 'categorical' else ''}.\n"
            f"Write df[{y_col!r}] = df[{y_col!r}].astype(str); or class_mode='raw' for "
            "numbers as they are."
        )
    count = len(set(names or labels)) if class_mode == "binary" else 2
    if count != 2:
        raise ValueError(
            f"flow_from_dataframe: class_mode is 'binary', and there are {count} "
            "classes.\nExpected two.\n"
            "Write class_mode='sparse' or 'categorical' for others."
        )


def _with_classes(df: Any, y_col: str, names: Any) -> tuple[Any, list[str]]:
    """The rows of these classes, and their names; without others in their labels."""
    labels = [_listed(label) for label in df[y_col]]
    if not names:
        return df, sorted({name for label in labels for name in label})
    names = list(dict.fromkeys(names))
    kept: list[Any] = []
    for label, given in zip(labels, df[y_col]):
        known = [name for name in label if name in names]
        kept.append((given if isinstance(given, str) else known) if known else None)
    df = df.assign(**{y_col: kept})
    return df[[label is not None for label in kept]], names


def _listed(label: Any) -> list[str]:
    return [label] if isinstance(label, str) else list(label)


def _numbers(label: Any, numbers: dict[str, int]) -> Any:
    """The number of a class, or those of several."""
    if isinstance(label, str):
        return numbers[label]
    return [numbers[name] for name in label]
