"""Calls of functions that find numbers in a sorted sequence."""

import numpy as np

from tests.ops.calls import F, X, of

LIMITS = [-1.0, 0.0, 0.5]


def i32(x):
    return np.asarray(x, "int32")


of("digitize", X, LIMITS)(i32(np.digitize(X, LIMITS)))
of("digitize", np.array([1, 2, 5]), [2, 5])(i32([0, 1, 2]))
for _side in ("left", "right"):
    of("searchsorted", np.array(LIMITS, "float32"), F, side=_side)(
        i32(np.searchsorted(LIMITS, F, _side))
    )
