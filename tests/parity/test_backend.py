"""K's convolutions and pools beside real Keras's operations, on both layouts."""

import numpy as np
import pytest

import cornu
from cornu import backend as K

RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.normal(size=shape)


LAST, FIRST = "channels_last", "channels_first"
IMAGE, KERNEL = normal(2, 7, 6, 3), normal(3, 2, 3, 4)
DEPTH, POINT = normal(3, 2, 3, 2), normal(1, 1, 6, 4)
FRONT = np.moveaxis(IMAGE, -1, 1)
SEQUENCE, VOLUME = normal(2, 8, 3), normal(1, 4, 5, 4, 2)
# (K's call, Keras's call): each a name and arguments.
ROWS = [
    (("conv1d", SEQUENCE, normal(3, 3, 2), 2), ("conv", None, None, 2)),
    (("conv1d", SEQUENCE, normal(3, 3, 2), 1, "same", LAST, 2),
     ("conv", None, None, 1, "same", LAST, 2)),
    (("conv2d", IMAGE, KERNEL), ("conv", None, None)),
    (("conv2d", FRONT, KERNEL, (2, 1), "same", FIRST),
     ("conv", None, None, (2, 1), "same", FIRST)),
    (("conv2d", IMAGE, KERNEL, (1, 1), "valid", None, (2, 3)),
     ("conv", None, None, 1, "valid", LAST, (2, 3))),
    (("conv3d", VOLUME, normal(2, 2, 2, 2, 3), (1, 2, 1), "same"),
     ("conv", None, None, (1, 2, 1), "same")),
    (("depthwise_conv2d", IMAGE, DEPTH), ("depthwise_conv", None, None)),
    (("separable_conv2d", IMAGE, DEPTH, POINT, (1, 1), "same"),
     ("separable_conv", None, None, None, 1, "same")),
    (("separable_conv1d", SEQUENCE, normal(3, 3, 2), normal(1, 6, 4)),
     ("separable_conv", None, None, None)),
    (("conv2d_transpose", IMAGE, normal(3, 3, 4, 3), (None, 14, 12, 4), (2, 2), "same"),
     ("conv_transpose", None, None, 2, "same")),
    (("conv2d_transpose", IMAGE, normal(3, 2, 4, 3), (2, 15, 12, 4), (2, 2), "valid"),
     ("conv_transpose", None, None, 2, "valid")),
    (("conv2d_transpose", FRONT, normal(2, 2, 4, 3), (2, 4, 7, 6), (1, 1), "same",
      FIRST), ("conv_transpose", None, None, 1, "same", None, FIRST)),
    (("pool2d", IMAGE, (2, 3)), ("max_pool", None, (2, 3), 1)),
    (("pool2d", FRONT, (2, 3), (2, 2), "same", FIRST, "avg"),
     ("average_pool", None, (2, 3), 2, "same", FIRST)),
    (("pool3d", VOLUME, (2, 2, 2), (2, 1, 1)), ("max_pool", None, 2, (2, 1, 1))),
    (("resize_images", FRONT, 2, 3, FIRST, "bilinear"),
     ("image.resize", None, (14, 18), "bilinear", False, False, False, "constant", 0.0,
      FIRST)),
]  # fmt: skip


@pytest.mark.parametrize(("mine", "theirs"), ROWS)
def test_a_function(both, mine, theirs):
    name, *args = mine
    found = getattr(K, name)(*args)
    path, *rest = theirs
    rest = [mine[i + 1] if r is None and i < 3 else r for i, r in enumerate(rest)]
    request = {"do": "call", "target": {"object": f"ops.{path}"}, "args": rest}
    expected = both.reference.answer({**request, "floatx": "float64"})
    assert "value" in expected, expected
    np.testing.assert_allclose(found, expected["value"], rtol=1e-9, atol=1e-12)
    x = K.placeholder((None, *args[0].shape[1:]), dtype="float64")
    y = getattr(K, name)(x, *args[1:])
    again = K.function([x], [y])([args[0]])[0]
    np.testing.assert_allclose(again, expected["value"], rtol=1e-9, atol=1e-12)


def test_causal_convolution():
    x, kernel = normal(2, 6, 3), normal(3, 3, 2)
    found = K.conv1d(x, kernel, padding="causal", dilation_rate=2)
    padded = np.pad(x, ((0, 0), (4, 0), (0, 0)))
    for t in range(6):
        window = padded[:, t : t + 5 : 2]
        expected = np.einsum("bwc,wcf->bf", window, kernel)
        np.testing.assert_allclose(found[:, t], expected, rtol=1e-9, atol=1e-12)


def test_ctc(both):
    """Keras's own loss takes logits, and counts no row of zeros."""
    p = np.exp(normal(2, 6, 4))
    p /= p.sum(-1, keepdims=True)
    labels = np.array([[1, 0, 2], [2, 2, 0]], "int32")
    steps, sizes = np.array([[6], [5]]), np.array([[3], [2]])
    found = K.ctc_batch_cost(labels, p, steps, sizes)
    target = {"object": "ops.ctc_loss"}
    args = [labels, np.log(p + 1e-7), sizes[:, 0], steps[:, 0], 3]
    args = [a.astype("int32") if getattr(a, "dtype", 0) == "int64" else a for a in args]
    expected = both.reference.answer({"do": "call", "target": target, "args": args})
    np.testing.assert_allclose(found[:, 0], expected["value"], rtol=1e-5)
    (best,), score = K.ctc_decode(p, steps[:, 0])
    for row in range(2):
        chosen = p[row, : steps[row, 0]].argmax(-1)
        kept = [
            c for i, c in enumerate(chosen) if c != 3 and (not i or c != chosen[i - 1])
        ]
        assert [c for c in np.asarray(best[row]) if c != -1] == kept
    assert score.shape == (2, 1)
    several, _ = K.ctc_decode(p, steps[:, 0], greedy=False, top_paths=2)
    assert len(several) == 2


@pytest.mark.parametrize("width", [1, 2, 5, 20])
def test_narrow_beams(both, width):
    """What a beam loses, Keras loses too."""
    logits, lengths = normal(3, 6, 4) * 2, np.array([6, 5, 6], "int32")
    kwargs = {
        "strategy": "beam_search",
        "beam_width": width,
        "top_paths": min(width, 2),
        "mask_index": 3,
    }
    target = {"object": "ops.ctc_decode"}
    args = [logits, lengths]
    mine, theirs = both.ask(
        "call", target=target, args=args, kwargs=kwargs, floatx="float64"
    )
    (found, score), (expected, theirs) = mine["value"], theirs["value"]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(score, theirs, rtol=1e-6)


def test_gradient_of_transposed_convolution():
    """By finite differences, in the K that K.gradients sees."""
    cornu.utils.set_random_seed(0)
    x = K.placeholder((1, 3, 3, 2), dtype="float64")
    kernel = normal(2, 2, 3, 2)
    loss = K.sum(K.square(K.conv2d_transpose(x, kernel, (1, 6, 6, 3), (2, 2), "same")))
    f = K.function([x], [loss, *K.gradients(loss, [x])])
    at = normal(1, 3, 3, 2)
    step = np.zeros_like(at)
    step[0, 1, 2, 1] = 1e-5
    slope = (f([at + step])[0] - f([at - step])[0]) / 2e-5
    np.testing.assert_allclose(f([at])[1][0, 1, 2, 1], slope, rtol=1e-6)
