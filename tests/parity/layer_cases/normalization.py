"""Normalizations, in training and outside."""

from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
CLIPPING = {"rmin": 0.5, "rmax": 2.0, "dmax": 0.3}
CASES = {
    "BatchNormalization": [
        case((5, 3)),
        case((5, 3), momentum=0.7, epsilon=0.1, _training=True),
        case((2, 3, 4), axis=1, center=False, gamma_regularizer=L2, _training=True),
        case((2, 3, 2, 4), scale=False, beta_constraint="non_neg", _training=True),
        case((3, 4, 2), _mask="some", _training=True),
        case((3, 4, 2), trainable=False, _mask="post", _training=True),
        case((5, 3), renorm=True, renorm_clipping=CLIPPING, _training=True),
        case((3, 4, 2), renorm=True, center=False, _mask="some", _training=True),
        case((5, 3), renorm=True, scale=False, renorm_momentum=0.5),
    ],
    "LayerNormalization": [
        case((4, 5), epsilon=0.01),
        case((2, 3, 4), axis=[1, 2], center=False, beta_regularizer=L2),
        case((2, 3, 4), axis=1, scale=False, _mask="post"),
        case((2, 3, 4), rms_scaling=True),
    ],
    "GroupNormalization": [
        case((3, 6), groups=2),
        case((2, 3, 4, 4), groups=4, center=False, gamma_regularizer="l1"),
        case((2, 6, 3), groups=3, axis=1, scale=False, _mask="some"),
        case((2, 3, 4), groups=-1, epsilon=0.1),
    ],
    "RMSNormalization": [case((4, 5)), case((2, 3, 4), axis=[1, 2], epsilon=0.1)],
    "SpectralNormalization": [
        case((3, 4), layer={"object": "layers.Dense", "config": {"units": 3}}),
        # Keras on JAX takes the gradient through the division, and forgets the kernel
        # that comes out of it after the step; on TensorFlow it trains that, as here.
        case(
            (3, 4),
            layer={"object": "layers.Dense", "config": {"units": 3}},
            power_iterations=2,
            _training=True,
            _gradient=False,
        ),
    ],
    "UnitNormalization": [case((4, 5)), case((2, 3, 4), axis=[1, 2], _mask="post")],
}

_sizes = st.integers(2, 4)
_epsilon = st.sampled_from([1e-3, 0.1])


@st.composite
def _batches(draw):
    shape = tuple(draw(st.lists(_sizes, min_size=2, max_size=4)))
    axis = draw(st.integers(-len(shape) + 1, len(shape) - 1).filter(bool))
    masked = axis in (-1, len(shape) - 1) and len(shape) == 3 and draw(st.booleans())
    config = {
        k: draw(st.booleans()) for k in ("center", "scale", "trainable", "renorm")
    }
    if config["renorm"]:
        config["renorm_clipping"] = draw(st.sampled_from([None, CLIPPING, {"rmax": 1}]))
    training = draw(st.booleans())
    mask = draw(st.sampled_from(["post", "some"])) if masked else None
    return case(
        shape,
        axis=axis,
        momentum=draw(st.sampled_from([0.0, 0.9])),
        epsilon=draw(_epsilon),
        _training=training,
        _mask=mask,
        **config,
    )


@st.composite
def _layers(draw):
    shape = tuple(draw(st.lists(_sizes, min_size=2, max_size=4)))
    axes = draw(st.sets(st.integers(1, len(shape) - 1), min_size=1))
    axis = draw(st.sampled_from([sorted(axes), min(axes), min(axes) - len(shape)]))
    config = {k: draw(st.booleans()) for k in ("center", "scale")}
    return case(shape, axis=axis, epsilon=draw(_epsilon), **config)


@st.composite
def _groups(draw):
    shape = draw(st.lists(_sizes, min_size=2, max_size=4))
    axis = draw(st.integers(1, len(shape) - 1))
    groups = draw(st.sampled_from([-1, 1, 2, 3]))
    shape[axis] = abs(groups) * draw(st.integers(1, 3))
    axis = draw(st.sampled_from([axis, axis - len(shape)]))
    config = {k: draw(st.booleans()) for k in ("center", "scale")}
    return case(
        tuple(shape), groups=groups, axis=axis, epsilon=draw(_epsilon), **config
    )


@st.composite
def _last_axes(draw):
    shape = tuple(draw(st.lists(_sizes, min_size=2, max_size=4)))
    first = draw(st.integers(1, len(shape) - 1))
    axis = draw(st.sampled_from([-1, list(range(first, len(shape)))]))
    return case(shape, axis=axis, epsilon=draw(_epsilon))


DRAWN = {
    "BatchNormalization": _batches(),
    "LayerNormalization": _layers(),
    "GroupNormalization": _groups(),
    # Along others Keras multiplies by weights that do not stand beside these axes.
    "RMSNormalization": _last_axes(),
}
