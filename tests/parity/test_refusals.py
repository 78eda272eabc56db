"""What Keras refuses, Cornu refuses by an error of the same type."""

import numpy as np
import pytest

X = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
IMAGE = np.ones((1, 4, 4, 3), "float32")
SIGNAL = np.ones((2, 8), "float32")
SGD = {"object": "optimizers.SGD", "config": {}}


def of(path, *args, **kwargs):
    return pytest.param(path, args, kwargs, id=f"{path}-{len(args)}-{sorted(kwargs)}")


REFUSED = [
    of("ops.normalize", X, order=0),
    of("ops.normalize", X, order=-1),
    of("ops.normalize", X, order=2.5),
    of("ops.normalize", X, order="a"),
    of("ops.pad", X, 1, mode="reflect", constant_values=0),
    of("ops.pad", X, 1, mode="symmetric", constant_values=1),
    of("ops.histogram", X[0, 0], range=(1,)),
    of("ops.depth_to_space", IMAGE, 1),
    of("ops.depth_to_space", IMAGE, 0),
    of("ops.space_to_depth", IMAGE, -1),
    of("ops.stft", SIGNAL, 4, 0, 4),
    of("ops.stft", SIGNAL, 4, 1.5, 4),
    of("ops.istft", (X[0], X[0]), 4, -5, 6),
    of("ops.rfft", np.float32(5.0)),
    of("ops.qr", X[0], mode="other"),
    of("ops.scan", 123, X[0, 0], X[0, 0]),
    of("ops.image.extract_patches_3d", np.ones((1, 4, 4, 4, 1)), size="5"),
    of("ops.image.extract_patches", IMAGE, "5"),
    of("ops.squeeze", X, 0),
    of("ops.sparse_categorical_crossentropy", np.zeros((2, 4), "int32"), X, axis=3),
    of("ops.ctc_decode", X, [3, 3], strategy="other"),
    of("metrics.FBetaScore", beta=1),
    of("metrics.FBetaScore", beta="1.0"),
    of("metrics.FBetaScore", beta=None),
    of("metrics.FBetaScore", beta=0.0),
    of("metrics.FBetaScore", threshold=1),
    of("metrics.FBetaScore", threshold="0.5"),
    of("optimizers.LossScaleOptimizer", SGD, dynamic=False),
    of("optimizers.LossScaleOptimizer", SGD, other=True),
    of("optimizers.LossScaleOptimizer", SGD, clipnorm=0.5),
    of("optimizers.LossScaleOptimizer", SGD, use_ema=True),
    of("random.SeedGenerator", other=1),
    of("random.SeedGenerator", seed="a"),
    of("KerasTensor", 3),
]


@pytest.mark.parametrize(("path", "args", "kwargs"), REFUSED)
def test_what_keras_refuses_is_refused(both, path, args, kwargs):
    request = {"target": {"object": path}, "args": list(args), "kwargs": kwargs}
    mine, theirs = both.ask_anyway("call", **request)
    assert "error" in theirs, theirs
    assert mine.get("error") == theirs["error"], (mine, theirs)
    assert len(mine["message"].splitlines()) >= 3


ACCEPTED = [
    of("ops.conv", X, np.ones((2, 4, 2), "float32"), padding="VALID"),
    of("ops.conv", X, np.ones((2, 4, 2), "float32"), padding="SAME"),
    of("ops.mean", np.full(3, 65504.0, "float16")),
    of("ops.moments", np.array([-741, 353.2, 1099, -1807], "float16"), axes=[0]),
    of("ops.nancumsum", X[0], axis=1),
    of("ops.take_along_axis", X[:1, :1], np.zeros((1, 3, 1), "int32"), axis=2),
    of("ops.ctc_loss", [[1, 2]], X[:1].astype("float16"), [2], [3]),
    of("ops.matmul", np.ones((2, 2), "int8") * 100, np.ones((2, 2), "int8") * 100),
    of("ops.max_pool", np.arange(8).reshape(1, 8, 1).astype("int32"), 2, 2),
]


@pytest.mark.parametrize(("path", "args", "kwargs"), ACCEPTED)
def test_what_keras_accepts_is_the_same(both, path, args, kwargs):
    both.same(
        "call",
        "float32",
        target={"object": path},
        args=list(args),
        kwargs=kwargs,
    )


@pytest.mark.parametrize("window", ["tukey", "parzen", "triang"])
def test_windows_are_those_of_scipy(both, window):
    target = {"object": "initializers.STFT", "config": {"window": window}}
    both.same("call", "float32", target=target, args=[(8, 1, 10)])
