"""Samples of finding numbers in a sorted sequence."""

import numpy as np

from tests.ops.table import call, rough, samples_of, whole


@samples_of("searchsorted")
def _places(rng, name):
    for n, shape in ((1, (4,)), (5, (2, 3)), (8, ()), (3, (0,)), (0, (3,))):
        sequence = np.sort(rng.integers(-3, 4, n)).astype("float64")
        values = rng.integers(-4, 5, shape) + rng.choice([0.0, 0.5], shape)
        for side in ("left", "right"):
            yield rough(sequence, np.asarray(values, "float64"), side=side)
    numbers = np.sort(whole(rng, 0, 9, 6))
    yield call(numbers, whole(rng, 0, 9, 2, 2), side="left")
    ends = np.array([np.nan, np.inf, -np.inf, 0.0])
    yield rough(np.array([-1.0, 0.0, np.inf]), ends, side="right")
