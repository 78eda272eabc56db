"""Attention between two sequences, by products or by sums of their vectors."""

from __future__ import annotations

from numbers import Real
from typing import Any

from cornu import ops
from cornu.layers.layer import Layer
from cornu.ops.attention import causal_mask
from cornu.ops.nn import weights_of
from cornu.ops.random import SeedGenerator
from cornu.ops.random import dropout as drop


class Attention(Layer):
    """For each query a mean of values, weighted by softmax(query @ key).

    Called on [query, value] or [query, value, key], of shapes (batch, queries, width),
    (batch, keys, value width) and (batch, keys, width); the key is the value where it
    is not given. (Luong et al., 2015.)

    Args:
        use_scale: whether the scores are multiplied by a learned number.
        score_mode: 'dot' for products of query and key, or 'concat' for a learned
            number times the sum of tanh(query + key).
        dropout: part of the weights that is dropped while training.
        seed: seed of the dropout; random by default.

    Call arguments:
        inputs: the list.
        mask: a list of two masks, or three: of the queries, which get 0 where it is
            False, and of the values, which do not count there.
        return_attention_scores: whether the weights, of shape (batch, queries, keys),
            are returned too.
        training: whether it trains.
        use_causal_mask: whether a query sees only the values up to its own place.

    Returns:
        Tensor of shape (batch, queries, value width); with the weights, a tuple.

    Raises:
        ValueError: when the inputs or masks do not fit together.

    Example:

    >>> import numpy as np
    >>> query, value = np.zeros((1, 2, 3)), np.ones((1, 4, 3))
    >>> Attention()([query, value]).shape
    (1, 2, 3)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"{type(self).__name__} was given score_mode={score_mode!r}.\n"
                "Expected 'dot' or 'concat'.\nLeave it away for 'dot'."
            )
        if not isinstance(dropout, Real) or not 0 <= float(dropout) <= 1:
            raise ValueError(
                f"{type(self).__name__} was given dropout={dropout!r}.\n"
                "Expected a number from 0 to 1, the part of the weights that is "
                "dropped.\nFor example dropout=0.1."
            )
        self.use_scale, self.score_mode = use_scale, score_mode
        self.dropout, self.seed = dropout, seed
        self.seed_generator = SeedGenerator(seed) if float(dropout) > 0 else None
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            name = "concat_score_weight"
            self.concat_score_weight = self.add_weight((), "ones", name=name)
        self.built = True

    def _check_shapes(self, shapes: Any) -> None:
        several = isinstance(shapes, list) and 2 <= len(shapes) <= 3
        if not several or any(len(shape or ()) < 3 for shape in shapes):
            raise ValueError(
                f"{self._title()} was called on {shapes} (shapes).\n"
                "Expected a list [query, value] or [query, value, key] of tensors of "
                "shape (batch, steps, width).\n"
                "Write layer([query, value])."
            )
        query, value, key = (*shapes, shapes[1])[:3]
        pairs = [(query[-1], key[-1]), *zip(value[:-1], key[:-1], strict=False)]
        pairs += zip(query[:-2], key[:-2], strict=False)
        ranks = {len(query), len(value), len(key)}
        if len(ranks) > 1 or any(m != n for m, n in pairs if None not in (m, n)):
            raise ValueError(
                f"{self._title()}: query {query}, value {value} and key {key} do not "
                "fit together (shapes).\n"
                "Expected queries as wide as the keys, and a value for each key.\n"
                "Project one of them with a Dense layer."
            )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = (*inputs, inputs[1])[:3]
        of_query, of_value = self._masks(mask)
        scores = self._scores(query, key)
        seen = of_value
        if seen is not None and seen.ndim < scores.ndim:
            seen = ops.expand_dims(seen, -2)
        if use_causal_mask:
            ahead = causal_mask(*scores.shape[-2:])
            seen = ahead if seen is None else ops.logical_and(seen, ahead)
        if seen is not None:
            low = 65504.0 if scores.dtype == "float16" else 1.0e9
            scores = ops.where(seen, scores, scores - low)
        weights = weights_of(scores)
        used = weights
        if training and self.seed_generator is not None:
            used = drop(weights, self.dropout, seed=self.seed_generator)
        y = ops.matmul(used, value)
        if of_query is not None:
            y = ops.where(ops.expand_dims(of_query, -1), y, 0)
        return (y, used) if return_attention_scores else y

    def _masks(self, mask: Any) -> tuple[Any, Any]:
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or not 2 <= len(mask) <= 3:
            raise ValueError(
                f"{self._title()} was given a mask that is no list of two or three.\n"
                "Expected [mask of the query, mask of the value], None or of shape "
                "(batch, steps) each.\n"
                "Write for example layer([query, value], mask=[None, value_mask])."
            )
        first, second = (None if m is None else ops.cast(m, "bool") for m in mask[:2])
        return first, second

    def _scores(self, query: Any, key: Any) -> Any:
        """How each query agrees with each key, of shape (batch, queries, keys)."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else scores * self.scale
        pairs = _sums(query, key)
        pairs = pairs if self.scale is None else self.scale * pairs
        return self.concat_score_weight * ops.sum(ops.tanh(pairs), axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self._masks(previous_mask)[0]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


def _sums(query: Any, key: Any) -> Any:
    """The sum of each query and each key, of shape (batch, queries, keys, width)."""
    return ops.expand_dims(query, -2) + ops.expand_dims(key, -3)


class AdditiveAttention(Attention):
    """For each query a mean of values, weighted by softmax(scale @ tanh(query + key)).

    (Bahdanau et al., 2015.)

    Args:
        use_scale: whether the sum over the width has learned weights.
        dropout: part of the weights that is dropped while training.
        seed: (keyword) seed of the dropout; random by default.

    Inputs, call arguments and outputs are those of `Attention`.

    Raises:
        ValueError: when the inputs or masks do not fit together.

    Example:

    >>> import numpy as np
    >>> query, value = np.zeros((1, 2, 3)), np.ones((1, 4, 3))
    >>> AdditiveAttention()([query, value]).shape
    (1, 2, 3)
    """

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            width = (input_shape[0][-1],)
            self.scale = self.add_weight(width, "glorot_uniform", name="scale")
        self.built = True

    def _scores(self, query: Any, key: Any) -> Any:
        agreed = ops.tanh(_sums(query, key))
        if self.scale is None:
            return ops.sum(agreed, axis=-1)
        return ops.matmul(agreed, self.scale)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config
