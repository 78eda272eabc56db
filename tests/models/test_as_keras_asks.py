"""What Keras's users rely on of models and layers beside training."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import layers, ops

RNG = np.random.default_rng(9)
X = RNG.normal(size=(6, 4)).astype("float32")


def small():
    model = cornu.Sequential([cornu.Input((4,)), layers.Dense(3, activation="relu")])
    model.compile("adam", "mse")
    model.fit(X, X[:, :3], verbose=0)
    return model


@pytest.mark.parametrize(
    "way", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy]
)
def test_models_are_pickled_and_copied_with_weights_and_optimizer(way):
    model = small()
    again = way(model)
    assert again is not model
    assert again.layers[0] is not model.layers[0]
    np.testing.assert_array_equal(
        again.predict(X, verbose=0), model.predict(X, verbose=0)
    )
    for mine, theirs in zip(model.optimizer.variables, again.optimizer.variables):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_bytes_are_made_floats_by_a_float_input():
    inputs = cornu.Input((3,))
    model = cornu.Model(inputs, inputs * 2)
    for run in (model, lambda x: model.predict(x, verbose=0)):
        found = np.asarray(run(np.array([[200, 1, 2]], "uint8")))
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, [[400, 2, 4]])


def test_inputs_have_the_dtype_that_was_asked_for():
    half, whole = cornu.Input((2,), dtype="float16"), cornu.Input((2,), dtype="int32")
    model = cornu.Model((half, whole), (half + 2, whole + 2))
    a, b = model((np.ones((2, 2)), np.ones((2, 2))))
    assert (a.dtype, b.dtype) == ("float16", "int32")


def test_large_indices_stay_whole_on_their_way_to_an_embedding():
    inputs = cornu.Input((1,))  # of floats, which have no 16777217
    model = cornu.Model(inputs, layers.Embedding(2**24 + 2, 1)(inputs))
    table = np.zeros((2**24 + 2, 1), "float32")
    table[-1] = 1
    model.set_weights([table])
    assert float(model(np.array([[2**24 + 1]]))[0, 0, 0]) == 1


def test_nested_inputs_and_outputs():
    a, b, c = (cornu.Input((n,)) for n in (1, 2, 3))
    inputs = {"z": a, "in": {"q": b, "p": c}}
    model = cornu.Model(inputs, {"z": a * 1, "in": [b * 2, c * 3]})
    given = {"z": np.ones((5, 1)), "in": {"p": np.ones((5, 3)), "q": np.ones((5, 2))}}
    found = model(given)
    np.testing.assert_array_equal(found["z"], np.ones((5, 1)))
    np.testing.assert_array_equal(found["in"][0], 2 * np.ones((5, 2)))
    np.testing.assert_array_equal(found["in"][1], 3 * np.ones((5, 3)))


def test_the_tree_of_the_state_is_read_and_set():
    model = small()
    tree = model.get_state_tree("numpy_array")
    assert sorted(tree) == [
        "metrics_variables",
        "non_trainable_variables",
        "optimizer_variables",
        "trainable_variables",
    ]
    (name,) = tree["trainable_variables"]
    np.testing.assert_array_equal(
        tree["trainable_variables"][name]["kernel"], model.get_weights()[0]
    )
    assert tree["optimizer_variables"][model.optimizer.name]["iteration"] == 1
    model.set_state_tree({"trainable_variables": {name: {"bias": [1.0, 2.0, 3.0]}}})
    np.testing.assert_array_equal(model.get_weights()[1], [1, 2, 3])
    with pytest.raises(ValueError, match=r"\nExpected .*\nDid you mean"):
        model.set_state_tree({"trainable_variables": {name: {"bia": [1.0, 2.0, 3.0]}}})
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")


def test_one_path_for_two_variables_is_no_tree():
    class Two(cornu.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(4, name="d"), layers.Dense(4, name="d")

        def call(self, inputs):
            return self.b(self.a(inputs))

    model = Two()
    model(X)
    with pytest.raises(ValueError, match=r"path .*\nExpected different paths"):
        model.get_state_tree()


# Sequential


def test_a_sequential_model_has_one_input():
    model = cornu.Sequential([cornu.Input((2,))])
    with pytest.raises(ValueError, match=r"already.\nExpected one Input"):
        model.add(cornu.Input((2,)))
    model = cornu.Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="before the first layer"):
        model.add(cornu.Input((2,)))


def test_a_sequential_model_without_layers_says_so():
    with pytest.raises(ValueError, match="has no layers"):
        cornu.Sequential()(X)


def test_a_built_sequential_model_is_not_built_for_other_inputs():
    model = cornu.Sequential([cornu.Input((2,)), layers.Dense(2)])
    model.build((None, 2))
    with pytest.raises(ValueError, match=r"\(None, 4\).*\nExpected the same shape"):
        model.build((None, 4))


@pytest.mark.parametrize("kind", [dict, list])
def test_several_inputs_of_a_sequential_model(kind):
    class Seen(layers.Layer):
        def call(self, inputs):
            assert isinstance(inputs, kind)
            return inputs

    given = {"a": X, "b": X} if kind is dict else [X, X]
    found = cornu.Sequential([Seen()])(given)
    assert isinstance(found, kind)
    assert len(found) == 2


# Layers


class Noisy(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seeds = cornu.random.SeedGenerator(7)
        self.dense = layers.Dense(4)
        self.mean = cornu.metrics.Mean()

    def call(self, inputs):
        return self.dense(inputs) + cornu.random.normal(inputs.shape, seed=self.seeds)


def test_states_of_seed_generators_are_variables_that_do_not_train():
    layer = Noisy()
    first = layer(X)
    assert len(layer.non_trainable_variables) == 1
    assert not layer.non_trainable_weights
    layer.seeds.state.assign([7, 0])
    trained = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    second, after = layer.stateless_call(trained, fixed, X)
    np.testing.assert_array_equal(first, second)
    assert after[0].tolist() == [7, 1]
    assert layer.seeds.state.numpy().tolist() == [7, 0]


def test_layers_know_their_metrics():
    outer = cornu.Sequential([Noisy()])
    assert len(Noisy().metrics) == 1
    assert len(Noisy().metrics_variables) == 2
    assert outer.metrics == outer.layers[0].metrics


def test_weights_are_not_added_by_calls():
    class Wrong(layers.Layer):
        def call(self, inputs):
            return inputs * self.add_weight(shape=())

    with pytest.raises(ValueError, match=r"in its call.\nExpected .*\nMove add_weight"):
        Wrong()(X)


def test_arguments_of_build_are_named_after_those_of_call():
    class Wrong(layers.Layer):
        build: Any = lambda self, first_shape, other_shape: None

        def call(self, first, second):
            return first + second

    with pytest.raises(ValueError, match=r"'other_shape'.*\nExpected .*second_shape"):
        Wrong()(X, X)


class Opaque(layers.Layer):
    """What it computes cannot be traced; it says what comes out."""

    def call(self, inputs):
        raise AssertionError("not to be traced")


SHAPES = {
    "one": lambda shape: shape,
    "tuple": lambda shape: (shape, shape),
    "dict": lambda shape: {"a": shape, "b": [shape, (shape[0], 7)]},
}


@pytest.mark.parametrize("nesting", SHAPES)
def test_a_layer_that_cannot_be_traced_tells_its_shapes(nesting):
    class Told(Opaque):
        def compute_output_shape(self, input_shape):
            return SHAPES[nesting](input_shape)

    found = Told()(cornu.Input((4,)))
    shapes = cornu.graph.tree.map_structure(lambda t: tuple(t.shape), found)
    assert repr(shapes) == repr(SHAPES[nesting]((None, 4)))


def test_a_layer_that_cannot_be_traced_tells_its_spec():
    class Told(Opaque):
        def compute_output_spec(self, inputs):
            return cornu.KerasTensor((inputs.shape[0], 9), "int32")

    found = Told()(cornu.Input((4,)))
    assert (found.shape, found.dtype) == ((None, 9), "int32")
    with pytest.raises(AssertionError):
        Opaque()(cornu.Input((4,)))


def test_merging_layers_take_tuples():
    layer = layers.Add()
    layer.build(((None, 4), (None, 4)))
    np.testing.assert_array_equal(layer((X, X)), 2 * X)
    assert layers.Concatenate()((ops.array(X), ops.array(X))).shape == (6, 8)


def test_overwriting_waits_for_the_gradients_that_are_gathered():
    kept, plain = cornu.Variable([1.0, 2.0]), cornu.Variable([1.0, 2.0])
    kept.overwrite_with_gradient = True
    optimizer = cornu.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    for factor, expected in ((1.0, [1, 2]), (2.0, [2, 2]), (5.0, [2, 2])):
        gradient = ops.ones(2) * factor
        optimizer.apply([gradient, gradient], [kept, plain])
        np.testing.assert_array_equal(kept.numpy(), expected)
    np.testing.assert_array_equal(plain.numpy(), [-0.5, 0.5])


@pytest.mark.parametrize(
    "layer", [layers.Dense(2), layers.EinsumDense("ab,bc->ac", 2), layers.Conv1D(2, 1)]
)
def test_an_activation_may_be_taken_away(layer):
    x = np.expand_dims(X, 0) if isinstance(layer, layers.Conv1D) else X
    before = layer(x)
    layer.activation = None
    np.testing.assert_array_equal(layer(x), before)


def test_the_shape_of_an_argument_may_be_none_and_a_list():
    layer = layers.MultiHeadAttention(2, 2)
    layer.build((7, 4, 8), (7, 2, 8))
    assert layer.compute_output_shape((7, 4, 8), (7, 2, 8), None) == (7, 4, 8)
    assert layer.compute_output_shape([7, 4, 8], [7, 2, 8]) == (7, 4, 8)


def test_the_mask_of_batch_normalization_may_have_axes_of_one():
    x = RNG.normal(size=(2, 4, 3, 5)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool)[..., None]
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=mask)
    seen = np.concatenate([x[0, 0], x[0, 1], x[1, 0]])
    np.testing.assert_allclose(layer.moving_mean, seen.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, seen.var(0), rtol=1e-3)


def test_parameters_of_distributions_may_be_lists():
    found = cornu.random.beta((4000, 2), [[7.0, 0.5]], [[15.0, 0.9]], seed=1).numpy()
    np.testing.assert_allclose(found.mean(0), [7 / 22, 0.5 / 1.4], atol=0.02)


def test_a_threshold_is_a_number():
    with pytest.raises(ValueError, match="threshold='a'"):
        cornu.metrics.FBetaScore(threshold="a")  # type: ignore[arg-type]


# Built by hand


class Scaled(layers.Layer):
    """Builds as Keras 3 has it: without a word of `built`."""

    def build(self, shape):
        self.factor = self.add_weight((shape[-1],), "ones", name="factor")

    def call(self, x):
        return x * self.factor


class Pair(layers.Layer):
    def build(self, a_shape, b_shape):
        self.left = self.add_weight(a_shape[-1:], "ones", name="left")
        self.right = self.add_weight(b_shape[-1:], "ones", name="right")

    def call(self, a, b):
        return a * self.left, b * self.right


class Outer(cornu.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Dense(4), Scaled()
        self.unused = layers.Dense(1)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.last.build(self.first.compute_output_shape(input_shape))

    def call(self, x):
        return self.last(self.first(x))


def test_what_is_built_by_hand_is_built_once():
    x = np.ones((2, 3), "float32")
    for layer, count in ((Scaled(), 1), (Outer(), 3)):
        layer.build((None, 3))
        assert layer.built
        weights = layer.weights
        assert len(weights) == count
        layer(x)
        assert [id(w) for w in layer.weights] == [id(w) for w in weights]
        assert layer.get_build_config() == {"input_shape": (None, 3)}
    pair = Pair()
    pair.build((None, 3), b_shape=(None, 2))
    shapes = {"a_shape": (None, 3), "b_shape": (None, 2)}
    assert pair.get_build_config() == {"shapes_dict": shapes}
    pair(x, x[:, :2])
    assert len(pair.weights) == 2


def test_a_build_that_fails_leaves_the_layer_unbuilt():
    class Failing(Scaled):
        def build(self, shape):
            if shape[-1] == 3:
                raise KeyError("no")
            super().build(shape)

    layer = Failing()
    with pytest.raises(KeyError):
        layer.build((None, 3))
    assert not layer.built
    layer.build((None, 2))
    assert layer.built
    assert len(layer.weights) == 1


def test_a_summary_knows_what_was_built_by_hand():
    model, lines = Outer(), []
    model.build((None, 3))
    model.summary(print_fn=lines.append)
    first, last, unused = [x for x in "".join(lines).splitlines() if "│" in x]
    assert "(None, 4)" in first
    assert "(None, 4)" in last
    assert "?" in unused
    assert "unbuilt" in unused
    assert "Total params: 20 " in "".join(lines)


def test_a_sequential_model_has_no_inputs_before_their_shape_is_known():
    model = cornu.Sequential([layers.Dense(2)])
    for name in ("inputs", "outputs", "input", "output", "input_shape"):
        assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="Input") as caught:
        model.inputs  # noqa: B018
    assert len(str(caught.value).splitlines()) == 3
    assert model.input_names == model.output_names == []
    model.build((None, 3))
    assert [x.shape for x in model.inputs] == [(None, 3)]
    assert [y.shape for y in model.outputs] == [(None, 2)]
    model.pop()
    assert not hasattr(model, "outputs")
