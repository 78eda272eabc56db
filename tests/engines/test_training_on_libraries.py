"""Training on other libraries: one seed gives the numbers of the `numpy` engine."""

import warnings

import numpy as np
import pytest

import cornu
from cornu import engines, layers
from cornu.engines.library import LibraryProgram
from cornu.training.nonfinite import NonFiniteWarning

NAMES = sorted(set(engines.available()) - {"numpy", "python"})
PLACES = {"rtol": 1e-9, "atol": 1e-9}
STEPS, BATCH = 50, 16
RNG = np.random.default_rng(0)


@pytest.fixture(params=NAMES)
def engine(request):
    """The name of an engine that is installed; the rest is skipped by name."""
    try:
        engines.get(request.param)
    except ImportError as error:
        pytest.skip(str(error).splitlines()[0])
    return request.param


@pytest.fixture(autouse=True)
def in_float64():
    cornu.config.set_floatx("float64")
    yield
    cornu.config.set_floatx("float32")
    cornu.config.set_backend("numpy")


# The networks: each builds itself from the seed, and has data of its own


def dense():
    """The notes' first network, narrower."""
    model = cornu.Sequential(
        [
            layers.Input((12,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax", name="last"),
        ],
        name="network",
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    x = RNG.normal(size=(5 * BATCH, 12))
    return model, x, np.eye(4)[np.argmax(x[:, :4], axis=1)]


def convolutional():
    model = cornu.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 3, strides=2, padding="same"),
            layers.MaxPooling2D(2, strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = RNG.normal(size=(5 * BATCH, 8, 8, 2))
    return model, x, np.argmax(x[:, 0, :3, 0], axis=1)


def recurrent():
    """Words of which the last ones are padding."""
    model = cornu.Sequential(
        [
            layers.Input((7,)),
            layers.Embedding(20, 5, mask_zero=True),
            layers.LSTM(6),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    x = RNG.integers(1, 20, size=(5 * BATCH, 7))
    x[np.arange(7) >= RNG.integers(2, 8, size=(5 * BATCH, 1))] = 0
    return model, x, (x[:, :1] > 9).astype("float64")


def transformer():
    words = layers.Input((5, 8))
    seen = layers.MultiHeadAttention(2, 4)(words, words)
    x = layers.LayerNormalization()(words + seen)
    more = layers.Dense(8)(layers.Dense(12, activation="gelu")(x))
    x = layers.LayerNormalization()(x + more)
    y = layers.Dense(1)(layers.GlobalAveragePooling1D()(x))
    model = cornu.Model(words, y)
    model.compile(cornu.optimizers.SGD(0.02, momentum=0.9), "mse", metrics=["mae"])
    x = RNG.normal(size=(5 * BATCH, 5, 8))
    return model, x, x.max(axis=(1, 2))[:, None]


NETWORKS = [
    dense,
    pytest.param(convolutional, marks=pytest.mark.slow),
    pytest.param(recurrent, marks=pytest.mark.slow),
    pytest.param(transformer, marks=pytest.mark.slow),
]


def of_seed(network):
    """A network, its weights and its data, the same each time."""
    global RNG
    RNG = np.random.default_rng(0)
    cornu.utils.set_random_seed(3)
    return network()


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **PLACES)


def trained(network, engine):
    """A model after 50 steps on an engine, and all that it tells."""
    cornu.config.set_backend(engine)
    model, x, y = of_seed(network)
    epochs = STEPS * BATCH // len(x)
    history = model.fit(x, y, BATCH, epochs, verbose=0, validation_split=0).history
    told = {
        "predict": model.predict(x[:21], verbose=0),
        "evaluate": model.evaluate(x, y, verbose=0),
        **history,
    }
    return model, told


@pytest.mark.parametrize("network", NETWORKS)
def test_training_gives_the_same_numbers(engine, network):
    reference, expected = trained(network, "numpy")
    model, found = trained(network, engine)
    assert found.keys() == expected.keys()
    assert len(found["loss"]) == STEPS * BATCH // (5 * BATCH)
    assert expected["loss"][-1] < expected["loss"][0]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, **PLACES, err_msg=name)
    same(model.get_weights(), reference.get_weights())
    same(
        [v.numpy() for v in model.optimizer.variables],
        [v.numpy() for v in reference.optimizer.variables],
    )


def test_the_engine_is_what_runs(engine):
    cornu.config.set_backend(engine)
    model, x, y = of_seed(dense)
    model.fit(x, y, BATCH, 1, verbose=0)
    program = model.train_program
    assert isinstance(program, LibraryProgram)
    assert program.engine.name == cornu.config.backend() == engine


def test_models_go_from_engine_to_engine(engine, tmp_path):
    """Weights, the optimizer's state and files; and in the midst of training, too."""
    model, x, y = of_seed(dense)
    model.fit(x, y, BATCH, 2, verbose=0)
    cornu.config.set_backend(engine)
    model.fit(x, y, BATCH, 2, verbose=0)
    model.save(tmp_path / "model.keras")
    found = model.predict(x, verbose=0)
    cornu.config.set_backend("numpy")
    same([model.predict(x, verbose=0)], [found])
    loaded = cornu.models.load_model(tmp_path / "model.keras")
    same([loaded.predict(x, verbose=0)], [found])
    loaded.save(tmp_path / "again.keras")
    cornu.config.set_backend(engine)
    again = cornu.models.load_model(tmp_path / "again.keras")
    same([again.predict(x, verbose=0)], [found])
    # The optimizer goes on where it was.
    for m, name in ((loaded, "numpy"), (again, engine)):
        cornu.config.set_backend(name)
        cornu.utils.set_random_seed(4)
        m.fit(x, y, BATCH, 1, verbose=0)
    same(again.get_weights(), loaded.get_weights())


def not_finite(engine):
    """What is said of a loss that is not finite, where training stops at it."""
    cornu.config.set_backend(engine)
    model, x, y = of_seed(dense)
    model.fit(x, y, BATCH, 1, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    kernel[2, 1] = np.inf
    model.layers[-1].set_weights([kernel, bias])
    before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        stop = cornu.callbacks.TerminateOnNaN()
        history = model.fit(x, y, BATCH, 1, verbose=0, callbacks=[stop]).history
    assert np.isnan(history["loss"]).all()
    after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    same(after, before)
    return [str(w.message) for w in told if w.category is NonFiniteWarning]


def test_a_loss_that_is_not_finite_changes_nothing(engine):
    assert len(expected := not_finite("numpy")) == 1
    assert not_finite(engine) == expected


def until_not_finite(engine):
    """What an epoch leaves whose fourth batch overflows."""
    cornu.config.set_backend(engine)
    model, x, y = of_seed(dense)
    model.fit(x, y, BATCH, 1, verbose=0)
    x[3 * BATCH + 1] = 1e308
    stop = cornu.callbacks.TerminateOnNaN()
    with pytest.warns(NonFiniteWarning):
        model.fit(x, y, BATCH, 1, verbose=0, shuffle=False, callbacks=[stop])
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def test_the_steps_before_a_loss_that_is_not_finite_count(engine):
    """Also where many steps are taken in one call."""
    same(until_not_finite(engine), until_not_finite("numpy"))


def test_arrays_are_not_shared(engine):
    """What becomes of an array that was given or taken has no effect."""
    cornu.config.set_backend(engine)
    model, x, _ = of_seed(dense)
    weights = [w.copy() for w in model.get_weights()]
    model.set_weights(weights)
    model.predict(x, verbose=0)  # the weights are the engine's now
    kept = [w.copy() for w in weights]
    for w in weights:
        w[:] = 7
    same(model.get_weights(), kept)
    for w in model.get_weights():
        w[:] = 7
    found = model.predict(x, verbose=0)
    found_again = model.predict(x, verbose=0)
    same([found_again], [found])
    found[:] = 7
    same([model.predict(x, verbose=0)], [found_again])
    same(model.get_weights(), kept)
