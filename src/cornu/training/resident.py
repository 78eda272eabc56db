"""Many steps in one call, on data that lies where the engine computes.

What a call of a device costs is then paid once for hundreds of steps. The host is asked
again about twice a second: to draw progress, and to hear of Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from cornu.training.feed import Feed
from cornu.training.nonfinite import LossWatch
from cornu.training.program import StepProgram

# Seconds that a call may take, so that progress is seen and Ctrl-C is heard.
_PATIENCE = 0.5


class ResidentSteps:
    """The steps of an epoch, many per call.

    Args:
        step: the step of a whole batch, on an engine that takes many at once.
        feed: whose arrays are brought to the engine.
        watch: looks at the loss.
    """

    def __init__(self, step: StepProgram, feed: Feed, watch: LossWatch) -> None:
        self.feed, self._watch = feed, watch
        self._program = step.program
        self._data = self._program.resident(feed.batches.arrays)
        self._count = 0  # steps of the next call, once it is known how long one takes

    @staticmethod
    def possible(step: StepProgram, feed: Feed) -> bool:
        """Whether a step gives nothing to the host, and the engine has the room.

        A sparse matrix is written out batch by batch: as a whole it may be too large.
        """
        program = step.program
        loops = getattr(program, "resident", None) is not None
        sparse = any(value.spec.sparse for value in program.graph.inputs)
        if not loops or program.graph.outputs or sparse:
            return False
        return program.fits(feed.batches.arrays)

    def epoch(self, done: int = 0) -> Iterator[int]:
        """Take whole batches of the epoch, call by call; how many each call took.

        It ends early before a step whose loss is not finite, or before the call with
        it: whoever goes on step by step finds which one it was.

        Args:
            done: how many of the epoch were taken already.
        """
        rows = self.feed.rows(done)
        if not len(rows):
            return
        found = self._program.rows(rows)
        at = 0
        while at < len(rows):
            stop = min(at + max(self._count, 1), len(rows))
            start = time.perf_counter()
            taken = self._program.run_rows(self._data, found, at, stop, self._check)
            spent = time.perf_counter() - start
            self.feed.skip(taken)
            if taken:
                yield taken
            if taken < stop - at:
                return
            if self._count:  # the first call was compiled, too
                rate = (stop - at) / max(spent, 1e-9)
                most = max(self._count * 8, 64)
                self._count = int(min(rate * _PATIENCE, most))
            else:
                self._count = 8
            at = stop

    @property
    def _check(self) -> bool:
        return not self._watch.told
