"""TensorFlow's own data sets in training: the same numbers as the arrays in them."""

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.utils import Dataset

tf = pytest.importorskip("tensorflow")

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X.sum(axis=1, keepdims=True) > 0).astype("float32")
WORDS = np.array(["a b", "b", "ü c", "b a"] * 4)


def of(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if arrays[1:] else arrays[0])


def model():
    cornu.utils.set_random_seed(1)
    net = cornu.Sequential([layers.Input((3,)), layers.Dense(1, "sigmoid")])
    net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return net


def test_training_is_that_on_arrays():
    dataset = of(X, Y).batch(16)
    first, second = model(), model()
    more = {"epochs": 3, "verbose": 0}
    expected = first.fit(
        X, Y, batch_size=16, shuffle=False, validation_data=(X, Y), **more
    )
    found = second.fit(dataset, validation_data=dataset.prefetch(2), **more)
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-5)
    assert second.evaluate(dataset, verbose=0) == pytest.approx(
        first.evaluate(X, Y, batch_size=16, verbose=0)
    )
    for inputs in (of(X).batch(16), dataset):
        np.testing.assert_allclose(
            second.predict(inputs, verbose=0), first.predict(X, verbose=0), rtol=1e-6
        )


def test_weights_dicts_and_steps():
    weights = np.linspace(0, 1, 40).astype("float32")
    net = model()
    assert net.evaluate(of(X, Y, weights).batch(16), verbose=0)[0] == pytest.approx(
        net.evaluate(X, Y, sample_weight=weights, batch_size=16, verbose=0)[0]
    )
    a, b = cornu.Input((1,), name="a"), cornu.Input((2,), name="b")
    both = cornu.Model({"a": a, "b": b}, layers.Dense(1)(layers.concatenate([a, b])))
    both.compile("sgd", "mse")
    named = tf.data.Dataset.from_tensor_slices(({"a": X[:, :1], "b": X[:, 1:]}, Y))
    assert both.evaluate(named.batch(40), verbose=0) == pytest.approx(
        both.evaluate({"a": X[:, :1], "b": X[:, 1:]}, Y, batch_size=40, verbose=0)
    )
    endless = of(X, Y).shuffle(40).batch(16).repeat()
    net.fit(endless, steps_per_epoch=3, epochs=2, verbose=0)
    with pytest.raises(ValueError, match="its cardinality is -1"):
        net.fit(endless, verbose=0)


def test_layers_learn_from_them():
    texts = of(WORDS)
    for make in (layers.TextVectorization, layers.StringLookup):
        plain, layer, single = make(), make(), make()
        plain.adapt(WORDS)
        layer.adapt(texts.batch(3))
        single.adapt(texts)
        assert layer.get_vocabulary() == plain.get_vocabulary()
        assert single.get_vocabulary() == plain.get_vocabulary()
        batch = next(iter(texts.batch(4)))
        np.testing.assert_array_equal(layer(batch), plain(WORDS[:4]))
    normal, expected = layers.Normalization(), layers.Normalization()
    normal.adapt(of(X, Y).batch(16).map(lambda x, y: x))
    expected.adapt(X)
    np.testing.assert_allclose(normal(X), expected(X), rtol=1e-5, atol=1e-6)
    whole = layers.IntegerLookup()
    whole.adapt(of(np.array([3, 3, 5])).batch(2))
    assert whole.get_vocabulary()[-2:] == [3, 5]
    bins = layers.Discretization(num_bins=2)
    bins.adapt(of(X[:, 0]).batch(40))
    assert len(bins.bin_boundaries) == 1
    space = cornu.utils.FeatureSpace({"n": "float_normalized", "s": "string_hashed"})
    rows = tf.data.Dataset.from_tensor_slices({"n": X[:16, 0], "s": WORDS})
    space.adapt(rows.batch(4))
    assert space({"n": X[:2, 0], "s": WORDS[:2]}).shape[0] == 2


CHAINS = {
    "batches": lambda d: d.batch(4).rebatch(3).unbatch().batch(5, drop_remainder=True),
    "parts": lambda d: d.skip(3).take(20).shard(3, 1).repeat(2),
    "pairs": lambda d: d.zip_with(d.skip(2)).enumerate(5),
    "turns": lambda d: d.interleaved(3, 2),
    "filtered": lambda d: d.filter(lambda x: x % 3 == 1).map(lambda x: x * 2),
    "long": lambda d: d.concatenate(d.take(4)).batch(7),
    "cycled": lambda d: d.batch(4).rebatch([1, 3]),
}


class Chain:
    """The same calls on either library's data sets."""

    def __init__(self, library, dataset):
        self.library, self.dataset = library, dataset

    def __getattr__(self, name):
        def call(*args, **kwargs):
            args = [a.dataset if isinstance(a, Chain) else a for a in args]
            made = getattr(self.dataset, name)(*args, **kwargs)
            return Chain(self.library, made)

        return call

    def zip_with(self, other):
        return Chain(self.library, self.library.zip((self.dataset, other.dataset)))

    def interleaved(self, cycle, block):
        def several(x):
            return self.library.from_tensors(x).repeat(x % 4)

        made = self.dataset.interleave(several, cycle, block, num_parallel_calls=2)
        return Chain(self.library, made)


@pytest.mark.parametrize("name", CHAINS)
def test_methods_give_what_those_of_tensorflow_give(name):
    found = []
    for library in (tf.data.Dataset, Dataset):
        chain = CHAINS[name](Chain(library, library.range(31)))
        elements = list(chain.dataset.as_numpy_iterator())
        found.append((elements, int(chain.dataset.cardinality())))
    (theirs, their_count), (mine, count) = found
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
            np.testing.assert_array_equal(x, y)
            assert np.asarray(x).dtype == np.asarray(y).dtype
    # A length that TensorFlow does not know may be known here.
    assert their_count in (count, -2)
