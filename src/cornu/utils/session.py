"""State of the whole process: seeds and automatic names."""

from __future__ import annotations

import random as python_random

import numpy as np

from cornu import registry
from cornu.graph.policy import set_dtype_policy
from cornu.ops.random import set_global_seed


def set_random_seed(seed: int) -> None:
    """Make everything random from here on repeatable.

    Initial weights, shuffles and dropout masks follow from the seed, on every engine;
    Python's `random` and NumPy's global generator are seeded too.

    Args:
        seed: whole number from 0 to 2**32 - 1.

    Raises:
        ValueError: for anything else.
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**32:
        raise ValueError(
            f"set_random_seed was given {seed!r}.\n"
            "Expected a whole number from 0 to 2**32 - 1.\n"
            "For example set_random_seed(1337)."
        )
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    set_global_seed(int(seed))


def clear_session(free_memory: bool = True) -> None:
    """Start the numbering of automatic names anew, and forget the dtype policy.

    Graphs free themselves.

    Args:
        free_memory: a hint without meaning here.
    """
    registry.reset_names()
    set_dtype_policy(None)
