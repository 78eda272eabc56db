"""Attention: means of values, weighted by how queries and keys agree."""

from __future__ import annotations

import math

from cornu.graph.trace import bind, convert
from cornu.ops.families import broadcast_shape, composite
from cornu.ops.nn import weights_of
from cornu.ops.numpy import arange
from cornu.ops.primitives.elementwise import cast, greater_equal, logical_and, where
from cornu.ops.primitives.linear import dot_general
from cornu.ops.primitives.shapes import expand_dims, reshape, transpose
from cornu.ops.public import cast_to, promote_floating, public, result_type

__all__ = ["dot_product_attention"]

# Far below every score, and still finite in float32: a row that is masked altogether
# gives the mean of all values, as in Keras on JAX.
_MASKED = -0.7 * 3.4028234663852886e38


def causal_mask(queries, keys):
    """Booleans of shape (queries, keys): a query sees the keys up to its own place."""
    rows = expand_dims(arange(queries), 1)
    return greater_equal(rows, arange(keys))


@composite("dot_product_attention")
def dot_product_attention_op(query, key, value, *extra, scale, causal, biased, masked):
    """softmax(scale * query @ key + bias) @ value, for each of several heads."""
    b, t, n, h = query.shape
    s, k = key.shape[1:3]
    query = query * scale
    if n == k:
        scores = dot_general(query, key, ((3,), (3,)), ((0, 2), (0, 2)))
    else:  # heads that share a key lie one after the other
        grouped = transpose(reshape(query, (b, t, k, n // k, h)), (0, 2, 3, 1, 4))
        scores = dot_general(grouped, key, ((4,), (3,)), ((0, 1), (0, 2)))
        scores = reshape(scores, (b, n, t, s))
    scores = cast_to(scores, result_type(scores.dtype, "float32"))
    if biased:
        scores = scores + cast_to(extra[0], scores.dtype)
    mask = extra[-1] if masked else None
    if causal:
        ahead = causal_mask(t, s)
        mask = ahead if mask is None else logical_and(mask, ahead)
    if mask is not None:
        scores = where(mask, scores, _MASKED)
    weights = cast_to(weights_of(scores), value.dtype)
    if n == k:
        y = dot_general(weights, value, ((3,), (1,)), ((0, 1), (0, 2)))
    else:
        weights = reshape(weights, (b, k, n // k, t, s))
        y = dot_general(weights, value, ((4,), (1,)), ((0, 1), (0, 2)))
        y = reshape(y, (b, n, t, value.shape[3]))
    return transpose(y, (0, 2, 1, 3))


@public
def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    scale=None,
    is_causal=False,
    flash_attention=None,
    attn_logits_soft_cap=None,
):
    """softmax(scale * query @ key + bias) @ value, for each of several heads.

    Args:
        query: tensor of shape (batch, queries, heads, width).
        key: tensor of shape (batch, keys, key heads, width). There are as many key
            heads as heads, or fewer, which several heads in a row share.
        value: tensor of shape (batch, keys, key heads, value width).
        bias: added to the scores; it broadcasts to (batch, heads, queries, keys).
        mask: booleans that broadcast likewise, True where a query sees a key. A query
            that sees none gets the mean of all values.
        scale: factor of the scores, 1 / sqrt(width) by default.
        is_causal: whether a query sees only the keys up to its own place.
        flash_attention: a hint without meaning here.
        attn_logits_soft_cap: only None.

    Returns:
        Tensor of shape (batch, queries, heads, value width).

    Raises:
        ValueError: when the shapes do not fit together.

    Example:

    >>> from cornu import ops
    >>> x = ops.reshape(ops.arange(8, dtype="float32"), (1, 4, 1, 2))
    >>> ops.dot_product_attention(x, x, x, is_causal=True)[0, 0].tolist()
    [[0.0, 1.0]]
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "[dot_product_attention] was given attn_logits_soft_cap="
            f"{attn_logits_soft_cap!r}.\nExpected None: scores are not capped.\n"
            "Leave the argument away."
        )
    query, key, value = promote_floating(query, key, value)
    _check(query, key, value)
    shape = (query.shape[0], query.shape[2], query.shape[1], key.shape[1])
    extra = []
    if bias is not None:
        extra.append(_fitting(cast(bias, query.dtype), shape, "bias"))
    if mask is not None:
        mask = convert(mask)
        mask = mask if mask.dtype == "bool" else cast(mask, "bool")
        extra.append(_fitting(mask, shape, "mask"))
    scale = 1.0 / math.sqrt(query.shape[3]) if scale is None else float(scale)
    params = {"scale": scale, "causal": bool(is_causal)}
    params |= {"biased": bias is not None, "masked": mask is not None}
    return bind(dot_product_attention_op, (query, key, value, *extra), params)


def _check(query, key, value):
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(
            f"[dot_product_attention] was given tensors of shapes {shapes}.\n"
            "Expected four axes of each: (batch, steps, heads, width).\n"
            "Add the axis of the heads with ops.expand_dims(x, 2)."
        )
    heads, key_heads = query.shape[2], key.shape[2]
    same = query.shape[0] == key.shape[0] and query.shape[3] == key.shape[3]
    if not same or key.shape[:3] != value.shape[:3] or heads % max(key_heads, 1):
        raise ValueError(
            f"[dot_product_attention] the shapes do not fit: {shapes}.\n"
            "Expected one batch size; keys as wide as queries; as many values as keys, "
            "of as many heads; and a number of heads that is a multiple of it.\n"
            "Check how the three were made."
        )


def _fitting(x, shape, name):
    """`x`, if it broadcasts to the scores."""
    try:
        fits = broadcast_shape(x.shape, shape, name) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"[dot_product_attention] {name} has shape {x.shape}.\n"
            f"Expected one that broadcasts to {shape}: (batch, heads, queries, keys).\n"
            f"Add the axis of the heads with ops.expand_dims({name}, 1)."
        )
    return x
