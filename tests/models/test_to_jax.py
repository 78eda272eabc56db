"""A model as a function for JAX, beside its own numbers and JAX's."""

import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.graph.tree import flatten
from tests.models.elsewhere import MODELS, fed, made

jax = pytest.importorskip("jax")
jnp = jax.numpy
R = np.random.default_rng(0)


def alike(found, expected, places=1e-9):
    for a, b in zip(jax.tree.leaves(found), flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=places, atol=places)


def weighed(outputs, total):
    return sum(total(y * y * (i + 1)) for i, y in enumerate(flatten(outputs)))


def at(tree, path):
    for part in path.split("/"):
        tree = tree[part]
    return tree


SLOW = pytest.mark.slow  # XLA takes its time


@pytest.mark.parametrize("training", [pytest.param(False, marks=SLOW), True])
@pytest.mark.parametrize("name", MODELS)
def test_outputs_gradients_and_state_are_those_of_the_model(name, training):
    model = made(name, "float64")
    x = fed(model, 4)
    with jax.enable_x64(True):
        apply, params, state = model.to_jax(stateful=True)

        def loss(params, x):
            outputs, after = apply(params, state, x, training=training)
            return weighed(outputs, jnp.sum), (outputs, after)

        wrt = (0,) if name == "text" else (0, 1)
        run = jax.jit(jax.value_and_grad(loss, wrt, has_aux=True))
        (_, (outputs, after)), slopes = run(params, x)
    inputs = [ops.convert_to_tensor(a) for a in flatten(x)]
    with cornu.GradientTape() as tape:
        expected = model(
            inputs if isinstance(x, list) else inputs[0], training=training
        )
        number = weighed(expected, ops.sum)
    weights = model.trainable_variables
    floating = [a for a in inputs if a.dtype == "float64"]
    right = tape.gradient(number, [*weights, *floating])
    alike(outputs, [y.numpy() for y in flatten(expected)])
    for v, g in zip(weights, right, strict=False):
        alike(at(slopes[0], v.path), g.numpy())
    if floating:
        alike(slopes[1], [g.numpy() for g in right[len(weights) :]])
    for v in model.non_trainable_variables:
        if any(v is each for each in model.weights):
            alike(at(after, v.path), v.numpy())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=SLOW if n in ("lstm", "transformer") else ())
        for n in MODELS
    ],
)
def test_what_predict_gives(name):
    model = made(name)
    apply, params = model.to_jax()
    for n in (1, 6):
        x = fed(model, n)
        expected = model.predict(x, verbose=0)
        alike(apply(params, x), expected, 1e-5)
        alike(jax.jit(apply)(params, x), expected, 1e-5)


@SLOW
def test_one_sample_at_a_time():
    model = made("convnet")
    apply, params = model.to_jax()
    x = fed(model, 5)
    one = jax.vmap(lambda x: apply(params, x[None])[0])
    alike(one(x), model.predict(x, verbose=0), 1e-5)
    # A gradient per sample.
    slope = jax.grad(lambda p, x: (apply(p, x[None]) ** 2).sum())
    each = jax.vmap(slope, (None, 0))(params, x)
    whole = jax.grad(lambda p: (apply(p, x) ** 2).sum())(params)
    for a, b in zip(jax.tree.leaves(each), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a.sum(0), b, rtol=1e-4, atol=1e-4)


@SLOW
def test_gradients_beside_finite_differences():
    model = made("mlp", "float64")
    x = fed(model, 3)
    with jax.enable_x64(True):
        apply, params = model.to_jax()
        kernel = params["dense_1"]["kernel"]

        def loss(kernel):
            inner = {**params, "dense_1": {**params["dense_1"], "kernel": kernel}}
            return jnp.sum(jnp.log(apply(inner, x)[:, 0]))

        first, step = jax.grad(loss)(kernel), R.normal(size=kernel.shape)
        h = 1e-6
        slope = (loss(kernel + h * step) - loss(kernel - h * step)) / (2 * h)
        np.testing.assert_allclose((first * step).sum(), slope, rtol=1e-6)
        second = jax.grad(lambda k: (jax.grad(loss)(k) * step).sum())(kernel)
        curve = (
            jax.grad(loss)(kernel + h * step) - jax.grad(loss)(kernel - h * step)
        ) / (2 * h)
        np.testing.assert_allclose(second, curve, rtol=1e-5, atol=1e-7)


def test_a_dense_network_is_that_of_jax():
    model = made("mlp")
    apply, params = model.to_jax()
    x = fed(model, 5)

    def own(p, x):
        h = jax.nn.relu(x @ p["dense"]["kernel"] + p["dense"]["bias"])
        p1, p2 = p["dense_1"], p["dense_2"]
        h = jax.nn.gelu(h @ p1["kernel"] + p1["bias"], approximate=False)
        return jax.nn.softmax(h @ p2["kernel"] + p2["bias"])

    def slope(f):
        return jax.jit(jax.grad(lambda p: jnp.log(f(p, x)[:, 1]).sum()))(params)

    alike(apply(params, x), jax.jit(own)(params, x), 1e-5)
    alike(slope(apply), jax.tree.leaves(slope(own)), 1e-5)


def test_what_cornu_does_not_differentiate_jax_does_not_either():
    x = cornu.Input((3,))
    y = ops.relu(x) + ops.stop_gradient(x) * x + ops.maximum(x, 0.0)
    apply, params = cornu.Model(x, y).to_jax()
    given = np.array([[0.0, 2.0, -1.0]], "float32")
    with cornu.GradientTape() as tape:
        here = ops.convert_to_tensor(given)
        loss = ops.relu(here) + ops.stop_gradient(here) * here + ops.maximum(here, 0.0)
    expected = tape.gradient(loss, here).numpy()
    slope = jax.grad(lambda x: apply(params, x).sum())
    alike(slope(given), expected, 1e-6)
    # A factor that is held is a number for the second gradient, too.
    curve = jax.grad(lambda x: slope(x).sum())(given)
    np.testing.assert_array_equal(curve, np.zeros((1, 3)))


def network():
    cornu.utils.clear_session()
    cornu.utils.set_random_seed(5)
    return cornu.Sequential(
        [
            cornu.Input((4,)),
            layers.Dense(6, "relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


X = R.normal(size=(16, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")


def test_training_there_and_back():
    model = network()
    apply, params, state = model.to_jax(stateful=True)

    @jax.jit
    def step(params, state):
        def loss(params):
            y, after, more = apply(params, state, X, training=True, return_losses=True)
            return ((y - Y) ** 2).mean() + sum(more), after

        (number, state), slopes = jax.value_and_grad(loss, has_aux=True)(params)
        moved = jax.tree.map(lambda p, g: p - 0.05 * g, params, slopes)
        return moved, state, number

    numbers = []
    for _ in range(100):
        params, state, number = step(params, state)
        numbers.append(float(number))
    assert numbers[-1] < numbers[0] / 3
    before = model.predict(X, verbose=0)
    model.set_state_tree(
        {"trainable_variables": params, "non_trainable_variables": state}
    )
    after, _ = apply(params, state, X)
    alike(after, model.predict(X, verbose=0), 1e-5)
    assert not np.allclose(after, before)
    assert model.layers[2].seed_generator.state.numpy()[1] == 100


def test_masks_of_dropout_are_those_of_the_seed():
    model, twin = network(), network()
    apply, params, state = model.to_jax(stateful=True)
    for _ in range(3):
        y, state = apply(params, state, X, training=True)
        alike(y, twin(X, training=True).numpy(), 1e-5)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_neither_side_changes_the_other(engine):
    model = network()
    model.compile("sgd", "mse")
    cornu.config.set_backend(engine)
    try:
        model.fit(X, Y, verbose=0)
        _, params = model.to_jax()
        kept = jax.tree.map(np.array, params)
        expected = model.predict(X, verbose=0)
        model.fit(X, Y, verbose=0, epochs=2)
        assert not np.allclose(model.predict(X, verbose=0), expected)
    finally:
        cornu.config.set_backend("numpy")
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(kept), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_state_is_held_where_it_is_not_asked_for():
    model = network()
    apply, params = model.to_jax()
    expected = model.predict(X, verbose=0)
    model.layers[1].moving_mean.assign(np.full(6, 9.0))
    alike(apply(params, X), expected, 1e-5)


def test_64_bits_where_jax_has_32():
    model = made("mlp", "float64")
    x = fed(model, 3)
    apply, params = model.to_jax()
    assert params["dense"]["kernel"].dtype == "float64"
    given = x.astype("float32")
    alike(apply(params, given), model.predict(given, verbose=0), 1e-6)


def test_one_graph_per_signature():
    apply, params = made("mlp").to_jax()
    traced = apply.__closure__
    function = next(
        c.cell_contents for c in traced if hasattr(c.cell_contents, "_made")
    )
    for n in (2, 3, 2):
        apply(params, np.ones((n, 6), "float32"))
    assert len(function._made) == 2


class Drawing(layers.Layer):
    """Draws from the generator that all share, which no layer holds."""

    def call(self, x):
        return x + cornu.random.normal(x.shape)


@pytest.mark.parametrize("case", ["unbuilt", "missing", "shape", "seed"])
def test_refusals_have_three_parts(case):
    def run():
        if case == "unbuilt":
            cornu.Sequential([layers.Dense(2)]).to_jax()
        if case == "seed":
            cornu.Sequential([cornu.Input((4,)), Drawing()]).to_jax()[0]({}, X)
        apply, params = network().to_jax()
        if case == "missing":
            del params["dense"]
        else:
            params["dense"]["kernel"] = params["dense"]["kernel"][:2]
        apply(params, X)

    with pytest.raises(ValueError) as caught:
        run()
    assert len(str(caught.value).splitlines()) == 3
