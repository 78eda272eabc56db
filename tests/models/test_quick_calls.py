"""Calls of a model by a program: what the layers give, and only where that holds."""

import numpy as np
import pytest

import cornu
from cornu import layers, models, ops
from cornu.graph import GradientTape, Tensor


def network(*more):
    cornu.utils.set_random_seed(1)
    return models.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            *more,
            layers.Dense(3, activation="softmax"),
        ]
    )


X = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")


def by_layers(model, x):
    return model(x, training=False).numpy()


def uses_a_program(model):
    return bool(model._quick and model._quick.programs)


def called_often(model, x=X):
    for _ in range(6):
        found = model(x)
    return found


@pytest.mark.parametrize("given", [X, ops.array(X)])
def test_a_call_that_is_repeated_runs_a_program(given):
    model = network()
    first = model(given).numpy()
    assert not uses_a_program(model)
    found = called_often(model, given)
    assert uses_a_program(model)
    assert type(found) is Tensor
    np.testing.assert_allclose(found.numpy(), first, rtol=1e-6)
    np.testing.assert_allclose(found.numpy(), by_layers(model, X), rtol=1e-6)


def test_weights_that_change_count_at_once():
    model = network()
    called_often(model)
    model.set_weights([w + 0.25 for w in model.get_weights()])
    np.testing.assert_allclose(model(X).numpy(), by_layers(model, X), rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(X, np.eye(3, dtype="float32")[[0, 1, 2, 0]], verbose=0)
    np.testing.assert_allclose(
        called_often(model).numpy(), by_layers(model, X), rtol=1e-6
    )


def test_attributes_that_change_count_at_once():
    model = network()
    called_often(model)
    model.layers[0].activation = cornu.activations.tanh
    np.testing.assert_allclose(model(X).numpy(), by_layers(model, X), rtol=1e-6)
    found = called_often(model).numpy()
    np.testing.assert_allclose(found, by_layers(model, X), rtol=1e-6)
    assert uses_a_program(model)
    assert model.predict(X, verbose=0).shape == (4, 3)
    model.add(layers.Dense(2))
    assert called_often(model).shape == (4, 2)
    assert model.predict(X, verbose=0).shape == (4, 2)


def test_gradients_see_through_calls():
    model = network()
    called_often(model)
    with GradientTape() as tape:
        loss = ops.sum(model(X)[:, 0])
    found = tape.gradient(loss, model.trainable_variables)
    assert all(g is not None for g in found)


def test_other_forms_of_a_call_go_by_the_layers():
    model = network()
    called_often(model)
    assert model(X.astype("float64")).dtype == "float32"
    assert not np.allclose(model(X, training=True).numpy(), model(X).numpy())
    with pytest.raises(ValueError, match="5"):
        model(X[:, :4])
    symbolic = model(layers.Input((5,)))
    assert symbolic.shape == (None, 3)


class Doubling(layers.Layer):
    factor = 2.0

    def call(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return x * self.factor


@pytest.mark.parametrize(
    "more",
    [
        lambda: Doubling(),
        lambda: layers.Lambda(lambda x: x * 2.0),
        lambda: layers.Dense(8, activation=lambda x: x * 2.0),
        lambda: layers.Dense(8, activity_regularizer="l2"),
    ],
)
def test_code_of_the_users_is_called_each_time(more):
    model = network(more())
    called_often(model)
    assert not uses_a_program(model)


def test_a_subclass_is_called_as_it_is():
    class Mine(models.Sequential):
        def call(self, x, training=None, mask=None):
            return super().call(x) + 1.0

    model = Mine([layers.Input((5,)), layers.Dense(2)])
    called_often(model)
    assert not uses_a_program(model)


def test_a_state_that_a_call_changes():
    cornu.utils.set_random_seed(1)
    model = models.Sequential(
        [layers.Input((2, 3), batch_size=4), layers.GRU(2, stateful=True)]
    )
    x = np.ones((4, 2, 3), "float32")
    found = [model(x).numpy() for _ in range(7)]
    model.reset_states() if hasattr(model, "reset_states") else None
    for layer in model.layers:
        layer.reset_states()
    again = [by_layers(model, x) for _ in range(7)]
    np.testing.assert_allclose(found, again, rtol=1e-5)
