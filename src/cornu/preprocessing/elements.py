"""What a data set is made of: nests of arrays, and what its user sees of them.

An element is an array, or a tuple or dict of elements. Inside, all of them are NumPy
arrays, so that rows can be stacked and cut at NumPy's speed. What a user's function or
loop is given are tensors, because code for Keras calls `images.numpy()` and
`images[0].shape`, and computes with them; and a tensor is an array to NumPy as well.
Text is in arrays of Python's own strings, a single one is a `str`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor, as_array, is_native
from cornu.graph.messages import described
from cornu.graph.spec import STRING, standardize_dtype
from cornu.graph.tensor import TensorBase
from cornu.graph.tree import flatten, map_structure


class TextArray(np.ndarray):
    """An array of strings, which answers `.numpy()` as tensors do."""

    def numpy(self) -> np.ndarray:
        """A plain NumPy array of the strings, the caller's own."""
        return np.array(self, object, subok=False)


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of a part of an element; None stands for a size that varies.

    Example:

    >>> TensorSpec((None, 3), "float32")
    TensorSpec(shape=(None, 3), dtype='float32')
    """

    shape: tuple[int | None, ...] | None = None
    dtype: Any = "float32"


@dataclass(frozen=True)
class DatasetSpec:
    """What the elements of a data set are that is a part of an element itself."""

    element_spec: Any = None


class Inner:
    """A data set, which may be a part of an element; it stays as it is."""

    element_spec: Any


class Explained(ValueError):
    """An error whose message says all, so that nothing is to be added."""


def each(function: Callable[..., Any], nest: Any, *others: Any) -> Any:
    """The nest with `function` of each array; a part that is None stays None."""
    return map_structure(
        lambda leaf, *more: None if leaf is None else function(leaf, *more),
        nest,
        *others,
    )


def leaves(nest: Any) -> list[Any]:
    """The arrays of a nest."""
    found = [leaf for leaf in flatten(nest) if leaf is not None]
    return [leaf for leaf in found if not isinstance(leaf, Inner)]


def raw(value: Any) -> Any:
    """What a user gives as an element, as a nest of arrays. Lists become arrays.

    Raises:
        TypeError: for what is neither numbers nor text.
        ValueError: for lists whose rows differ in length.
    """
    if isinstance(value, dict):
        return {key: raw(part) for key, part in value.items()}
    if isinstance(value, tuple):
        parts = [raw(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return None if value is None else _array(value)


def _array(value: Any) -> np.ndarray:
    if isinstance(value, TensorBase):
        return value.__array__()
    if isinstance(value, Inner):
        return value  # type: ignore[return-value]
    if is_native(value):
        return as_array(value)
    if hasattr(value, "to_numpy"):  # pandas
        value = value.to_numpy()
    elif hasattr(value, "__array__") and not isinstance(value, np.ndarray):
        value = np.asarray(value)
    first = value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (str, bytes)):
        # NumPy's own arrays of text take the memory of the longest string for each.
        value = np.array(value, object)
    if isinstance(value, np.ndarray) and value.dtype.kind in "USO":
        text = value.astype(object, copy=False)
        if all(isinstance(part, (str, bytes)) for part in text.flat):
            return text.view(np.ndarray)
    return as_array(value)


def seen(nest: Any) -> Any:
    """An element as its user sees it: tensors, and text."""
    return each(_seen, nest)


def _seen(array: Any) -> Any:
    if isinstance(array, Inner):
        return array
    if array.dtype != object:
        return Tensor(array)
    if array.ndim == 0:
        return array.item()
    shown = array.view(TextArray)
    shown.flags.writeable = False  # other elements may rest on the same memory
    return shown


def owned(nest: Any) -> Any:
    """An element as NumPy arrays, the caller's own; single values as NumPy has them."""
    return each(lambda a: a if isinstance(a, Inner) else a.copy()[()], nest)


def called(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A user's function of elements; a tuple is given as several arguments."""

    def call(nest: Any) -> Any:
        shown = seen(nest)
        return function(*shown) if type(shown) is tuple else function(shown)

    return call


def mapped(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A user's function from elements to elements."""
    call = called(function)
    return lambda nest: raw(call(nest))


def row(nest: Any, index: int) -> Any:
    """One row of each array."""
    return each(lambda array: array[index, ...], nest)


def length(nest: Any, title: str) -> int:
    """The number of rows that all arrays of a nest have.

    Args:
        nest: the arrays.
        title: what is done with them, for messages.

    Raises:
        ValueError: when they have not one and the same.
    """
    arrays = leaves(nest)
    sizes = {array.shape[0] if array.ndim else None for array in arrays}
    if len(sizes) != 1 or None in sizes:
        shapes = ", ".join(str(array.shape) for array in arrays) or "none"
        raise ValueError(
            f"{title} was given arrays of the shapes {shapes}.\n"
            "Expected one or more, all with the same size of the first axis, that of "
            "the samples.\nCheck how they were made or sliced."
        )
    (size,) = sizes
    assert size is not None
    return size


def stacked(elements: list[Any]) -> Any:
    """Elements as the rows of one.

    Raises:
        ValueError: when they differ in their nesting or shapes.
    """
    return _joined(elements, np.stack, "batch", "padded_batch pads them to one shape")


def gathered(elements: list[Any], make: Callable[[list[Any]], Any]) -> Any:
    """The nest with what `make` gives for the arrays of each part, in a list."""
    join = lambda arrays: make(list(arrays))  # noqa: E731
    return _joined(elements, join, "window", "map makes them alike")


def chained(parts: list[Any]) -> Any:
    """The rows of several elements, one after the other, in one."""
    if len(parts) == 1:
        return parts[0]
    return _joined(parts, np.concatenate, "rebatch", "unbatch and map make them alike")


def padded(elements: list[Any], shapes: Any, values: Any) -> Any:
    """Elements as the rows of one, filled up to the largest, or to given shapes.

    Args:
        elements: what is stacked.
        shapes: a shape for each part, with None or -1 where the largest counts; or
            None for all that.
        values: what is added, a value for each part; or None for 0 and ''.
    """

    def pad(given: tuple[Any, ...]) -> Any:
        *arrays, shape, value = given
        sizes = [max(n) for n in zip(*(a.shape for a in arrays), strict=True)]
        for axis, wanted in enumerate(shape.wanted or ()):
            if wanted is None or wanted == -1:
                continue
            if wanted < sizes[axis]:
                raise Explained(
                    f"padded_batch was to fill up shape {tuple(sizes)} to "
                    f"{tuple(shape.wanted)}.\nExpected shapes that are not smaller.\n"
                    "Use None for a size of padded_shapes to take the largest."
                )
            sizes[axis] = wanted
        text = arrays[0].dtype == object
        filler = ("" if text else 0) if value.wanted is None else value.wanted
        table = np.full((len(arrays), *sizes), filler, arrays[0].dtype)
        for i, array in enumerate(arrays):
            table[(i, *map(slice, array.shape))] = array
        return table

    return _joined(
        [
            *elements,
            _spread(shapes, elements[0], _is_shape),
            _spread(values, elements[0], lambda v: not isinstance(v, (tuple, dict))),
        ],
        pad,
        "padded_batch",
        "padded_shapes and padding_values need a part for each of them",
    )


class _Wanted:
    """A shape or value that no nesting shows: a shape is a tuple itself."""

    def __init__(self, wanted: Any) -> None:
        self.wanted = wanted


def _is_shape(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and all(
        size is None or isinstance(size, (int, np.integer)) for size in given
    )


def _spread(given: Any, nest: Any, single: Callable[[Any], bool]) -> Any:
    """What was given for each array of a nest; one that is `single` for all of them."""
    if given is None or single(given):
        return map_structure(lambda _: _Wanted(given), nest)
    if isinstance(nest, dict):
        return {key: _spread(given[key], nest[key], single) for key in nest}
    return tuple(_spread(g, n, single) for g, n in zip(given, nest, strict=True))


def _joined(elements: list[Any], join: Any, title: str, fix: str) -> Any:
    if any(isinstance(leaf, Inner) for leaf in flatten(elements[0])):
        raise ValueError(
            f"{title} was called on elements that are data sets.\n"
            "Expected arrays, which can be put together.\nMake batches of them first: "
            "dataset.flat_map(lambda window: window.batch(n))."
        )
    try:
        return each(lambda *arrays: join(arrays), *elements)
    except Explained:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        elements = [e for e in elements if not isinstance(flatten(e)[0], _Wanted)]
        first = specs(elements[0])
        other = next((e for e in elements if specs(e) != first), elements[-1])
        raise ValueError(
            f"{title} cannot put these elements together: {described(first)} and "
            f"{described(specs(other))}.\n"
            "Expected elements that are nested alike, with arrays of equal shapes.\n"
            f"Check what map made of them; {fix}."
        ) from error


def specs(nest: Any, rows: int | None = None) -> Any:
    """The shape and dtype of each array of a nest.

    Args:
        nest: the arrays.
        rows: a size of the first axis that varies from element to element.
    """

    def of_one(array: Any) -> TensorSpec | DatasetSpec:
        if isinstance(array, Inner):
            return DatasetSpec(array.element_spec)
        shape = tuple(array.shape)
        if rows is not None and shape[:1] == (rows,):
            shape = (None, *shape[1:])
        text = array.dtype == object
        return TensorSpec(shape, STRING if text else array.dtype.name)

    return each(of_one, nest)


def checked(nest: Any, signature: Any) -> Any:
    """An element as a signature says that it is: dtypes made so, shapes compared.

    Args:
        nest: the arrays.
        signature: a nest of what has a `shape` and a `dtype`, such as `TensorSpec`.

    Raises:
        ValueError: when it is otherwise.
    """

    def check(array: Any, spec: Any) -> Any:
        if not hasattr(spec, "shape"):
            raise TypeError("an array stands where a tuple or dict should")
        shape, dtype = spec.shape, getattr(spec.dtype, "name", spec.dtype)
        sizes = None if shape is None else tuple(shape)
        fits = sizes is None or (
            len(sizes) == array.ndim
            and all(n in (None, m) for n, m in zip(sizes, array.shape, strict=True))
        )
        if not fits or (dtype == STRING) != (array.dtype == object):
            raise Explained(
                f"from_generator was given {specs(array)}.\nExpected {spec}, as its "
                "output_signature says.\nChange the signature, or the generator."
            )
        return array if dtype == STRING else array.astype(standardize_dtype(dtype))

    try:
        return map_structure(check, nest, signature)
    except Explained:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"from_generator was given {described(specs(nest))}.\n"
            f"Expected it nested as output_signature: {described(signature)}.\n"
            "Change the signature, or the generator."
        ) from error
