"""Training in 16 bits on other libraries, with weights of 32 bits."""

import numpy as np
import pytest

import cornu
from cornu import engines, layers

NAMES = sorted(set(engines.available()) - {"numpy", "python"})
WITHOUT_BFLOAT16 = {"cntk", "theano"}  # PyTensor and ONNX Runtime lack it
BATCH, EPOCHS = 32, 6


@pytest.fixture(params=NAMES)
def engine(request):
    """The name of an engine that is installed; the rest is skipped by name."""
    try:
        engines.get(request.param)
    except ImportError as error:
        pytest.skip(str(error).splitlines()[0])
    return request.param


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    cornu.config.set_dtype_policy(None)
    cornu.config.set_backend("numpy")


def data():
    x = np.random.default_rng(0).normal(size=(8 * BATCH, 6, 6, 2)).astype("float32")
    return x, np.argmax(x.mean((1, 3))[:, :3], axis=1).astype("int32")


def network(policy, optimizer="adam"):
    """Convolution, normalization, pooling and products, each with its gradient."""
    cornu.utils.set_random_seed(1)
    cornu.config.set_dtype_policy(policy)
    model = cornu.Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.LayerNormalization(),
            layers.Dense(24, activation="relu"),
            layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(engine, policy, **how):
    cornu.config.set_backend(engine)
    model = network(policy, **how)
    x, y = data()
    loss = model.fit(x, y, BATCH, EPOCHS, verbose=0).history["loss"]
    return model, np.array(loss)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_training_goes_as_in_float32(engine, policy):
    """To the places that 16 bits have, over 48 steps."""
    if policy == "mixed_bfloat16" and engine in WITHOUT_BFLOAT16:
        with pytest.raises(NotImplementedError, match="bfloat16"):
            trained(engine, policy)
        return
    _, expected = trained("numpy", "float32")
    model, found = trained(engine, policy)
    assert expected[-1] < 0.8 * expected[0]
    np.testing.assert_allclose(found, expected, rtol=0.03)
    assert {w.dtype.name for w in model.get_weights()} == {"float32"}
    computed = {v.dtype for n in model.train_program.graph.nodes for v in n.outputs}
    assert policy.removeprefix("mixed_") in computed
    scaled = isinstance(model.optimizer, cornu.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_a_scale_that_is_too_large_comes_down(engine):
    """Steps whose gradients overflow are left out, and training goes on after them."""
    inner = cornu.optimizers.Adam()
    optimizer = cornu.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**30)
    model, loss = trained(engine, "mixed_float16", optimizer=optimizer)
    steps, left_out = EPOCHS * 8, 30 - np.log2(float(optimizer.dynamic_scale.numpy()))
    assert 5 < left_out < 20
    assert int(inner.iterations.numpy()) == steps - left_out
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert loss[-1] < 0.9 * loss[0]
