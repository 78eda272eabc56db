"""Models whose inputs and outputs are dicts and lists, and their losses."""

import numpy as np
import pytest

import cornu
from cornu.graph.tree import map_structure
from cornu.training.nesting import numbered

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = RNG.normal(size=(40, 3)).astype("float32")


class Twins(cornu.Model):
    """Two linear maps, each with an input and an output of its own."""

    def __init__(self):
        super().__init__()
        self.one = cornu.layers.Dense(3, use_bias=False, kernel_initializer="ones")
        self.two = cornu.layers.Dense(3, use_bias=False, kernel_initializer="ones")

    def call(self, inputs):
        return {"z": self.one(inputs["u"]), "a": self.two(inputs["v"])}


def trained_by_hand(x, y, weight, rate, steps):
    """Gradient descent on weight * mean((x W - y)²) for the kernel W."""
    kernel = np.ones((4, 3))
    for _ in range(steps):
        slope = weight * 2 * x.T @ (x @ kernel - y) / y.size
        kernel = kernel - rate * slope
    return kernel


def test_a_model_of_dicts_is_built_and_trained_by_fit():
    model = Twins()
    weights = {"z": 0.5, "a": 2.0}
    model.compile(cornu.optimizers.SGD(0.1), "mse", loss_weights=weights)
    history = model.fit(
        {"u": X, "v": 2 * X},
        {"z": Y, "a": -Y},
        batch_size=40,
        epochs=3,
        verbose=0,
    ).history
    assert sorted(history) == ["a_loss", "loss", "z_loss"]
    for layer, x, y, weight in ((model.one, X, Y, 0.5), (model.two, 2 * X, -Y, 2.0)):
        kernel = trained_by_hand(x, y, weight, 0.1, 3)
        np.testing.assert_allclose(layer.kernel.numpy(), kernel, rtol=1e-5, atol=1e-6)


def test_a_model_of_dicts_predicts_before_it_has_run():
    found = Twins().predict({"u": X, "v": 2 * X}, verbose=0)
    total = X.sum(1, keepdims=True) * np.ones(3)
    np.testing.assert_allclose(found["z"], total, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["a"], 2 * total, rtol=1e-5, atol=1e-6)


def test_losses_go_to_the_outputs_of_their_names_in_a_functional_model():
    """The keys of the dict are not in the order of the alphabet, and sizes differ."""
    inputs = cornu.Input((4,))
    outputs = {
        "wide": cornu.layers.Dense(3, activation="softmax")(inputs),
        "narrow": cornu.layers.Dense(1)(inputs),
    }
    model = cornu.Model(inputs, outputs)
    losses = {"wide": "sparse_categorical_crossentropy", "narrow": "mse"}
    model.compile("sgd", losses)
    labels = RNG.integers(0, 3, 40)
    history = model.fit(X, {"wide": labels, "narrow": Y[:, :1]}, verbose=0).history
    assert sorted(history) == ["loss", "narrow_loss", "wide_loss"]


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_model_of_several_arrays_is_built_by_fit(kind):
    class Sum(cornu.Model):
        def __init__(self):
            super().__init__()
            self.left, self.right = cornu.layers.Dense(3), cornu.layers.Dense(3)

        def call(self, inputs):
            a, b = inputs
            return self.left(a) + self.right(b)

    model = Sum()
    model.compile("sgd", "mse")
    first = model.fit(kind([X, X[:, :2]]), Y, epochs=6, verbose=0).history["loss"]
    assert first[-1] < first[0]
    assert len(model.weights) == 4


class Same(cornu.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    "loss", [["mse", ["mae"]], [["mse"], "mae"], {"output_2": ["mae"]}]
)
def test_a_loss_in_a_list_of_one_is_that_loss(loss):
    model = Same()
    model.compile("sgd", loss)
    logs = model.evaluate([X, X], [X + 1, X + 3], verbose=0, return_dict=True)
    two = {"loss": 4.0, "mse_loss": 1.0, "mae_loss": 3.0}
    expected = two if isinstance(loss, list) else {"loss": 3.0}
    assert logs == pytest.approx(expected)


def test_several_losses_of_an_output_add_up():
    model = Same()
    model.compile("sgd", ["mse", ["mse", "mae"]])
    logs = model.evaluate([X, X], [X + 1, X + 3], verbose=0, return_dict=True)
    assert logs == pytest.approx({"loss": 13, "mse_loss": 1, "mse_mae_loss": 12})


@pytest.mark.parametrize("targets", ["one-hot", "indices", "binary"])
def test_crossentropy_is_the_kind_that_the_shapes_say(targets):
    p = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]], "float32")
    model = Same()
    model.compile("sgd", "crossentropy")
    if targets == "binary":
        found = model.evaluate(p[:, :1], np.array([[1.0], [0.0]]), verbose=0)
        expected = -(np.log(0.2) + np.log(0.3)) / 2
    else:
        y = np.array([1, 0]) if targets == "indices" else np.eye(3)[[1, 0]]
        found = model.evaluate(p, y, verbose=0)
        expected = -(np.log(0.5) + np.log(0.7)) / 2
    assert found == pytest.approx(expected, rel=1e-5)


def test_callbacks_are_given_dicts_also_where_there_is_nothing_to_tell():
    heard = []

    class Ear(cornu.callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append(dict(logs or {}, told=logs is not None))

        def on_epoch_begin(self, epoch, logs=None):
            heard.append(dict(logs or {}, told=logs is not None))

        def on_train_batch_begin(self, batch, logs=None):
            heard.append(dict(logs or {}, told=logs is not None))

        def on_predict_end(self, logs=None):
            heard.append(dict(logs or {}, told=logs is not None))

    model = cornu.Sequential([cornu.layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=40, verbose=0, callbacks=[Ear()])
    model.predict(X, verbose=0, callbacks=[Ear()])
    assert heard == [{"told": True}] * 4


def mse(name):
    return cornu.metrics.MeanSquaredError(name=name)


NESTS = {
    # What real Keras 3.15 calls metrics, of a functional model and of a class.
    "deep": (
        lambda d: {"a": d(2), "b": {"c": d(5), "d": [d(7), d(9)]}},
        lambda: {"a": mse("p"), "b": {"c": mse("q"), "d": [mse("r"), mse("s")]}},
        ["four_s", "one_p", "three_r", "two_q"],
        ["p", "q", "r", "s"],
    ),
    "dict": (
        lambda d: {"b": d(2), "a": d(3)},
        lambda: {"a": "mae", "b": "mse"},
        ["a_mae", "b_mse"],
        ["a_mae", "b_mse"],
    ),
    "list": (
        lambda d: [d(2), d(3)],
        lambda: [["mse", "mae"], ["mse"]],
        ["one_mae", "one_mse", "two_mse"],
        ["mae", "mse", "mse_1"],
    ),
    "mixed": (
        lambda d: [d(2), [d(3), d(4)]],
        lambda: ["mse", ["mae", "mse"]],
        ["one_mse", "three_mse", "two_mae"],
        ["mae", "mse", "mse_1"],
    ),
}


class Several(cornu.Model):
    def __init__(self, nest):
        super().__init__()
        self.parts = []
        nest(lambda units: self.parts.append(cornu.layers.Dense(units)))
        self.nest = nest

    def call(self, x):
        parts = iter(self.parts)
        return self.nest(lambda units: next(parts)(x))


@pytest.mark.parametrize("kind", NESTS)
@pytest.mark.parametrize("functional", [True, False])
def test_metrics_are_called_what_keras_calls_them(kind, functional):
    nest, metrics, *expected = NESTS[kind]
    if functional:
        names = iter(["one", "two", "three", "four"])
        x = cornu.Input((4,))
        outputs = nest(lambda units: cornu.layers.Dense(units, name=next(names))(x))
        model = cornu.Model(x, outputs)
    else:
        model = Several(nest)
    y = map_structure(np.zeros_like, model.predict(X, verbose=0))
    model.compile("sgd", "mse", metrics=metrics())
    history = model.fit(X, y, verbose=0).history
    found = sorted(name for name in history if not name.endswith("loss"))
    assert found == expected[0 if functional else 1]
    # Each is that of its own output.
    seen = numbered(model.predict(X, verbose=0))[1]
    errors = {round(float((each**2).mean()), 3) for each in seen}
    values = model.evaluate(X, y, return_dict=True, verbose=0)
    assert errors >= {
        round(value, 3)
        for name, value in values.items()
        if "mae" not in name and not name.endswith("loss")
    }


def test_weights_of_losses_are_numbers():
    model = Twins()
    model.compile("sgd", "mse", loss_weights={"z": np.ones(1), "a": np.float32(2)})
    model.fit({"u": X, "v": X}, {"z": Y, "a": Y}, verbose=0)
    with pytest.raises(ValueError, match="sample_weight") as caught:
        model.compile("sgd", "mse", loss_weights={"z": np.ones(3), "a": 1})
    assert len(str(caught.value).splitlines()) == 3


def test_an_output_that_there_is_not_is_a_key_error_as_in_keras():
    model = Twins()
    model.compile("sgd", {"z": "mse", "b": "mse"})
    for kind in (KeyError, ValueError):
        with pytest.raises(kind, match="'b'") as caught:
            model.fit({"u": X, "v": X}, {"z": Y, "a": Y}, verbose=0)
        assert len(str(caught.value).splitlines()) == 3


def test_losses_of_outputs_without_a_name_have_that_of_their_function():
    """As in Keras, except that a second one of a name has a number, and is not lost."""

    def far(y, p):
        return abs(y - p)

    model = Same()
    for losses, names in (
        (["mse", "mean_squared_error"], ["mse", "mean_squared_error"]),
        (["mse", "mse"], ["mse", "mse_1"]),
        ([far, cornu.losses.Huber(name="h")], ["far", "h"]),
    ):
        model.compile("sgd", losses)
        logs = model.evaluate([X, X], [X + 1, X + 3], verbose=0, return_dict=True)
        assert sorted(logs) == sorted(["loss", *(f"{n}_loss" for n in names)])
        found = [logs[f"{name}_loss"] for name in names]
        if losses[0] != far:
            assert found == pytest.approx([1, 9])
