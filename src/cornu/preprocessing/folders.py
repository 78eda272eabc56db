"""Files in folders, one folder per class: which there are, and which label each has.

The order is that of Keras: sorted by name, then shuffled by a `RandomState` of the
seed, and the same again for the labels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cornu.graph.messages import described, nearest
from cornu.preprocessing.dataset import Dataset
from cornu.training.progress import tell

LABEL_MODES = ("int", "categorical", "binary", None)
SUBSETS = ("training", "validation", "both")
_HELD = 8  # batches that are shuffled together, as in Keras
_HELD_SAMPLES = 1024  # where there are no batches


class Request(NamedTuple):
    """What all `..._dataset_from_directory` are asked alike; as in Keras.

    Args:
        what: what the files hold, for messages.
        formats: the endings of their names.
    """

    what: str
    formats: tuple[str, ...]
    directory: str
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool


class Files(NamedTuple):
    """Files, the number of the class of each, and how the classes are called."""

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None


def datasets_of(
    request: Request,
    read: Callable[[str], Any],
    batched: Callable[[Dataset, int], Dataset] = Dataset.batch,
    parallel: bool = False,
) -> Any:
    """What `..._dataset_from_directory` returns: a data set, or two for 'both'.

    Args:
        request: its arguments.
        read: makes an array, or a text, of the path of a file.
        batched: makes batches.
        parallel: whether several threads read, which helps where it is work.
    """
    _check(request)
    if request.labels is None or request.label_mode is None:
        request = request._replace(labels=None, label_mode=None)
    if request.seed is None:  # made up as in Keras
        request = request._replace(seed=int(np.random.randint(10**6)))
    files = listed(request)
    if request.label_mode == "binary" and len(files.class_names or ()) != 2:
        raise ValueError(
            f"label_mode='binary' was given for the classes {files.class_names}.\n"
            "Expected exactly two.\n"
            "Use label_mode='int' or 'categorical', or choose two by class_names."
        )
    names = [request.subset]
    if request.subset == "both":
        names = ["training", "validation"]
    found = []
    for name in names:
        chosen = _part(files, request, name)
        shuffle = request.shuffle and (request.subset != "both" or name == "training")
        dataset = _dataset(chosen, request, shuffle, read, parallel)
        if request.batch_size is not None:
            dataset = batched(dataset, request.batch_size)
        dataset = dataset.prefetch(Dataset.AUTOTUNE)
        dataset.class_names = files.class_names  # type: ignore[attr-defined]
        dataset.file_paths = chosen.paths  # type: ignore[attr-defined]
        found.append(dataset)
    return found if request.subset == "both" else found[0]


def _dataset(
    files: Files,
    request: Request,
    shuffle: bool,
    read: Callable[[str], Any],
    parallel: bool,
) -> Dataset:
    """The samples of some files, one by one."""
    parts: Any = files.paths
    if request.label_mode is not None:
        assert files.labels is not None
        assert files.class_names is not None
        parts = (parts, _encoded(files.labels, request, len(files.class_names)))
    dataset = Dataset.from_tensor_slices(parts)
    if shuffle:
        size = request.batch_size
        held = _HELD_SAMPLES if size is None else size * _HELD
        dataset = dataset.shuffle(held, seed=request.seed)
    workers = Dataset.AUTOTUNE if parallel else None
    if request.label_mode is None:
        return dataset.map(read, num_parallel_calls=workers)
    return dataset.map(
        lambda path, label: (read(path), label), num_parallel_calls=workers
    )


def _encoded(labels: np.ndarray, request: Request, classes: int) -> np.ndarray:
    """Labels as `label_mode` says: int32 (n,), or float32 (n, 1) or (n, classes)."""
    if request.label_mode == "int":
        return labels
    if request.label_mode == "binary":
        return labels.astype("float32")[:, np.newaxis]
    # A number that is no class has a row of zeros, as in tf.one_hot.
    return (labels[:, np.newaxis] == np.arange(classes)).astype("float32")


# Which files there are


def listed(request: Request) -> Files:
    """The files of a folder in the order of the request, and their classes.

    Raises:
        FileNotFoundError: where there is no such folder.
        ValueError: for class names or labels that do not fit what is there.
    """
    directory = request.directory
    if not os.path.isdir(directory):
        raise FileNotFoundError(
            f"There is no folder {directory!r}.\n"
            f"Expected one that holds {request.what}, with a folder for each class "
            "where labels='inferred'.\n"
            f"Check the path; this folder is {os.getcwd()}."
        )
    labels: Any = None
    class_names: list[str] | None = None
    if isinstance(request.labels, str):
        class_names = _classes(request)
        found = [
            _inside(os.path.join(directory, name), request) for name in class_names
        ]
        counts = [len(paths) for paths in found]
        labels = np.repeat(np.arange(len(counts), dtype="int32"), counts)
        paths = [path for each in found for path in each]
    else:
        paths = _inside(directory, request)
        if request.labels is not None:
            labels, class_names = _given(request, len(paths))
    if request.verbose:
        classes = ""
        if class_names is not None:
            classes = f" belonging to {len(class_names)} classes"
        tell(f"Found {len(paths)} files{classes}.")
    if request.shuffle:
        np.random.RandomState(request.seed).shuffle(paths)
        if labels is not None:
            np.random.RandomState(request.seed).shuffle(labels)
    return Files(paths, labels, class_names)


def _classes(request: Request) -> list[str]:
    there = sorted(
        entry.name
        for entry in os.scandir(request.directory)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if request.class_names is None:
        return there
    for name in request.class_names:
        if name not in there:
            raise ValueError(
                f"class_names has {name!r}, and {request.directory!r} has no such "
                f"folder.\nExpected names among {', '.join(map(repr, there))}.\n"
                f"{nearest(name, there)}"
            )
    return list(request.class_names)


def _inside(folder: str, request: Request) -> list[str]:
    """The files in a folder and below it, sorted by folder and then by name."""
    walk = os.walk(folder, followlinks=request.follow_links)
    return [
        os.path.join(root, name)
        for root, _, names in sorted(walk, key=lambda each: each[0])
        for name in sorted(names)
        if name.lower().endswith(request.formats)
    ]


def _given(request: Request, count: int) -> tuple[np.ndarray, list[str]]:
    labels = request.labels
    if len(labels) != count:
        raise ValueError(
            f"{len(labels)} labels were given for {count} files with {request.what} "
            f"in {request.directory!r}.\n"
            "Expected one for each file, in the order of their sorted names.\n"
            f"Only {', '.join(request.formats)} count; see which with labels=None "
            "and dataset.file_paths."
        )
    numbers = np.array(labels)
    if numbers.size and numbers.dtype.kind not in "iub":
        raise ValueError(
            f"labels holds {described(labels[0])}.\nExpected whole numbers.\n"
            "Number the classes: np.unique(labels, return_inverse=True)[1].tolist()."
        )
    return numbers.astype("int32"), [str(label) for label in sorted(set(labels))]


def _part(files: Files, request: Request, subset: str | None) -> Files:
    """The files of a subset: the last ones are for validation."""
    paths, labels = files.paths, files.labels
    if request.validation_split:
        held = int(request.validation_split * len(paths))
        at = len(paths) - held
        where = slice(at) if subset == "training" else slice(at, None)
        paths = paths[where]
        labels = None if labels is None else labels[where]
        if request.verbose:
            tell(f"Using {len(paths)} files for {subset}.")
    if not paths:
        which = f" {subset}" if subset else ""
        rest = f"; there are {len(files.paths)} in all" if files.paths else ""
        raise ValueError(
            f"No{which} {request.what} were found in {request.directory!r}{rest}.\n"
            f"Expected files that end with {', '.join(request.formats)}"
            f"{', in a folder for each class' if files.class_names else ''}.\n"
            "Check the path and the endings"
            f"{', or validation_split.' if rest else '.'}"
        )
    return Files(paths, labels, files.class_names)


# What is refused


def check_format(function: str, given: Any) -> None:
    """Raise for data sets of other libraries, which Keras makes on demand."""
    if given != "tf":
        raise ValueError(
            f"{function} was given format={described(given)}.\n"
            "Expected 'tf': Cornu's own Dataset, which has the methods of tf.data.\n"
            "Leave format away."
        )


def _check(request: Request) -> None:
    split, subset = request.validation_split, request.subset
    listed = isinstance(request.labels, (list, tuple))
    inferred = request.labels == "inferred" and request.label_mode is not None
    between = split is None or split == 0 or 0 < split < 1
    wrong = [
        ("labels", not (listed or request.labels in ("inferred", None)),
         "'inferred', None, or a list of whole numbers, one for each file"),
        ("class_names", bool(request.class_names) and not inferred,
         "none of them where labels are not inferred from folders"),
        ("label_mode", request.label_mode not in LABEL_MODES,
         "'int', 'categorical', 'binary' or None"),
        ("batch_size", not _is_size(request.batch_size),
         "a whole number above 0, or None for single samples"),
        ("validation_split", not between, "a number between 0 and 1"),
        ("subset", subset not in (*SUBSETS, None),
         "'training', 'validation', 'both' or None"),
        ("subset", bool(split) != bool(subset),
         f"validation_split and subset together, and validation_split is {split!r}"),
    ]  # fmt: skip
    for name, bad, expected in wrong:
        if bad:
            raise ValueError(
                f"{name}={described(getattr(request, name))} was given.\n"
                f"Expected {expected}.\nChange it, or leave it away."
            )
    if split and request.shuffle and request.seed is None:
        raise ValueError(
            f"validation_split={split} was given with shuffle=True and no seed.\n"
            "Expected a seed: with another order for each subset, some files would be "
            "in both.\nPass seed=1, for example, the same to both calls."
        )


def _is_size(given: Any) -> bool:
    whole = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    return given is None or (whole and int(given) > 0)
