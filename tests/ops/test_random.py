"""Random numbers: the published bits, the distributions, and one seed in every mode."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

import cornu
from cornu import ops, random
from cornu.engines.numpy import Program
from cornu.graph import Spec, Tensor, Trace, trace
from cornu.ops import random as everything
from cornu.ops.nn import dropout as masked

# The bits


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds, as the paper of Salmon et al. writes it."""
    word = 2**32
    ks = [*key, 0x1BD11BDA ^ key[0] ^ key[1]]
    x0, x1 = (counter[0] + ks[0]) % word, (counter[1] + ks[1]) % word
    rotations = [13, 15, 26, 6, 17, 29, 16, 24]
    for i in range(20):
        r = rotations[i % 8]
        x0 = (x0 + x1) % word
        x1 = ((x1 << r | x1 >> (32 - r)) % word) ^ x0
        if i % 4 == 3:
            n = i // 4 + 1
            x0 = (x0 + ks[n % 3]) % word
            x1 = (x1 + ks[(n + 1) % 3] + n) % word
    return x0, x1


FF = 0xFFFFFFFF
# The known answers that are published with the algorithm (Random123, kat_vectors).
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((FF, FF), (FF, FF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN)
def test_the_published_answers(key, counter, expected):
    assert threefry(key, counter) == expected


@pytest.mark.parametrize("key", [(0, 0), (FF, FF), (123456789, 4000000000), (7, 1)])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 50])
def test_random_bits_are_threefrys(key, n):
    half = (n + 1) // 2
    pairs = [threefry(key, (i, 0)) for i in range(half)]
    words = [a for a, _ in pairs] + [b for _, b in pairs]
    expected = [w >> 1 for w in words[:n]]
    found = ops.random_bits(np.array(key, np.uint32), (n,))
    assert found.dtype == "int32"
    assert found.tolist() == expected
    assert ops.random_bits(np.array(key, np.uint32), (n, 1)).shape == (n, 1)


@pytest.mark.slow
def test_random_bits_are_those_of_jax():
    script = (
        "import numpy as np, jax; from jax.extend.random import threefry_2x32\n"
        "key, count = np.array([42, 17], 'uint32'), np.zeros(2000, 'uint32')\n"
        "count[:1000] = np.arange(1000)\n"
        "print(*np.asarray(threefry_2x32(key, count) >> 1))"
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = ops.random_bits(np.array([42, 17], np.uint32), (2000,))
    assert found.tolist() == [int(n) for n in out.split()]


def test_bits_are_balanced_and_independent():
    bits = ops.random_bits(np.array([3, 0], np.uint32), (2**15,)).numpy()
    ones = [(bits >> i & 1).mean() for i in range(31)]
    np.testing.assert_allclose(ones, 0.5, atol=0.02)
    next_key = ops.random_bits(np.array([3, 1], np.uint32), (2**15,)).numpy()
    for a, b in ((bits[1:], bits[:-1]), (bits, next_key)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.02


@pytest.mark.parametrize(
    "key", [np.zeros(3, "uint32"), np.zeros(2, "int32"), np.zeros((2, 1), "uint32")]
)
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ValueError, match=r"u32\[2\]") as caught:
        ops.random_bits(key, (4,))
    assert len(str(caught.value).splitlines()) == 3


# Distributions, with a fixed seed: a p-value below 1e-4 would be no accident

N = 20_000


def fits(sample, distribution):
    return scipy.stats.kstest(np.asarray(sample, "float64"), distribution).pvalue > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform(dtype):
    x = random.uniform((N,), -3.0, 5.0, dtype=dtype, seed=1).numpy()
    assert x.dtype == dtype
    assert x.min() >= -3
    assert x.max() < 5
    assert fits(x, scipy.stats.uniform(-3, 8).cdf)


def test_uniform_float64_uses_53_bits():
    x = random.uniform((N,), dtype="float64", seed=2).numpy()
    fine = x * 2.0**53
    np.testing.assert_array_equal(fine, np.round(fine))
    assert (x.astype("float32") != x).mean() > 0.99


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_uniform_never_reaches_its_upper_limit(dtype):
    """Rounding would: 1 + (1 - 2**-24) is 2 in float32."""
    for low, high in ((0.0, 1.0), (1.0, 2.0), (1e4, 1e4 + 10)):
        x = random.uniform((2**17,), low, high, dtype=dtype, seed=5).numpy()
        assert x.dtype == dtype
        assert x.min() >= low
        assert x.max() < high


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(dtype):
    x = random.normal((N,), 2.0, 3.0, dtype=dtype, seed=3).numpy()
    assert x.dtype == dtype
    assert fits(x, scipy.stats.norm(2, 3).cdf)
    assert abs(np.corrcoef(x[: N // 2], x[N // 2 :])[0, 1]) < 0.03  # Box and Muller's
    assert random.normal((3,), seed=3).shape == (3,)
    assert random.normal((), seed=3).shape == ()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_truncated_normal(dtype):
    x = random.truncated_normal((N,), 1.0, 0.5, dtype=dtype, seed=4).numpy()
    assert abs(x - 1).max() <= 1.0
    assert fits(x, scipy.stats.truncnorm(-2, 2, 1, 0.5).cdf)


def test_the_inverse_of_the_normal_distribution_function():
    q = np.linspace(-0.4772, 0.4772, 20_001)
    found = everything._inverse_normal(Tensor(q)).numpy()
    np.testing.assert_allclose(
        found, scipy.stats.norm.ppf(q + 0.5), rtol=1e-13, atol=1e-15
    )


def test_randint():
    x = random.randint((N,), -2, 5, seed=5).numpy()
    assert x.dtype == "int32"
    counts = np.bincount(x + 2, minlength=7)
    assert len(counts) == 7
    assert scipy.stats.chisquare(counts).pvalue > 1e-4
    wide = random.randint((1000,), -(2**40), 2**40, dtype="int64", seed=6).numpy()
    assert wide.min() < -(2**38)
    assert wide.max() > 2**38
    assert set(random.randint((99,), 250, 256, "uint8", seed=1).tolist()) == {
        *range(250, 256)
    }


def test_categorical():
    p = np.array([[0.1, 0.2, 0.7], [0.0, 0.5, 0.5]])
    with np.errstate(divide="ignore"):
        logits = np.log(p).astype("float32")
    drawn = random.categorical(logits, N, seed=7).numpy()
    assert drawn.shape == (2, N)
    assert drawn.dtype == "int32"
    counts = np.bincount(drawn[0], minlength=3)
    assert scipy.stats.chisquare(counts, p[0] * N).pvalue > 1e-4
    assert 0 not in drawn[1]


def test_shuffle():
    x = np.arange(12).reshape(6, 2)
    y = random.shuffle(x, seed=8).numpy()
    assert sorted(map(tuple, y)) == sorted(map(tuple, x))
    assert random.shuffle(x, axis=1, seed=3).shape == (6, 2)
    # Every place of the first element is equally likely.
    places = [
        random.shuffle(np.arange(5), seed=s).tolist().index(0) for s in range(1000)
    ]
    assert scipy.stats.chisquare(np.bincount(places, minlength=5)).pvalue > 1e-4


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_and_the_mean(rate):
    x = np.full(N, 2.0, "float32")
    y = random.dropout(x, rate, seed=9).numpy()
    kept = int((y != 0).sum())
    assert scipy.stats.binomtest(kept, N, 1 - rate).pvalue > 1e-4
    np.testing.assert_array_equal(y[y != 0], x[y != 0] / np.float32(1 - rate))
    # The mask is where the bits are below rate * 2**31.
    bits = ops.random_bits(np.array([9, 0], np.uint32), (N,)).numpy()
    np.testing.assert_array_equal(y == 0, bits < round(rate * 2**31))


def test_dropout_of_nothing_of_all_and_of_whole_slices():
    x = np.ones((4, 6), "float32")
    assert random.dropout(x, 0.0, seed=1).tolist() == x.tolist()
    assert random.dropout(x, 1.0, seed=1).tolist() == (0 * x).tolist()
    assert np.count_nonzero(random.dropout(x, 1 - 1e-12, seed=1)) == 0
    y = random.dropout(x, 0.5, noise_shape=(None, 1), seed=1).numpy()
    assert all(len(set(row)) == 1 for row in y)
    assert len({row[0] for row in y}) == 2


def test_dropout_drops_infinity_and_nan():
    x = np.full(100, np.nan, "float32")
    y = masked(x, np.array([1, 0], np.uint32), 0.5).numpy()
    assert 20 < np.count_nonzero(y == 0) < 80


# Seeds

FUNCTIONS = {
    "uniform": lambda seed: random.uniform((5,), seed=seed),
    "normal": lambda seed: random.normal((5,), dtype="float64", seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((5,), seed=seed),
    "randint": lambda seed: random.randint((5,), 0, 1000, seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((1, 99)), 5, seed=seed),
    "dropout": lambda seed: random.dropout(np.ones(64, "float32"), 0.5, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(64), seed=seed),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_seed_one_result(name):
    draw = FUNCTIONS[name]
    same = [draw(s).tolist() for s in (1, 1, np.int64(1))]
    assert same[0] == same[1] == same[2]
    others = [draw(s).tolist() for s in (2, -1, 2**40, 2**40 + 1)]
    assert all(a != b for i, a in enumerate(others) for b in [*others[:i], same[0]])
    generator = random.SeedGenerator(1)
    first, second = draw(generator).tolist(), draw(generator).tolist()
    assert first == same[0]
    assert second != first


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_traced_step_draws_what_eager_code_draws(name):
    draw = FUNCTIONS[name]
    generator = random.SeedGenerator(11)
    eager = [np.asarray(draw(generator)) for _ in range(3)]
    generator = random.SeedGenerator(11)
    with Trace("draw") as t:
        graph = t.finish([draw(generator)])
    program = Program(graph)
    for expected in eager:
        (found,) = program()
        if name in ("normal", "truncated_normal"):  # logarithms round differently
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)
    assert generator.state.numpy().tolist() == [11, 3]


def test_a_key_may_be_an_input():
    spec = Spec((2,), "uint32")
    graph = trace(lambda key: masked(np.ones(9, "float32"), key, 0.5), (spec,))
    key = np.array([4, 5], np.uint32)
    (found,) = Program(graph)(key)
    np.testing.assert_array_equal(found, masked(np.ones(9, "float32"), key, 0.5))


def test_the_global_seed():
    draws = []
    for _ in range(2):
        everything.set_global_seed(123)
        draws.append([random.uniform((3,)).tolist(), random.normal((3,)).tolist()])
    assert draws[0] == draws[1]
    assert random.uniform((3,)).tolist() != draws[0][0]


def test_a_seed_generator_tells_its_config():
    generator = random.SeedGenerator(5, name="mine")
    assert generator.get_config() == {"seed": 5, "name": "mine"}
    again = random.SeedGenerator.from_config(generator.get_config())
    assert again.next().tolist() == generator.next().tolist()
    assert not again.state.trainable


@pytest.mark.parametrize(
    "call",
    [
        lambda: random.uniform((2,), seed="a"),
        lambda: random.uniform((2,), seed=1.5),
        lambda: random.uniform((2,), seed=True),
        lambda: random.SeedGenerator("a"),
        lambda: everything.set_global_seed(None),
        lambda: random.uniform((2,), dtype="int32"),
        lambda: random.normal((2,), dtype="bool"),
        lambda: random.truncated_normal((2,), dtype="int8"),
        lambda: random.randint((2,), 0, 5, dtype="float32"),
        lambda: random.randint((2,), 5, 5),
        lambda: random.randint((2,), 0, 300, dtype="uint8"),
        lambda: random.randint((2,), -1, 3, dtype="uint8"),
        lambda: random.categorical(np.zeros(3), 1),
        lambda: random.dropout(np.ones(3), 1.5),
        lambda: random.dropout(np.ones(3), -0.1),
        lambda: random.dropout(np.ones((3, 2)), 0.5, noise_shape=(3,)),
        lambda: random.shuffle(np.ones(3), axis=1),
    ],
)
def test_an_error_has_three_parts(call):
    with pytest.raises(ValueError) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 3


def test_files_find_generators_where_keras_has_them():
    generator = random.SeedGenerator(5, name="mine")
    described = cornu.saving.serialize_keras_object(generator)
    assert described["module"] == "keras.random"
    again = cornu.saving.deserialize_keras_object(described)
    assert again.get_config() == generator.get_config()
