"""Learning rate schedules beside those of real Keras, at many steps."""

import numpy as np
import pytest

from tests.parity.reference import objects_of

START = {"initial_learning_rate": 0.1}
OPTIONS = {
    "CosineDecay": [
        {"decay_steps": 50},
        {"decay_steps": 50, "alpha": 0.1},
        {"decay_steps": 50, "warmup_target": 0.3, "warmup_steps": 20},
        {"decay_steps": 50, "warmup_target": 0.3, "warmup_steps": 0},
    ],
    "CosineDecayRestarts": [
        {"first_decay_steps": 20},
        {"first_decay_steps": 15, "t_mul": 1.0, "m_mul": 0.7},
        {"first_decay_steps": 15, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.05},
    ],
    "ExponentialDecay": [
        {"decay_steps": 30, "decay_rate": 0.5},
        {"decay_steps": 30, "decay_rate": 0.5, "staircase": True},
    ],
    "InverseTimeDecay": [
        {"decay_steps": 30, "decay_rate": 0.5},
        {"decay_steps": 30, "decay_rate": 0.5, "staircase": True},
    ],
    "PiecewiseConstantDecay": [
        {"boundaries": [10], "values": [0.1, 0.05]},
        {"boundaries": [10, 40, 41], "values": [0.1, 0.05, 0.01, 0.2]},
        {"boundaries": [10.5, 40.0], "values": [1.0, 0.5, 0.1]},
    ],
    "PolynomialDecay": [
        {"decay_steps": 50},
        {"decay_steps": 50, "end_learning_rate": 0.01, "power": 0.5},
        {"decay_steps": 20, "cycle": True, "power": 2.0},
    ],
}
EVERY_OPTION = [
    pytest.param(path, config, id=f"{path.split('.')[2]}-{i}")
    for path in objects_of("optimizers.schedules", "class")
    for i, config in enumerate(OPTIONS[path.split(".")[2]])
]
# The corners of each schedule, and some steps between.
STEPS = [
    0,
    1,
    2,
    9,
    10,
    11,
    14,
    16,
    19,
    20,
    21,
    29,
    31,
    39,
    40,
    41,
    42,
    50,
    51,
    70,
    999,
]


def asked(path, config):
    if "Piecewise" not in path:
        config = {**START, **config}
    return {"target": {"object": path, "config": config}, "steps": STEPS}


@pytest.mark.parametrize(("path", "config"), EVERY_OPTION)
def test_rates(both, path, config):
    both.same("schedule", **asked(path, config), floatx="float64")


@pytest.mark.parametrize(("path", "config"), EVERY_OPTION)
def test_rates_in_float32(both, path, config):
    mine, theirs = both.ask("schedule", **asked(path, config))
    assert {rate.dtype.name for rate in mine} == {"float32"}
    # Under JAX_ENABLE_X64 Keras computes some of them in float64 all the same.
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
