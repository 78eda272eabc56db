"""Attention with several heads: of their own, or with keys and values in groups."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from functools import reduce
from numbers import Integral, Real
from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.layers.activation import Softmax
from cornu.layers.core import Dropout
from cornu.layers.einsum_dense import EinsumDense
from cornu.layers.layer import Layer
from cornu.layers.tracking import building
from cornu.ops.attention import causal_mask


class HeadedAttention(Layer):
    """Base: projections of query, key and value; attention; a projection of its result.

    A subclass keeps its sizes, makes the projections in `build` by `_projection`, and
    says in `_attend` what is done with what they give.

    Args:
        dropout: part of the attention weights that is dropped while training.
        use_bias: whether the projections have a bias.
        sliding_window: see the subclasses.
        flash_attention: a hint without meaning here.
        kernel_initializer: initializer of the projections' kernels.
        bias_initializer: initializer of their biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on what the projections give.
        kernel_constraint: constraint on the kernels.
        bias_constraint: constraint on the biases.
        use_gate: whether the result is multiplied by sigmoid of a further projection of
            the query.
        seed: seed of the dropout; random by default.
    """

    def __init__(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sliding_window is not None:
            self._check_positive("sliding_window", sliding_window)
        if not isinstance(dropout, Real) or not 0 <= float(dropout) <= 1:
            raise ValueError(
                f"{type(self).__name__} was given dropout={dropout!r}.\n"
                "Expected a number from 0 to 1, the part of the weights that is "
                "dropped.\nFor example dropout=0.1."
            )
        self.dropout, self.use_bias, self.use_gate = dropout, use_bias, use_gate
        self.sliding_window, self.flash_attention = sliding_window, flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.seed = seed
        self.supports_masking = True

    def _check_positive(self, name: str, size: Any) -> None:
        whole = isinstance(size, Integral) and not isinstance(size, bool)
        if whole and int(size) > 0:
            return
        raise ValueError(
            f"{type(self).__name__} was given {name}={size!r}.\n"
            "Expected a positive whole number.\n"
            f"Write for example {name}=8."
        )

    # Building

    def _projection(
        self, name: str, rank: int, sizes: Sequence[int], bound: int = 1, **options: Any
    ) -> EinsumDense:
        """A projection of the last `bound` of `rank` axes to axes of these sizes."""
        letters, free = string.ascii_lowercase, rank - bound
        kept, summed = letters[:free], letters[free:rank]
        new = letters[rank : rank + len(sizes)]
        return EinsumDense(
            f"{kept}{summed},{summed}{new}->{kept}{new}",
            (*[None] * (free - 1), *sizes),
            bias_axes=new if self.use_bias else None,
            kernel_initializer=_another(self.kernel_initializer),
            bias_initializer=_another(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    def _build_around(
        self,
        shapes: tuple[Any, Any, Any],
        heads: tuple[int, ...],
        widths: tuple[int, ...],
        axes: tuple[int, ...],
        output: Sequence[int],
    ) -> None:
        """All projections, and what stands between them.

        Args:
            shapes: of query, value and key.
            heads: of the query, and of key and value.
            widths: of a head of query and key, and of one of the value.
            axes: which axes of the inputs attention is over.
            output: sizes of the result's last axes.
        """
        query, value, key = shapes
        if tuple(value[1:-1]) != tuple(key[1:-1]):
            raise ValueError(
                f"{self._title()}: value {tuple(value)} and key {tuple(key)} (shapes) "
                "do not fit together.\nExpected a value for each key.\n"
                "Leave the key away where it is the value."
            )
        of_query, of_value = (heads[0], widths[1]), (heads[1], widths[1])
        self._query_dense = self._projection("query", len(query), (heads[0], widths[0]))
        self._key_dense = self._projection("key", len(key), (heads[1], widths[0]))
        self._query_dense.build(query)
        self._key_dense.build(key)
        if self.use_gate:
            gate = self._projection("gate", len(query), of_query, activation="sigmoid")
            self._gate_dense = gate
            gate.build(query)
        self._value_dense = self._projection("value", len(value), of_value)
        self._value_dense.build(value)
        self._build_attention(len(value) + 1, axes)
        name, rank = "attention_output", len(query) + 1
        self._output_dense = self._projection(name, rank, output, bound=2)
        self._output_dense.build((*query[:-1], *of_query))
        self._heads, self._scale = heads[0], 1.0 / math.sqrt(widths[0])
        self.built = True

    def _build_attention(self, rank: int, axes: tuple[int, ...]) -> None:
        """The equations of scores and result, for projected tensors of a rank."""
        letters = string.ascii_lowercase
        query, unused = letters[:rank], iter(letters[rank:])
        key = "".join(next(unused) if i in axes else c for i, c in enumerate(query))
        batch = "".join(c for i, c in enumerate(query[:-1]) if i not in axes)
        scores = batch + "".join(x[i] for x in (query, key) for i in axes)
        self._scores_equation = f"{key},{query}->{scores}"
        self._result_equation = f"{scores},{key}->{query}"
        self._axes = axes
        over = range(len(scores) - len(axes), len(scores))
        self._softmax = Softmax(axis=tuple(over), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy
        )

    # Calling

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        # Copies carry no masks: these are used here, and are no concern of projections.
        query, value, key = (ops.copy(each) for each in (query, value, key))
        masks = {"query": query_mask, "value": value_mask, "key": key_mask}
        mask = self._mask(query, value, masks, attention_mask)
        if use_causal_mask:
            self._check_one_axis("use_causal_mask=True")
        gate = self._gate_dense(query) if self.use_gate else None
        y, weights = self._attend(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            mask,
            use_causal_mask,
            return_attention_scores,
            training,
        )
        y = self._output_dense(y if gate is None else y * gate)
        return (y, weights) if return_attention_scores else y

    def _attend(
        self,
        query: Any,
        key: Any,
        value: Any,
        mask: Any,
        causal: bool,
        with_weights: bool,
        training: Any,
    ) -> tuple[Any, Any]:
        """The result for each head, and the weights, where they are asked for."""
        if query.ndim == 4 and self.dropout == 0 and not with_weights:
            given = {"mask": mask, "scale": self._scale, "is_causal": causal}
            return ops.dot_product_attention(query, key, value, **given), None
        if causal:
            (axis,) = self._axes
            ahead = causal_mask(query.shape[axis], key.shape[axis])
            mask = ahead if mask is None else ops.logical_and(mask, ahead)
        key, value = self._for_each_head(key), self._for_each_head(value)
        scores = ops.einsum(self._scores_equation, key, query * self._scale)
        weights = self._softmax.call(scores, mask)
        used = self._dropout_layer(weights, training=training)
        return ops.einsum(self._result_equation, used, value), weights

    def _for_each_head(self, x: Any) -> Any:
        """Keys or values with as many heads as the query has."""
        return x

    def _mask(
        self, query: Any, value: Any, masks: dict[str, Any], attention_mask: Any
    ) -> Any:
        """Which query sees which key, by all but their order; None for every one."""
        found = []
        for name, mask in masks.items():
            if mask is not None:
                self._check_one_axis(f"{name}_mask", 1)
                place = -1 if name == "query" else -2
                found.append(ops.expand_dims(ops.cast(mask, "bool"), place))
        if self.sliding_window is not None:
            self._check_one_axis("sliding_window")
            found.append(_window(query, value, self._axes[0], self.sliding_window))
        if attention_mask is not None:
            found.append(ops.cast(attention_mask, "bool"))
        if not found:
            return None
        # To the rank of the scores: the axes of the heads come before the others.
        n = len(self._axes)
        ndim = query.ndim + n
        for i, mask in enumerate(found):
            missing = range(ndim - mask.ndim if mask.ndim >= 2 * n else 0)
            for _ in missing:
                found[i] = ops.expand_dims(found[i], -2 * n - 1)
        self._check_masks(query, value, found)
        return reduce(ops.logical_and, found)

    def _check_masks(self, query: Any, value: Any, masks: list[Any]) -> None:
        over = [[x.shape[a] for a in self._axes] for x in (query, value)]
        others = [n for a, n in enumerate(query.shape[:-1]) if a not in self._axes]
        scores = (*others, self._heads, *over[0], *over[1])
        for mask in masks:
            pairs = zip(mask.shape, scores, strict=False)
            if mask.ndim != len(scores) or any(m not in (1, n) for m, n in pairs):
                raise ValueError(
                    f"{self._title()}: a mask has shape {tuple(mask.shape)}, and the "
                    f"scores have {scores}.\n"
                    "Expected an attention_mask of shape (batch, queries, keys), or "
                    "with an axis for the heads after the batch; and other masks of "
                    "shape (batch, steps).\n"
                    "Compare the mask with the shapes of query and value."
                )

    def _check_one_axis(self, what: str, axis: int | None = None) -> None:
        if len(self._axes) == 1 and axis in (None, *self._axes):
            return
        wanted = "axis 1" if axis else "one axis"
        raise ValueError(
            f"{self._title()} was given {what}, and attends over the axes "
            f"{self._axes}.\n"
            f"Expected attention over {wanted} where masks are made of steps.\n"
            "Pass attention_mask= instead, which says it for each query and key."
        )

    def get_config(self) -> dict[str, Any]:
        penalty = regularizers.serialize(self._activity_regularizer)
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": penalty,
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


def _another(initializer: Any) -> Any:
    """An initializer with the same settings that draws other numbers."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def _window(query: Any, value: Any, axis: int, width: int) -> Any:
    """Which steps are less than `width` apart: booleans of shape (queries, keys)."""
    rows = ops.expand_dims(ops.arange(query.shape[axis]), 1)
    return ops.less(ops.abs(rows - ops.arange(value.shape[axis])), width)


class MultiHeadAttention(HeadedAttention):
    """Attention with several heads (Vaswani et al., 2017).

    Query, key and value are projected for each head; for each query a mean of values is
    taken, weighted by softmax(query @ key / sqrt(key_dim)); and what the heads give is
    projected to the output.

    Args:
        num_heads: number of heads.
        key_dim: width of a head of query and key.
        value_dim: width of a head of the value, `key_dim` by default.
        dropout: part of the attention weights that is dropped while training.
        use_bias: whether the projections have a bias.
        output_shape: size or sizes of the output's last axes; the width of the query by
            default.
        attention_axes: axes that attention is over; all but the first and the last by
            default.
        sliding_window: a query sees only keys less than so many steps away.
        flash_attention: a hint without meaning here.
        kernel_initializer: initializer of the projections' kernels.
        bias_initializer: initializer of their biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on what the projections give.
        kernel_constraint: constraint on the kernels.
        bias_constraint: constraint on the biases.
        use_gate: whether what the heads give is multiplied by sigmoid of a further
            projection of the query.
        seed: seed of the dropout; random by default.

    Call arguments:
        query: tensor of shape (batch, queries, width).
        value: tensor of shape (batch, keys, value width).
        key: tensor of shape (batch, keys, key width); the value by default.
        query_mask: booleans of shape (batch, queries). Masks that the tensors carry are
            taken by themselves.
        value_mask: booleans of shape (batch, keys).
        key_mask: booleans of shape (batch, keys).
        attention_mask: booleans that broadcast to (batch, queries, keys), True where a
            query sees a key; or with an axis for the heads after the batch.
        return_attention_scores: whether the weights, of shape (batch, heads, queries,
            keys), are returned too.
        training: whether it trains.
        use_causal_mask: whether a query sees only the keys up to its own place.

    Returns:
        Tensor of shape (batch, queries, width); with the weights, a tuple.

    Raises:
        ValueError: when a size is not positive, or the inputs do not fit together.

    Example:

    >>> import numpy as np
    >>> x = np.zeros((1, 5, 8), "float32")
    >>> y, weights = MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)
    >>> y.shape, weights.shape
    ((1, 5, 8), (1, 2, 5, 5))
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        weights = (kernel_initializer, bias_initializer, kernel_regularizer)
        weights += (bias_regularizer, activity_regularizer, kernel_constraint)
        given = (dropout, use_bias, sliding_window, flash_attention)
        super().__init__(*given, *weights, bias_constraint, use_gate, seed, **kwargs)
        self._check_positive("num_heads", num_heads)
        self._check_positive("key_dim", key_dim)
        if value_dim is not None:
            self._check_positive("value_dim", value_dim)
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        self.num_heads, self.key_dim = num_heads, key_dim
        self.value_dim = value_dim or key_dim
        self._output_sizes = tuple(output_shape) if output_shape else None
        self.attention_axes = attention_axes

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        shapes = query_shape, value_shape, key_shape or value_shape
        n = len(value_shape)
        axes = range(1, n - 1) if self.attention_axes is None else self.attention_axes
        self.attention_axes = tuple(a if a >= 0 else n + a for a in axes)
        if len(query_shape) != n or not {*self.attention_axes} <= {*range(1, n - 1)}:
            raise ValueError(
                f"{self._title()}: query {tuple(query_shape)} and value "
                f"{tuple(value_shape)} (shapes), attention_axes={axes}.\n"
                "Expected as many axes of both, and attention over some of those "
                "between the batch and the width.\n"
                "Reshape one of them, or change attention_axes."
            )
        heads, widths = (self.num_heads,) * 2, (self.key_dim, self.value_dim)
        output = self._output_sizes or (query_shape[-1],)
        with building(self):
            self._build_around(shapes, heads, widths, self.attention_axes, output)
        # Here Keras has public names too, and files go by them.
        self.query_dense, self.key_dense = self._query_dense, self._key_dense
        self.value_dense, self.output_dense = self._value_dense, self._output_dense

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._output_sizes,
            "attention_axes": self.attention_axes,
        }


class GroupedQueryAttention(HeadedAttention):
    """Attention in which several heads share a key and a value (Ainslie et al., 2023).

    As in Keras it is found as `layers.GroupQueryAttention`.

    Args:
        head_dim: width of a head.
        num_query_heads: number of heads.
        num_key_value_heads: number of keys and values, a divisor of it; 1 makes it
            multi-query attention.
        dropout: part of the attention weights that is dropped while training.
        use_bias: whether the projections have a bias.
        sliding_window: a query sees only keys less than so many steps away.
        flash_attention: a hint without meaning here.
        kernel_initializer: initializer of the projections' kernels.
        bias_initializer: initializer of their biases.
        kernel_regularizer: penalty on the kernels.
        bias_regularizer: penalty on the biases.
        activity_regularizer: penalty on what the projections give, and on the output.
        kernel_constraint: constraint on the kernels.
        bias_constraint: constraint on the biases.
        use_gate: whether what the heads give is multiplied by sigmoid of a further
            projection of the query.
        seed: seed of the dropout; random by default.

    Call arguments and outputs are those of `MultiHeadAttention`, for tensors of three
    axes.

    Raises:
        ValueError: when a size is not positive, or does not fit.

    Example:

    >>> import numpy as np
    >>> x = np.zeros((1, 5, 8), "float32")
    >>> layer = GroupedQueryAttention(4, num_query_heads=4, num_key_value_heads=2)
    >>> layer(x, x).shape
    (1, 5, 8)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        weights = (kernel_initializer, bias_initializer, kernel_regularizer)
        weights += (bias_regularizer, activity_regularizer, kernel_constraint)
        given = (dropout, use_bias, sliding_window, flash_attention)
        super().__init__(*given, *weights, bias_constraint, use_gate, seed, **kwargs)
        self.activity_regularizer = self._activity_regularizer
        self._check_positive("head_dim", head_dim)
        self._check_positive("num_query_heads", num_query_heads)
        self._check_positive("num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupedQueryAttention was given "
                f"num_query_heads={num_query_heads} and "
                f"num_key_value_heads={num_key_value_heads}.\n"
                "Expected a multiple of the second as the first.\n"
                "For example 8 heads with 2 keys and values."
            )
        self.head_dim, self.num_query_heads = head_dim, num_query_heads
        self.num_key_value_heads = num_key_value_heads

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        shapes = query_shape, value_shape, key_shape or value_shape
        if any(len(shape) != 3 for shape in shapes):
            raise ValueError(
                f"{self._title()} was called on tensors of shapes "
                f"{', '.join(str(tuple(shape)) for shape in shapes)}.\n"
                "Expected (batch, steps, width) for each.\n"
                "Reshape them, or use MultiHeadAttention."
            )
        heads = self.num_query_heads, self.num_key_value_heads
        widths, output = (self.head_dim,) * 2, (query_shape[-1],)
        with building(self):
            self._build_around(shapes, heads, widths, (1,), output)

    def _for_each_head(self, x: Any) -> Any:
        b, s, k, h = x.shape
        groups = (b, s, k, self.num_query_heads // k, h)
        apart = ops.broadcast_to(ops.expand_dims(x, 3), groups)
        return ops.reshape(apart, (b, s, self.num_query_heads, h))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }
