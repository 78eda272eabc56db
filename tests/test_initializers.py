"""Initial values: distributions against SciPy, seeds, shapes, dtypes, errors."""

import math

import numpy as np
import pytest

import cornu
from cornu import initializers
from cornu.random import SeedGenerator

stats = pytest.importorskip("scipy.stats")

CLASSES = {o.__name__: o for o in initializers.REGISTRY.objects.values()}
RANDOM = [name for name, cls in CLASSES.items() if "seed" in cls().get_config()]
SHAPE = (30, 40, 20)  # fan_in 1200, fan_out 600
FAN_IN, FAN_OUT = 1200, 600


def uniform(limit):
    return stats.uniform(-limit, 2 * limit)


def truncated(variance):
    """Cut at two of its standard deviations, and then of this variance."""
    width = stats.truncnorm(-2, 2).std()
    return stats.truncnorm(-2, 2, scale=math.sqrt(variance) / width)


DISTRIBUTIONS = {
    "RandomNormal": stats.norm(0, 0.05),
    "RandomUniform": uniform(0.05),
    "TruncatedNormal": stats.truncnorm(-2, 2, scale=0.05),
    "GlorotUniform": uniform(math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "GlorotNormal": truncated(2 / (FAN_IN + FAN_OUT)),
    "HeUniform": uniform(math.sqrt(6 / FAN_IN)),
    "HeNormal": truncated(2 / FAN_IN),
    "LecunUniform": uniform(math.sqrt(3 / FAN_IN)),
    "LecunNormal": truncated(1 / FAN_IN),
    "VarianceScaling": truncated(1 / FAN_IN),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [n for n in RANDOM if n != "Orthogonal"])
def test_distributions(name, dtype):
    """The seed is fixed, so this passes always, or never."""
    values = CLASSES[name](seed=3)(SHAPE, dtype=dtype).numpy()
    wanted = DISTRIBUTIONS[name]
    assert values.shape == SHAPE
    assert values.dtype == dtype
    assert stats.kstest(values.ravel(), wanted.cdf).pvalue > 1e-3
    low, high = wanted.support()
    assert values.min() >= low - 1e-6 * wanted.std()
    assert values.max() <= high + 1e-6 * wanted.std()
    n = values.size
    assert abs(values.mean()) < 4 * wanted.std() / math.sqrt(n)
    assert abs(values.var() / wanted.var() - 1) < 4 * math.sqrt(2 / n)
    neighbours = np.corrcoef(values.ravel()[:-1], values.ravel()[1:])[0, 1]
    assert abs(neighbours) < 4 / math.sqrt(n)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize(
    ("distribution", "make"),
    [
        ("uniform", lambda v: uniform(math.sqrt(3 * v))),
        ("truncated_normal", truncated),
        ("normal", truncated),
        ("untruncated_normal", lambda v: stats.norm(0, math.sqrt(v))),
    ],
)
def test_variance_scaling(distribution, make, mode):
    fan = {"fan_in": FAN_IN, "fan_out": FAN_OUT}.get(mode, (FAN_IN + FAN_OUT) / 2)
    made = initializers.VarianceScaling(3.0, mode, distribution, seed=5)
    values = made(SHAPE, dtype="float64").numpy().ravel()
    assert stats.kstest(values, make(3.0 / fan).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "shape", [(5, 5), (7, 3), (3, 7), (2, 3, 5), (3, 2, 40), (4, 1)]
)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_orthogonal(shape, gain):
    """The shorter of rows and columns are orthogonal, of length `gain`."""
    w = initializers.Orthogonal(gain, seed=2)(shape, dtype="float64").numpy()
    flat = w.reshape(-1, shape[-1])
    flat = flat if flat.shape[0] <= flat.shape[1] else flat.T
    wanted = gain**2 * np.eye(len(flat))
    np.testing.assert_allclose(flat @ flat.T, wanted, atol=1e-12)


def test_orthogonal_prefers_no_direction():
    """The corner of a random orthogonal matrix has mean 0 and variance 1 / n."""
    corners = np.array(
        [
            initializers.Orthogonal(seed=i)((4, 4), dtype="float64").numpy()[0, 0]
            for i in range(400)
        ]
    )
    assert abs(corners.mean()) < 4 * 0.5 / 20
    assert abs(corners.var() * 4 - 1) < 0.2


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    cls = CLASSES[name]
    first = cls(seed=1)((4, 3)).numpy()
    np.testing.assert_array_equal(cls(seed=1)((4, 3)).numpy(), first)
    assert not np.array_equal(cls(seed=2)((4, 3)).numpy(), first)
    one = cls(seed=1)
    np.testing.assert_array_equal(one((4, 3)).numpy(), one((4, 3)).numpy())
    generator = cls(seed=SeedGenerator(1))
    assert not np.array_equal(generator((4, 3)).numpy(), generator((4, 3)).numpy())


@pytest.mark.parametrize("name", RANDOM)
def test_the_global_seed_decides_where_none_is_given(name):
    cls, found = CLASSES[name], []
    for seed in (7, 7, 8):
        cornu.utils.set_random_seed(seed)
        a, b = cls(), cls()
        found.append(np.array([a((4, 3)).numpy(), b((4, 3)).numpy()]))
        assert not np.array_equal(*found[-1])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize("name", RANDOM)
def test_copies(name):
    made = CLASSES[name](seed=SeedGenerator(4))
    again = initializers.deserialize(initializers.serialize(made))
    np.testing.assert_array_equal(again((4, 3)).numpy(), made((4, 3)).numpy())
    one = CLASSES[name](seed=4)
    np.testing.assert_array_equal(one.clone()((4, 3)).numpy(), one((4, 3)).numpy())


def test_float16_takes_the_same_numbers():
    a = initializers.HeNormal(seed=1)((50, 50), dtype="float16").numpy()
    b = initializers.HeNormal(seed=1)((50, 50), dtype="float32").numpy()
    assert a.dtype == "float16"
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_an_array_is_its_own_initializer():
    values = np.arange(6.0).reshape(2, 3)
    found = initializers.get(values)((2, 3), "float32")
    np.testing.assert_array_equal(found.numpy(), values)
    assert found.dtype == "float32"
    with pytest.raises(ValueError, match="Expected equal shapes"):
        initializers.get(values)((3, 2))


def test_functions_and_classes_are_taken():
    assert isinstance(initializers.get("he_normal"), initializers.HeNormal)
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    layer = cornu.layers.Dense(
        2, kernel_initializer=lambda shape, dtype: np.full(shape, 3.0, dtype)
    )
    assert layer(np.ones((1, 4))).numpy().tolist() == [[12.0, 12.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: initializers.VarianceScaling(scale=0),
        lambda: initializers.VarianceScaling(mode="fan"),
        lambda: initializers.VarianceScaling(distribution="gauss"),
        lambda: initializers.Orthogonal()((3,)),
        lambda: initializers.Identity()((3,)),
        lambda: initializers.HeNormal(seed="x"),
        lambda: initializers.HeNormal(seed=1)((2, 2), dtype="int32"),
        lambda: initializers.get("he_norml"),
        lambda: initializers.get(3.0),
        lambda: initializers.Initializer()((2,)),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises((ValueError, NotImplementedError)) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 3
