"""From the call of `fit` to the end of the first step, in a new process.

python -m benchmarks.first_step
"""

from __future__ import annotations

import statistics
import subprocess
import sys

_SCRIPT = """
import time
import numpy as np
import cornu
from cornu import layers

rng = np.random.default_rng(0)
x = rng.random((60000, 784), "float32")
y = np.eye(10, dtype="float32")[rng.integers(0, 10, 60000)]
model = cornu.Sequential()
model.add(layers.Dense(512, activation="relu", input_shape=(784,)))
model.add(layers.Dense(10, activation="softmax"))
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])


class First(cornu.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.seconds = time.perf_counter() - start


first = First()
start = time.perf_counter()
model.fit(x, y, batch_size=128, steps_per_epoch=2, verbose=0, callbacks=[first])
print(first.seconds)
"""


def main(runs: int = 5) -> None:
    """Print the time to the first step, and what a step takes afterwards."""
    times = []
    for _ in range(runs):
        command = [sys.executable, "-c", _SCRIPT]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(float(done.stdout) * 1e3)
    middle = statistics.median(times)
    print(f"fit to the first step: {middle:.0f} ms ({min(times):.0f}-{max(times):.0f})")


if __name__ == "__main__":
    main()
