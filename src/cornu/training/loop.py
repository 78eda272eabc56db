"""fit, evaluate, predict: the loops over batches and epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from cornu import engines
from cornu.graph.messages import described, refuse_unknown, warn_user
from cornu.graph.tree import map_structure
from cornu.training import preflight
from cornu.training.batches import Batches
from cornu.training.callbacks import CallbackList, TerminateOnNaN
from cornu.training.data import ArrayData, unpack_x_y_sample_weight
from cornu.training.feed import Feed
from cornu.training.generators import GeneratorMethods
from cornu.training.history import History
from cornu.training.interrupt import DeferredInterrupt
from cornu.training.limits import at_most, limited_epochs, limited_steps
from cornu.training.nonfinite import LossWatch
from cornu.training.progress import verbosity
from cornu.training.resident import ResidentSteps
from cornu.training.run import Run
from cornu.training.steps import Steps
from cornu.training.stream import Stream, StreamFeed, is_stream


class Trainer(GeneratorMethods, Steps):
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
            x: array, or list or dict of arrays, samples first. Or data that comes
                batch by batch, each x, (x, y) or (x, y, sample_weight): a generator, a
                `PyDataset`, a DataLoader of PyTorch, a Dataset of TensorFlow, or any
                other object that can be iterated.
            y: targets, of as many samples.
            batch_size: samples per step, 32 by default.
            epochs: number of the last epoch (`nb_epoch` in Keras 1).
            verbose: 0 silent, 1 or 'auto' a bar, 2 one line per epoch.
            callbacks: list of callbacks.
            validation_split: part of the data to keep for validation, from its end.
            validation_data: (x, y) or (x, y, sample_weight), or what x may be.
            shuffle: whether the samples come in a new order each epoch; of a
                `PyDataset` its batches do, and other data comes as it comes.
            class_weight: weight by class index.
            sample_weight: weight per sample.
            initial_epoch: number of epochs that are done already.
            steps_per_epoch: batches per epoch; the next epoch goes on where the last
                one ended, and begins anew when the data is used up. A generator is
                never drawn beyond them; without them, an epoch is all that it gives.
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
        data = self._data(x, y, sample_weight)
        held_out = None
        if validation_split and validation_data is None:
            data, held_out = data.split(validation_split)
        elif validation_data is not None:
            with preflight.about("validation_data"):
                held_out = self._held_out(validation_data)
        if class_weight is not None:  # what is held out is judged without them
            data.weigh_classes(class_weight, self._indices_wanted())
        batch_size = _positive(batch_size, "batch_size", None)
        epochs = limited_epochs(_positive(epochs, "epochs", 1, least=0))
        initial_epoch = _positive(initial_epoch, "initial_epoch", 0, least=0)
        rows = _positive(validation_batch_size, "validation_batch_size", None)
        if rows is None and not isinstance(held_out, Stream):
            rows = batch_size
        validation_steps = _positive(validation_steps, "validation_steps", None)
        steps_per_epoch = _positive(steps_per_epoch, "steps_per_epoch", None)
        steps_per_epoch = limited_steps(steps_per_epoch, data.count(batch_size))
        if isinstance(validation_freq, str) or not hasattr(validation_freq, "__iter__"):
            _positive(validation_freq, "validation_freq", 1)
        feed = data.feed(batch_size, steps_per_epoch, shuffle)
        self._preflight(data, fitting=True)
        if held_out is not None:
            with preflight.about("validation_data"):
                held_out.check_batch_size(rows)
                validation_steps = at_most(validation_steps, held_out.count(rows))
                if epochs - initial_epoch > 1:
                    _check_steps_of(held_out, validation_steps)
                self._preflight(held_out)
                preflight.check_alike(data.parts, held_out.parts)
        params: dict[str, Any] = {"epochs": epochs, "steps": feed.steps}
        params["do_validation"] = held_out is not None
        listeners = self._listeners(callbacks, verbose, add_history=True, **params)

        def validate(epoch: int, interrupt: DeferredInterrupt) -> dict[str, float]:
            if held_out is None or not _due(validation_freq, epoch):
                return {}
            return self._evaluate(
                held_out, rows, validation_steps, listeners, interrupt
            )

        numbers = range(initial_epoch, epochs)
        return self._train(data, feed, numbers, listeners, validate)

    def _train(
        self,
        data: ArrayData | Stream,
        feed: Feed | StreamFeed,
        numbers: range,
        listeners: CallbackList,
        validate: Callable[[int, DeferredInterrupt], dict[str, float]],
    ) -> Any:
        """Train on what `fit` has found to be in order, in the epochs of `numbers`."""
        self.history, self.stop_training = listeners.history, False
        stops = [c for c in listeners.callbacks if isinstance(c, TerminateOnNaN)]
        watch = LossWatch(self, bool(stops), any(c.raise_error for c in stops))

        def prepare() -> None:  # a step whose effects `set_state` will replace
            self._runner("train", data.parts_list)(feed.peek())

        run = Run(self, listeners.callbacks, feed, numbers.start, prepare)
        listeners.on_train_begin(None)
        with DeferredInterrupt() as interrupt, listeners:

            def train() -> dict[str, Any]:
                return self._train_epoch(run, data, listeners, watch, interrupt)

            self._train_epochs(
                run, numbers.stop, listeners, train, lambda n: validate(n, interrupt)
            )
        listeners.on_train_end(run.logs_of_epoch)
        for keeper in listeners.keepers:
            keeper.finish(run)
        return self.history

    def _listeners(self, callbacks: Any, verbose: Any, **more: Any) -> CallbackList:
        """The callbacks, and who shows how far it is, unless nobody shall."""
        level = verbosity(verbose)
        return CallbackList(
            callbacks, add_progbar=level > 0, model=self, verbose=level, **more
        )

    def _train_epochs(
        self,
        run: Run,
        epochs: int,
        listeners: CallbackList,
        train: Callable[[], dict[str, Any]],
        validate: Callable[[int], dict[str, float]],
    ) -> None:
        """Train epoch after epoch, until the last one or until a callback stops it."""
        for keeper in listeners.keepers:
            keeper.restore(run)
        try:
            while run.epoch < epochs and not run.stopped:
                if not run.feed.ready():
                    _tell_of_end(run.epoch, epochs)
                    break
                listeners.on_epoch_begin(run.epoch, None)
                run.begin_epoch()
                logs = train()
                logs.update({f"val_{k}": v for k, v in validate(run.epoch).items()})
                run.logs_of_epoch = logs
                listeners.on_epoch_end(run.epoch, logs)
                run.end_epoch()
                for keeper in listeners.keepers:
                    keeper.keep(run)
        finally:
            # An interrupted run, too, ends with the averages that its optimizer keeps.
            if self.optimizer.built:
                self.optimizer.finalize_variable_values(self._trained_now())

    def _train_epoch(
        self,
        run: Run,
        data: ArrayData | Stream,
        listeners: CallbackList,
        watch: LossWatch,
        interrupt: DeferredInterrupt,
    ) -> dict[str, Any]:
        """The batches of an epoch that are left; `run` knows how far it is."""
        if not run.step:
            self.reset_metrics()
            run.begin_steps()
        resident = self._resident(run, data, listeners, watch)
        for count in () if resident is None else resident.epoch(run.step):
            run.step += count
            listeners.end_batch("train", run.step - 1, self._logs, run.logs)
            interrupt.check()
        take = self._runner("train", data.parts_list, watch)
        for batch in run.feed.epoch(run.step):
            listeners.begin_batch("train", run.step)
            run.logs = take(batch)
            listeners.end_batch("train", run.step, self._logs, run.logs)
            run.step += 1
            interrupt.check()
            if self.stop_training:
                break
            for keeper in listeners.keepers:
                keeper.keep(run)
        logs = self._logs(run.logs)
        listeners.end_batches("train", run.step, logs)
        return logs

    def _resident(
        self, run: Run, data: Any, listeners: CallbackList, watch: LossWatch
    ) -> ResidentSteps | None:
        """What takes many steps in one call, where the engine and the callbacks let it.

        The data stays there as long as the training lasts.
        """
        feed = run.feed
        if run.resident is None and isinstance(feed, Feed) and not self.run_eagerly:
            run.resident = False
            if hasattr(engines.current(), "many") and not listeners.need_every_batch:
                batch = feed.peek()
                step = self._program("train", data.parts_list, batch)
                if ResidentSteps.possible(step, feed):
                    run.resident = ResidentSteps(step, feed, watch)
        return run.resident or None

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
            x: array, or list or dict of arrays, samples first; or data that comes
                batch by batch, as in `fit`.
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
        data = self._data(x, y, sample_weight)
        self._preflight(data)
        size, steps, count = _passes(data, batch_size, steps)
        with self._listeners(callbacks, verbose, steps=count) as listeners:
            logs = self._evaluate(data, size, steps, listeners, None)
        return logs if return_dict else self._in_order(logs)

    def _evaluate(
        self,
        data: ArrayData | Stream,
        size: int | None,
        steps: int | None,
        listeners: CallbackList,
        interrupt: DeferredInterrupt | None,
    ) -> dict[str, float]:
        self.reset_metrics()
        self.stop_evaluating = False
        listeners.on_test_begin(None)
        run, logs, done = self._runner("test", data.parts_list), None, 0
        for step, batch in enumerate(data.take(size, steps)):
            listeners.begin_batch("test", step)
            logs = run(batch)
            listeners.end_batch("test", step, self._logs, logs)
            done = step + 1
            if interrupt is not None:
                interrupt.check()
            if self.stop_evaluating:
                break
        found = self._logs(logs)
        listeners.end_batches("test", done, found)
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
            x: array, or list or dict of arrays, samples first; or data that comes
                batch by batch, of which only the inputs are used.
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
        data = self._data(x, only_inputs=True)
        size, steps, count = _passes(data, batch_size, steps)
        self._check_data(data.parts["x"])
        run, found = self._runner("predict", data.parts_list), []
        self.stop_predicting = False
        with self._listeners(callbacks, verbose, steps=count) as listeners:
            listeners.on_predict_begin(None)
            for step, batch in enumerate(data.take(size, steps)):
                listeners.begin_batch("predict", step)
                found.append(run(batch))
                listeners.end_batch("predict", step, _as_outputs, found[-1])
                if self.stop_predicting:
                    break
            listeners.end_batches("predict", len(found), {})
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
        data = self._batch(x, y, sample_weight)
        if class_weight is not None:
            data.weigh_classes(class_weight, self._indices_wanted())
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
        data = self._batch(x, y, sample_weight)
        self._preflight(data)
        return self._on_batch("test", data, return_dict)

    def step_program(
        self, step: str, x: Any, y: Any = None, sample_weight: Any = None
    ) -> Any:
        """The program of one step on such a batch. Nothing is run, no weight changes.

        Args:
            step: 'train', 'test' or 'predict'.
            x: inputs of a batch; their shapes and dtypes are what matters.
            y: its targets; none for 'predict'.
            sample_weight: a weight per sample, or None.

        Returns:
            The program, as `train_program` is one; `print` it, or its `graph`.

        Raises:
            RuntimeError: for 'train' and 'test' before `compile`.
            ValueError: for another step, and for data that does not fit.
        """
        if step not in ("train", "test", "predict"):
            raise ValueError(
                f"step_program was asked for the step {step!r}.\n"
                "Expected 'train', 'test' or 'predict'.\n"
                "For example model.step_program('predict', x)."
            )
        if step == "predict":
            data = self._batch(x)
            self._check_data(data.parts["x"])
        else:
            self._check_compiled("step_program")
            data = self._batch(x, y, sample_weight)
            self._preflight(data)
        batch = next(Batches(data.arrays, data.length)())
        return self._program(step, data.parts_list, batch).program

    def _on_batch(self, mode: str, data: ArrayData, return_dict: bool) -> Any:
        self.reset_metrics()
        batch = next(Batches(data.arrays, data.length)())
        watch = self._batch_watch if mode == "train" else None
        with DeferredInterrupt() if mode == "train" else nullcontext():
            logs = self._logs(self._runner(mode, data.parts_list, watch)(batch))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        data = self._batch(x)
        self._check_data(data.parts["x"])
        batch = next(Batches(data.arrays, data.length)())
        return self._runner("predict", data.parts_list)(batch)

    def _data(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        only_inputs: bool = False,
    ) -> ArrayData | Stream:
        """The user's data, once what works on the host has been run on it.

        Args:
            x: what may come batch by batch, and then holds the other two itself.
            y: targets.
            sample_weight: weights.
            only_inputs: whether targets that come with x are left alone.
        """
        if not is_stream(x):
            return self._batch(x, y, sample_weight)
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(
                    f"{name} was given, and x is {described(x)}, which comes batch by "
                    f"batch.\nExpected batches that hold their {name} themselves.\n"
                    "Let it give (x, y) or (x, y, sample_weight)."
                )

        def prepare(batch: Any) -> ArrayData:
            parts = unpack_x_y_sample_weight(batch)
            data = self._batch(*(parts[:1] if only_inputs else parts))
            self._check_data(data.parts["x"])
            return data

        return Stream(x, prepare)

    def _held_out(self, given: Any) -> ArrayData | Stream:
        """What validation_data= was given, which may come batch by batch."""
        if is_stream(given):
            return self._data(given)
        return self._data(*unpack_x_y_sample_weight(given))

    def _batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> ArrayData:
        """Arrays that are there at once, such as those of one batch."""
        return ArrayData(self._on_host(x), y, sample_weight)

    def _on_host(self, x: Any) -> Any:
        """What the program of this model is fed; Model knows more."""
        return x

    def _indices_wanted(self) -> bool:
        loss = self._compiled_loss
        return loss is not None and loss.takes_indices()

    def _check_data(self, x: Any) -> None:
        """Refuse arrays that cannot be fed to this model; Model knows more."""

    def _preflight(self, data: ArrayData | Stream, fitting: bool = False) -> None:
        """Refuse data that cannot be meant, before anything is traced."""
        x, y, sample_weight = data.parts_list
        self._check_data(x)
        preflight.check(self, x, y, sample_weight, fitting)


_FIT_ARGUMENTS = [
    "x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
    "validation_data", "shuffle", "class_weight", "sample_weight", "initial_epoch",
    "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq",
]  # fmt: skip
_EVALUATE_ARGUMENTS = [
    "x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks",
    "return_dict",
]  # fmt: skip


def _as_outputs(outputs: Any) -> dict[str, Any]:
    return {"outputs": outputs}


def _due(freq: int | Sequence[int], epoch: int) -> bool:
    if isinstance(freq, int):
        return (epoch + 1) % freq == 0
    return epoch + 1 in freq


def _passes(
    data: ArrayData | Stream, batch_size: int | None, steps: int | None
) -> tuple[int | None, int | None, int | None]:
    """The size of a batch, the steps that are asked for, and how many there will be."""
    size = _positive(batch_size, "batch_size", None)
    count = data.count(size)
    steps = limited_steps(_positive(steps, "steps", None), count)
    if count is None:
        return size, steps, steps
    if isinstance(data, ArrayData) and steps is not None:
        steps = min(steps, count)
    return size, steps, count if steps is None else min(steps, count)


def _check_steps_of(held_out: ArrayData | Stream, steps: int | None) -> None:
    """Refuse a generator that the first of several validations would use up."""
    if steps is None and isinstance(held_out, Stream) and not held_out.source.again:
        raise ValueError(
            "a generator was given without validation_steps, and there are several "
            "epochs.\nExpected to know how many batches each validation takes.\n"
            "Pass validation_steps=, or arrays or a PyDataset, which can be used again."
        )


def _tell_of_end(epoch: int, epochs: int) -> None:
    """Tell of a generator that ended before the training."""
    warn_user(
        f"The data ended after epoch {epoch} of {epochs}: training ends here.\n"
        "Expected batches for all epochs.\n"
        "Pass a generator that never ends with steps_per_epoch=, or a PyDataset.",
        UserWarning,
    )


def _positive(value: Any, name: str, default: Any, least: int = 1) -> Any:
    if value is None:
        return default
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{name}={value!r} was given.\nExpected a whole number from {least} on.\n"
            f"For example {name}={max(default or 32, 1)}."
        )
    return int(value)
