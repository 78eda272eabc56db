"""An engine beside Keras 3 on the same library, and beside code written by hand for it.

    python -m benchmarks.engines [engine] [rounds] [network ...]

The networks are the notes': dense, convnet, lstm. All three contestants train for three
epochs each, in turn, on batches of 128, with loss and accuracy. Keras runs in a process
of its own, and is timed there. What counts are the ratios: of seconds, and of seconds
of the processor, which other work on the machine disturbs less.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.data import digits

BATCH, EPOCHS = 128, 3
NETWORKS = ("dense", "convnet", "lstm")
PEERS = ("jax", "tensorflow", "torch")  # which Keras has, too
WORDS, STEPS, WIDTH = 10_000, 100, 32


def data_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """What a network learns; whole batches only, as few as an epoch needs."""
    if name == "lstm":
        rng = np.random.default_rng(0)
        x = rng.integers(0, WORDS, (16 * BATCH, STEPS)).astype("int32")
        return x, (x[:, :1] > WORDS // 2).astype("float32")
    x, y = digits()
    if name == "dense":
        return x[: 468 * BATCH], y[: 468 * BATCH]
    return x[: 16 * BATCH].reshape(-1, 28, 28, 1), y[: 16 * BATCH]


def model_of(name: str, keras: Any) -> Any:
    """A network, compiled, of Keras or of Cornu."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    loss = "categorical_crossentropy"
    if name == "dense":
        stack = [keras.Input((784,)), layers.Dense(512, activation="relu")]
    elif name == "convnet":
        stack = [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
        ]
    else:
        stack = [
            keras.Input((STEPS,), dtype="int32"),
            layers.Embedding(WORDS, WIDTH),
            layers.LSTM(WIDTH),
            layers.Dense(1, activation="sigmoid"),
        ]
        loss = "binary_crossentropy"
    if name != "lstm":
        stack.append(layers.Dense(10, activation="softmax"))
    model = keras.Sequential(stack)
    model.compile("rmsprop", loss, metrics=["accuracy"])
    return model


def training_of(name: str, keras: Any) -> Callable[[], Any]:
    """What trains a network for some epochs."""
    model, (x, y) = model_of(name, keras), data_of(name)
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)


def by_hand(engine: str, name: str) -> Callable[[], Any]:
    """The same by hand."""
    epoch = getattr(import_module(f"benchmarks.by_hand.{engine}"), name)(*data_of(name))
    return lambda: [epoch() for _ in range(EPOCHS)]


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """How many seconds it takes, and how many of the processor."""
    start = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def keras_answers(name: str) -> None:
    """In a process of its own: a training per line that comes in, and its time."""
    import keras  # the back end is in the environment

    run = training_of(name, keras)
    for _ in sys.stdin:
        print(*timed(run), flush=True)


class Keras:
    """Keras in its own process.

    Args:
        engine: its back end.
        name: the network.
    """

    def __init__(self, engine: str, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.engines", "--keras", name],
            env={**os.environ, "KERAS_BACKEND": engine},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def seconds(self) -> tuple[float, float]:
        """How long its next training takes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        wall, used = map(float, self.process.stdout.readline().split())
        return wall, used

    def end(self) -> None:
        """Let it go."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compared(engine: str, name: str, rounds: int) -> None:
    """Print the times of a training, in turn, and their ratios."""
    import cornu

    cornu.config.set_backend(engine)
    ours = training_of(name, cornu)
    contestants: dict[str, Callable[[], Any]] = {"Cornu": lambda: timed(ours)}
    keras = None
    if engine in PEERS:
        hand = by_hand(engine, name)
        contestants["by hand"] = lambda: timed(hand)
        keras = Keras(engine, name)
        contestants["Keras 3"] = keras.seconds
    found = []
    for _ in range(rounds + 1):  # the first one compiles, and warms the caches
        found.append({who: run() for who, run in contestants.items()})
    if keras is not None:
        keras.end()
    found = found[1:]
    seconds = statistics.median(each["Cornu"][0] for each in found)
    line = f"{engine:<11}{name:<9}Cornu {seconds:.3f} s"
    for who in list(contestants)[1:]:
        wall, used = (
            [each["Cornu"][i] / each[who][i] for each in found] for i in range(2)
        )
        line += f"   / {who} {statistics.median(wall):.2f}"
        line += f" ({min(wall):.2f} to {max(wall):.2f}; "
        line += f"processor {statistics.median(used):.2f})"
    print(line, flush=True)


def main(engine: str = "jax", rounds: str = "7", *names: str) -> None:
    """Compare an engine on these networks, or on all."""
    for name in names or NETWORKS:
        compared(engine, name, int(rounds))


def _start(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["--keras"]:
        keras_answers(arguments[1])
    else:
        main(*arguments)


if __name__ == "__main__":
    _start(sys.argv[1:])
