"""Many steps in one call of an engine: the numbers of taking them one by one."""

import numpy as np
import pytest

import cornu
from cornu import callbacks, engines, layers
from cornu.training.nonfinite import NonFiniteWarning
from cornu.training.resident import ResidentSteps

R = np.random.default_rng(5)
X = R.normal(size=(50, 6)).astype("float32")
Y = R.integers(0, 3, 50)


@pytest.fixture(autouse=True, params=["jax", "torch"])
def engine(request):
    """The engines that take many steps at once, where they are installed."""
    pytest.importorskip(request.param)
    cornu.config.set_backend(request.param)
    yield request.param
    cornu.config.set_backend("numpy")


class EveryBatch(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def network(**more):
    cornu.utils.set_random_seed(3)
    model = cornu.Sequential(
        [
            cornu.Input((6,)),
            layers.Dense(8, "relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"], **more)
    return model


def calls(monkeypatch):
    """How many steps each call takes."""
    taken = []
    before = ResidentSteps.epoch

    def epoch(self, done=0):
        for count in before(self, done):
            taken.append(count)
            yield count

    monkeypatch.setattr(ResidentSteps, "epoch", epoch)
    return taken


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"batch_size": 10},
        {"batch_size": 50},
        {"batch_size": 64},
        {"shuffle": False},
        {"steps_per_epoch": 2},
        {"class_weight": {0: 2.0, 1: 1.0, 2: 0.5}},
        {"validation_split": 0.2},
    ],
)
def test_the_numbers_are_those_of_single_steps(how, monkeypatch):
    how = {"batch_size": 8, "epochs": 3, "verbose": 0, **how}
    taken = calls(monkeypatch)
    together, one_by_one = network(), network()
    cornu.utils.set_random_seed(4)
    a = together.fit(X, Y, **how)
    assert bool(taken) == (how["batch_size"] <= 50)
    found = sum(taken)
    cornu.utils.set_random_seed(4)
    b = one_by_one.fit(X, Y, callbacks=[EveryBatch()], **how)
    assert sum(taken) == found  # none of these
    for name in a.history:
        np.testing.assert_allclose(a.history[name], b.history[name], 1e-5, 1e-6)
    for x, y in zip(together.get_weights(), one_by_one.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, 1e-5, 1e-6)


def test_a_call_grows_to_what_patience_allows(monkeypatch):
    taken = calls(monkeypatch)
    network().fit(np.tile(X, (40, 1)), np.tile(Y, 40), batch_size=5, verbose=0)
    assert sum(taken) == 400
    assert taken[0] == 1
    assert max(taken) > 8


def test_a_loss_that_is_not_finite_is_told_of_as_ever(monkeypatch, engine):
    taken = calls(monkeypatch)
    x, told = X.copy(), []
    x[37] = 3e38  # the layer's sum, made larger by dropout, is infinite
    for name in (engine, "numpy"):
        cornu.config.set_backend(name)
        model = network()
        with pytest.warns(NonFiniteWarning) as record:
            model.fit(x, Y, batch_size=5, epochs=2, shuffle=False, verbose=0)
        (message,) = record
        told.append(str(message.message).partition(":")[2].split("(Dropout")[1:])
    assert told[0] == told[1]
    assert 0 < sum(taken) < 20


def test_it_ends_before_that_step_where_somebody_asks():
    model, x = network(), X.copy()
    x[37] = 3e38
    stop = callbacks.TerminateOnNaN()
    with pytest.warns(NonFiniteWarning, match="in step 18"):
        model.fit(
            x, Y, batch_size=5, epochs=2, shuffle=False, verbose=0, callbacks=[stop]
        )
    assert all(np.isfinite(w.numpy()).all() for w in model.trainable_weights)
    assert int(model.optimizer.iterations) == 17


def test_counting_callbacks_are_asked_each_time(tmp_path, monkeypatch):
    taken = calls(monkeypatch)
    backup = callbacks.BackupAndRestore(tmp_path / "b", save_freq=3)
    network().fit(X, Y, batch_size=5, verbose=0, callbacks=[backup])
    assert not taken
    backup = callbacks.BackupAndRestore(tmp_path / "b")
    network().fit(X, Y, batch_size=5, verbose=0, callbacks=[backup])
    assert sum(taken) == 10


def test_without_the_room_the_data_comes_batch_by_batch(monkeypatch, engine):
    taken = calls(monkeypatch)
    monkeypatch.setattr(type(engines.get(engine)), "room", lambda self: 100)
    network().fit(X, Y, batch_size=5, verbose=0)
    assert not taken


def test_a_sparse_matrix_comes_batch_by_batch(monkeypatch):
    sparse = pytest.importorskip("scipy.sparse").csr_array(X)
    taken, found = calls(monkeypatch), []
    for x in (X, sparse):
        cornu.utils.set_random_seed(3)
        model = cornu.Sequential([cornu.Input((6,)), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        found.append(model.fit(x, Y, batch_size=5, verbose=0).history["loss"])
    assert sum(taken) == 10  # of the array
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert model.predict(sparse, verbose=0).shape == (50, 3)


def test_an_index_out_of_range_is_told_as_ever():
    """Beyond the checks of the data: the layer before shifts it."""
    model = cornu.Sequential(
        [
            cornu.Input((3,), dtype="int32"),
            layers.Lambda(lambda x: x + 1),
            layers.Embedding(9, 2, name="words"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x = np.zeros((20, 3), "int32")
    x[17, 1] = 8
    with pytest.raises(IndexError, match="'words' was given a number"):
        model.fit(x, np.zeros(20), batch_size=5, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) <= 3
    assert all(np.isfinite(w).all() for w in model.get_weights())
