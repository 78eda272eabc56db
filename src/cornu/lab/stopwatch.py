"""Clocks around what a training does: its programs, line by line, and all else.

While a `Recorder` is open, programs of the engine numpy are made with clocks, and so
are a few methods of the training loop. What is measured is exclusive: time counts for
the innermost of what runs, so that all parts together are the whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cornu.engines.numpy import Arena, NumpyEngine
from cornu.engines.numpy.clocks import ClockedProgram, Lap
from cornu.graph import Graph
from cornu.training.callbacks.backup import BackupAndRestore
from cornu.training.callbacks.container import CallbackList
from cornu.training.feed import Feed
from cornu.training.loop import Trainer
from cornu.training.steps import Steps
from cornu.training.stream import StreamFeed

FIT, DATA, CALLBACKS = "the loop of fit", "data", "callbacks"
VALIDATION, COMPILING, RESULTS = "validation", "tracing, compiling", "metrics' results"

# Methods of the training loop, and what their time counts for.
_METHODS: tuple[tuple[Any, str, str], ...] = (
    (CallbackList, "begin_batch", CALLBACKS),
    (CallbackList, "end_batch", CALLBACKS),
    (CallbackList, "end_batches", CALLBACKS),
    (CallbackList, "on_epoch_end", CALLBACKS),
    (BackupAndRestore, "keep", CALLBACKS),
    (Trainer, "_evaluate", VALIDATION),
    (Steps, "_make", COMPILING),
    (Steps, "_logs", RESULTS),
)


class Enough(BaseException):
    """Ends the script: as many steps were measured as were asked for."""


class Stopwatch:
    """Seconds by what they were spent on: always the innermost of what is open.

    Example:

    >>> watch = Stopwatch()
    >>> watch.enter("outer")
    >>> watch.enter("inner")
    >>> watch.leave()
    >>> watch.leave()
    >>> sorted(watch.spent), watch.top
    (['inner', 'outer'], None)
    """

    def __init__(self) -> None:
        self.spent: dict[Any, float] = {}
        self._open: list[Any] = []
        self._since = 0.0

    @property
    def top(self) -> Any:
        """What is running now, or None."""
        return self._open[-1] if self._open else None

    def enter(self, key: Any) -> None:
        """From here on time counts for `key`."""
        self._note()
        self._open.append(key)

    def leave(self) -> None:
        """From here on time counts for what was running before."""
        self._note()
        self._open.pop()

    def reset(self) -> None:
        """Forget what was measured; what is open stays open."""
        self._note()
        self.spent.clear()

    def _note(self) -> None:
        now = time.perf_counter()
        if self._open:
            key = self._open[-1]
            self.spent[key] = self.spent.get(key, 0.0) + now - self._since
        self._since = now


class Measured(NamedTuple):
    """What was measured of one program.

    Attributes:
        name: of its graph.
        graph: as it runs, with what was joined.
        laps: what had a clock.
        spent: seconds per lap; parts are in their parents too.
        calls: how often each ran.
        runs: how often the program ran.
        seconds: all of its time.
    """

    name: str
    graph: Graph
    laps: list[Lap]
    spent: list[float]
    calls: list[int]
    runs: int
    seconds: float


class Record(NamedTuple):
    """What was measured of a training.

    Attributes:
        steps: how many steps.
        main: the program that took most time of those that steps ran.
        others: seconds of other programs, by name.
        outside: seconds of all else, by what it was.
    """

    steps: int
    main: Measured
    others: dict[str, float]
    outside: dict[str, float]

    @property
    def seconds(self) -> float:
        """All of it."""
        rest = sum(self.others.values()) + sum(self.outside.values())
        return self.main.seconds + rest


class Recorder:
    """Measures the trainings that run while it is open.

    Args:
        warmup: so many steps are not measured, the first of all.
        steps: so many are, and then `Enough` is raised; 0 for all that there are.

    Attributes:
        taken: how many steps were taken, with those of the warm-up.
    """

    def __init__(self, warmup: int = 0, steps: int = 0) -> None:
        self.warmup, self.steps = warmup, steps
        self.taken = 0
        self._watch = Stopwatch()
        self._programs: list[ClockedProgram] = []
        self._of_steps: set[int] = set()  # ids of the programs that steps run
        self._record: Record | None = None
        self._restore: list[tuple[Any, str, Any]] = []
        self._thread = threading.get_ident()

    # What is replaced while it is open

    def __enter__(self) -> Recorder:
        for owner, name, key in _METHODS:
            self._replace(owner, name, self._timed(owner.__dict__[name], key))
        for owner in (Feed, StreamFeed):
            self._replace(owner, "epoch", self._timed_items(owner.epoch))
        self._replace(Trainer, "_train", self._root(Trainer._train))
        self._replace(Trainer, "_on_batch", self._root(Trainer._on_batch))
        recorder = self

        def compile_(
            engine: Any, graph: Graph, workspace: Any = None, kernels: bool = True
        ) -> ClockedProgram:
            program = _Watched(recorder, graph, kernels, workspace)
            recorder._programs.append(program)
            return program

        self._replace(NumpyEngine, "compile", compile_)
        return self

    def __exit__(self, *exc: Any) -> None:
        for owner, name, original in reversed(self._restore):
            setattr(owner, name, original)

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        self._restore.append((owner, name, owner.__dict__[name]))
        setattr(owner, name, new)

    @property
    def _listening(self) -> bool:
        """Whether a training runs, here and not in another thread."""
        here = threading.get_ident() == self._thread
        return here and self._watch.top is not None and self._record is None

    def _timed(self, original: Any, key: str) -> Callable[..., Any]:
        recorder = self

        def timed(owner: Any, *args: Any, **kwargs: Any) -> Any:
            with _Part(recorder, key):
                return original(owner, *args, **kwargs)

        return timed

    def _timed_items(self, original: Any) -> Callable[..., Any]:
        recorder = self

        def items(owner: Any, *args: Any) -> Iterator[Any]:
            found = iter(original(owner, *args))
            while True:
                try:
                    with _Part(recorder, DATA):
                        item = next(found)
                except StopIteration:
                    return
                yield item

        return items

    def _root(self, original: Any) -> Callable[..., Any]:
        recorder = self

        def training(model: Any, *args: Any, **kwargs: Any) -> Any:
            of_training = original.__name__ == "_train" or args[0] == "train"
            if not of_training or recorder._watch.top is not None:
                return original(model, *args, **kwargs)
            recorder._watch.enter(FIT)
            try:
                return original(model, *args, **kwargs)
            finally:
                recorder._watch.leave()

        return training

    # Steps

    def begin_step(self, program: ClockedProgram) -> None:
        """A program is about to run: is it a step of the training, and which one?"""
        if self._watch.top != FIT:
            return
        if self.taken == self.warmup:
            self._watch.reset()
            for each in self._programs:
                each.reset()
        elif self.steps and self.taken == self.warmup + self.steps:
            self._record = self._finished()
            raise Enough
        self.taken += 1
        self._of_steps.add(id(program))

    def record(self) -> Record | None:
        """What was measured; None where no step was taken after the warm-up."""
        if self._record is None and self.taken > self.warmup:
            self._record = self._finished()
        return self._record

    def _finished(self) -> Record:
        spent = dict(self._watch.spent)
        programs = {p: spent.pop(p, 0.0) for p in self._programs}
        of_steps = [p for p in self._programs if id(p) in self._of_steps]
        main = max(of_steps, key=lambda p: programs[p])
        others: dict[str, float] = {}
        for program, seconds in programs.items():
            if program is not main and seconds:
                name = program.graph.name
                others[name] = others.get(name, 0.0) + seconds
        measured = Measured(
            main.graph.name,
            main.prepared,
            main.laps,
            list(main.spent),
            list(main.calls),
            main.runs,
            programs[main],
        )
        return Record(self.taken - self.warmup, measured, others, spent)


class _Part:
    """A stretch of time that counts for one key, where a training runs."""

    def __init__(self, recorder: Recorder, key: Any) -> None:
        self._recorder, self._key = recorder, key
        self._open = False

    def __enter__(self) -> None:
        if self._recorder._listening:
            self._recorder._watch.enter(self._key)
            self._open = True

    def __exit__(self, *exc: Any) -> None:
        if self._open:
            self._recorder._watch.leave()


class _Watched(ClockedProgram):
    """A program whose runs are told to a recorder."""

    def __init__(
        self, recorder: Recorder, graph: Graph, kernels: bool, arena: Arena | None
    ) -> None:
        super().__init__(graph, kernels, arena)
        self._recorder = recorder

    def _run(self, inputs: Any, *check: bool) -> Any:
        if self._recorder._listening:
            self._recorder.begin_step(self)
        with _Part(self._recorder, self):
            return super()._run(inputs, *check)
