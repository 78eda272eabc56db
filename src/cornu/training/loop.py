"""fit, evaluate, predict: the loops over batches and epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from cornu.graph.messages import refuse_unknown
from cornu.graph.tree import flatten, map_structure
from cornu.ops import random
from cornu.training import preflight
from cornu.training.callbacks import CallbackList
from cornu.training.data import ArrayData, Batches, unpack_x_y_sample_weight
from cornu.training.history import History
from cornu.training.interrupt import DeferredInterrupt
from cornu.training.progress import Progress
from cornu.training.steps import Steps, listed


class Trainer(Steps):
    """What makes a layer a model that can be trained; a part of `Model`."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        **kwargs: Any,
    ) -> History:
        """Train the model.

        Args:
            x: array, or list or dict of arrays, samples first.
            y: targets, of as many samples.
            batch_size: samples per step, 32 by default.
            epochs: number of the last epoch (`nb_epoch` in Keras 1).
            verbose: 0 silent, 1 or 'auto' a bar, 2 one line per epoch.
            callbacks: list of callbacks.
            validation_split: part of the data to keep for validation, from its end.
            validation_data: (x, y) or (x, y, sample_weight).
            shuffle: whether the samples come in a new order each epoch.
            class_weight: weight by class index.
            sample_weight: weight per sample.
            initial_epoch: number of epochs that are done already.
            steps_per_epoch: batches per epoch; the next epoch goes on where the last
                one ended, and begins anew when the data is used up.
            validation_steps: batches of the validation, where not all is to be used.
            validation_batch_size: samples per step of the validation.
            validation_freq: validate each so many epochs, or after the listed ones.

        Returns:
            The History, whose `history` has a list per metric.

        Raises:
            RuntimeError: before `compile`.
            ValueError: for data that does not fit; see the message.
        """
        epochs = kwargs.pop("nb_epoch", epochs)
        refuse_unknown("fit", kwargs, _FIT_ARGUMENTS)
        self._check_compiled("fit")
        data = ArrayData(x, y, sample_weight)
        held_out = None
        if validation_split and validation_data is None:
            data, held_out = data.split(validation_split)
        elif validation_data is not None:
            held_out = ArrayData(*unpack_x_y_sample_weight(validation_data))
        if class_weight is not None:  # what is held out is judged without them
            data.weigh_classes(class_weight)
        size = _positive(batch_size, "batch_size", 32)
        epochs = _positive(epochs, "epochs", 1, least=0)
        self._preflight(data)
        if held_out is not None:
            self._preflight(held_out)
        batches = Batches(data.arrays, size)
        steps = _positive(steps_per_epoch, "steps_per_epoch", batches.count)
        parts = _in_epochs(
            batches, steps, lambda: shuffled(data.length) if shuffle else None
        )
        history = History()
        params = {"verbose": verbose, "epochs": epochs, "steps": steps}
        listeners = CallbackList(callbacks, self, params, history)
        self.history = history
        self.stop_training = False
        listeners.on_train_begin(None)
        with DeferredInterrupt() as interrupt:

            def train(progress: Progress) -> dict[str, Any]:
                return self._train_epoch(
                    next(parts), data, listeners, progress, interrupt
                )

            def validate(epoch: int) -> dict[str, float]:
                if held_out is None or not _due(validation_freq, epoch):
                    return {}
                rows = validation_batch_size or size
                return self._evaluate(
                    held_out, rows, validation_steps, listeners, interrupt
                )

            show = partial(Progress, verbose, steps=steps)
            numbers = range(initial_epoch, epochs)
            self._train_epochs(numbers, show, listeners, train, validate)
        listeners.on_train_end(None)
        return history

    def _train_epochs(
        self,
        numbers: range,
        show: Callable[..., Progress],
        listeners: CallbackList,
        train: Callable[[Progress], dict[str, Any]],
        validate: Callable[[int], dict[str, float]],
    ) -> None:
        """Train epoch after epoch, until the last one or until a callback stops it."""
        try:
            for epoch in numbers:
                listeners.on_epoch_begin(epoch, None)
                with show(title=f"Epoch {epoch + 1}/{numbers.stop}") as progress:
                    logs = train(progress)
                    logs.update({f"val_{k}": v for k, v in validate(epoch).items()})
                    progress.close(logs)
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    return
        finally:
            # An interrupted run, too, ends with the averages that its optimizer keeps.
            if self.optimizer.built:
                self.optimizer.finalize_variable_values(self._trained_now())

    def _train_epoch(
        self,
        batches: Iterator[Any],
        data: ArrayData,
        listeners: CallbackList,
        progress: Progress,
        interrupt: DeferredInterrupt,
    ) -> dict[str, Any]:
        self.reset_metrics()
        run, logs = self._runner("train", data.parts_list), None
        for step, batch in enumerate(batches):
            if listeners.wants_batches:
                listeners.on_train_batch_begin(step, None)
            logs = run(batch)
            if listeners.wants_batches:
                listeners.on_train_batch_end(step, self._logs(logs))
            if progress.due():
                progress.update(step + 1, self._logs(logs))
            interrupt.check()
            if self.stop_training:
                break
        return self._logs(logs)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and the metrics on other data.

        Args:
            x: array, or list or dict of arrays, samples first.
            y: targets.
            batch_size: samples per step, 32 by default.
            verbose: 0 silent, else one line at the end.
            sample_weight: weight per sample.
            steps: number of batches, where not all data is to be used.
            callbacks: list of callbacks.
            return_dict: whether to return a dict by name.

        Returns:
            The loss, or a list of the loss and the metrics.
        """
        refuse_unknown("evaluate", kwargs, _EVALUATE_ARGUMENTS)
        self._check_compiled("evaluate")
        data = ArrayData(x, y, sample_weight)
        self._preflight(data)
        size = _positive(batch_size, "batch_size", 32)
        count = -(-data.length // size)
        listeners = CallbackList(callbacks, self, {"verbose": verbose})
        progress = Progress(verbose, "", min(count, steps or count))
        logs = self._evaluate(data, size, steps, listeners, None)
        progress.close(logs)
        return logs if return_dict else self._in_order(logs)

    def _evaluate(
        self,
        data: ArrayData,
        size: int,
        steps: int | None,
        listeners: CallbackList,
        interrupt: DeferredInterrupt | None,
    ) -> dict[str, float]:
        self.reset_metrics()
        listeners.on_test_begin(None)
        run, logs = self._runner("test", data.parts_list), None
        for step, batch in enumerate(Batches(data.arrays, size)()):
            if step == steps:
                break
            if listeners.wants_batches:
                listeners.on_test_batch_begin(step, None)
            logs = run(batch)
            if listeners.wants_batches:
                listeners.on_test_batch_end(step, self._logs(logs))
            if interrupt is not None:
                interrupt.check()
        found = self._logs(logs)
        listeners.on_test_end(found)
        return found

    def _in_order(self, logs: dict[str, float]) -> Any:
        names = [n for n in self.metrics_names if n in logs]
        values = [logs[n] for n in [*names, *(k for k in logs if k not in names)]]
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The outputs for many samples.

        Args:
            x: array, or list or dict of arrays, samples first.
            batch_size: samples per step, 32 by default.
            verbose: 0 silent, else one line at the end.
            steps: number of batches, where not all data is to be used.
            callbacks: list of callbacks.

        Returns:
            NumPy array of all outputs (or a list or dict of them).
        """
        refuse_unknown(
            "predict", kwargs, ["x", "batch_size", "verbose", "steps", "callbacks"]
        )
        data = ArrayData(x)
        self._check_data(data.parts["x"])
        size = _positive(batch_size, "batch_size", 32)
        listeners = CallbackList(callbacks, self, {"verbose": verbose})
        count = -(-data.length // size)
        progress = Progress(verbose, "", min(count, steps or count))
        listeners.on_predict_begin(None)
        run, found = self._runner("predict", data.parts_list), []
        for step, batch in enumerate(Batches(data.arrays, size)()):
            if step == steps:
                break
            if listeners.wants_batches:
                listeners.on_predict_batch_begin(step, None)
            found.append(run(batch))
            if listeners.wants_batches:
                listeners.on_predict_batch_end(step, {"outputs": found[-1]})
        progress.close({})
        listeners.on_predict_end(None)
        return map_structure(lambda *parts: np.concatenate(parts), *found)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch.

        The metrics are those of this batch alone.

        Returns:
            The loss, or a list of the loss and the metrics.
        """
        self._check_compiled("train_on_batch")
        data = ArrayData(x, y, sample_weight)
        if class_weight is not None:
            data.weigh_classes(class_weight)
        self._preflight(data)
        return self._on_batch("train", data, return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics of one batch."""
        self._check_compiled("test_on_batch")
        data = ArrayData(x, y, sample_weight)
        self._preflight(data)
        return self._on_batch("test", data, return_dict)

    def _on_batch(self, mode: str, data: ArrayData, return_dict: bool) -> Any:
        self.reset_metrics()
        batch = next(Batches(data.arrays, data.length)())
        with DeferredInterrupt() if mode == "train" else nullcontext():
            logs = self._logs(self._runner(mode, data.parts_list)(batch))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        data = ArrayData(x)
        self._check_data(data.parts["x"])
        batch = next(Batches(data.arrays, data.length)())
        return self._runner("predict", data.parts_list)(batch)

    def _check_data(self, x: Any) -> None:
        """Refuse arrays that cannot be fed to this model; Model knows more."""

    def _preflight(self, data: ArrayData) -> None:
        """Refuse data that cannot be meant, before anything is traced."""
        x, y, _ = data.parts_list
        self._check_data(x)
        outputs = getattr(self, "outputs", None)
        if y is None or self._compiled_loss is None or not outputs:
            return
        names = self._names_of(outputs if len(outputs) > 1 else outputs[0])
        if self._compiled_loss.functions is None:
            self._compiled_loss.build(names)
        targets = listed(y, names)
        shapes = [tuple(o.shape[1:]) for o in outputs]
        inputs = [a for a in flatten(x) if a is not None]
        preflight.check_fit(self, inputs, targets, names, shapes)


_FIT_ARGUMENTS = [
    "x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
    "validation_data", "shuffle", "class_weight", "sample_weight", "initial_epoch",
    "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq",
]  # fmt: skip
_EVALUATE_ARGUMENTS = [
    "x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks",
    "return_dict",
]  # fmt: skip


def _in_epochs(
    batches: Batches, steps: int, order: Callable[[], Any]
) -> Iterator[Iterator[Any]]:
    """The batches of each epoch; as in Keras, `steps` of them that go on through the
    data from epoch to epoch, and begin anew when it is used up."""
    while True:
        stream, left = batches(order()), batches.count
        while left > 0:
            if left < steps:
                warnings.warn(
                    f"An epoch has only {left} of the {steps} steps that "
                    "steps_per_epoch asks for: the data is used up.\n"
                    f"Expected a divisor of {batches.count}, the number of batches.\n"
                    "Leave steps_per_epoch away to use all data in each epoch.",
                    stacklevel=3,
                )
            yield islice(stream, steps)
            left -= steps


def shuffled(n: int) -> np.ndarray:
    """A new order of n samples, by the seed of `set_random_seed`."""
    return np.asarray(random.shuffle(np.arange(n, dtype=np.int32)))


def _due(freq: int | Sequence[int], epoch: int) -> bool:
    if isinstance(freq, int):
        return (epoch + 1) % freq == 0
    return epoch + 1 in freq


def _positive(value: Any, name: str, default: int, least: int = 1) -> int:
    if value is None:
        return default
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{name}={value!r} was given.\nExpected a whole number from {least} on.\n"
            f"For example {name}={max(default, 1)}."
        )
    return int(value)
