"""Dtype policies: what layers compute in, what their weights are, maps of policies."""

import pickle

import numpy as np
import pytest

import cornu
from cornu import config, dtype_policies, layers, ops
from cornu.graph import GradientTape
from tests.training.networks import message


@pytest.fixture(autouse=True)
def as_before():
    yield
    config.set_dtype_policy(None)


X = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
CLASSES = np.arange(32) % 3


def test_a_policy_says_two_dtypes():
    for name, compute, variable in [
        ("float64", "float64", "float64"),
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
        ("uint8", "uint8", "uint8"),
    ]:
        policy = cornu.DTypePolicy(name)
        found = policy.name, policy.compute_dtype, policy.variable_dtype
        assert found == (name, compute, variable)
        assert repr(policy) == f'<DTypePolicy "{name}">'
        again = dtype_policies.deserialize(dtype_policies.serialize(policy))
        assert again == policy == pickle.loads(pickle.dumps(policy))
        assert cornu.DTypePolicy.from_config(policy.get_config()) == policy
        assert layers.Dense(1, dtype=dtype_policies.serialize(policy)).dtype == variable


def test_policies_are_got_by_name_dtype_and_description():
    assert dtype_policies.get("mixed_bfloat16").compute_dtype == "bfloat16"
    assert dtype_policies.get(np.float16).name == "float16"
    assert dtype_policies.get({"name": "mixed_float16"}).compute_dtype == "float16"
    config.set_dtype_policy("mixed_float16")
    assert dtype_policies.get(None) == cornu.DTypePolicy() == config.dtype_policy()


def test_what_is_no_policy():
    assert "'mixed_float15' is not a dtype" in message(
        dtype_policies.get, "mixed_float15"
    )
    for bad in (5, object(), [1, 2]):
        assert "stands for no dtype policy" in message(dtype_policies.get, bad)
    assert "Expected the name" in message(config.set_dtype_policy, 12345)
    with pytest.raises(TypeError, match="as its name"):
        cornu.DTypePolicy(123)
    for name in ("int8_from_float32", "float8_from_mixed_bfloat16"):
        assert "asks for quantization" in message(config.set_dtype_policy, name)
    wrong = {"class_name": "Dense", "config": {"units": 1}, "module": "keras.layers"}
    assert "describes no dtype policy" in message(dtype_policies.deserialize, wrong)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_weights_are_seen_in_the_dtype_of_the_computation(policy):
    wanted = cornu.DTypePolicy(policy).compute_dtype
    seen = {}

    class Inner(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((), "ones")

        def call(self, x):
            seen[self.name] = self.w.dtype, str(ops.convert_to_tensor(self.w).dtype)
            return x + self.w

    class Outer(Inner):
        def build(self, input_shape):
            super().build(input_shape)
            self.fixed = self.add_weight((), "ones", autocast=False)
            self.parts = [
                Inner(name="plain", dtype="float32"),
                Inner(name="double", dtype="float64"),
                Inner(name="whole", dtype="int32"),
                Inner(name="left", dtype=policy, autocast=False),
                Inner(name="inside", dtype=policy),
            ]

        def call(self, x):
            for part in self.parts:
                part(x)
            seen["fixed"] = self.fixed.dtype, ops.square(self.fixed).dtype
            return super().call(x)

    layer = Outer(dtype=policy, name="outer")
    for run in (layer, lambda x: layer(cornu.Input(x.shape[1:]))):
        seen.clear()
        y = run(np.ones((2, 3), "float64"))
        assert y.dtype == wanted
        assert seen == {
            "outer": (wanted, wanted),
            "inside": (wanted, wanted),
            "plain": ("float32", "float32"),
            "double": ("float64", "float64"),
            "whole": ("int32", "int32"),
            "left": ("float32", "float32"),
            "fixed": ("float32", "float32"),
        }
    assert layer.w.dtype == "float32"


def test_whole_numbers_and_masks_pass_the_cast():
    class Seen(layers.Layer):
        supports_masking = True

        def call(self, x, mask=None):
            self.found = [t.dtype for t in x], mask
            return x[0]

    layer = Seen(dtype="float16")
    layer([np.zeros(1), np.zeros(1, "int32"), np.zeros(1, "float32")])
    assert layer.found[0] == ["float16", "int32", "float16"]


def test_gradients_have_the_dtype_of_the_weights():
    layer = layers.Dense(2, dtype="mixed_float16")
    x = np.ones((1, 3), "float32")
    with GradientTape() as tape:
        y = layer(x)
        total = ops.sum(ops.cast(y, "float32"))
    found = tape.gradient(total, layer.kernel)
    assert (y.dtype, found.dtype) == ("float16", "float32")
    np.testing.assert_array_equal(found, np.ones((3, 2)))


def trained(policy, **compiled):
    cornu.utils.set_random_seed(3)
    config.set_dtype_policy(policy)
    model = cornu.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", **compiled)
    history = model.fit(X, CLASSES, epochs=3, batch_size=8, verbose=0)
    return model, history.history["loss"]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_network_is_trained_in_mixed_precision(policy, tmp_path):
    model, losses = trained(policy, auto_scale_loss=False)
    _, exact = trained("float32")
    # Rounded to 8 or 11 bits, and otherwise the same training.
    np.testing.assert_allclose(losses, exact, rtol=2e-2)
    assert losses != exact
    assert {v.dtype for v in model.weights} == {"float32"}
    assert model.layers[0](X).dtype == cornu.DTypePolicy(policy).compute_dtype
    model.save(tmp_path / "model.keras")
    again = cornu.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].dtype_policy.name == policy
    assert again.layers[2].dtype_policy.name == "float32"
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_losses_are_scaled_in_float16_alone():
    model, _ = trained("mixed_float16")
    assert isinstance(model.optimizer, cornu.optimizers.LossScaleOptimizer)
    assert isinstance(model.optimizer.inner_optimizer, cornu.optimizers.SGD)
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, cornu.optimizers.SGD)
    own = cornu.optimizers.LossScaleOptimizer(cornu.optimizers.SGD())
    model.compile(own, "mse")
    assert model.optimizer is own
    assert isinstance(trained("mixed_bfloat16")[0].optimizer, cornu.optimizers.SGD)


# Maps


def test_a_map_gives_policies_by_path():
    policies = dtype_policies.DTypePolicyMap()
    policies["net/encoder/dense"] = "bfloat16"
    policies["net/decoder/.*"] = cornu.DTypePolicy("float16")
    assert policies["net/encoder/dense"].name == "bfloat16"
    assert policies["net/encoder/dense_1"].name == "float32"
    assert policies["net/decoder/dense"].name == "float16"
    assert (len(policies), "net/encoder/dense" in policies, "net" in policies) == (
        2,
        True,
        False,
    )
    assert [k for k, _ in policies.items()] == ["net/encoder/dense", "net/decoder/.*"]
    policies["net/.*/dense"] = "float64"
    assert "fits several keys" in message(policies.__getitem__, "net/decoder/dense")
    assert policies.pop("net/.*/dense").name == "float64"
    del policies["net/encoder/dense"]
    assert policies["net/encoder/dense"] == policies.default_policy
    with pytest.raises(KeyError):
        del policies["net/encoder/dense"]


def test_a_map_refuses_what_it_cannot_hold():
    policies = dtype_policies.DTypePolicyMap()
    policies["a"] = "float16"
    assert "has a policy for 'a' already" in message(
        policies.__setitem__, "a", "float32"
    )
    assert "stands for no dtype policy" in message(policies.__setitem__, "b", 123)
    with pytest.raises(TypeError, match="policy_map=123"):
        dtype_policies.DTypePolicyMap(policy_map=123)  # type: ignore[arg-type]
    assert "as default_policy" in message(dtype_policies.DTypePolicyMap, policies)


def test_a_map_without_a_default_goes_by_the_policy_that_is_set():
    policies = dtype_policies.DTypePolicyMap()
    fixed = dtype_policies.DTypePolicyMap("float64")
    config.set_dtype_policy("bfloat16")
    assert (policies.name, policies.compute_dtype) == ("map_bfloat16", "bfloat16")
    assert (fixed.name, fixed.variable_dtype) == ("map_float64", "float64")
    fixed["a"] = "mixed_bfloat16"
    again = dtype_policies.deserialize(dtype_policies.serialize(fixed))
    assert again == fixed
    assert "mapping=[('a', 'mixed_bfloat16')]" in repr(again)


class Two(layers.Layer):
    """Hands its dtype to the layers inside, as layers of Keras do."""

    def __init__(self, dtype=None, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.first = layers.Dense(2, dtype=dtype, name="first")
        self.second = layers.Dense(2, dtype=dtype, name="second")

    def call(self, x):
        return self.second(self.first(x))


def test_the_layers_inside_find_their_policy_in_the_map():
    policies = dtype_policies.DTypePolicyMap("float32", {"two/first": "mixed_float16"})
    layer = Two(dtype=policies, name="two")
    assert layer(np.ones((1, 3), "float32")).dtype == "float32"
    assert layer.first.path == "two/first"
    assert layer.first.dtype_policy.name == "mixed_float16"
    assert layer.first.compute_dtype == "float16"
    assert layer.second.dtype_policy.name == "float32"
    again = Two.from_config(layer.get_config())
    again(np.ones((1, 3), "float32"))
    assert again.first.compute_dtype == "float16"


def test_the_policy_of_a_layer_is_set():
    layer = layers.Dense(2)
    layer.dtype_policy = "mixed_bfloat16"
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    layer.dtype_policy = cornu.DTypePolicy("float64")
    assert layer(np.ones((1, 3))).dtype == "float64"
    policies = dtype_policies.DTypePolicyMap()
    layer = layers.Dense(2, dtype=policies, name="d")
    layer.build((None, 1))
    for name in ("mixed_float16", "mixed_bfloat16"):
        layer.dtype_policy = name
        assert policies["d"].name == name
    assert layer(np.ones((2, 1))).dtype == "bfloat16"
