"""Objects as plain data: layers where functions stand, functions of any room."""

import numpy as np
import pytest

import cornu
from cornu import layers
from tests.training.networks import message


@pytest.mark.parametrize(
    "activation", [layers.ReLU(), layers.LeakyReLU(negative_slope=0.5)]
)
def test_a_layer_may_be_the_activation_of_another(activation, tmp_path):
    model = cornu.Sequential(
        [cornu.Input((3,)), layers.Dense(2, activation=activation)]
    )
    model.save(tmp_path / "m.keras")
    again = cornu.models.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    np.testing.assert_array_equal(again(x), model(x))
    dense = again.layers[0]
    assert type(dense.activation) is type(activation)
    assert dense.get_config() == model.layers[0].get_config()


@pytest.mark.parametrize(
    ("name", "room"), [("kl_divergence", "losses"), ("relu", "activations")]
)
def test_functions_are_found_in_their_room(name, room):
    config = {
        "class_name": "function",
        "module": "builtins",
        "registered_name": "function",
        "config": name,
    }
    found = cornu.saving.deserialize_keras_object(config)
    assert found is getattr(getattr(cornu, room), name)
    assert cornu.saving.deserialize_keras_object(
        cornu.saving.serialize_keras_object(found)
    ) is (found)
    unknown = {**config, "config": "no_such_function"}
    assert "no_such_function" in message(cornu.saving.deserialize_keras_object, unknown)


def test_a_class_without_a_configuration_is_not_registered():
    class Bare:
        pass

    register = cornu.saving.register_keras_serializable("test")
    assert "without get_config" in message(register, Bare)
