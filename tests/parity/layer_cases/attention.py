"""Attention: of two sequences, with several heads, with heads in groups."""

import numpy as np
from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
QV = ((2, 3, 4), (2, 5, 4))
QVK = (*QV, (2, 5, 4))
SEEN = np.random.default_rng(0).random((2, 3, 5)) < 0.6
SEEN[..., 0] = True
TWO, ARGS = {"_how": "list"}, {"_how": "args"}
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}
HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
CASES = {
    "Attention": [
        case(*QV, **TWO),
        case(*QVK, use_scale=True, _mask="post", **TWO),
        case(*QV, score_mode="concat", use_scale=True, _call=CAUSAL | SCORES, **TWO),
        case(*QV, score_mode="concat", dropout=0.5, seed=1, _mask="some", **TWO),
        case(*QV, _call=CAUSAL, _mask="post", **TWO),
    ],
    "AdditiveAttention": [
        case(*QV, _mask="post", **TWO),
        case(*QVK, use_scale=False, dropout=0.2, _call=CAUSAL | SCORES, **TWO),
    ],
    "MultiHeadAttention": [
        # The gradient of the key's bias is 0, of which float32 shows rounding alone.
        case(*QV, **HEADS, use_bias=False, **ARGS),
        case(*QV, **HEADS, _mask="post", **ARGS),
        case(*QVK, **HEADS, use_bias=False, _mask="some", _call=CAUSAL, **ARGS),
        case(
            *QVK,
            **HEADS,
            value_dim=2,
            output_shape=(3, 2),
            dropout=0.5,
            _mask="post",
            _call=CAUSAL,
            **ARGS,
        ),
        case(
            *QV,
            **HEADS,
            output_shape=5,
            kernel_regularizer=L2,
            bias_regularizer="l1",
            activity_regularizer="l2",
            sliding_window=2,
            _call={"attention_mask": SEEN},
            **ARGS,
        ),
        case(
            (2, 3, 2, 4),
            (2, 3, 2, 4),
            **HEADS,
            attention_axes=[2],
            use_gate=True,
            _call=SCORES,
            **ARGS,
        ),
        case((2, 2, 3, 2), (2, 2, 3, 2), **HEADS, **ARGS),
    ],
    "GroupQueryAttention": [
        case(*QV, **GROUPS, use_bias=False, use_gate=True, _call=CAUSAL, **ARGS),
        case(*QV, **GROUPS, _mask="post", **ARGS),
        case(*QV, **GROUPS, _call=SCORES, **ARGS),
        case(
            *QVK,
            **GROUPS,
            dropout=0.1,
            activity_regularizer="l2",
            sliding_window=2,
            _call={"attention_mask": SEEN},
            **ARGS,
        ),
    ],
}

_few = st.integers(1, 3)
_masks = st.sampled_from([None, "post", "some"])


@st.composite
def _inputs(draw):
    batch, t, s, width = (draw(_few) for _ in range(4))
    shapes = [(batch, t, width), (batch, s, width), (batch, s, width)]
    return shapes[: draw(st.integers(2, 3))]


@st.composite
def _calls(draw):
    found = {"use_causal_mask": draw(st.booleans())}
    return found | (SCORES if draw(st.booleans()) else {})


@st.composite
def _plain(draw, **config):
    own = {k: draw(v) for k, v in config.items()}
    shapes, mask, call = draw(_inputs()), draw(_masks), draw(_calls())
    return case(*shapes, _mask=mask, _call=call, **TWO, **own)


@st.composite
def _headed(draw, **config):
    own = {k: draw(v) for k, v in config.items()}
    shapes, call, mask = draw(_inputs()), draw(_calls()), draw(_masks)
    if own.get("value_dim"):  # which Keras's quick way on JAX does not take
        own["dropout"] = 0.3
    if call.get("return_attention_scores"):
        # In Keras the weights carry a mask then that was meant for the scores.
        own["sliding_window"], call, mask = None, SCORES, None
    elif len(shapes) == 2 and draw(st.booleans()):
        seen = np.random.default_rng(draw(_few)).random(
            (shapes[0][0], shapes[0][1], shapes[1][1])
        )
        call = call | {"attention_mask": seen < 0.7}
    return case(*shapes, _mask=mask, _call=call, **ARGS, **own)


_common = {
    "use_bias": st.booleans(),
    "use_gate": st.booleans(),
    "sliding_window": st.sampled_from([None, 1, 2]),
    "dropout": st.sampled_from([0.0, 0.3]),
}
DRAWN = {
    "Attention": _plain(
        use_scale=st.booleans(), score_mode=st.sampled_from(["dot", "concat"])
    ),
    "AdditiveAttention": _plain(use_scale=st.booleans()),
    "MultiHeadAttention": _headed(
        num_heads=_few,
        key_dim=_few,
        value_dim=st.sampled_from([None, 2]),
        output_shape=st.sampled_from([None, 3, (2, 2)]),
        **_common,
    ),
    "GroupQueryAttention": _headed(
        head_dim=_few,
        num_query_heads=st.sampled_from([2, 4]),
        num_key_value_heads=st.sampled_from([1, 2]),
        **_common,
    ),
}
