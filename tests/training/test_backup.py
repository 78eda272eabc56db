"""BackupAndRestore: after any interruption the results are those of one run."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, ops, optimizers
from cornu.training.batches import Batches
from cornu.training.callbacks import packing
from cornu.training.feed import Feed
from tests.training import killed
from tests.training.networks import ONE_HOT, X, ctrl_c_interrupts, message, network

posix = pytest.mark.skipif(os.name == "nt", reason="signals and fork of POSIX")


# Processes that are killed


def begun(folder, *args):
    command = [sys.executable, "-m", "tests.training.killed", "train", str(folder)]
    process = subprocess.Popen([*command, *args], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begins\n"
    return process


def ended(process):
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    return json.loads(out)


def kill_and_go_on(tmp_path, freq, kills, seed):
    whole, often = tmp_path / "whole", tmp_path / "often"
    whole.mkdir()
    often.mkdir()
    expected = ended(begun(whole, freq))
    assert len(expected["epochs"]) < killed.EPOCHS  # it was stopped early
    rng = random.Random(seed)
    for _ in range(kills):
        process = begun(often, freq, "0.02")
        time.sleep(rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed.check_files(often)
        if killed.was_finished(often):  # to start once more is to train once more
            assert killed.texts_in(often) == expected["csv"]
            return
    assert ended(begun(often, freq)) == expected


@posix
def test_a_killed_training_goes_on(tmp_path):
    kill_and_go_on(tmp_path, "3", kills=6, seed=0)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("freq", ["epoch", "1", "3"])
def test_a_training_that_is_killed_very_often_goes_on(tmp_path, freq):
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kill_and_go_on(folder, freq, kills=9, seed=seed)


def kill_at_lines(tmp_path, freq, seed, kills):
    """In one process that forks: no time is lost with starting."""
    command = [sys.executable, "-m", "tests.training.killed", "kill", str(tmp_path)]
    command += [freq, str(seed), str(kills)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] >= kills


@posix
@pytest.mark.parametrize("freq", ["epoch", "3"])
def test_a_training_may_be_killed_at_any_line(tmp_path, freq):
    kill_at_lines(tmp_path, freq, seed=1, kills=6)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("freq", ["epoch", "1", "3", "32"])
def test_a_training_may_be_killed_at_every_line(tmp_path, freq):
    kill_at_lines(tmp_path, freq, seed=2, kills=50)


# Every place where one may be interrupted, in one process


class Interrupted(Exception):
    pass


class Interrupts(callbacks.RunCallback):
    """Ends the training at the n-th thing that it hears of."""

    def __init__(self, counter):
        super().__init__()
        self.counter = counter

    def count(self, *args):
        self.counter["left"] -= 1
        self.counter["heard"] += 1
        if self.counter["left"] == 0:
            raise Interrupted

    on_train_begin = on_train_end = on_epoch_begin = on_epoch_end = count
    on_train_batch_begin = on_train_batch_end = on_test_begin = count
    keep = count


class OwnStep(cornu.Sequential):
    """Logs of its own, one of them an array, and a second optimizer."""

    def compile(self, **options):
        super().compile(**options)
        self.others = {"second": optimizers.RMSprop(1e-3)}

    def train_step(self, data):
        logs = super().train_step(data)
        second = self.others["second"]
        weights = self.trainable_variables
        second.apply([v.value * 0.01 for v in weights], weights)
        return {"total": logs["loss"], "pair": ops.stack([logs["loss"]] * 2)}


def plain(kind=cornu.Sequential, built=True, **compiled):
    made = kind(
        [
            layers.Dense(
                5, activation="relu", **({"input_shape": (4,)} if built else {})
            ),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    options = {"optimizer": optimizers.Adam(0.1), "metrics": ["accuracy"]}
    made.compile(loss="categorical_crossentropy", **{**options, **compiled})
    return made


VARIANTS = {
    "simple": (plain, {}),
    "spanning": (plain, {"steps_per_epoch": 2}),
    "in order": (plain, {"shuffle": False}),
    "not built": (lambda: plain(built=False), {}),
    "eager": (lambda: plain(built=False, run_eagerly=True), {}),
    "own step": (lambda: plain(OwnStep), {}),
    "averages": (
        lambda: plain(optimizer=optimizers.SGD(0.1, momentum=0.9, use_ema=True)),
        {},
    ),
    "from the second epoch": (plain, {"initial_epoch": 1}),
    "validation now and then": (
        plain,
        {"validation_data": (X, ONE_HOT), "validation_freq": 2},
    ),
}


def interrupt_and_go_on(tmp_path, make, options, freq, places):
    def train(n):
        cornu.utils.set_random_seed(3)
        counter = {"left": n, "heard": 0}
        model = make()
        watch = "total" if isinstance(model, OwnStep) else "loss"
        found = model.fit(
            X, ONE_HOT, verbose=0, **{"batch_size": 5, "epochs": 6, **options},
            callbacks=[
                Interrupts(counter),
                callbacks.BackupAndRestore(tmp_path / "backup", freq),
                callbacks.EarlyStopping(watch, 9, mode="min", start_from_epoch=2),
                callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
                Interrupts(counter),
            ],
        )  # fmt: skip
        numbers = [*model.get_weights(), *model.optimizer.get_weights()]
        numbers += [cornu.random.uniform(()).numpy(), np.random.random()]
        history = {k: np.array(v) for k, v in found.history.items()}
        return numbers, history, found.epoch, counter["heard"]

    numbers, history, epochs, heard = train(0)
    assert not (tmp_path / "backup").exists()
    assert epochs[-1] == 3  # stopped early
    for n in places(range(1, heard + 1)):
        with pytest.raises(Interrupted):
            train(n)
        found, course, numbered, _ = train(0)
        assert numbered == epochs
        assert all(map(np.array_equal, found, numbers)), n
        assert list(course) == list(history)
        assert all(np.array_equal(course[k], history[k]) for k in history), n


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_may_be_interrupted(tmp_path, variant):
    some = random.Random(variant)
    interrupt_and_go_on(
        tmp_path, *VARIANTS[variant], 2, lambda all: some.sample(all, 3)
    )


@pytest.mark.slow
@pytest.mark.parametrize("freq", [1, 2, "epoch"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_may_be_interrupted_anywhere(tmp_path, variant, freq):
    some = random.Random(f"{variant} {freq}")
    interrupt_and_go_on(
        tmp_path, *VARIANTS[variant], freq, lambda all: some.sample(all, 20)
    )


def test_one_model_goes_on_after_ctrl_c(tmp_path):
    """As in a notebook, where the cell of fit runs again."""

    def fit(model, *more):
        backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=2)
        return model.fit(
            X, ONE_HOT, batch_size=4, epochs=3, callbacks=[backup, *more], verbose=0
        )

    class CtrlC(callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            if self.seen == 8:
                signal.raise_signal(signal.SIGINT)

    cornu.utils.set_random_seed(1)
    model = plain()
    expected = fit(model).history
    weights = model.get_weights()
    cornu.utils.set_random_seed(1)
    model = plain()
    with ctrl_c_interrupts(), pytest.raises(KeyboardInterrupt):
        fit(model, CtrlC())
    assert fit(model).history == expected
    assert all(map(np.array_equal, model.get_weights(), weights))


@pytest.mark.filterwarnings("ignore:An epoch has only")
def test_a_place_in_the_data_can_be_found_again():
    seed = cornu.ops.random.global_seed_generator().state

    def taken(feed, epochs, done=0):
        """After each batch: epoch, batches of it, where the feed is, and the rows."""
        for epoch in range(epochs):
            for i, (batch,) in enumerate(feed.epoch(done), done + 1):
                yield epoch, i, (feed.get_state(), seed.numpy()), batch.tolist()
            done = 0

    rng = random.Random(0)
    for _ in range(40):
        batches = Batches([np.arange(rng.randint(1, 30))], rng.randint(1, 9))
        steps, shuffle = rng.randint(1, batches.count + 2), rng.random() < 0.7
        whole = list(taken(Feed(batches, steps, shuffle), 4))
        first_pass = [x for *_, rows in whole[: batches.count] for x in rows]
        if 4 * steps >= batches.count:
            assert sorted(first_pass) == list(range(batches.length))
        at = rng.randrange(len(whole))
        epoch, done, (state, key), _ = whole[at]
        again = Feed(batches, steps, shuffle)
        again.set_state(state)
        seed.assign(key)
        found = [rows for *_, rows in taken(again, 4 - epoch, done)]
        assert found == [rows for *_, rows in whole[at + 1 :]]


def test_a_pass_that_is_too_short_is_said_at_the_line_of_fit():
    with pytest.warns(UserWarning, match="only 1 of the 3 steps") as told:
        plain().fit(X, ONE_HOT, batch_size=5, steps_per_epoch=3, epochs=2, verbose=0)
    assert told[0].filename == __file__


# Files that cannot be used


def interrupted(folder, model=None, epochs=2, x=X, **options):
    """Leave a backup of a training of some epochs."""
    backup = callbacks.BackupAndRestore(folder, delete_checkpoint=False, **options)
    (model or plain()).fit(
        x, ONE_HOT[: len(x)], epochs=epochs, callbacks=[backup], verbose=0
    )
    return folder / "training_state.npz"


def test_a_damaged_file_is_refused_and_says_what_to_do(tmp_path):
    path = interrupted(tmp_path)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[: len(whole) // 2], b"", b"PK not a file"):
        path.write_bytes(content)
        text = message(interrupted, tmp_path)
        assert str(path) in text
        assert "Delete it to train from the start" in text
    path.write_bytes(whole)
    interrupted(tmp_path)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "training_state.npz"
    np.savez(path, a=X)
    assert "no state of a training" in message(interrupted, tmp_path)
    path.write_bytes(packing.pack(1).replace(b'"version": 1', b'"version": 2'))
    assert "cannot be read" in message(interrupted, tmp_path)


def other_width():
    return cornu.Sequential(
        [layers.Dense(6, activation="relu", input_shape=(4,)), layers.Dropout(0.5),
         layers.Dense(3, activation="softmax")]
    )  # fmt: skip


OTHERS = {
    "width": (other_width, {}, ["'dense", "(4, 5)", "(4, 6)"]),
    "layers": (network, {}, ["Dropout"]),
    "optimizer": (lambda: plain(optimizer="adamw"), {}, ["Adam, not AdamW"]),
    "metrics": (lambda: plain(metrics=[]), {}, ["variables"]),
    "samples": (plain, {"x": X[:10]}, ["number of samples was 20, not 10"]),
}


@pytest.mark.parametrize("case", OTHERS)
def test_the_backup_of_another_training_is_refused(tmp_path, case):
    make, options, parts = OTHERS[case]
    path = interrupted(tmp_path)
    model = make()
    if not model.compiled:
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    text = message(interrupted, tmp_path, model, **options)
    for part in [*parts, str(path), "of another training", "delete the file"]:
        assert part in text, text


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"batch_size": 5}, "batch_size was 32, not 5"),
        ({"shuffle": False}, "shuffle was True, not False"),
        ({"callbacks": [callbacks.EarlyStopping("loss")]}, "no callback EarlyStopping"),
    ],
)
def test_other_arguments_are_refused(tmp_path, options, part):
    interrupted(tmp_path)
    backup = callbacks.BackupAndRestore(tmp_path)
    more = options.pop("callbacks", [])
    fit = plain().fit
    text = message(
        fit, X, ONE_HOT, callbacks=[backup, *more], verbose=0, epochs=3, **options
    )
    assert part in text


def test_a_callback_that_is_missing_is_named(tmp_path):
    stop = callbacks.EarlyStopping("loss")
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    plain().fit(X, ONE_HOT, callbacks=[backup, stop], verbose=0)
    assert "had a callback EarlyStopping" in message(interrupted, tmp_path)


def test_a_log_that_was_cut_is_not_gone_on_with(tmp_path):
    def fit():
        backup = callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
        log = callbacks.CSVLogger(tmp_path / "log.csv")
        plain().fit(X, ONE_HOT, callbacks=[backup, log], verbose=0)

    fit()
    (tmp_path / "log.csv").write_text("epoch\n")
    assert "6 bytes" in message(fit)


def test_arguments_that_cannot_be_meant():
    make = callbacks.BackupAndRestore
    assert "empty backup_dir" in message(make, "")
    for wrong in (0, -1, True, False, "batch", 1.5, None):
        assert repr(wrong) in message(make, "folder", save_freq=wrong)


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "backup").write_text("mine")
    text = message(interrupted, tmp_path / "backup", error=NotADirectoryError)
    assert "a file" in text


# What is kept, and for how long


def test_the_backup_goes_when_the_training_is_finished(tmp_path):
    folder = tmp_path / "made" / "backup"
    backup = callbacks.BackupAndRestore(folder, double_checkpoint=True)
    plain().fit(X, ONE_HOT, epochs=3, callbacks=[backup], verbose=0)
    assert not folder.exists()
    folder.mkdir()
    (folder / "mine").write_text("stays")
    plain().fit(X, ONE_HOT, epochs=3, callbacks=[backup], verbose=0)
    assert [p.name for p in folder.iterdir()] == ["mine"]


def test_the_backup_goes_last(tmp_path):
    class Last(callbacks.Callback):
        def on_train_end(self, logs=None):
            there.append((tmp_path / "b" / "training_state.npz").exists())

    there = []
    given = [callbacks.BackupAndRestore(tmp_path / "b"), Last()]
    plain().fit(X, ONE_HOT, callbacks=given, verbose=0)
    assert there == [True]
    assert not (tmp_path / "b").exists()


def test_a_backup_that_is_kept_can_be_gone_on_from(tmp_path):
    def fit(epochs):
        cornu.utils.set_random_seed(4)
        model = plain()
        backup = callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
        found = model.fit(X, ONE_HOT, epochs=epochs, callbacks=[backup], verbose=0)
        return found.history, found.epoch, model.get_weights()

    two = fit(2)
    again = fit(2)
    assert again[:2] == two[:2]
    assert all(map(np.array_equal, again[2], two[2]))
    five = fit(5)
    assert five[1] == [0, 1, 2, 3, 4]
    (tmp_path / "b" / "training_state.npz").unlink()
    at_once = fit(5)
    assert at_once[:2] == five[:2]
    assert all(map(np.array_equal, at_once[2], five[2]))


def test_rows_are_not_doubled_before_the_first_backup(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,accuracy,loss\n7,0.5,0.5\n")

    def fit(*more):
        backup = callbacks.BackupAndRestore(tmp_path / "b", save_freq=99)
        given = [backup, callbacks.CSVLogger(log, append=True), *more]
        plain().fit(X, ONE_HOT, epochs=3, callbacks=given, verbose=0)

    counter = {"left": 8, "heard": 0}
    with pytest.raises(Interrupted):
        fit(Interrupts(counter))
    assert len(log.read_text().splitlines()) == 3
    fit()
    rows = [line.split(",")[0] for line in log.read_text().splitlines()]
    assert rows == ["epoch", "7", "0", "1", "2"]


def test_a_training_that_was_stopped_stays_so(tmp_path):
    def fit():
        backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        stop = callbacks.EarlyStopping("loss", min_delta=9)
        return plain().fit(X, ONE_HOT, epochs=9, callbacks=[backup, stop], verbose=0)

    first = fit()
    assert first.epoch == [0, 1]
    again = fit()
    assert again.epoch == [0, 1]
    assert again.history == first.history
    assert again.model.stop_training


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_the_one_before_serves_where_the_last_cannot_be_read(tmp_path, damage):
    def fit(epochs):
        cornu.utils.set_random_seed(4)
        model = plain()
        interrupted(tmp_path, model, epochs, double_checkpoint=True)
        return model.get_weights()

    expected = fit(4)
    for path in tmp_path.iterdir():
        path.unlink()
    fit(3)
    last, before = (tmp_path / f"training_state{p}.npz" for p in ("", ".previous"))
    assert packing.unpack(last)["position"]["epoch"] == 3
    assert packing.unpack(before)["position"]["epoch"] == 2
    if damage == "gone":  # killed before the new one took its place
        last.unlink()
        found = fit(4)
    else:
        last.write_bytes(last.read_bytes()[:-9])
        with pytest.warns(UserWarning, match="goes on from the one before"):
            found = fit(4)
    assert all(map(np.array_equal, found, expected))
    last.unlink()
    before.write_bytes(b"")
    assert "previous" in message(fit, 5)


def test_a_damaged_file_never_takes_the_place_of_a_good_one(tmp_path):
    interrupted(tmp_path, epochs=3, double_checkpoint=True)
    last, before = (tmp_path / f"training_state{p}.npz" for p in ("", ".previous"))
    last.write_bytes(b"half")
    with pytest.warns(UserWarning, match="goes on from the one before"):
        interrupted(tmp_path, epochs=3, double_checkpoint=True)
    assert packing.unpack(last)["position"]["epoch"] == 3
    assert packing.unpack(before)["position"]["epoch"] == 2


@posix
def test_what_killed_processes_left_is_removed(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f"training_state.npz.{pid}.partial" for pid in (dead.pid, os.getppid())]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    interrupted(tmp_path)
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == ["training_state.npz", names[1]]  # the other one may be at work


def test_a_write_that_fails_leaves_the_last_backup(tmp_path, monkeypatch):
    path = interrupted(tmp_path, epochs=1)
    before = path.read_bytes()
    write = type(path).write_bytes

    def half(self, content):
        write(self, content[: len(content) // 2])
        raise OSError("no space left")

    monkeypatch.setattr(type(path), "write_bytes", half)
    with pytest.raises(OSError, match="no space left"):
        interrupted(tmp_path, epochs=2)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_model_that_the_backup_is_not_of_stays_as_it_was(tmp_path):
    interrupted(tmp_path)
    model = plain()
    before = [*model.get_weights(), *(v.numpy() for v in model.variables)]
    message(interrupted, tmp_path, model, x=X[:10])
    after = [*model.get_weights(), *(v.numpy() for v in model.variables)]
    assert all(map(np.array_equal, before, after))


def test_arguments_may_change_before_anything_was_trained(tmp_path):
    class Dies(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise MemoryError

    def fit(**options):
        backup = callbacks.BackupAndRestore(tmp_path / "b")
        return plain().fit(X, ONE_HOT, verbose=0, **options, callbacks=[backup, *more])

    more = [Dies()]
    with pytest.raises(MemoryError):
        fit(batch_size=10)
    more = []
    assert fit(batch_size=5, epochs=2).epoch == [0, 1]


def test_batch_logs_are_not_computed_for_it(tmp_path):
    def computed(*given):
        model, seen = plain(), []
        model.get_metrics_result = lambda: seen.append(1) or {"loss": 0.0}
        model.fit(X, ONE_HOT, batch_size=2, epochs=2, callbacks=given, verbose=0)
        return len(seen)

    assert computed(callbacks.BackupAndRestore(tmp_path, save_freq=2)) == computed()
