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


@pytest.mark.parametrize("name", ["builtins.eval", "os.system", "theirs>Dense"])
@pytest.mark.parametrize("kind", ["class", "function"])
def test_a_name_that_was_registered_elsewhere_is_no_name_of_cornus(name, kind):
    config = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}
    if kind == "function":
        config = {"module": "builtins", "class_name": "function", "config": "relu"}
    with pytest.raises(ValueError, match=name) as caught:
        cornu.saving.deserialize_keras_object({**config, "registered_name": name})
    assert len(str(caught.value).splitlines()) == 3
    for known in (None, "", config["class_name"], "relu"):
        if kind == "function" or known != "relu":
            cornu.saving.deserialize_keras_object({**config, "registered_name": known})


def test_a_class_that_cannot_be_made_again_is_a_type_error_as_in_keras(tmp_path):
    """And a ValueError, as all that is wrong with a file."""

    class Factor:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return x * self.factor

        def get_config(self):
            return {"factor": self.factor}

    class Outer(layers.Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, x):
            return self.inner(x)

        def get_config(self):  # and no from_config that makes a layer of it again
            return {**super().get_config(), "inner": self.inner}

    objects = {"Factor": Factor, "Outer": Outer}
    for layer in (layers.Dense(1, activation=Factor(2.0)), Outer(layers.Dense(1))):
        cornu.Sequential([cornu.Input((3,)), layer]).save(tmp_path / "a.keras")
        for kind in (TypeError, ValueError):
            with pytest.raises(kind, match=r"a\.keras"):
                cornu.saving.load_model(tmp_path / "a.keras", objects)
    config = cornu.saving.serialize_keras_object(Factor(2.0))
    with pytest.raises(TypeError, match="from_config"):
        cornu.saving.deserialize_keras_object(config, objects)


class Adversarial(cornu.Model):
    """Compiled in a way of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compile(self, first, second, **kwargs):
        super().compile(optimizer=first, loss="mse", **kwargs)
        self.second = cornu.optimizers.get(second)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_compile_of_ones_own_needs_a_description_of_ones_own(suffix, tmp_path):
    class Sequential(cornu.Sequential):
        compile = Adversarial.compile

    model = Sequential([cornu.Input((3,)), layers.Dense(1)])
    if suffix == ".keras":
        model = Adversarial()
        model.build((None, 3))
    cornu.Model.compile(model, "sgd", "mse")
    path, objects = tmp_path / f"a{suffix}", {type(model).__name__: type(model)}
    model.save(path)
    with pytest.warns(UserWarning, match="a compile\\(\\) of its own"):
        loaded = cornu.saving.load_model(path, objects)
    assert not loaded.compiled
    assert not cornu.saving.load_model(path, objects, compile=False).compiled

    class Described(Adversarial):
        def get_compile_config(self):
            return {"first": "sgd", "second": "adam"}

        def compile_from_config(self, config):
            self.compile(**config)

    model = Described()
    model.build((None, 3))
    model.compile("sgd", "adam")
    model.save(tmp_path / "b.keras")
    loaded = cornu.saving.load_model(tmp_path / "b.keras", {"Described": Described})
    assert loaded.compiled
    assert type(loaded.second).__name__ == "Adam"
