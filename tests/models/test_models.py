"""Models: Sequential, functional and subclassed; their layers, weights and tables."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype("float32")
D = layers.Dense


def by_hand(x, *weights):
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        x = x @ kernel + bias
    return x


def test_a_list_of_layers_and_add_are_one_thing():
    listed = cornu.Sequential([D(3, input_shape=(4,)), D(2)])
    added = cornu.Sequential()
    added.add(D(3, input_dim=4))
    added.add(D(2))
    with_input = cornu.Sequential([cornu.Input((4,)), D(3), D(2)])
    for model in (listed, added, with_input):
        assert model.built
        assert model.input_shape == (None, 4)
        assert model.output_shape == (None, 2)
        assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2
        assert [w.shape for w in model.get_weights()] == [(4, 3), (3,), (3, 2), (2,)]
        model.set_weights(listed.get_weights())
        np.testing.assert_allclose(
            model.predict(X, verbose=0), by_hand(X, *listed.get_weights()), rtol=1e-5
        )


def test_a_model_without_a_shape_is_built_by_its_first_data():
    model = cornu.Sequential([D(3), D(2)])
    assert not model.built
    assert model.weights == []
    assert model(X).shape == (6, 2)
    assert len(model.weights) == 4
    other = cornu.Sequential([D(3), D(2)])
    other.compile("sgd", "mse")
    other.fit(X, X[:, :2], verbose=0)
    assert other.count_params() == 23
    third = cornu.Sequential([D(3), D(2)])
    third.build((None, 4))
    assert third.output_shape == (None, 2)


def test_layers_come_and_go():
    model = cornu.Sequential([D(3, input_shape=(4,)), D(2), D(1)])
    hidden = model.layers[0].output
    assert model.pop().units == 1
    assert model.output_shape == (None, 2)
    model.add(D(5))
    assert model.output_shape == (None, 5)
    assert model.layers[0].output is hidden
    found = cornu.Model(model.input, hidden).predict(X, verbose=0)
    np.testing.assert_allclose(found, np.asarray(model.layers[0](X)), rtol=1e-6)
    with pytest.raises(IndexError, match="no layer to remove"):
        cornu.Sequential().pop()


def test_a_graph_of_layers():
    a, b = cornu.Input((4,), name="a"), cornu.Input((4,), name="b")
    shared = D(3, name="shared")
    total = shared(a) + shared(b) * 2.0
    outputs = {"sum": D(1, name="sum")(total), "shape": ops.square(total)}
    model = cornu.Model([a, b], outputs)
    kernel, bias, last, last_bias = model.get_weights()
    assert len(model.weights) == 4  # the shared layer counts once
    expected = (X @ kernel + bias) + (2 * X @ kernel + bias) * 2
    for given in ([X, 2 * X], {"b": 2 * X, "a": X}):
        found = model.predict(given, verbose=0)
        np.testing.assert_allclose(found["shape"], expected**2, rtol=1e-4)
        np.testing.assert_allclose(
            found["sum"], expected @ last + last_bias, rtol=1e-4, atol=1e-5
        )
    assert [layer.name for layer in model.layers[:2]] == ["a", "b"]


def test_several_outputs_are_trained_together():
    x = cornu.Input((4,))
    h = D(5, "tanh")(x)
    model = cornu.Model(x, [D(1, name="size")(h), D(3, "softmax", name="kind")(h)])
    targets = [X[:, :1], np.arange(6) % 3]
    losses = ["mse", "sparse_categorical_crossentropy"]
    model.compile("adam", losses, loss_weights=[0.5, 2.0], metrics={"kind": "acc"})
    found = model.fit(X, targets, verbose=0, epochs=2).history
    assert list(found) == ["kind_acc", "kind_loss", "loss", "size_loss"]
    size, kind = np.array(found["size_loss"]), np.array(found["kind_loss"])
    np.testing.assert_allclose(found["loss"], 0.5 * size + 2 * kind, rtol=1e-5)
    by_name = {"kind": losses[1], "size": losses[0]}
    model.compile("adam", by_name)
    named = {"size": targets[0], "kind": targets[1]}
    logs = model.evaluate(X, named, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["size_loss"] + logs["kind_loss"])


def test_models_stand_inside_models():
    inner = cornu.Sequential([D(3, "relu", input_shape=(4,)), D(2)], name="inner")
    x = cornu.Input((4,))
    outer = cornu.Model(x, D(1)(inner(x)))
    assert len(outer.weights) == 6
    assert outer.get_layer("inner") is inner
    inner.trainable = False
    assert len(outer.trainable_variables) == 2
    assert len(outer.non_trainable_variables) == 4
    np.testing.assert_allclose(
        outer.predict(X, verbose=0),
        by_hand(inner.predict(X, verbose=0), *outer.layers[-1].get_weights()),
        rtol=1e-5,
    )


class Residual(cornu.Model):
    """Subclassed, with layers in a list and a dict."""

    def __init__(self, width):
        super().__init__()
        self.blocks = [D(width, "relu") for _ in range(2)]
        self.heads = {"out": D(1)}
        self.scale = self.add_weight((), "ones", name="scale")

    def call(self, x, training=None):
        for block in self.blocks:
            x = x + block(x)
        return self.heads["out"](x) * self.scale


def test_a_subclass_finds_its_weights_wherever_they_are():
    model = Residual(4)
    model.compile("sgd", "mse")
    model.fit(X, X[:, 0], verbose=0)
    assert len(model.trainable_variables) == 7
    assert len({v.path for v in model.weights}) == 7
    before = model.get_weights()
    model.fit(X, X[:, 0], verbose=0)
    pairs = zip(before, model.get_weights(), strict=True)
    assert not any(np.array_equal(a, b) for a, b in pairs)
    with pytest.raises(AttributeError, match="no symbolic input"):
        _ = model.layers[0].output


def test_summary_tells_shapes_and_numbers(capsys):
    model = cornu.Sequential(
        [D(512, input_shape=(784,), name="first"), D(10, name="second")], name="net"
    )
    model.layers[0].trainable = False
    model.summary()
    text = capsys.readouterr().out
    for part in ('"net"', "first (Dense)", "(None, 512)", "401,920", "5,130"):
        assert part in text
    assert "Total params: 407,050 (1.55 MB)" in text
    assert "Trainable params: 5,130" in text
    assert "Non-trainable params: 401,920" in text
    lines = []
    model.summary(print_fn=lines.append, show_trainable=True, line_length=60)
    assert "Trainable" in lines[0]
    assert max(len(line) for line in lines[0].splitlines()) <= 60
    cornu.Sequential([D(3)]).summary()
    assert "unbuilt" in capsys.readouterr().out


def test_configs_make_the_same_model_again():
    model = cornu.Sequential(
        [D(3, "relu", input_shape=(4,)), layers.Dropout(0.2), D(1)]
    )
    again = cornu.Sequential.from_config(model.get_config())
    assert [type(a) for a in again.layers] == [type(a) for a in model.layers]
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        again.predict(X, verbose=0), model.predict(X, verbose=0)
    )


def test_losses_that_layers_add():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)) * 3.0)
            return x

    model = cornu.Sequential([Penalty(input_shape=(4,)), D(2, kernel_regularizer="l2")])
    model.compile("sgd", "mse")
    kernel = model.get_weights()[0]
    y = X[:, :2]
    plain = np.mean((model.predict(X, verbose=0) - y) ** 2)
    expected = plain + 3 * np.mean(X**2) + 0.01 * np.sum(kernel**2)
    found = model.evaluate(X, y, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    before = np.abs(kernel).sum()
    model.compile(cornu.optimizers.SGD(0.5), "mse")
    model.fit(X * 0, y * 0, epochs=20, verbose=0)
    assert np.abs(model.get_weights()[0]).sum() < before  # the penalty alone pulls


def test_get_layer_by_index_and_messages():
    model = cornu.Sequential([D(3, input_shape=(4,))])
    assert model.get_layer(index=0) is model.layers[0]
    with pytest.raises(ValueError, match="layer 5 of 1"):
        model.get_layer(index=5)
    with pytest.raises(ValueError, match="two layers named"):
        cornu.Sequential([D(2, name="same"), D(2, name="same")])
    with pytest.raises(TypeError, match="inputs without outputs"):
        cornu.Model(cornu.Input((2,)))
