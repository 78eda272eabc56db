"""Convolutions, pooling, and what changes the shape of images and sequences."""

from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
FIRST = {"data_format": "channels_first"}
CASES = {
    "Conv1D": [
        case((2, 9, 3), filters=4, kernel_size=3, strides=2, activation="relu"),
        case((2, 7, 2), filters=3, kernel_size=3, padding="causal", dilation_rate=2),
        case((2, 4, 7), filters=4, kernel_size=2, groups=2, padding="same", **FIRST),
    ],
    "Conv2D": [
        case((2, 6, 7, 3), filters=4, kernel_size=(3, 2), strides=(2, 1)),
        case((2, 5, 5, 2), filters=3, kernel_size=3, padding="same", use_bias=False),
        case((1, 7, 6, 2), filters=2, kernel_size=2, dilation_rate=(2, 3)),
        case(
            (2, 4, 5, 6),
            filters=6,
            kernel_size=3,
            strides=2,
            padding="SAME",
            groups=2,
            activation="tanh",
            kernel_regularizer=L2,
            bias_regularizer="l1",
            activity_regularizer="l2",
            kernel_constraint="max_norm",
            bias_constraint="non_neg",
            kernel_initializer="he_normal",
            bias_initializer="ones",
            name="mine",
            **FIRST,
        ),
        case((2, 5, 5, 3), filters=4, kernel_size=1, strides=2),
    ],
    "Conv3D": [
        case((1, 4, 3, 5, 2), filters=3, kernel_size=2, strides=(1, 1, 2)),
        case((1, 2, 3, 3, 4), filters=2, kernel_size=2, padding="same", **FIRST),
    ],
    "Conv1DTranspose": [
        case((2, 4, 3), filters=2, kernel_size=3, strides=2),
        case((2, 3, 2), filters=2, kernel_size=2, strides=4, padding="valid"),
        case((2, 3, 4), filters=2, kernel_size=3, dilation_rate=2, **FIRST),
    ],
    "Conv2DTranspose": [
        case((2, 3, 4, 2), filters=3, kernel_size=3, strides=2, padding="same"),
        case((1, 3, 3, 2), filters=2, kernel_size=(4, 1), strides=(2, 3)),
        case(
            (1, 2, 3, 3),
            filters=2,
            kernel_size=(3, 2),
            strides=3,
            padding="same",
            output_padding=(2, 1),
            activation="relu",
            use_bias=False,
            **FIRST,
        ),
    ],
    "Conv3DTranspose": [
        case((1, 2, 2, 3, 2), filters=2, kernel_size=2, strides=(2, 1, 2)),
    ],
    "DepthwiseConv1D": [
        case((2, 7, 3), kernel_size=3, depth_multiplier=2, strides=2),
        case((2, 3, 6), kernel_size=2, dilation_rate=2, padding="same", **FIRST),
    ],
    "DepthwiseConv2D": [
        case((2, 5, 6, 3), kernel_size=(3, 2), padding="same", activation="relu"),
        case(
            (1, 2, 6, 5),
            kernel_size=3,
            depth_multiplier=3,
            use_bias=False,
            depthwise_regularizer=L2,
            depthwise_constraint="unit_norm",
            **FIRST,
        ),
    ],
    "SeparableConv1D": [
        case((2, 7, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    ],
    "SeparableConv2D": [
        case((2, 6, 5, 3), filters=4, kernel_size=3, depth_multiplier=2),
        case(
            (1, 2, 5, 6),
            filters=3,
            kernel_size=(2, 3),
            dilation_rate=2,
            activation="relu",
            pointwise_regularizer="l1",
            use_bias=False,
            **FIRST,
        ),
    ],
    "MaxPooling1D": [case((2, 7, 3)), case((2, 3, 8), pool_size=3, strides=2, **FIRST)],
    "MaxPooling2D": [
        case((2, 6, 7, 3)),
        case((2, 5, 6, 2), pool_size=(3, 2), strides=(2, 1), padding="same"),
        case((1, 2, 6, 6), pool_size=5, strides=1, padding="same", **FIRST),
    ],
    "MaxPooling3D": [case((1, 4, 4, 5, 2), pool_size=(2, 1, 2))],
    "AveragePooling1D": [
        case((2, 7, 3), pool_size=2),
        case((2, 3, 8), pool_size=3, padding="same", **FIRST),
    ],
    "AveragePooling2D": [
        case((2, 6, 7, 3), pool_size=2),
        case((2, 5, 6, 2), pool_size=(3, 2), strides=(2, 1), padding="same"),
        case((1, 2, 9, 9), pool_size=(6, 5), strides=2, padding="same", **FIRST),
    ],
    "AveragePooling3D": [case((1, 3, 4, 5, 2), pool_size=2, padding="same")],
    "GlobalAveragePooling1D": [
        case((2, 5, 3), _mask="post"),
        case((2, 3, 5), keepdims=True, _mask="some", _symbolic=False),
        case((2, 3, 5), keepdims=True, **FIRST),
    ],
    "GlobalMaxPooling1D": [case((2, 5, 3)), case((2, 3, 5), keepdims=True, **FIRST)],
    "AdaptiveAveragePooling1D": [case((2, 7, 3), output_size=3)],
    "AdaptiveAveragePooling2D": [
        case((2, 6, 7, 2), output_size=(3, 4)),
        case((1, 2, 3, 3), output_size=(2, 5), **FIRST),
    ],
    "AdaptiveMaxPooling1D": [case((2, 7, 3), output_size=3)],
    "AdaptiveMaxPooling2D": [
        case((2, 6, 7, 2), output_size=(3, 4)),
        case((1, 2, 3, 3), output_size=(2, 5), **FIRST),
    ],
    "ZeroPadding1D": [case((2, 4, 3)), case((2, 3, 4), padding=(0, 2), **FIRST)],
    "ZeroPadding2D": [
        case((2, 3, 4, 2)),
        case((2, 3, 4, 2), padding=(2, (0, 1))),
        case((1, 2, 3, 4), padding=((1, 0), (2, 3)), **FIRST),
    ],
    "Cropping1D": [case((2, 5, 3)), case((2, 5, 3), cropping=(0, 2))],
    "Cropping2D": [
        case((2, 4, 5, 2), cropping=((1, 0), (0, 2))),
        case((1, 2, 5, 4), cropping=(2, 1), **FIRST),
    ],
    "UpSampling1D": [case((2, 3, 2)), case((2, 3, 2), size=3)],
    "UpSampling2D": [
        case((2, 3, 2, 2), size=(2, 3)),
        case((1, 2, 3, 4), size=2, interpolation="bilinear", **FIRST),
        case((1, 5, 4, 2), size=(2, 3), interpolation="bicubic"),
        case((1, 4, 7, 1), size=2, interpolation="lanczos3"),
        case((1, 4, 7, 1), size=3, interpolation="lanczos5"),
    ],
    "UpSampling3D": [case((1, 2, 2, 3, 2), size=(1, 2, 3))],
    "Permute": [case((2, 3, 4), dims=(2, 1)), case((2, 3, 4, 5), dims=(3, 1, 2))],
    "RepeatVector": [case((2, 3), n=4)],
    "Identity": [case((2, 3)), case((2, 4, 3), _mask="post")],
}
for _n in (2, 3):
    _shape, _ones = (2, 3, 4, 5, 2)[: _n + 2], (1,) * _n
    for _kind in ("Average", "Max"):
        CASES[f"Global{_kind}Pooling{_n}D"] = [
            case(_shape),
            case(_shape, keepdims=True, **FIRST),
        ]
    for _kind in ("ZeroPadding", "Cropping"):
        CASES.setdefault(f"{_kind}{_n}D", [case((1, 2, 3, 4, 5), **FIRST)])
for _kind in ("Average", "Max"):
    CASES[f"Adaptive{_kind}Pooling3D"] = [case((1, 3, 4, 5, 2), output_size=2)]

# Drawn: all options together, of sizes that fit

_few = st.integers(1, 3)


@st.composite
def _sizes(draw, rank, least=None, batch=2):
    """(batch, *sizes, channels) in either layout, each size at least so large."""
    least = least or (1,) * rank
    sizes = [n + draw(st.integers(0, 4)) for n in least]
    channels = draw(_few)
    layout = draw(st.sampled_from([None, "channels_last", "channels_first"]))
    if layout == "channels_first":
        return (batch, channels, *sizes), layout
    return (batch, *sizes, channels), layout


def _one_or_each(draw, values):
    """A number for all axes or one for each."""
    return values[0] if len(set(values)) == 1 and draw(st.booleans()) else tuple(values)


@st.composite
def _kernels(draw, rank, paddings=("valid", "same"), both=False):
    """The options of every kernel, and the shape of an input that is large enough."""
    each = st.lists(_few, min_size=rank, max_size=rank)
    window, strides, dilation = draw(each), draw(each), draw(each)
    if not both:
        if draw(st.booleans()):
            strides = [1] * rank
        else:
            dilation = [1] * rank
    padding = draw(st.sampled_from(paddings))
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    least = reach if padding == "valid" else [1] * rank
    shape, layout = draw(_sizes(rank, least))
    return shape, {
        "kernel_size": _one_or_each(draw, window),
        "strides": _one_or_each(draw, strides),
        "dilation_rate": _one_or_each(draw, dilation),
        "padding": padding,
        "data_format": layout,
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "tanh", "sigmoid"])),
    }


def _channels(shape, config):
    return shape[1 if config["data_format"] == "channels_first" else -1]


@st.composite
def _conv(draw, rank):
    paddings = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    shape, config = draw(_kernels(rank, paddings))
    channels, groups = _channels(shape, config), 1
    if draw(st.booleans()):
        groups = draw(st.sampled_from([n for n in (1, 2, 3) if channels % n == 0]))
    return case(shape, filters=groups * draw(_few), groups=groups, **config)


@st.composite
def _transpose(draw, rank):
    shape, config = draw(_kernels(rank))
    strides = config["strides"]
    steps = (strides,) * rank if isinstance(strides, int) else strides
    extra = None
    if draw(st.booleans()):
        extra = tuple(draw(st.integers(0, s - 1)) for s in steps)
        # Else nothing may be left of an axis.
        shape = tuple(n + 1 for n in shape)
    return case(shape, filters=draw(_few), output_padding=extra, **config)


@st.composite
def _depthwise(draw, rank):
    shape, config = draw(_kernels(rank, both=True))
    return case(shape, depth_multiplier=draw(_few), **config)


@st.composite
def _separable(draw, rank):
    shape, config = draw(_kernels(rank, both=True))
    return case(shape, filters=draw(_few), depth_multiplier=draw(_few), **config)


@st.composite
def _pool(draw, rank):
    each = st.lists(_few, min_size=rank, max_size=rank)
    window, padding = draw(each), draw(st.sampled_from(["valid", "same"]))
    window = [k + draw(st.sampled_from([0, 0, 2])) for k in window]
    strides = _one_or_each(draw, draw(each)) if draw(st.booleans()) else None
    shape, layout = draw(_sizes(rank, window if padding == "valid" else None))
    return case(
        shape,
        pool_size=_one_or_each(draw, window),
        strides=strides,
        padding=padding,
        data_format=layout,
    )


@st.composite
def _adaptive(draw, rank):
    shape, layout = draw(_sizes(rank))
    wanted = draw(st.lists(st.integers(1, 5), min_size=rank, max_size=rank))
    return case(shape, output_size=_one_or_each(draw, wanted), data_format=layout)


@st.composite
def _border(draw, name, rank):
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
    pairs = [draw(pair) for _ in range(rank)]
    shape, layout = draw(_sizes(rank, [sum(pair) + 1 for pair in pairs]))
    if rank == 1:
        if name == "cropping":  # that has no layout
            shape, options = (shape[0], sum(pairs[0]) + 2, 2), {}
        else:
            options = {"data_format": layout}
        return case(shape, **{name: _one_or_each(draw, pairs[0])}, **options)
    given = tuple(_one_or_each(draw, pair) for pair in pairs)
    if draw(st.booleans()):  # one number for all sides
        given = draw(st.integers(0, 2))
        shape = tuple(max(n, 2 * given + 1) for n in shape)
    elif not any(isinstance(each, int) for each in given) or name == "cropping":
        # Keras's Cropping takes numbers for all axes or pairs for all axes.
        given = tuple(pairs)
    return case(shape, **{name: given, "data_format": layout})


@st.composite
def _up(draw):
    sizes = _one_or_each(draw, draw(st.lists(_few, min_size=2, max_size=2)))
    shape, layout = draw(_sizes(2))
    kinds = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
    kind = draw(st.sampled_from(kinds))
    return case(shape, size=sizes, data_format=layout, interpolation=kind)


@st.composite
def _up_3d(draw):
    sizes = _one_or_each(draw, draw(st.lists(_few, min_size=3, max_size=3)))
    shape, layout = draw(_sizes(3))
    return case(shape, size=sizes, data_format=layout)


DRAWN = {
    "UpSampling1D": st.builds(
        lambda shape, size: case(shape, size=size), st.tuples(_few, _few, _few), _few
    ),
    "UpSampling2D": _up(),
    "UpSampling3D": _up_3d(),
    "AdaptiveMaxPooling2D": _adaptive(2),
    "AdaptiveAveragePooling2D": _adaptive(2),
}
for _n in (1, 2, 3):
    DRAWN[f"ZeroPadding{_n}D"] = _border("padding", _n)
    DRAWN[f"Cropping{_n}D"] = _border("cropping", _n)
    DRAWN[f"Conv{_n}D"] = _conv(_n)
    DRAWN[f"Conv{_n}DTranspose"] = _transpose(_n)
    for _kind in ("Max", "Average"):
        DRAWN[f"{_kind}Pooling{_n}D"] = _pool(_n)
    if _n < 3:
        DRAWN[f"DepthwiseConv{_n}D"] = _depthwise(_n)
        DRAWN[f"SeparableConv{_n}D"] = _separable(_n)
