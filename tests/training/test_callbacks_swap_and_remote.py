"""SwapEMAWeights: averages during evaluations. RemoteMonitor: a server hears of it."""

import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from cornu import callbacks, optimizers
from cornu.training.callbacks import CallbackList
from cornu.utils import set_random_seed
from tests.training.networks import ONE_HOT, X, equal_weights, message, network

MOMENTUM = 0.8


def averaged_network(wrap=lambda optimizer: optimizer):
    set_random_seed(5)
    model = network()
    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=MOMENTUM)
    model.compile(wrap(optimizer), "categorical_crossentropy", metrics=["accuracy"])
    return model


class Course(callbacks.Callback):
    """Notes the weights after each step, at each epoch's end and in evaluations."""

    def __init__(self):
        super().__init__()
        self.steps, self.epochs, self.tests = [], [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.get_weights())

    def on_test_batch_begin(self, batch, logs=None):
        self.tests.append(self.model.get_weights())


def averages(steps):
    """w(1), then a <- m a + (1 - m) w(t), after each step."""
    average, found = steps[0], []
    for i, weights in enumerate(steps):
        if i:
            pairs = zip(average, weights, strict=True)
            average = [MOMENTUM * a + (1 - MOMENTUM) * w for a, w in pairs]
        found.append(average)
    return found


def close(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


FIT = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}


def course_of(*before, **more):
    model, seen = averaged_network(), Course()
    options = FIT | {"validation_data": (X, ONE_HOT), "validation_batch_size": 20}
    history = model.fit(X, ONE_HOT, callbacks=[*before, seen], **(options | more))
    return model, seen, history.history


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluations_see_the_averages(swap_on_epoch):
    _, plain, logs = course_of()
    model, seen, found = course_of(callbacks.SwapEMAWeights(swap_on_epoch))
    assert found["loss"] == logs["loss"]  # training is as it would be without
    assert all(map(equal_weights, seen.steps, plain.steps))
    expected = averages(plain.steps)[2::3]
    for number, average in enumerate(expected):
        close(seen.tests[number], average)
        close(
            seen.epochs[number], average if swap_on_epoch else plain.steps[2::3][number]
        )
        other = averaged_network()
        other.set_weights(average)
        value = other.evaluate(X, ONE_HOT, verbose=0)[0]
        np.testing.assert_allclose(found["val_loss"][number], value, rtol=1e-5)
    close(model.get_weights(), expected[-1])


def test_a_training_that_is_stopped_ends_with_the_averages():
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    model, seen, history = course_of(swap, Stop())
    assert len(history["loss"]) == 2
    close(model.get_weights(), averages(seen.steps)[-1])


def test_outside_of_fit():
    model = averaged_network()
    swap = callbacks.SwapEMAWeights()
    fresh = model.get_weights()
    at_first = model.evaluate(X, ONE_HOT, verbose=0, callbacks=[swap])
    assert at_first == model.evaluate(X, ONE_HOT, verbose=0)  # no averages yet
    for _ in range(3):
        model.train_on_batch(X, ONE_HOT)
    before, plain = model.get_weights(), model.predict(X, verbose=0)
    assert not equal_weights(before, fresh)
    averaged = model.predict(X, verbose=0, callbacks=[swap])
    assert np.abs(averaged - plain).max() > 1e-4
    model.evaluate(X, ONE_HOT, verbose=0, callbacks=[swap])
    assert equal_weights(model.get_weights(), before)


def scaled(optimizer):
    return optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)


def shared_out(optimizer):
    """The averages are of the layer `output` alone."""
    chosen = {"output/.*": optimizer}
    return optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.SGD(0.5), chosen)
    )


@pytest.mark.parametrize(
    ("wrap", "averaged"),
    [
        (scaled, slice(0, 4)),
        (shared_out, slice(2, 4)),
        (lambda each: scaled(shared_out(each)), slice(2, 4)),
    ],
    ids=["scaled", "shared out", "both"],
)
def test_optimizers_that_wrap_others(wrap, averaged):
    model, seen, swap = averaged_network(wrap), Course(), callbacks.SwapEMAWeights()
    options = FIT | {"validation_data": (X, ONE_HOT), "validation_batch_size": 20}
    model.fit(X, ONE_HOT, callbacks=[swap, seen], **options)
    for number in range(3):
        step = 3 * number + 2
        expected = list(seen.steps[step])
        expected[averaged] = averages(seen.steps)[step][averaged]
        close(seen.tests[number], expected)
        assert equal_weights(seen.epochs[number], seen.steps[step])
    close(model.get_weights(), expected)


def test_several_optimizers_of_which_none_keeps_averages_are_refused():
    model = averaged_network(lambda _: shared_out(optimizers.Adam()))
    swap = {"callbacks": [callbacks.SwapEMAWeights()], "verbose": 0}
    assert "Adam and SGD with use_ema=False" in message(model.fit, X, ONE_HOT, **swap)


def test_a_checkpoint_holds_the_averages(tmp_path):
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    save = callbacks.ModelCheckpoint(
        str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True
    )
    _, seen, _ = course_of(swap, save)
    other = averaged_network()
    other.load_weights(str(tmp_path / "2.weights.h5"))
    close(other.get_weights(), averages(seen.steps)[5])


def test_a_training_that_was_killed_goes_on_with_the_weights(tmp_path):
    class Kill(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def parts():
        return callbacks.SwapEMAWeights(True), callbacks.BackupAndRestore(tmp_path)

    whole, _, _ = course_of(callbacks.SwapEMAWeights(True))
    with pytest.raises(KeyboardInterrupt):
        course_of(*parts(), Kill())
    again, _, _ = course_of(*parts())
    assert equal_weights(again.get_weights(), whole.get_weights())


def test_an_optimizer_without_averages_is_refused():
    swap = callbacks.SwapEMAWeights()
    options = {"callbacks": [swap], "verbose": 0}
    assert "RMSprop(use_ema=True)" in message(network().fit, X, ONE_HOT, **options)
    assert "use_ema=True" in message(network().evaluate, X, ONE_HOT, **options)


# RemoteMonitor


@pytest.fixture
def server():
    """A server that keeps what it is sent, and answers with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.got.append((self.path, dict(self.headers), content.decode()))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    found.got, found.status = [], 200
    found.root = f"http://127.0.0.1:{found.server_port}"
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def told(monitor, *logs):
    listeners = CallbackList([monitor])
    listeners.on_train_begin(None)
    for epoch, each in enumerate(logs):
        listeners.on_epoch_end(epoch, each)


def test_a_server_hears_of_each_epoch(server):
    monitor = callbacks.RemoteMonitor(server.root)
    history = network().fit(X, ONE_HOT, epochs=2, verbose=0, callbacks=[monitor])
    assert [path for path, _, _ in server.got] == ["/publish/epoch/end/"] * 2
    for epoch, (_, headers, content) in enumerate(server.got):
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        [text] = parse_qs(content, strict_parsing=True)["data"]
        expected = {k: v[epoch] for k, v in history.history.items()}
        assert json.loads(text) == {"epoch": epoch, **expected}


def test_the_whole_content_may_be_json(server):
    monitor = callbacks.RemoteMonitor(
        server.root, "/here", headers={"X-Key": "1"}, send_as_json=True
    )
    logs = {"a": np.float32(0.5), "b": np.arange(2), "c": float("nan"), "d": [1.5]}
    told(monitor, logs | {"e": np.array([3])})
    [(path, headers, content)] = server.got
    assert path == "/here"
    assert (headers["Content-Type"], headers["X-Key"]) == ("application/json", "1")
    expected = {"epoch": 0, "a": 0.5, "b": [0, 1], "c": None, "d": [1.5], "e": 3}
    assert json.loads(content) == expected


def test_one_warning_tells_of_a_server_that_is_not_there(server):
    server.status = 404
    with pytest.warns(UserWarning, match="404") as heard:
        told(callbacks.RemoteMonitor(server.root), {}, {}, {})
    assert len(heard) == 1
    assert len(server.got) == 3  # it may be there later
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        root = f"http://127.0.0.1:{closed.server_port}"
    with pytest.warns(UserWarning, match="could not tell") as heard:
        history = network().fit(
            X, ONE_HOT, epochs=2, verbose=0, callbacks=[callbacks.RemoteMonitor(root)]
        )
    assert len(heard) == 1
    assert len(history.epoch) == 2
    assert len(str(heard[0].message).split("\n")) == 3


def test_a_server_has_an_address_of_the_web():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "http://" in message(callbacks.RemoteMonitor, "file:///etc")
