"""A training for tests that kill it; a script of its own, as its users have them.

python killed.py train FOLDER FREQ        train to the end; the results in JSON
python killed.py kill FOLDER FREQ SEED N  the same, N times ended by SIGKILL at any
                                          line of cornu.training, and begun again
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import cornu
from cornu import callbacks, layers

SIZE, STEPS, EPOCHS = 8, 4, 12  # of eight batches, so that a pass spans two epochs


class Draws(callbacks.Callback):
    """Draws numbers that the results depend on, and may take its time."""

    def __init__(self, delay):
        super().__init__()
        self.delay, self.drawn = delay, []

    def get_state(self):
        return {"drawn": self.drawn}

    def set_state(self, state):
        self.drawn = state["drawn"]

    def on_epoch_begin(self, epoch, logs=None):
        self.drawn = [np.random.random(), random.random()]

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.delay)

    def on_epoch_end(self, epoch, logs=None):
        logs["a"], logs["b"] = self.drawn


def network():
    made = cornu.Sequential(
        [
            layers.Dense(16, activation="relu", input_shape=(6,)),
            layers.Dropout(0.4),
            layers.Dense(3, activation="softmax"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def data():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 6)).astype("float32")
    return x, (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0)


def train(folder, save_freq, delay=0.0, double=False):
    """Train to the end, from the start or from the backup in `folder`."""
    cornu.utils.set_random_seed(11)
    if not (folder / "more.csv").exists():
        (folder / "more.csv").write_text("epoch,loss\n0,0.5\n")
    made = network()
    weights = {"save_weights_only": True}
    listeners = [
        callbacks.BackupAndRestore(folder / "backup", save_freq, double),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.97),
        callbacks.EarlyStopping("loss", patience=6, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, cooldown=3),
        Draws(delay),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.CSVLogger(folder / "more.csv", append=True),
        callbacks.ModelCheckpoint(
            folder / "best.weights.h5", "loss", save_best_only=True, **weights
        ),
        callbacks.ModelCheckpoint(
            folder / "{epoch}-{batch}.weights.h5", save_freq=7, **weights
        ),
    ]
    x, y = data()
    history = made.fit(
        x, y, batch_size=SIZE, epochs=EPOCHS, steps_per_epoch=STEPS, verbose=0,
        validation_data=(x[:20], y[:20]), callbacks=listeners,
    )  # fmt: skip
    return results(made, history, folder)


def results(made, history, folder):
    """Every number that the end of a training consists of, bit by bit."""
    arrays = [*made.get_weights(), *made.optimizer.get_weights()]
    arrays += [v.numpy() for v in made.variables if v.dtype == "uint32"]
    arrays += [cornu.random.uniform((3,)).numpy(), np.random.random(3)]
    return {
        "arrays": [[a.dtype.name, a.shape, a.tobytes().hex()] for a in arrays],
        "history": {k: [v.hex() for v in vs] for k, vs in history.history.items()},
        "epochs": history.epoch,
        "csv": texts_in(folder),
        "files": sorted(str(p.relative_to(folder)) for p in folder.rglob("*")),
        "best": [w.tobytes().hex() for w in weights_in(folder / "best.weights.h5")],
    }


def texts_in(folder):
    return [path.read_text() for path in sorted(folder.glob("*.csv"))]


def weights_in(path):
    made = network()
    made.load_weights(path)
    return made.get_weights()


def check_files(folder):
    """Whatever is there under its own name is whole."""
    from cornu.training.callbacks import packing

    for path in folder.rglob("*.npz"):
        packing.unpack(path)
    for path in folder.glob("*.weights.h5"):
        weights_in(path)
    for path in folder.glob("log.csv"):
        assert all(line.count(",") == 7 for line in path.read_text().splitlines())


class KillAt:
    """Ends this process at the n-th line that runs in the code of training."""

    def __init__(self, n):
        self.left, self.seen = n, 0
        home = Path(cornu.__file__).parent
        self.places = (str(home / "training"), str(home / "files.py"))
        sys.settrace(self.enter)

    def enter(self, frame, event, arg):
        return self.line if frame.f_code.co_filename.startswith(self.places) else None

    def line(self, frame, event, arg):
        self.seen += 1
        if self.seen == self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.line


def forked(function):
    """Run it in a process that begins as this one did; what it returned, or None."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        with os.fdopen(write, "w") as out:
            json.dump(function(), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as given:
        text = given.read()
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, status
    return None if killed else json.loads(text)


def kill_often(folder, save_freq, seed, kills):
    """Kill trainings at random lines until there were enough; results of each end."""

    def once(where, n, double):
        watch = KillAt(n)
        found = train(where, save_freq, double=double)
        sys.settrace(None)
        return [watch.seen, found]

    rng = random.Random(seed)
    (folder / "whole").mkdir()
    lines, expected = forked(lambda: once(folder / "whole", 0, False))
    done, ends = 0, 0
    while done < kills:
        where, ended = folder / f"killed {ends}", None
        where.mkdir()
        double = bool(ends % 2)
        while ended is None:
            n = rng.randrange(1, lines) if done < kills else 0
            ended = forked(lambda n=n, where=where, d=double: once(where, n, d))
            if ended is None:
                done += 1
                forked(lambda where=where: check_files(where))
                if was_finished(where):  # to start once more is to train once more
                    assert texts_in(where) == expected["csv"], where
                    break
        assert ended is None or ended[1] == expected, (where, ended[1], expected)
        ends += 1
    return {"kills": done, "ends": ends}


def was_finished(folder):
    """Whether all was done when the process was killed: the backup is gone."""
    rows = folder / "log.csv"
    trained = rows.exists() and rows.read_text()
    return trained and not list(folder.rglob("*.npz"))


def as_freq(text):
    return int(text) if text.isdigit() else text


if __name__ == "__main__":
    what, folder, freq, *more = sys.argv[1:]
    if what == "train":
        print("begins", flush=True)
        found = train(Path(folder), as_freq(freq), *map(float, more))
    else:
        found = kill_often(Path(folder), as_freq(freq), *map(int, more))
    print(json.dumps(found))
