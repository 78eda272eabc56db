"""Initializers beside those of real Keras: values, fans, and distributions."""

import numpy as np
import pytest
from scipy import stats

from cornu.initializers.fourier import WINDOWS
from tests.parity.reference import MINE, objects_of

RANDOM = [
    path
    for path in objects_of("initializers", "class")
    if "seed" in MINE.find(path)().get_config()
]
FIXED = [
    path
    for path in objects_of("initializers", "class")
    if path not in (*RANDOM, "initializers.STFT")
]
OPTIONS = {
    "initializers.Constant": [{"value": 2.5}, {"value": np.array([1.0, 2.0, 3.0])}],
    "initializers.Identity": [{"gain": 0.5}],
    "initializers.RandomNormal": [{"mean": 1.0, "stddev": 0.2}],
    "initializers.TruncatedNormal": [{"mean": 1.0, "stddev": 0.2}],
    "initializers.RandomUniform": [{"minval": 1.0, "maxval": 3.0}],
    "initializers.VarianceScaling": [
        {"scale": 3.0, "mode": mode, "distribution": distribution}
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("uniform", "truncated_normal", "untruncated_normal")
    ],
    "initializers.Orthogonal": [{"gain": 2.0}],
    "initializers.GlorotUniform": [{"input_axes": [0, 1], "output_axes": [2]}],
}


def everything(paths):
    return [
        pytest.param(path, config, id=f"{path.split('.')[1]}-{i}")
        for path in paths
        for i, config in enumerate([{}, *OPTIONS.get(path, [])])
    ]


def values_of(path, config, shape, dtype):
    target = {"object": path, "config": config}
    return {"target": target, "args": [shape], "kwargs": {"dtype": dtype}}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
@pytest.mark.parametrize(("path", "config"), everything(FIXED))
def test_values(both, path, config, dtype):
    if "Identity" in path and dtype == "int32":
        dtype = "float32"  # Keras multiplies with the gain, and forgets the dtype
    for shape in ((3, 3), (2, 3), (4, 3)):
        both.same("call", "float32", **values_of(path, config, shape, dtype))
    if "Identity" not in path:
        both.same("call", "float32", **values_of(path, config, (2, 4, 3), dtype))


@pytest.mark.parametrize("window", [*WINDOWS, None])
@pytest.mark.parametrize("side", ["real", "imag"])
def test_fourier_kernels(both, side, window):
    """Every window, of odd and even lengths, and of one sample."""
    for number, shape in enumerate([(9, 1, 9), (8, 1, 5), (6, 1, 6), (1, 1, 3)]):
        scaling = ["density", "spectrum", None][number % 3]
        config = {"side": side, "window": window, "scaling": scaling}
        config["periodic"] = bool(number // 2)
        request = values_of("initializers.STFT", config, shape, "float64")
        both.same("call", "float64", **request, floatx="float64")


@pytest.mark.parametrize(("path", "config"), everything(RANDOM))
def test_distributions(both, path, config):
    """Two samples, whose largest distance is what chance allows (Kolmogorov)."""
    shape = (20, 15, 40)
    request = values_of(path, {**config, "seed": 7}, shape, "float32")
    mine, theirs = both.ask("call", **request)
    assert mine["value"].shape == theirs["value"].shape == shape
    assert mine["value"].dtype == theirs["value"].dtype == "float32"
    a, b = mine["value"].ravel(), theirs["value"].ravel()
    # The seeds are fixed: this passes always, or never.
    assert stats.ks_2samp(a, b).pvalue > 1e-3
    assert abs(a.std() / b.std() - 1) < 0.03


@pytest.mark.parametrize(
    "shape", [(), (5,), (5, 7), (3, 5, 7), (3, 3, 5, 7), (2, 2, 2, 5, 7)], ids=str
)
def test_fans(both, shape):
    axes = [(None, None)]
    if len(shape) > 2:
        axes += [([0], [1, 2]), ([-1], [0, 1])]
    for input_axes, output_axes in axes:
        args = [shape, input_axes, output_axes]
        function = {"object": "initializers.compute_fans"}
        (mine,) = MINE.answer({"do": "call", "target": function, "args": args}).values()
        function = {"object": "src.initializers.random_initializers.compute_fans"}
        request = {"do": "call", "target": function, "args": args}
        (theirs,) = both.reference.answer(request).values()
        assert tuple(mine) == tuple(theirs)
