"""Layers that prepare numbers and images. Those of text need TensorFlow in Keras: they
are tried in tests/layers/test_text.py, and the random ones in test_random_images.py,
but for factors that leave nothing to chance."""

from hypothesis import strategies as st

from tests.parity.layer_cases import case

ON = {"_training": True, "_symbolic": False}
OFF = {"_training": False}
STILL = {"_gradient": False}
# Images of whole numbers, and what one gradient is not asked of.
WHOLE = {"_ints": 256, "_gradient": False}
SMALL = {"value_range": (-4.0, 4.0)}
FIRST = {"data_format": "channels_first"}
CASES = {
    "Rescaling": [
        case((2, 3), scale=1 / 255),
        case((2, 3, 2), scale=2, offset=-1.0, _mask="post"),
        case((2, 3), scale=[1.0, 2.0, 3.0], **WHOLE),
    ],
    # Keras keeps constants made of the weights, and forgets them when those are set.
    "Normalization": [
        case((4, 3), mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.0]),
        case((2, 3, 4), axis=None, mean=2.0, variance=3.0, _mask="some"),
        case(
            (2, 3, 4),
            axis=(1, 2),
            mean=[1.0, 2.0, 3.0, 4.0],
            variance=[1.0] * 4,
            invert=True,
        ),
    ],
    "Discretization": [
        case((3, 4), bin_boundaries=[-0.5, 0.0, 1.0], _gradient=False),
        case((3, 1), bin_boundaries=[0.0, 1.0], output_mode="one_hot", _gradient=False),
        case((3, 4), bin_boundaries=[0.0], output_mode="count", _gradient=False),
        case((3, 4), bin_boundaries=[3, 5], output_mode="multi_hot", **WHOLE),
    ],
    "CategoryEncoding": [
        case((3, 4), num_tokens=5, _ints=7, _gradient=False),
        case((3, 4), num_tokens=5, output_mode="count", _ints=7, _gradient=False),
        case((3, 4), num_tokens=5, output_mode="one_hot", _ints=7, _gradient=False),
        case((3, 1), num_tokens=5, output_mode="one_hot", _ints=5, _gradient=False),
        case((5,), num_tokens=5, output_mode="count", _ints=5, _gradient=False,
             _symbolic=False),
    ],
    # The matrix of its bands has 32 bits in Keras: see tests/parity/test_audio.py.
    "MelSpectrogram": [],
    "STFTSpectrogram": [
        case((2, 40, 1), frame_length=8),
        case((2, 37, 2), frame_length=9, frame_step=4, mode="psd", window="blackman"),
        case((2, 2, 40), mode="stft", frame_length=8, fft_length=16, padding="same",
             scaling="spectrum", **FIRST),
        case((1, 21, 3), mode="magnitude", frame_length=8, expand_dims=True,
             periodic=True, trainable=False),
        case((1, 3, 21), mode="angle", frame_length=8, expand_dims=True, window=None,
             **FIRST),
        case((1, 21, 3), mode="real", frame_length=4, padding="same", scaling=None),
        case((1, 21, 3), mode="imag", frame_length=3, window=[1.0, 2.0, 1.0]),
    ],
    # Keras's configuration forgets an argument: see tests/layers/test_boxes.py.
    "MaxNumBoundingBoxes": [],
    "Resizing": [
        case((2, 5, 7, 3), height=3, width=9),
        case((2, 5, 7, 3), height=4, width=4, crop_to_aspect_ratio=True, **WHOLE),
        case((2, 3, 5, 7), height=6, width=6, interpolation="nearest", **FIRST),
        case((5, 7, 3), height=8, width=4, pad_to_aspect_ratio=True, fill_value=2.0,
             _symbolic=False),
        case((2, 9, 8, 1), height=3, width=4, antialias=True, interpolation="bicubic"),
    ],
    "CenterCrop": [
        case((2, 5, 7, 3), height=3, width=4),
        case((2, 3, 6, 6), height=5, width=2, **FIRST),
        case((2, 4, 6, 3), height=5, width=5),
        case((5, 7, 3), height=3, width=4, _symbolic=False),
    ],
    "AutoContrast": [
        case((2, 5, 6, 3), **WHOLE),
        case((2, 5, 6, 3), **SMALL, _gradient=False),
    ],
    # With 256 bins Keras takes some numbers for the ones before, by rounding.
    "Equalization": [case((1, 3, 4, 5), bins=16, **FIRST, **WHOLE, **ON)],
    "ContrastLimitedAdaptiveHistogramEqualization": [
        case(
            (2, 3, 10, 9), tile_grid_size=(3, 2), clip_limit=1.5, **FIRST, **WHOLE
        ),
    ],
    "RandomFlip": [case((2, 3, 4, 3), mode="vertical", seed=1, **OFF)],
    "RandomRotation": [
        case((2, 5, 6, 3), factor=(0.1, 0.1), **ON),
        case(
            (2, 3, 5, 6),
            factor=(-0.3, -0.3),
            fill_mode="constant",
            fill_value=1.5,
            **FIRST,
            **STILL,
            **ON,
        ),
        case((2, 5, 6, 3), factor=0.3, **OFF),
    ],
    "RandomZoom": [
        case((2, 9, 5, 3), height_factor=(0.5, 0.5), **ON),
        case((2, 9, 5, 3), height_factor=(-0.5, -0.5), width_factor=(0.25, 0.25),
             fill_mode="constant", **STILL, **ON),
        case((2, 3, 5, 6), height_factor=0.2, **FIRST, **OFF),
    ],
    "RandomTranslation": [
        case((2, 8, 4, 3), height_factor=(0.125, 0.125), width_factor=(-0.5, -0.5),
             **ON),
        case((8, 4, 3), height_factor=(-0.25, -0.25), width_factor=0.0,
             fill_mode="constant", fill_value=3.0, interpolation="nearest",
             **STILL, **ON),
    ],
    "RandomShear": [
        case((2, 5, 6, 3), x_factor=(0.0, 0.0), y_factor=0.0, **ON),
        case((2, 5, 6, 3), x_factor=(0.1, 0.3), **OFF),
    ],
    "RandomCrop": [
        case((2, 5, 6, 3), height=5, width=6, seed=3, **ON),
    ],
    "RandomPerspective": [
        case((2, 5, 6, 3), factor=0.0, **STILL, **ON),
        case((2, 5, 6, 3), factor=(0.2, 0.5), scale=0.3, **OFF),
    ],
    "RandomElasticTransform": [
        case((2, 5, 6, 3), scale=0.0, value_range=(-9, 9), **ON),
    ],
    "RandomContrast": [
        case((2, 5, 6, 3), factor=(0.0, 0.0), **SMALL, **ON),
        case((2, 5, 6, 3), factor=(0.1, 0.3), **OFF),
    ],
    "RandomBrightness": [
        case((2, 5, 6, 3), factor=(0.1, 0.1), **SMALL, **ON),
        case((2, 5, 6, 3), factor=0.2, **OFF),
    ],
    "RandomSaturation": [
        case((2, 5, 6, 3), factor=(0.3, 0.3), value_range=(0, 1), _gradient=False,
             **ON),
    ],
    "RandomHue": [case((2, 5, 6, 3), factor=(0.2, 0.4), **OFF)],
    # Its config in Keras forgets the seed.
    "RandomGrayscale": [],
    "RandomColorJitter": [
        case((2, 5, 6, 3), **SMALL, brightness_factor=(0.1, 0.1), **ON),
        case((2, 5, 6, 3), hue_factor=0.1, contrast_factor=0.2, seed=4, **OFF),
    ],
    "RandomColorDegeneration": [
        case((2, 5, 6, 3), factor=(0.4, 0.4), **SMALL, **ON),
        case((2, 3, 5, 6), factor=(1.0, 1.0), **SMALL, **FIRST, **STILL, **ON),
    ],
    "RandomPosterization": [
        case((2, 5, 6, 3), factor=(3, 3), **WHOLE, **ON),
    ],
    "RandomSharpness": [
        case((2, 5, 6, 3), factor=(0.2, 0.2), **SMALL, **ON),
        case((2, 3, 5, 6), factor=(0.9, 0.9), **SMALL, **FIRST, **STILL, **ON),
    ],
    "RandomGaussianBlur": [
        case((2, 5, 6, 3), factor=(1.0, 1.0), sigma=(0.8, 0.8), **SMALL, **ON),
        case((2, 3, 5, 6), factor=(1.0, 1.0), sigma=(0.5, 0.5), kernel_size=(3, 5),
             **SMALL, **FIRST, **STILL, **ON),
    ],
    "RandomInvert": [
        case((2, 5, 6, 3), factor=(1.0, 1.0), value_range=(-2, 2), **ON),
        case((2, 5, 6, 3), factor=0.0, **STILL, **ON),
    ],
    "RandomErasing": [
        case((2, 5, 6, 3), factor=(1.0, 1.0), scale=(1.0, 1.0), fill_value=2.0, **ON),
        case((2, 5, 6, 3), factor=0.0, **SMALL, **STILL, **ON),
    ],
    "Solarization": [
        case((2, 5, 6, 3), **SMALL, **ON),
        case((2, 5, 6, 3), **WHOLE, **ON),
    ],
    "MixUp": [case((2, 5, 6, 3), alpha=0.3, seed=2, **OFF)],
    "CutMix": [case((2, 5, 6, 3), factor=(0.2, 0.4), seed=2, **OFF)],
    "RandAugment": [case((2, 5, 6, 3), factor=0.3, num_ops=3, **OFF)],
    "AugMix": [case((2, 5, 6, 3), all_ops=False, seed=1, **OFF)],
}  # fmt: skip
# Keras makes them with TensorFlow installed only; Pipeline is made of layers.
for _name in (
    *("HashedCrossing", "Hashing", "IntegerLookup", "Pipeline", "StringLookup"),
    "TextVectorization",
):
    CASES[_name] = []

_sizes = st.integers(1, 7)
# Few shapes: Keras compiles each operation for each of them.
_images = st.sampled_from([(2, 5, 6, 3), (1, 4, 7, 3)])
_modes = st.sampled_from(["reflect", "wrap", "constant", "nearest"])
_ways = st.sampled_from(["bilinear", "nearest"])


def same(low, high, places=None):
    numbers = st.floats(low, high, allow_subnormal=False)
    if places is not None:  # such that float32 holds it
        numbers = numbers.map(lambda f: round(f * places) / places)
    return numbers.map(lambda f: (f, f))


def _ordered(shape, config, first):
    if first:
        return case((shape[0], shape[3], *shape[1:3]), **config, **FIRST)
    return case(shape, **config)


def drawn(**config):
    return st.builds(
        _ordered, _images, st.fixed_dictionaries(config), first=st.booleans()
    )


def drawn_on(**config):
    told = {"_training": True, "_symbolic": False, "_gradient": False}
    return drawn(**config, **{name: st.just(v) for name, v in told.items()})


DRAWN = {
    "Normalization": st.builds(
        lambda shape, axis, invert: case(
            shape, axis=axis, invert=invert, mean=0.5, variance=2.0
        ),
        st.tuples(_sizes, _sizes, _sizes),
        axis=st.sampled_from([-1, 1, (1, 2), None, (-1, 1), (2,)]),
        invert=st.booleans(),
    ),
    "Discretization": st.builds(
        lambda shape, bins, mode: case(
            shape, bin_boundaries=sorted(bins), output_mode=mode, _gradient=False
        ),
        st.tuples(_sizes, _sizes),
        st.lists(st.floats(-2, 2), min_size=1, max_size=6),
        st.sampled_from(["int", "one_hot", "multi_hot", "count"]),
    ),
    "CategoryEncoding": st.builds(
        lambda shape, n, mode: case(
            shape, num_tokens=n, output_mode=mode, _ints=9, _gradient=False
        ),
        st.tuples(_sizes, _sizes),
        st.integers(1, 9),
        st.sampled_from(["one_hot", "multi_hot", "count"]),
    ),
    "Resizing": drawn(
        height=_sizes,
        width=_sizes,
        interpolation=st.sampled_from(
            ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]
        ),
        antialias=st.booleans(),
        crop_to_aspect_ratio=st.booleans(),
    ),
    "CenterCrop": drawn(height=_sizes, width=_sizes),
    "RandomRotation": drawn_on(
        factor=same(-1, 1), fill_mode=_modes, interpolation=st.just("bilinear")
    ),
    "RandomTranslation": drawn_on(
        height_factor=st.sampled_from([(0.5, 0.5), (-0.25, -0.25), 0.0]),
        width_factor=st.sampled_from([(0.5, 0.5), (-0.75, -0.75), 0.0]),
        fill_mode=_modes,
        interpolation=st.just("bilinear"),
    ),
    "RandomBrightness": drawn_on(factor=same(-1, 1), value_range=st.just((-3, 2))),
    "RandomColorDegeneration": drawn_on(
        factor=same(0, 1), value_range=st.just((-2, 3))
    ),
    "RandomSharpness": drawn_on(factor=same(0, 1), value_range=st.just((-2, 3))),
    "RandomGaussianBlur": drawn_on(
        factor=st.just((1.0, 1.0)),
        sigma=same(0.1, 1),
        kernel_size=st.sampled_from([1, 3, 5]),
        value_range=st.just((-2, 3)),
    ),
}
