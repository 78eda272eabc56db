"""Losses and metrics with drawn masks, weights, reductions and shapes beside Keras.

`test_losses.py` tries each option and each reduction; here they meet: masks and weights
together, masks that leave nothing, batches without samples.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parity.cases import DECISIONS, data_for, options_of, rng_of
from tests.parity.reference import MINE, TOLERANCE, compare, objects_of

LOSSES = [p for p in objects_of("losses", "class") if "Wrapper" not in p]
METRICS = [
    p
    for p in objects_of("metrics", "class")
    if p not in ("metrics.Mean", "metrics.Sum", "metrics.MeanMetricWrapper")
    and p.split(".")[1] not in DECISIONS
]
REDUCTIONS = [
    *("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None),
]
# Few shapes, so that Keras compiles few programs.
SHAPES = [(4, 3), (2, 5, 3), (3, 3, 2), (0, 3), (2, 0, 3)]
MASKS = ["none", "all", "some", "one", "bytes"]
DTYPES = ["float64", "float32"]


def shape_of_values(path, options, args):
    """The shape of a loss without reduction, from its shape rule alone."""
    name = path.split(".")[1]
    if name in ("CTC", "Circle"):
        return np.shape(args[1])[:1]
    shape = list(np.shape(args[1]))
    if name in ("Dice", "Tversky"):
        axes = options.get("axis")
        return None if axes is None or np.ndim(args[1]) != 2 else "some"
    del shape[options.get("axis", -1)]
    return tuple(shape)


@st.composite
def mask_of(draw, shape):
    kind = draw(st.sampled_from([None, *MASKS]))
    if kind is None:
        return None
    rng = rng_of("mask", shape, kind)
    mask = {
        "none": np.zeros(shape, bool),
        "all": np.ones(shape, bool),
        "some": rng.uniform(size=shape) < 0.6,
        "one": np.arange(int(np.prod(shape))).reshape(shape) == 0,
        "bytes": rng.integers(0, 2, shape).astype("uint8"),
    }[kind]
    return mask


@st.composite
def weights_of(draw, shape):
    """Weights for Cornu, and the same for Keras, whose rule is NumPy's broadcasting."""
    ranks = [None, 0, *range(1, len(shape) + 1), "last"]
    rank = draw(st.sampled_from(ranks))
    if rank is None:
        return None, None
    if rank == 0:
        return np.array(0.7), np.array(0.7)
    own = (*shape, 1) if rank == "last" else shape[:rank]
    weight = rng_of("weights", own).uniform(0.0, 2.0, own)
    weight *= draw(st.sampled_from([0.0, 1.0, 1.0, 1.0]))
    if rank == "last" or rank == len(shape):
        return weight, weight
    return weight, weight.reshape(*own, *[1] * (len(shape) - len(own)))


@st.composite
def cases(draw, paths):
    path = draw(st.sampled_from(paths))
    name = path.split(".")[1]
    options = draw(st.sampled_from(options_of(name, MINE.find(path))))
    shape = draw(st.sampled_from(SHAPES))
    dtype = draw(st.sampled_from(DTYPES))
    args = list(data_for(name, shape, options, dtype))
    values = shape_of_values(path, options, args)
    if not isinstance(values, tuple):
        return path, options, args, None, (None, None), dtype
    mask = draw(mask_of(values))
    return path, options, args, mask, draw(weights_of(values)), dtype


def asked(both, do, mine, theirs):
    """Both answers, of which none is an error."""
    found = MINE.answer({"do": do, **mine})
    expected = both.reference.answer({"do": do, **theirs})
    for answer in (expected, found):
        assert not (isinstance(answer, dict) and "error" in answer), answer
    return found, expected


@settings(max_examples=30)
@given(case=cases(LOSSES), reduction=st.sampled_from(REDUCTIONS))
def test_losses(both, case, reduction):
    losses_agree(both, case, reduction)


@pytest.mark.slow
@settings(max_examples=500)
@given(case=cases(LOSSES), reduction=st.sampled_from(REDUCTIONS))
def test_many_losses(both, case, reduction):
    losses_agree(both, case, reduction)


def losses_agree(both, case, reduction):
    path, options, args, mask, weights, dtype = case
    target = {"object": path, "config": {**options, "reduction": reduction}}
    request = {"target": target, "gradient": 1, "mask": mask, "floatx": dtype}
    requests = [{**request, "args": [*args, w]} for w in weights]
    compare(*asked(both, "call", *requests), *TOLERANCE[dtype])


@settings(max_examples=20)
@given(case=cases(METRICS), times=st.sampled_from([1, 2]))
def test_metrics(both, case, times):
    metrics_agree(both, case, times)


@pytest.mark.slow
@settings(max_examples=400)
@given(case=cases(METRICS), times=st.sampled_from([1, 2]))
def test_many_metrics(both, case, times):
    metrics_agree(both, case, times)


def metrics_agree(both, case, times):
    """Metrics of Keras take a weight per sample as it is, unless there is a mask."""
    path, options, args, mask, weights, dtype = case
    if not args[1].size:  # 0 / 0 in one form or the other
        weights = (None, None)
    elif mask is None:
        weights = weights[:1] * 2
    target = {"object": path, "config": options}
    request = {"target": target, "mask": mask, "floatx": dtype}
    requests = [
        {**request, "updates": [[args, {"sample_weight": w}]] * times} for w in weights
    ]
    compare(*asked(both, "metric", *requests), *TOLERANCE[dtype])
