"""Samples of the composites that optimizers add to the vocabulary."""

import numpy as np

import cornu.optimizers  # noqa: F401 (they enter themselves)
from tests.ops.table import call, normal, samples_of


def _state(rng, shape):
    """A mean of squares: never negative."""
    return normal(rng, *shape) ** 2


@samples_of("sgd_update")
def _sgd(rng, name):
    for shape in ((3, 4), (), (0, 2)):
        yield call(normal(rng, *shape), normal(rng, *shape), np.array(0.1))


@samples_of("sgd_momentum_update")
def _momentum(rng, name):
    for nesterov in (False, True):
        arrays = [normal(rng, 3, 4) for _ in range(3)]
        yield call(*arrays, np.array(0.1), momentum=0.9, nesterov=nesterov)


@samples_of("rmsprop_update")
def _rmsprop(rng, name):
    for shape in ((3, 4), (5,)):
        arrays = normal(rng, *shape), normal(rng, *shape), _state(rng, shape)
        yield call(*arrays, np.array(0.1), rho=0.9, epsilon=1e-7)


@samples_of("adam_update")
def _adam(rng, name):
    for shape in ((3, 4), (5,)):
        arrays = [normal(rng, *shape) for _ in range(3)]
        betas = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
        yield call(*arrays, _state(rng, shape), np.array(0.1), **betas)
