"""Data that comes batch by batch: the same numbers as arrays, drawn no further."""

import itertools
import os
import threading

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.utils import PyDataset

R = np.random.default_rng(3)
X = R.normal(size=(23, 4)).astype("float32")
Y = R.integers(0, 3, size=(23,)).astype("int32")
W = R.uniform(0.5, 2, size=(23,)).astype("float32")
SIZE = 5  # the last batch has 3 rows


def batches(*arrays):
    for i in range(0, len(arrays[0]), SIZE):
        yield tuple(a[i : i + SIZE] for a in arrays)


class Loader:
    """Can be iterated again and again, as a DataLoader; says its length."""

    def __init__(self, *arrays):
        self.arrays, self.begun = arrays, 0

    def __len__(self):
        return -(-len(self.arrays[0]) // SIZE)

    def __iter__(self):
        self.begun += 1
        return batches(*self.arrays)


class Unsized:
    """The same, and nobody knows where it ends."""

    def __init__(self, *arrays):
        self.arrays = arrays

    def __iter__(self):
        return batches(*self.arrays)


class Rows(PyDataset):
    def __init__(self, *arrays, **kwargs):
        super().__init__(**kwargs)
        self.arrays, self.epochs, self.asked = arrays, [], []

    def __len__(self):
        return -(-len(self.arrays[0]) // SIZE)

    def __getitem__(self, index):
        self.asked.append(index)
        return tuple(a[SIZE * index : SIZE * (index + 1)] for a in self.arrays)

    def on_epoch_begin(self):
        self.epochs.append("begin")

    def on_epoch_end(self):
        self.epochs.append("end")


class Processes(Rows):
    def __getitem__(self, index):
        return (*super().__getitem__(index), np.full(1, os.getpid()))[:-1]


def endless(*arrays):
    while True:
        yield from batches(*arrays)


def network():
    cornu.utils.set_random_seed(7)
    model = cornu.Sequential(
        [cornu.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(3, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def by_arrays(weights=True, **more):
    model = network()
    history = model.fit(
        X, Y, sample_weight=W if weights else None, batch_size=SIZE, epochs=3,
        shuffle=False, verbose=0, validation_data=(X, Y), **more,
    )  # fmt: skip
    return model, history.history


SOURCES = {
    "loader": (lambda *a: Loader(*a), {}),
    "unsized": (lambda *a: Unsized(*a), {}),
    "py_dataset": (lambda *a: Rows(*a), {}),
    "threads": (lambda *a: Rows(*a, workers=3, max_queue_size=2), {}),
    "generator": (lambda *a: endless(*a), {"steps_per_epoch": 5}),
    "map": (lambda *a: itertools.cycle(list(batches(*a))), {"steps_per_epoch": 5}),
}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("name", SOURCES)
def test_batches_train_as_arrays_do(name, eager):
    make, more = SOURCES[name]
    theirs, expected = by_arrays()
    model = network()
    model.run_eagerly = eager
    held_out = {"validation_data": Loader(X, Y)}
    history = model.fit(
        make(X, Y, W), epochs=3, shuffle=False, verbose=0, **more, **held_out
    ).history
    assert set(history) == set(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-5, err_msg=key)
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [n for n, (_, more) in SOURCES.items() if not more])
def test_evaluate_and_predict(name):
    make, _ = SOURCES[name]
    model = network()
    np.testing.assert_allclose(
        model.evaluate(make(X, Y, W), verbose=0),
        model.evaluate(X, Y, sample_weight=W, batch_size=SIZE, verbose=0),
        rtol=1e-6,
    )
    expected = model.predict(X, batch_size=SIZE, verbose=0)
    for parts in [(X,), (X, Y)]:
        np.testing.assert_array_equal(model.predict(make(*parts), verbose=0), expected)
    some = model.predict(make(X), steps=2, verbose=0)
    np.testing.assert_array_equal(some, expected[: 2 * SIZE])
    two = model.evaluate(make(X, Y), steps=2, verbose=0)
    assert two == pytest.approx(model.evaluate(X[:10], Y[:10], verbose=0), rel=1e-6)


def test_workers_may_be_processes():
    model, (theirs, _) = network(), by_arrays()
    data = Processes(X, Y, W, workers=2, use_multiprocessing=True)
    model.fit(data, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert data.asked == []  # all of them were made elsewhere


def test_a_batch_that_is_an_array_holds_the_inputs():
    model = network()
    found = model.predict((x for (x,) in batches(X)), verbose=0)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), rtol=1e-6)


def counting(log, *arrays):
    for batch in endless(*arrays):
        log.append(len(batch[0]))
        yield batch


def test_generators_are_never_drawn_beyond_the_steps():
    drawn, held = [], []
    network().fit(
        counting(drawn, X, Y), steps_per_epoch=3, epochs=4, verbose=0,
        validation_data=counting(held, X, Y), validation_steps=2,
    )  # fmt: skip
    assert len(drawn) == 12
    assert len(held) == 8
    drawn.clear()
    network().evaluate(counting(drawn, X, Y), steps=3, verbose=0)
    network().predict(counting(drawn, X, Y), steps=2, verbose=0)
    assert len(drawn) == 5


def test_a_validation_generator_goes_on_and_loaders_begin_anew():
    seen = []

    class Seen(cornu.callbacks.Callback):
        def on_test_begin(self, logs=None):
            seen.append([])

        def on_test_batch_end(self, batch, logs=None):
            seen[-1].append(round(logs["loss"], 4))

    model = network()
    model.optimizer.learning_rate = 0.0
    kw = {"epochs": 2, "verbose": 0, "validation_steps": 2, "callbacks": [Seen()]}
    model.fit(X, Y, validation_data=endless(X, Y), **kw)
    assert seen[0] != seen[1]
    seen.clear()
    model.fit(X, Y, validation_data=Loader(X, Y), **kw)
    assert seen[0] == seen[1]


def test_epochs_of_a_py_dataset():
    data = Rows(X, Y)
    network().fit(data, epochs=2, verbose=0)
    assert data.epochs == ["begin", "end"] * 2
    first, second = data.asked[:5], data.asked[5:]
    assert sorted(first) == sorted(second) == list(range(5))
    assert first != second or first != list(range(5))


def test_too_few_steps_are_told():
    data = Rows(X, Y)
    with pytest.warns(UserWarning, match="An epoch has only 1 of the 2 steps"):
        network().fit(data, epochs=4, steps_per_epoch=2, shuffle=False, verbose=0)
    # An epoch goes on where the last one ended; the fourth begins anew.
    assert data.asked == [0, 1, 2, 3, 4, 0, 1]


def test_a_generator_that_ends_ends_the_training():
    model = network()
    with pytest.warns(UserWarning, match="ended after epoch 1 of 3"):
        history = model.fit(batches(X, Y), epochs=3, verbose=0)
    assert len(history.history["loss"]) == 1


def test_workers_make_no_more_than_wait():
    most, lock = [0, 0], threading.Lock()

    class Counted(Rows):
        def __getitem__(self, index):
            with lock:
                most[0] += 1
            return super().__getitem__(index)

        @property
        def num_batches(self):
            return None

    data = Counted(X, Y, workers=2, max_queue_size=3)
    network().fit(data, steps_per_epoch=2, verbose=0)
    assert most[0] <= 2 + 3 + 1


def test_class_weights_weigh_batches():
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    theirs = by_arrays(class_weight=weights)[0]
    model = network()
    model.fit(Loader(X, Y, W), class_weight=weights, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_dicts_and_several_parts():
    a, b = cornu.Input((4,), name="a"), cornu.Input((4,), name="b")
    model = cornu.Model([a, b], layers.Dense(1)(layers.Add()([a, b])))
    model.compile("sgd", "mse")
    data = [({"a": x, "b": 2 * x}, x[:, :1]) for (x,) in batches(X)]
    model.fit(iter(data), verbose=0)
    found = model.predict(iter(data), verbose=0)
    expected = model.predict({"a": X, "b": 2 * X}, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_rows_of_other_lengths():
    """Each batch padded to a length of its own, as text is."""
    model = cornu.Sequential([cornu.Input((None, 2)), layers.SimpleRNN(3)])
    data = [R.normal(size=(4, n, 2)).astype("float32") for n in (3, 5, 3)]
    found = model.predict(iter(data), verbose=0)
    expected = np.concatenate([model.predict(x, verbose=0) for x in data])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_names_of_keras_1_and_2(capsys):
    theirs, model = by_arrays()[0], network()
    model.fit_generator(
        endless(X, Y, W), steps_per_epoch=5, epochs=3, verbose=0,
        validation_data=(X, Y),
    )  # fmt: skip
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert model.evaluate_generator(Rows(X, Y)) == model.evaluate(Rows(X, Y), verbose=0)
    np.testing.assert_array_equal(
        model.predict_generator(endless(X), steps=2),
        model.predict(X[:10], batch_size=5, verbose=0),
    )
    with pytest.raises(TypeError, match="steps_per_epoch, a number of batches"):
        model.fit_generator(endless(X, Y), samples_per_epoch=23, nb_epoch=1)


@pytest.mark.parametrize("workers", [1, 3])
def test_more_steps_than_batches_in_keras_2(workers):
    """Pass followed pass there, as batches of an endless generator do."""
    theirs, model, data = network(), network(), Rows(X, Y, W)
    theirs.fit(endless(X, Y, W), steps_per_epoch=7, epochs=3, verbose=0)
    history = model.fit_generator(
        data, steps_per_epoch=7, epochs=3, shuffle=False, verbose=0, workers=workers,
        validation_data=Rows(X, Y), validation_steps=6,
    )  # fmt: skip
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    expected = model.evaluate(endless(X, Y), steps=6, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(expected[0], rel=1e-5)
    if workers == 1:
        assert data.asked == [i % 5 for i in range(21)]
        assert data.epochs.count("end") == 4, "one for each pass that is over"
    assert model.evaluate_generator(Rows(X, Y), steps=6) == pytest.approx(expected)
    found = model.predict_generator(Rows(X), steps=6)
    np.testing.assert_array_equal(found[23:], found[:5])


def test_fewer_steps_than_batches_in_keras_2():
    data = Rows(X, Y)
    network().fit_generator(data, steps_per_epoch=2, epochs=5, verbose=0)
    assert sorted(data.asked[:5]) == sorted(data.asked[5:]) == list(range(5))
    assert data.asked[:5] != data.asked[5:], "each pass is shuffled"
    same = Rows(X, Y)
    network().fit_generator(same, steps_per_epoch=2, epochs=5, verbose=0)
    assert same.asked == data.asked


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.fit(endless(X, Y), Y), "y was given"),
        (lambda m: m.fit(endless(X, Y), batch_size=3), "batch_size=3"),
        (lambda m: m.fit(Rows(X, Y), validation_split=0.2), "validation_split=0.2"),
        (lambda m: m.fit(iter([])), "gave no batch at all"),
        (lambda m: m.fit(iter([(X, Y, W, 1)])), "A batch of 4 parts"),
        (lambda m: m.fit(iter([(X[:, :3], Y)])), "batch 1 of x"),
        (lambda m: m.fit(iter([(X, Y), (X, Y, W)])), "nested otherwise"),
        (lambda m: m.fit(iter([(X, np.eye(3)[Y])])), "one-hot|sparse"),
        (
            lambda m: m.fit(X, Y, epochs=2, validation_data=endless(X, Y)),
            "without validation_steps",
        ),
        (lambda m: m.fit(Rows(X, Y, workers=-1)), "workers=-1"),
        (lambda m: m.train_on_batch(endless(X, Y)), "which is no array"),
    ],
)
def test_what_is_refused_is_told_in_three_parts(call, words):
    with pytest.raises((ValueError, TypeError), match=words) as error:
        call(network())
    assert len(str(error.value).split("\n")) >= 3


def test_a_constructor_that_forgets_its_base_is_told():
    class Forgetful(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return X, Y

    with pytest.warns(UserWarning, match="does not call that of its base"):
        network().fit(Forgetful(), verbose=0)


@pytest.mark.parametrize("name", ["py_dataset", "loader", "generator"])
def test_a_broken_off_training_goes_on(name, tmp_path):
    make, more = SOURCES[name]

    class Break(cornu.callbacks.Callback):
        def __init__(self, at):
            super().__init__()
            self.left = at

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    def train(*callbacks):
        model = network()
        keeper = cornu.callbacks.BackupAndRestore(tmp_path, save_freq=2)
        model.fit(
            make(X, Y), epochs=3, verbose=0, callbacks=[keeper, *callbacks], **more
        )
        return model.get_weights()

    whole = train()
    with pytest.raises(KeyboardInterrupt):
        train(Break(9))
    for a, b in zip(train(), whole, strict=True):
        np.testing.assert_array_equal(a, b)
