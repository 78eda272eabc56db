"""Layers that make one tensor of several: Add, Concatenate, Dot and their kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from cornu import ops
from cornu.graph.tensor import keras_mask
from cornu.layers.layer import Layer


class Merge(Layer):
    """Base of the layers that make one tensor of a list of them.

    A subclass has `merge(self, tensors)`. Tensors with fewer axes get new ones after
    the batch, so that all have as many.
    """

    at_least = 1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        several = isinstance(input_shape, (list, tuple)) and all(
            isinstance(shape, (list, tuple)) for shape in input_shape
        )
        if not several or len(input_shape) < self.at_least:
            raise ValueError(
                f"{self._title()} was called on {input_shape} (shapes).\n"
                f"Expected a list of at least {self.at_least} tensors.\n"
                f"Write {type(self).__name__}()([a, b])."
            )
        batches = {shape[0] for shape in input_shape if shape and shape[0] is not None}
        if len(batches) > 1:
            raise ValueError(
                f"{self._title()} was called on tensors of shapes "
                f"{', '.join(map(str, input_shape))}.\n"
                "Expected equal first axes, those of the batch.\n"
                "Check how the inputs were made."
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        most = max(len(x.shape) for x in inputs)
        return self.merge([_with_axes(x, most) for x in inputs])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        # As in Keras: what one of them has counts, and one without a mask has it all.
        masks = previous_mask or [None]
        return None if any(m is None for m in masks) else reduce(ops.logical_or, masks)

    def merge(self, tensors: list[Any]) -> Any:
        """One tensor of several; to be written by subclasses."""
        raise NotImplementedError(
            f"{self._title()} has no method `merge`.\n"
            "Expected merge(self, tensors), which gives one tensor.\n"
            "Write it in the class."
        )


def _with_axes(x: Any, ndim: int) -> Any:
    for _ in range(ndim - len(x.shape)):
        x = ops.expand_dims(x, 1)
    return x


class Add(Merge):
    """The sum of all tensors, which may broadcast.

    Example:

    >>> Add()([ops.array([[1.0, 2.0]]), ops.array([[10.0, 20.0]])]).tolist()
    [[11.0, 22.0]]
    """

    def merge(self, tensors: list[Any]) -> Any:
        return reduce(ops.add, tensors)


class Subtract(Merge):
    """The first tensor minus the second; there must be two."""

    at_least = 2

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        _two(self, input_shape)

    def merge(self, tensors: list[Any]) -> Any:
        return ops.subtract(*tensors)


class Multiply(Merge):
    """The product of all tensors, element by element; what is masked counts as 1."""

    def merge(self, tensors: list[Any]) -> Any:
        masks = [_full_mask(x) for x in tensors]
        factors = [
            x if mask is None else ops.where(mask, x, 1)
            for x, mask in zip(tensors, masks, strict=True)
        ]
        product = reduce(ops.multiply, factors)
        if any(mask is None for mask in masks):
            return product
        return ops.where(reduce(ops.logical_or, masks), product, 0)


class Average(Merge):
    """The mean of all tensors, element by element."""

    def merge(self, tensors: list[Any]) -> Any:
        return reduce(ops.add, tensors) / float(len(tensors))


class Maximum(Merge):
    """The largest of all tensors, element by element, of those that are not masked."""

    def merge(self, tensors: list[Any]) -> Any:
        return _extreme(ops.maximum, tensors)


class Minimum(Merge):
    """The smallest of all tensors, element by element, of those that are not masked."""

    def merge(self, tensors: list[Any]) -> Any:
        return _extreme(ops.minimum, tensors)


def _full_mask(x: Any) -> Any:
    """The mask that a tensor carries, in the tensor's shape; or None."""
    mask = keras_mask(x)
    return None if mask is None else ops.broadcast_to(mask[..., None], x.shape)


def _extreme(op: Callable[..., Any], tensors: list[Any]) -> Any:
    """`op` of all tensors, where one that is masked leaves the choice to the other."""
    output, counts = tensors[0], _full_mask(tensors[0])
    for x in tensors[1:]:
        mask = _full_mask(x)
        if mask is not None:
            x = ops.where(mask, x, output)
        if counts is not None:
            output = ops.where(counts, output, x)
        both = mask is not None and counts is not None
        counts = ops.logical_or(counts, mask) if both else None
        output = op(output, x)
    return output


class Concatenate(Merge):
    """The tensors one after the other along an axis.

    Args:
        axis: the axis; all others have equal sizes.

    Raises:
        ValueError: when they have not.

    Example:

    >>> Concatenate()([ops.array([[1.0]]), ops.array([[2.0, 3.0]])]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(list(inputs), self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if all(mask is None for mask in previous_mask or [None]):
            return None
        whole = []
        for x, mask in zip(inputs, previous_mask, strict=True):
            everything = ops.ones_like(x, dtype="bool")
            if mask is None:
                mask = everything
            elif mask.ndim < x.ndim:
                mask = ops.logical_and(ops.expand_dims(mask, -1), everything)
            whole.append(mask)
        return ops.any(ops.concatenate(whole, self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """The products of two tensors, sample by sample, summed over an axis of each.

    Args:
        axes: the axis, or one for each tensor; the batch is axis 0.
        normalize: whether to divide by the norms along these axes first, which gives
            the cosine of the angle between them.

    Returns:
        Tensor of shape (batch, ...), the axes that are left; (batch, 1) for none.

    Raises:
        ValueError: when there are not two tensors, or the axes differ in size.

    Example:

    >>> Dot(axes=1)([ops.array([[1.0, 2.0]]), ops.array([[3.0, 4.0]])]).tolist()
    [[11.0]]
    """

    at_least = 2

    def __init__(
        self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or not all(isinstance(a, int) for a in pair):
            raise ValueError(
                f"{self._title()} was given axes={axes!r}.\n"
                "Expected an axis, or two: one for each tensor.\n"
                "For example Dot(axes=1)."
            )
        self.axes = axes if isinstance(axes, int) else list(pair)
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        _two(self, input_shape)
        places = self._places([len(shape) for shape in input_shape])
        sizes = [shape[place] for shape, place in zip(input_shape, places, strict=True)]
        if 0 in places or (None not in sizes and sizes[0] != sizes[1]):
            raise ValueError(
                f"{self._title()}: its inputs have shapes {input_shape[0]} and "
                f"{input_shape[1]}, and axes={self.axes}.\n"
                "Expected axes of equal size, and not the batch (axis 0).\n"
                "Give an axis for each tensor: Dot(axes=(2, 1))."
            )

    def _places(self, ndims: list[int]) -> list[int]:
        pair = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        return [a % n for a, n in zip(pair, ndims, strict=True)]

    def call(self, inputs: Any) -> Any:
        a, b = inputs
        i, j = self._places([len(a.shape), len(b.shape)])
        if self.normalize:
            a, b = ops.normalize(a, axis=i), ops.normalize(b, axis=j)
        product = ops.dot_general(a, b, ((i,), (j,)), ((0,), (0,)))
        return ops.expand_dims(product, 1) if len(product.shape) == 1 else product

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        own = {"axes": self.axes, "normalize": self.normalize}
        return {**super().get_config(), **own}


def _two(layer: Layer, shapes: Any) -> None:
    if len(shapes) != 2:
        raise ValueError(
            f"{layer._title()} was called on {len(shapes)} tensors.\n"
            f"Expected two.\nWrite {type(layer).__name__}(...)([a, b])."
        )


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Any, axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
