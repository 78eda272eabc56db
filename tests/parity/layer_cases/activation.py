"""Activations with parameters."""

import numpy as np
from hypothesis import strategies as st

from tests.parity.layer_cases import case

WEIGHTS = np.array([[1.0, 0.2, 0.7, 0.0], [0.0] * 4])
NORMAL = {"class_name": "RandomNormal", "config": {"seed": 1}}
CASES = {
    "ReLU": [
        case((2, 5)),
        case((3, 4), max_value=0.5, negative_slope=0.1, threshold=0.2),
        case((3, 4), max_value=6, _mask="some"),
    ],
    "LeakyReLU": [case((3, 4)), case((2, 3, 2), negative_slope=0.0, _mask="post")],
    "ELU": [case((3, 4)), case((2, 3, 2), alpha=0.3, _mask="post")],
    "PReLU": [
        case((3, 4), alpha_initializer=NORMAL, alpha_regularizer="l1"),
        case((2, 3, 4, 2), shared_axes=[1, 2], alpha_constraint="non_neg"),
        case((2, 3, 4), shared_axes=1, _mask="post"),
    ],
    "Softmax": [
        case((3, 4)),
        case((2, 3, 4), axis=[1, 2]),
        case((3, 4), _mask="post"),
        case((2, 4), axis=(1,), _call={"mask": WEIGHTS}),
    ],
}

_slopes = st.sampled_from([0.0, 0.1, 2.0])
_shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)
_masks = st.sampled_from([None, "post", "some", "none"])


@st.composite
def _shared(draw):
    shape = draw(_shapes)
    axes = draw(st.sets(st.integers(1, len(shape) - 1)))
    return case(shape, alpha_initializer=NORMAL, shared_axes=sorted(axes) or None)


@st.composite
def _softmax(draw):
    shape, mask = draw(_shapes), draw(_masks)
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    axis = draw(st.sampled_from([sorted(axes), min(axes), min(axes) - len(shape)]))
    return case(shape, axis=axis, _mask=mask if len(shape) == 2 else None)


DRAWN = {
    "ReLU": st.builds(
        lambda shape, mask, **config: case(shape, _mask=mask, **config),
        _shapes,
        _masks,
        max_value=st.sampled_from([None, 0.5, 1, 6]),
        negative_slope=_slopes,
        threshold=_slopes,
    ),
    "PReLU": _shared(),
    "Softmax": _softmax(),
}
