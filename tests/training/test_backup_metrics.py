"""BackupAndRestore within an epoch: what metrics of the user's keep in Python."""

import random
from collections import deque

import numpy as np
import pytest

from cornu import callbacks, metrics, ops
from tests.training.networks import ONE_HOT, X
from tests.training.test_backup import interrupt_and_go_on, plain

pytestmark = pytest.mark.filterwarnings(
    "ignore::cornu.training.host_metrics.HostMetricWarning"
)


class Seen(metrics.Metric):
    """Keeps what it saw in Python, in every kind of thing that a backup can hold."""

    def __init__(self):
        super().__init__(name="seen")
        self.limits = (0.0, np.float32(1.0))  # which nothing changes
        self.reset_state()

    def reset_state(self):
        self.rows, self.by_class, self.most = [], {}, None
        self.pair, self.classes, self.table = (0, "rows"), set(), np.zeros(3)

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.append(ops.max(y_pred, axis=-1))  # tensors
        for c in np.argmax(np.asarray(y_true), -1).tolist():
            self.by_class[c] = self.by_class.get(c, 0) + 1
            self.classes.add(c)
        self.most = np.asarray(y_pred).max()
        self.pair = (self.pair[0] + len(y_true), self.pair[1])
        self.table = self.table + np.asarray(y_pred).sum(0)

    def result(self):
        if not self.rows:
            return 0.0
        rows = np.concatenate([np.asarray(ops.square(row)) for row in self.rows])
        counts = [self.by_class[c] for c in sorted(self.classes)]
        numbers = [rows.mean(), np.std(counts), self.most, self.pair[0]]
        return float(np.sum(numbers) + self.table.max() + self.limits[1])


@pytest.mark.parametrize("eagerly", [False, True])
def test_it_may_be_interrupted(tmp_path, eagerly):
    def make():
        return plain(metrics=["accuracy", Seen()], run_eagerly=eagerly)

    some = random.Random(eagerly)
    interrupt_and_go_on(tmp_path, make, {}, 1, lambda all: some.sample(all, 5))


class Unkept(Seen):
    def reset_state(self):
        super().reset_state()
        self.queue = deque()

    def update_state(self, *args, **kwargs):
        super().update_state(*args, **kwargs)
        self.queue.append(1)


def test_what_a_backup_cannot_hold_is_told_once(tmp_path):
    def train(**options):
        model = plain(metrics=[Unkept()])
        backup = callbacks.BackupAndRestore(tmp_path, **options)
        model.fit(X, ONE_HOT, batch_size=5, epochs=2, verbose=0, callbacks=[backup])

    train(save_freq="epoch")
    with pytest.warns(UserWarning, match="a backup cannot hold") as caught:
        train(save_freq=1)
    (told,) = [w for w in caught if w.category is UserWarning]
    lines = str(told.message).splitlines()
    assert "'seen' keeps an object of deque in `self.queue`" in lines[0]
    assert lines[1].startswith("Expected numbers, text, arrays")
    assert len(lines) == 3
