"""Vectors for whole numbers, and the mask of what is padding."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from cornu import constraints, initializers, ops, regularizers
from cornu.graph.eager import Tensor
from cornu.graph.tensor import set_keras_mask
from cornu.layers.layer import Layer
from cornu.serialization import deserialize_keras_object


class Embedding(Layer):
    """A learned vector for each whole number from 0 up to (not including) `input_dim`.

    Args:
        input_dim: how many numbers there are: the largest one plus 1.
        output_dim: width of the vectors.
        embeddings_initializer: initializer of the vectors.
        embeddings_regularizer: penalty on the vectors.
        embeddings_constraint: constraint on the vectors.
        mask_zero: whether 0 is padding, which is masked in what follows.
        weights: the vectors to start from, of shape (input_dim, output_dim).
        input_length: (keyword) number of steps, as Keras 2 had to know it; only the
            first layer of a Sequential model, without an Input, still learns of its
            input's shape from it.

    Input of whole numbers of shape (batch, ...), output of shape (batch, ...,
    output_dim).

    Raises:
        ValueError: when a size is not positive, or `weights` have another shape.
        IndexError: when a number is negative or too large; in a compiled program as it
            runs.

    Example:

    >>> Embedding(1000, 64)([[4, 20], [7, 0]]).shape
    (2, 2, 64)
    """

    takes_indices = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        length = kwargs.pop("input_length", None)
        if length is not None and not {"input_shape", "batch_input_shape"} & {*kwargs}:
            kwargs["input_shape"] = (
                (length,) if isinstance(length, Integral) else tuple(length)
            )
        super().__init__(**kwargs)
        for name, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            good = isinstance(size, Integral) and not isinstance(size, bool)
            if not good or size <= 0:
                raise ValueError(
                    f"{type(self).__name__} was given {name}={size!r}.\n"
                    "Expected a positive whole number.\n"
                    "For example Embedding(10000, 32) for 10000 words."
                )
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = bool(mask_zero)
        self.autocast = False
        if weights is not None:
            self.build()
            one = isinstance(weights, (list, tuple)) and len(weights) == 1
            self.set_weights(weights if one else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        indices = self._checked(ops.cast(inputs, "int32"))
        return ops.cast(ops.take(self.embeddings, indices, axis=0), self.compute_dtype)

    def _checked(self, indices: Any) -> Any:
        """The indices; negative ones, which would count from the end, are wrong too."""
        if not isinstance(indices, Tensor) or not indices.is_known:
            # So the program refuses it as it does one that is too large.
            return ops.where(ops.less(indices, 0), self.input_dim, indices)
        self.check_data(np.asarray(indices))
        return indices

    def check_data(self, array: Any, **kwargs: Any) -> None:
        """Refuse numbers that are negative or too large.

        Args:
            array: the numbers.
            **kwargs: further arguments of the call.

        Raises:
            IndexError: naming the first of them, and its place.
        """
        if array.size and (array.min() < 0 or array.max() >= self.input_dim):
            wrong = np.argwhere((array < 0) | (array >= self.input_dim))
            place = tuple(wrong[0].tolist())
            raise IndexError(
                f"{self._title()}: its input holds the number {array[place]} (at "
                f"{list(place)}).\n"
                f"Expected whole numbers from 0 to {self.input_dim - 1}: input_dim is "
                f"{self.input_dim}.\n"
                "Make input_dim the size of the vocabulary, padding and unknown words "
                "included, or cut the vocabulary where the data is made."
            )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
            "embeddings_regularizer": regularizers.serialize(
                self.embeddings_regularizer
            ),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }


class ReversibleEmbedding(Embedding):
    """An Embedding that also goes back: from vectors to a score for each number.

    Args:
        input_dim: how many numbers there are.
        output_dim: width of the vectors.
        tie_weights: whether the way back uses the same vectors (Press and Wolf, 2016),
            or weights of its own.
        embeddings_initializer: initializer of the vectors, and of the way back.
        embeddings_regularizer: penalty on the vectors.
        embeddings_constraint: constraint on the vectors.
        mask_zero: whether 0 is padding, which is masked in what follows.
        reverse_dtype: dtype that the way back is computed in, the layer's by default.
        logit_soft_cap: limit that scores approach: cap * tanh(score / cap).

    Call arguments:
        inputs: whole numbers; with `reverse`, vectors of shape (..., output_dim).
        reverse: whether to go back, to scores of shape (..., input_dim).

    Raises:
        ValueError: see `Embedding`.

    Example:

    >>> layer = ReversibleEmbedding(100, 8)
    >>> vectors = layer([[1, 2, 3]])
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 3, 8), (1, 3, 100))
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = tie_weights  # `weights=` builds at once
        given = (embeddings_initializer, embeddings_regularizer)
        given += (embeddings_constraint, mask_zero)
        super().__init__(input_dim, output_dim, *given, **kwargs)
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            initializer = self.embeddings_initializer
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim),
                initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            vectors = super().call(inputs)
            if self.mask_zero:
                set_keras_mask(vectors, super().compute_mask(inputs))
            return vectors
        if inputs.shape[-1] != self.output_dim:
            raise ValueError(
                f"{self._title()}: with reverse=True its input has shape "
                f"{tuple(inputs.shape)}.\n"
                f"Expected vectors of width {self.output_dim} (output_dim).\n"
                "Give it vectors of the width that it makes itself."
            )
        kernel = (
            ops.transpose(self.embeddings)
            if self.tie_weights
            else self.reverse_embeddings
        )
        if self.reverse_dtype is not None:
            inputs = ops.cast(inputs, self.reverse_dtype)
            kernel = ops.cast(kernel, self.reverse_dtype)
        scores = ops.matmul(inputs, kernel)
        if self.logit_soft_cap is None:
            return scores
        return ops.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap

    def check_data(self, array: Any, **kwargs: Any) -> None:
        """Refuse numbers that are negative or too large, on the way there."""
        if not kwargs.get("reverse"):
            super().check_data(array)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None  # `call` sets it, in one of its directions

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }


class Masking(Layer):
    """Masks the steps of which every feature is `mask_value`, and sets them to 0.

    Args:
        mask_value: the number.

    Input and output of shape (batch, steps, features).

    Example:

    >>> Masking(-1.0)([[[1.0], [-1.0]]]).tolist()
    [[[1.0], [0.0]]]
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(mask_value, dict):  # an array, as files hold it
            mask_value = deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(counts, inputs, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
