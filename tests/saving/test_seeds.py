"""States of seed generators in files: what is kept, and read again."""

import io
import zipfile

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.saving import zoo

X = np.random.default_rng(0).normal(size=(16, 6, 4)).astype("float32")
Y = np.zeros((16, 1), "float32")


class Noisy(cornu.Model):
    """Generators of its own: an attribute, one in a list, and one in two places."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.noise = cornu.random.SeedGenerator(5)
        self.more = [cornu.random.SeedGenerator(6), self.noise]
        self.dense = layers.Dense(1)

    def call(self, x, training=False):
        if training:
            for seed in (self.noise, *self.more):
                x = x + cornu.random.normal(x.shape, seed=seed)
        return self.dense(x[:, 0])


def sequential():
    inner = cornu.Sequential([cornu.Input((6, 4)), layers.GaussianNoise(0.3)])
    return cornu.Sequential(
        [
            cornu.Input((6, 4)),
            inner,
            layers.Dropout(0.5),
            layers.SpatialDropout1D(0.2, seed=4),
            layers.GRU(3, dropout=0.3, recurrent_dropout=0.2),
            layers.Dense(1),
        ]
    )


def attention():
    x = cornu.Input((6, 4))
    y = layers.MultiHeadAttention(2, 3, dropout=0.4)(x, x)
    y = layers.Bidirectional(layers.LSTM(3, dropout=0.3))(y)
    return cornu.Model(x, layers.Dense(1)(y))


def generators(model):
    """The states of all generators of a model."""
    return [v.numpy() for v in model.variables if "seed_generator" in v.path]


def trained(make):
    model = make()
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    states = generators(model)
    assert states
    assert all(state[1] > 0 for state in states)
    return model, states


@pytest.mark.parametrize("make", [sequential, attention, Noisy])
def test_a_model_goes_on_with_the_numbers_that_would_have_come(make, tmp_path):
    model, states = trained(make)
    model.save(tmp_path / "a.keras")
    objects = {"Noisy": Noisy}
    other = cornu.models.load_model(tmp_path / "a.keras", custom_objects=objects)
    np.testing.assert_array_equal(generators(other), states)
    for each in (model, other):
        each.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [sequential, attention, Noisy])
@pytest.mark.parametrize("unpacked", [False, True])
def test_weights_are_loaded_with_the_states_that_are_there(make, unpacked, tmp_path):
    """From a model's file, or from the file of weights in it."""
    model, states = trained(make)
    path = tmp_path / "a.keras"
    model.save(path)
    if unpacked:
        content = zipfile.ZipFile(path).read("model.weights.h5")
        path = tmp_path / "a.weights.h5"
        path.write_bytes(content)
    other, before = trained(make)
    other.fit(X, Y, batch_size=4, verbose=0)
    other.load_weights(path)
    np.testing.assert_array_equal(generators(other), states)
    assert len(before) == len(states)


def test_weights_alone_leave_generators_as_they_are(tmp_path):
    """As in Keras: whoever begins with given weights begins with their seed."""
    model, _ = trained(sequential)
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    assert b"seed_generator" not in path.read_bytes()
    other, states = trained(sequential)
    other.load_weights(path)
    np.testing.assert_array_equal(generators(other), states)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_file_of_keras_has_no_states(keras, suffix, tmp_path):
    """It is read all the same, and the generators begin at their seeds."""
    path = str(tmp_path / f"a{suffix}")
    do = "make" if suffix == ".keras" else "save_weights"
    keras.ask(do, kind="dropout", path=path)
    content = zipfile.ZipFile(path).read("model.weights.h5") if do == "make" else None
    h5py = pytest.importorskip("h5py")
    with h5py.File(io.BytesIO(content) if content else path) as file:
        names = []
        file.visit(names.append)
    assert any("dropout" in name for name in names)
    assert not any("seed_generator" in name for name in names)
    if do == "make":
        model = cornu.models.load_model(path)
        states = generators(model)
        assert states[0].tolist() == [3, 0]
    else:
        model = zoo.MODELS["dropout"](cornu)
        states = generators(model)
        model.load_weights(path)
        np.testing.assert_array_equal(generators(model), states)
    model(np.ones((2, 4)), training=True)
    assert generators(model)[0][1] == states[0][1] + 1
