"""Dataset: data that is prepared while it is used, with the methods of tf.data.

A data set says how its elements are made; nothing is made before a loop, `fit` or
`adapt` asks for it, and each loop begins at the first element again. Every method gives
a new data set. The functions that it is given are ordinary Python: they run once for
each element, on tensors, and can print, look into arrays, or open files.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.messages import described
from cornu.graph.tree import flatten, pack_like
from cornu.preprocessing import pipeline
from cornu.preprocessing.elements import (
    TensorSpec,
    checked,
    each,
    leaves,
    length,
    owned,
    raw,
    row,
    seen,
    specs,
)
from cornu.preprocessing.pipeline import Pass
from cornu.preprocessing.transformations import (
    INFINITE_CARDINALITY,
    LOOK,
    UNKNOWN_CARDINALITY,
    Batched,
    Transformations,
    check_dataset,
)

__all__ = ["Dataset", "TensorSpec"]


class Dataset(Transformations):
    """Elements that are made one by one while they are used.

    An element is an array, or a tuple or dict of elements. A loop gets tensors; text
    comes as `str`, and in arrays of `str`. Functions of elements that are tuples get
    their parts as arguments. Made by `Dataset.from_tensor_slices` and its like, and by
    `keras.utils.image_dataset_from_directory` and its like.

    Args:
        start: begins a pass. It must not do anything else, before the first element.
        count: the number of elements, or -1 (endless) or -2 (unknown).
        rows: where a pass gives numbers of rows, what makes a batch of them.
        batched: what is known where elements are batches.

    Example:

    >>> x, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 0])
    >>> dataset = Dataset.from_tensor_slices((x, y)).batch(2)
    >>> dataset = dataset.map(lambda x, y: (x / 10, y))
    >>> for inputs, targets in dataset:
    ...     print(inputs.shape, targets.numpy())
    (2, 2) [0 1]
    (2, 2) [0 1]
    (1, 2) [0]
    """

    def __init__(
        self,
        start: Callable[[], Pass],
        count: int,
        rows: Callable[[np.ndarray], Any] | None = None,
        batched: Batched | None = None,
    ) -> None:
        self._start, self._count, self._rows = start, count, rows
        self._batched = batched
        self._spec: Any = None

    # Making one

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """The rows of arrays.

        Args:
            tensors: array, list or tensor, or a tuple or dict of them, all with the
                same size of the first axis. A list is one array, as in tf.data.

        Raises:
            ValueError: where they differ in length.

        Example:

        >>> dataset = Dataset.from_tensor_slices({"a": [1, 2], "b": ["x", "y"]})
        >>> list(dataset.as_numpy_iterator())
        [{'a': np.int32(1), 'b': 'x'}, {'a': np.int32(2), 'b': 'y'}]
        """
        arrays = raw(tensors)
        count = length(arrays, "from_tensor_slices")
        return Dataset.from_rows(
            lambda numbers: each(lambda array: array[numbers], arrays), count
        )

    @staticmethod
    def from_rows(rows: Callable[[np.ndarray], Any], count: int) -> Dataset:
        """Rows that a function makes, many at once; `batch` asks it for whole batches.

        Args:
            rows: makes a batch of an array of row numbers.
            count: how many rows there are.

        Example:

        >>> squares = Dataset.from_rows(lambda numbers: numbers**2, 5)
        >>> [batch.tolist() for batch in squares.batch(3)]
        [[0, 1, 4], [9, 16]]
        """

        def make(numbers: np.ndarray) -> Any:
            return raw(rows(numbers))

        return Dataset(lambda: pipeline.plain(range(count)), count, make)

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """One element: these arrays."""
        element = raw(tensors)
        return Dataset(lambda: pipeline.plain([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: tuple[Any, ...] | None = None,
        output_signature: Any = None,
    ) -> Dataset:
        """The elements of an iterable that a function makes for each pass.

        Args:
            generator: gives an iterable, such as a generator function does.
            output_types: refused; see output_signature.
            output_shapes: refused; see output_signature.
            args: arguments of the function.
            output_signature: a `TensorSpec` for each part of an element: arrays get its
                dtype, and their shapes are compared. By default they stay as they are.

        Raises:
            TypeError: for what is no function.
            ValueError: for an element that differs from output_signature.
        """
        if not callable(generator):
            raise TypeError(
                f"from_generator was given {described(generator)}.\n"
                "Expected a function that makes an iterable, for each pass a new one.\n"
                "Pass the generator function without calling it, or lambda: values."
            )
        if output_types is not None or output_shapes is not None:
            raise TypeError(
                "from_generator was given output_types or output_shapes.\n"
                "Expected output_signature, which stands for both.\n"
                "Pass output_signature=TensorSpec(shape, dtype), or leave it away."
            )

        def start() -> Pass:
            for value in generator(*(args or ())):
                element = raw(value)
                if output_signature is not None:
                    element = checked(element, output_signature)
                yield element

        dataset = Dataset(start, UNKNOWN_CARDINALITY)
        dataset._spec = output_signature
        return dataset

    @staticmethod
    def range(*args: int, output_type: Any = "int64") -> Dataset:
        """The whole numbers of Python's `range`, as tensors of this dtype."""
        found = range(*args)
        return Dataset.from_rows(
            lambda numbers: (found.start + numbers * found.step).astype(output_type),
            len(found),
        )

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None
    ) -> Dataset:
        """The names of files that fit a pattern, or one of several.

        Args:
            file_pattern: such as 'texts/*.txt', or a list of patterns. `*` stands for
                anything within a name, `?` for one character, `[ab]` for one of these.
            shuffle: whether the names come in random order, in each pass a new one;
                True by default. In order they are sorted.
            seed: what the orders follow from; see `shuffle`.

        Raises:
            ValueError: when there is no such file.
        """
        several = isinstance(file_pattern, (list, tuple, np.ndarray))
        patterns = [os.fspath(p) for p in (file_pattern if several else [file_pattern])]
        names = sorted(
            name for p in patterns for name in glob.glob(p, include_hidden=True)
        )
        if not names:
            raise ValueError(
                f"list_files found nothing for {', '.join(map(repr, patterns))}.\n"
                "Expected a pattern that fits a file, such as 'texts/*.txt'.\n"
                f"Check the pattern; the folder of this process is {os.getcwd()!r}."
            )
        dataset = Dataset.from_tensor_slices(names)
        if shuffle is None or shuffle:
            return dataset.shuffle(len(names), seed)
        return dataset

    @staticmethod
    def load(path: str | os.PathLike[str], compression: str | None = None) -> Dataset:
        """The elements that `save` has written; blocks are read as they are needed.

        Args:
            path: the folder.
            compression: only None.

        Raises:
            FileNotFoundError: when there is no data set.
            ValueError: for a compression, and where a file is damaged.

        Example:

        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> Dataset.range(3).map(lambda x: (x, f"number {x}")).save(folder)
        >>> list(Dataset.load(folder).as_numpy_iterator())[-1]
        (np.int64(2), 'number 2')
        """
        from cornu.preprocessing import stored  # it needs the callbacks

        if compression is not None:
            raise ValueError(
                f"load was given compression={compression!r}.\n"
                "Expected None: save writes plain files.\nLeave it away."
            )
        counts, batched = stored.read_index(path)
        where = os.path.abspath(path)
        return Dataset(
            lambda: stored.elements(where, counts),
            sum(counts),
            None,
            None if batched is None else Batched(*batched),
        )

    @staticmethod
    def zip(*args: Any, datasets: Any = None) -> Dataset:
        """One element of each data set as one, until the shortest of them ends.

        Args:
            args: data sets, or a tuple or dict of them.
            datasets: the same as one argument.

        Example:

        >>> a, b = Dataset.range(3), Dataset.range(10, 20)
        >>> list(Dataset.zip(a, b).as_numpy_iterator())[-1]
        (np.int64(2), np.int64(12))
        """
        nest = args if datasets is None else datasets
        if datasets is None and len(args) == 1:
            nest = args[0]
        found = flatten(nest)
        for one in found:
            check_dataset(one, "zip")
        counts = [one._count for one in found if one._count != INFINITE_CARDINALITY]
        count = min(counts) if counts else INFINITE_CARDINALITY
        return Dataset(
            lambda: pipeline.together(
                [one._elements() for one in found], lambda each: pack_like(nest, each)
            ),
            count,  # the unknown, -2, is the smallest
        )

    # Iterating

    def _elements(self) -> Pass:
        """A pass over the elements, as nests of NumPy arrays."""
        if self._rows is None:
            return self._start()
        make = self._rows
        return pipeline.transformed(
            self._start(), lambda number: row(make(np.array([number])), 0)
        )

    def __iter__(self) -> Iterator[Any]:
        return pipeline.transformed(self._elements(), seen)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as NumPy arrays, the caller's own; text as str."""
        return pipeline.transformed(self._elements(), owned)

    def cardinality(self) -> Tensor:
        """The number of elements; -1 where there is no end, -2 where it is unknown.

        Returns:
            Tensor without axes, int64.
        """
        return Tensor(np.array(self._count, np.int64))

    def __len__(self) -> int:
        if self._count < 0:
            how = "no end" if self._count == INFINITE_CARDINALITY else "no known length"
            raise TypeError(
                f"This data set has {how}.\n"
                "Expected one whose elements can be counted without making them.\n"
                "Count them with sum(1 for element in dataset.take(n))."
            )
        return self._count

    def __bool__(self) -> bool:
        return True  # not to ask for a length that is unknown

    @property
    def element_spec(self) -> Any:
        """Shape and dtype of each part of an element; the first element is made.

        None stands for the size of batches, where the last one may be smaller.
        """
        if self._spec is None:
            element = self._first()
            found = leaves(element)
            vary = self._batched is not None and not self._batched.exact
            rows = len(found[0]) if vary and found and found[0].ndim else None
            self._spec = specs(element, rows)
        return self._spec

    def _first(self) -> Any:
        """The first element, of a pass that changes no later one."""
        LOOK.only = True
        try:
            with closing(self._elements()) as source:
                for element in source:
                    return element
        finally:
            LOOK.only = False
        raise ValueError(
            "This data set is empty, so that nobody knows what it holds.\n"
            "Expected at least one element.\nCheck how it was filtered."
        )

    def __repr__(self) -> str:
        count = {INFINITE_CARDINALITY: "endless", UNKNOWN_CARDINALITY: "length unknown"}
        kind = "" if self._batched is None else f" of up to {self._batched.size} rows"
        return f"<Dataset: {count.get(self._count, self._count)}{kind}>"
