"""The public module `keras.random`."""

from cornu.ops.distributions import beta, binomial, gamma
from cornu.ops.random import (
    SeedGenerator,
    categorical,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from cornu.registry import Registry

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

REGISTRY = Registry("source of random numbers", "keras.random")
REGISTRY.enter(SeedGenerator)
