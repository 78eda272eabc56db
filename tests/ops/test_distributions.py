"""Gamma, beta and binomial numbers: beside SciPy's, by seeds, and in programs."""

import numpy as np
import pytest
import scipy.stats

import cornu
from cornu import ops
from cornu.engines.numpy import NumpyEngine
from cornu.graph.trace import Trace
from cornu.ops.distributions import log_gamma
from cornu.ops.random import SeedGenerator


@pytest.mark.parametrize("alpha", [0.05, 0.7, 1.0, 3.5, 40.0])
def test_gamma_is_scipys(alpha):
    found = np.asarray(cornu.random.gamma((6000,), alpha, "float64", seed=3))
    assert scipy.stats.kstest(found, scipy.stats.gamma(alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.2), (1.0, 1.0), (2.0, 5.0), (30.0, 0.5)])
def test_beta_is_scipys(a, b):
    found = np.asarray(cornu.random.beta((6000,), a, b, "float64", seed=4))
    assert scipy.stats.kstest(found, scipy.stats.beta(a, b).cdf).pvalue > 1e-3
    assert cornu.random.beta((3,), a, b, seed=1).dtype == "float32"


@pytest.mark.parametrize(
    ("n", "p"), [(10, 0.3), (21, 0.5), (1000, 0.02), (50, 0.9), (400, 0.37)]
)
def test_binomial_is_scipys(n, p):
    found = np.asarray(cornu.random.binomial((20000,), n, p, seed=5))
    assert found.dtype == np.float32
    expected = scipy.stats.binom.pmf(np.arange(n + 1), n, p) * len(found)
    often = expected > 20
    seen = np.bincount(found.astype(int), minlength=n + 1)
    apart = ((seen - expected)[often] ** 2 / expected[often]).sum()
    assert scipy.stats.chi2.sf(apart, often.sum()) > 1e-3


def test_binomial_numbers_of_what_is_sure_or_no_probability():
    n, p = np.array([5, 5, 0, 30, 5, -1]), np.array([0.0, 1.0, 0.5, 1.0, 1.5, 0.5])
    found = np.asarray(cornu.random.binomial((3, 6), n, p, seed=1))
    np.testing.assert_array_equal(found, [[0, 5, 0, 30, np.nan, np.nan]] * 3)


def test_numbers_that_are_too_small_for_floats():
    """Of tiny parameters one of two is all; never is it 0 / 0."""
    found = np.asarray(cornu.random.beta((500,), 1e-6, 1e-6, seed=2))
    assert np.isfinite(found).all()
    assert set(np.unique(found)) <= {0.0, 1.0}
    assert 200 < found.sum() < 300
    logs = np.asarray(log_gamma((100,), 1e-5, "float32", 1))
    assert np.isfinite(logs).all()
    assert logs.min() < -1e4


def test_seeds_decide_and_programs_draw_the_same():
    def binomial(seed):
        return cornu.random.binomial((2,), [9, 99], 0.3, seed=seed)

    for function in (
        lambda s: cornu.random.gamma((3, 2), [0.5, 4.0], seed=s),
        lambda s: cornu.random.beta((4,), 0.3, 0.6, seed=s),
        binomial,
    ):
        first = np.asarray(function(5))
        np.testing.assert_array_equal(function(5), first)
        assert np.abs(np.asarray(function(6)) - first).max() > 1e-3
        generator = SeedGenerator(5)
        with Trace("draw") as t:
            graph = t.finish([ops.copy(function(generator))])
        program = NumpyEngine().compile(graph)
        np.testing.assert_allclose(program()[0], first, rtol=1e-5)
        np.testing.assert_allclose(program()[0], function(generator_at(5, 1)), 1e-5)


def generator_at(seed, count):
    generator = SeedGenerator(seed)
    for _ in range(count):
        generator.next()
    return generator
