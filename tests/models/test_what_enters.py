"""What a model of symbolic tensors takes: names, order, inputs that may be left out."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.training.networks import message

ONES, TWOS = np.ones((4, 2), "float32"), np.full((4, 2), 2.0, "float32")


class Plus(layers.Layer):
    """Adds its second argument, if there is one."""

    def call(self, x, y=None):
        return x if y is None else x + y


def with_optional(nest=dict):
    a, b = cornu.Input((2,), name="a"), cornu.Input((2,), name="b", optional=True)
    z = Plus(name="z")(a, b)
    return cornu.Model({"a": a, "b": b} if nest is dict else [a, b], z)


@pytest.mark.parametrize("nest", [dict, list])
def test_an_optional_input_may_be_left_out(nest):
    model = with_optional(nest)

    def given(a, b):
        return {"a": a, "b": b} if nest is dict else [a, b]

    np.testing.assert_array_equal(model(given(ONES, TWOS)), ONES + TWOS)
    np.testing.assert_array_equal(model(given(ONES, None)), ONES)
    np.testing.assert_array_equal(model.predict(given(TWOS, None), verbose=0), TWOS)
    np.testing.assert_array_equal(model.predict(given(ONES, ONES), verbose=0), TWOS)
    model.compile("sgd", "mse")
    for b, loss in ((None, 1.0), (TWOS, 9.0)):
        assert model.evaluate(given(ONES, b), 0 * ONES, verbose=0) == loss
        history = model.fit(given(ONES, b), 0 * ONES, verbose=0).history
        assert history["loss"] == [loss]
        batches = iter([(given(ONES, b), 0 * ONES)] * 2)
        assert model.evaluate(batches, verbose=0) == loss


def test_an_optional_input_is_kept_in_descriptions(tmp_path):
    model = with_optional()
    path = tmp_path / "m.keras"
    model.save(path)
    for again in (
        cornu.models.load_model(path, custom_objects={"Plus": Plus}),
        cornu.Model.from_config(model.get_config(), {"Plus": Plus}),
        cornu.models.clone_model(model),
    ):
        assert [x.optional for x in again.inputs] == [False, True]
        np.testing.assert_array_equal(again({"a": ONES, "b": None}), ONES)


def test_none_for_an_input_that_is_not_optional():
    model = with_optional()
    model.compile("sgd", "mse")
    for method in (model, model.predict, lambda x: model.fit(x, ONES)):
        assert "'a', which is not optional" in message(method, {"a": None, "b": ONES})
    x = cornu.Input((2,), name="x")
    single = cornu.Model(x, layers.Dense(1)(x))
    single.compile("sgd", "mse")
    assert "'x', which is not optional" in message(single.fit, [None], ONES)
    with pytest.raises(ValueError, match="hold no samples"):
        single.predict([None])


def two_inputs(first="a", second="b", nest: type = dict):
    a, b = cornu.Input((2,), name="a"), cornu.Input((2,), name="b")
    inputs = {first: a, second: b} if nest is dict else [a, b]
    return cornu.Model(inputs, layers.Subtract()([a, b]))


def test_more_keys_than_inputs_are_told_once():
    model = two_inputs()
    given = {"a": TWOS, "b": ONES, "c": ONES}
    with pytest.warns(UserWarning, match="has not: 'c'"):
        np.testing.assert_array_equal(model(given), ONES)
    model.predict(given, verbose=0)  # and a warning now would be an error


def test_the_keys_of_a_dict_of_inputs_are_its_names():
    model = two_inputs("c", "d")
    np.testing.assert_array_equal(model({"c": TWOS, "d": ONES}), ONES)
    said = message(model, {"a": TWOS, "b": ONES})
    assert "Expected 'c', 'd'" in said


def test_a_list_for_a_dict_of_inputs():
    model = two_inputs()
    with pytest.warns(UserWarning, match="in the order of the keys"):
        np.testing.assert_array_equal(model.predict([TWOS, ONES], verbose=0), ONES)
    model.predict([TWOS, ONES], verbose=0)
    assert "which is which cannot be told" in message(
        two_inputs("b", "a"), [ONES, ONES]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a tuple for a list is nothing to tell
        two_inputs(nest=list).predict((TWOS, ONES), verbose=0)


def test_what_is_no_symbolic_tensor_is_no_input():
    a = cornu.Input((2,), name="a")
    for inputs, outputs in (({"a": "a", "b": a}, a), ({"a": a}, "outputs")):
        assert "Expected symbolic tensors" in message(cornu.Model, inputs, outputs)


def test_a_subclass_that_is_given_symbols_is_functional():
    class Mine(cornu.Model):
        pass

    a = cornu.Input((2,))
    Functional = type(cornu.Model(a, a * 2))
    assert isinstance(Mine(a, a * 2), Functional)
    assert not isinstance(Mine(), Functional)
    assert not isinstance(cornu.Sequential([a, layers.Dense(1)]), Functional)


@pytest.mark.parametrize("nest", [list, tuple])
def test_outputs_keep_their_nesting_through_a_configuration(nest):
    a = cornu.Input((2,))
    model = cornu.Model(a, nest([layers.Dense(1)(a), layers.Dense(2)(a)]))
    again = type(model).from_config(model.get_config())
    assert type(again(ONES)) is nest is type(again.predict(ONES, verbose=0))


def old_layer(name, source):
    config = {"units": 2, "name": name}
    nodes = [[[source, 0, 0, {}]]]
    kind = {"class_name": "Dense", "name": name}
    return {**kind, "config": config, "inbound_nodes": nodes}


def test_configurations_of_keras_2_are_read():
    given = {"batch_input_shape": [None, 3], "dtype": "float32", "name": "x"}
    entrance = {"class_name": "InputLayer", "name": "x", "config": given}
    entrance["inbound_nodes"] = []
    config = {"name": "old", "input_layers": [["x", 0, 0]]}

    def read(*parts, output):
        own = {"layers": [entrance, *parts], "output_layers": [[output, 0, 0]]}
        return cornu.Model.from_config({**config, **own})

    model = read(old_layer("p", "x"), old_layer("q", "p"), output="q")
    assert [layer.name for layer in model.layers] == ["x", "p", "q"]
    assert model.output_shape == (None, 2)
    assert model.operations == model.layers
    with pytest.raises(ValueError, match="not complete"):  # they wait for each other
        read(old_layer("p", "q"), old_layer("q", "p"), output="q")
    with pytest.raises(ValueError, match="without a tensor"):
        read(old_layer("p", "missing"), output="p")
