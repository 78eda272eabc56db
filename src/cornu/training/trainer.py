"""compile, fit, evaluate, predict: how a model is trained and used."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from cornu import metrics as metrics_module
from cornu import ops, optimizers
from cornu.graph.gradients import GradientTape
from cornu.graph.messages import refuse_unknown
from cornu.graph.tensor import TensorBase
from cornu.graph.trace import convert, no_trace
from cornu.graph.tree import flatten, map_structure
from cornu.ops import random
from cornu.training import preflight
from cornu.training.callbacks import CallbackList
from cornu.training.compiled import CompiledLoss, CompiledMetrics
from cornu.training.data import ArrayData, Batches, batch_spec, unpack_x_y_sample_weight
from cornu.training.history import History, Logs
from cornu.training.interrupt import DeferredInterrupt
from cornu.training.program import ProgramCache, StepProgram, repack, section, tensors
from cornu.training.progress import Progress

_NO_MEANING = "hints of Keras without meaning here"


class Trainer:
    """What makes a layer a model that can be trained; a part of `Model`."""

    def _init_trainer(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: Any = None
        self.stop_training = False
        self.run_eagerly = False
        self.compiled = False
        self._compiled_loss: Any = None
        self._compiled_metrics: Any = None
        self._loss_tracker: Any = None
        self._trained: list[Any] = []
        self._programs = ProgramCache()
        self._output_names_used: list[str] = []

    # compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        """Say how the model learns.

        What is trainable is noted now: a layer's `trainable` that is changed later has
        an effect after the next `compile`.

        Args:
            optimizer: name or object.
            loss: name, object or function `f(y_true, y_pred)`; for several outputs a
                list, or a dict by their names.
            loss_weights: weights of the outputs' losses, as a list or dict.
            metrics: list of names, objects or functions; 'accuracy' is the kind that
                fits the targets.
            weighted_metrics: the same, weighted by sample_weight.
            run_eagerly: run the model op by op, to debug it.
            steps_per_execution: a hint without meaning here, as is `jit_compile`.
            jit_compile: see above.
            auto_scale_loss: a hint for mixed precision, without meaning here.

        Raises:
            ValueError: for unknown names, offering the nearest.
            TypeError: for unknown arguments.
        """
        known = ["optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"]
        known += ["run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss"]
        refuse_unknown("compile", kwargs, known)
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self._compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights)
        self._compiled_metrics = CompiledMetrics(metrics, weighted_metrics)
        self._loss_tracker = metrics_module.Mean(name="loss")
        self.run_eagerly = bool(run_eagerly)
        self.compiled = True
        self.stop_training = False
        self._trained = list(self.trainable_variables)  # type: ignore[attr-defined]
        self._trained_known = bool(getattr(self, "built", False))
        self._programs.clear()

    def _check_compiled(self, method: str, needs_loss: bool = True) -> None:
        if not self.compiled:
            raise RuntimeError(
                f"{method}() was called on model {self.name!r}, "  # type: ignore[attr-defined]
                "which is not compiled.\nExpected compile() before it.\n"
                "For example model.compile(optimizer='rmsprop', "
                "loss='categorical_crossentropy', metrics=['accuracy'])."
            )

    @property
    def metrics(self) -> list[Any]:
        """The metric objects: the loss, those of `compile`, and the model's own."""
        found: list[Any] = []
        if self._loss_tracker is not None:
            found.append(self._loss_tracker)
        for layer in self._flatten_layers():  # type: ignore[attr-defined]
            for member in layer._tracked():
                if isinstance(member, metrics_module.Metric) and member not in found:
                    found.append(member)
        if self._compiled_metrics is not None:
            found += self._compiled_metrics.objects
        if self._compiled_loss is not None:
            found += self._compiled_loss.trackers
        return found

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The values of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    # One step. Written as a user would write it: overriding is copying and changing.

    def train_step(self, data: Any) -> dict[str, Any]:
        """One training step; a subclass may write its own.

        Args:
            data: x, (x, y) or (x, y, sample_weight) of one batch.

        Returns:
            Values to log, by name.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            with section("forward"):
                y_pred = self(x, training=True)  # type: ignore[operator]
            with section("loss"):
                loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        weights = self._trained_now()
        with section("backward"):
            gradients = tape.gradient(loss, weights)
        with section("update"):
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        with section("metrics"):
            self._track_loss(loss, x)
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of an evaluation; a subclass may write its own."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with section("forward"):
            y_pred = self(x, training=False)  # type: ignore[operator]
        with section("loss"):
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=False)
        with section("metrics"):
            self._track_loss(loss, x)
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One step of a prediction; a subclass may write its own."""
        x, _, _ = unpack_x_y_sample_weight(data)
        with section("forward"):
            return self(x, training=False)  # type: ignore[operator]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The total loss of a batch: that of `compile`, and what layers add.

        Returns:
            A scalar tensor.

        Raises:
            ValueError: when there is no loss at all.
        """
        total = None
        if self._compiled_loss is not None and y is not None:
            y_pred, y, sample_weight = self._by_output(y_pred, y, sample_weight)
            if self._compiled_loss.functions is None:
                self._compiled_loss.build(self._output_names_used)
            total = self._compiled_loss(y, y_pred, sample_weight)
        for extra in self.losses:  # type: ignore[attr-defined]
            extra = ops.mean(extra) if getattr(extra, "ndim", 0) else convert(extra)
            total = extra if total is None else total + extra
        if total is None:
            raise ValueError(
                f"Model {self.name!r} has no loss to compute.\n"  # type: ignore[attr-defined]
                "Expected a loss and targets, or layers that call add_loss.\n"
                "Pass loss= to compile() and y= to fit()."
            )
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics of `compile` with a batch, and return all results."""
        del x
        if self._compiled_metrics is not None and y is not None:
            y_pred, y, sample_weight = self._by_output(y_pred, y, sample_weight)
            self._compiled_metrics.build(self._output_names_used, y, y_pred)
            self._compiled_metrics.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _track_loss(self, loss: Any, x: Any) -> None:
        first = next(leaf for leaf in flatten(x) if leaf is not None)
        self._loss_tracker.update_state(loss, sample_weight=first.shape[0])

    def _by_output(self, y_pred: Any, y: Any, weight: Any) -> tuple[list, list, list]:
        """Outputs, targets and weights as lists, in the order of the outputs."""
        names = self._names_of(y_pred)
        self._output_names_used = names
        outputs = _listed(y_pred, names)
        targets, weights = _listed(y, names), _listed(weight, names)
        if len(targets) == 1 < len(names):
            targets = targets * len(names) if targets[0] is None else targets
        if len(targets) != len(outputs):
            raise ValueError(
                f"{len(targets)} targets were given for {len(outputs)} outputs "
                f"({', '.join(names)}).\nExpected one target per output.\n"
                "Pass a list in the order of the outputs, or a dict by their names."
            )
        if len(weights) == 1:
            weights = weights * len(outputs)
        return outputs, targets, weights

    def _names_of(self, y_pred: Any) -> list[str]:
        if isinstance(y_pred, dict):
            return list(y_pred)
        n = len(y_pred) if isinstance(y_pred, (list, tuple)) else 1
        names = list(getattr(self, "output_names", []) or [])
        if len(names) == n and len(set(names)) == n:
            return names
        return [f"output_{i + 1}" for i in range(n)] if n > 1 else names[:1] or ["output"]

    def _trained_now(self) -> list[Any]:
        """What this step trains: as it was when compile() was called."""
        if not self._trained_known:
            # Built only now, by the first batch.
            self._trained = list(self.trainable_variables)  # type: ignore[attr-defined]
        return self._trained

    # Programs

    def _step(self, mode: str, parts: Any) -> Any:
        """Run one step on nested arrays [x, y, sample_weight]; returns logs or outputs."""
        arrays = [a for a in flatten(parts) if a is not None]
        if self.run_eagerly:
            return self._eager_step(mode, tensors(parts))
        return self._program(mode, parts, arrays)(arrays)

    def _eager_step(self, mode: str, parts: Any) -> Any:
        function = {"train": self.train_step, "test": self.test_step}.get(mode)
        if function is not None:
            result = function(_packed(*parts))
        else:
            result = self.predict_step((parts[0],))
        return map_structure(
            lambda v: v.numpy() if isinstance(v, TensorBase) else v, result
        )

    def _program(self, mode: str, parts: Any, arrays: list[Any]) -> StepProgram:
        specs = [batch_spec(a, len(a)) for a in arrays]
        nest = map_structure(lambda leaf: None if leaf is None else True, parts)
        key = (mode, tuple(specs), repr(nest))
        return self._programs.get(key, lambda: self._make(mode, nest, specs))

    def _make(self, mode: str, nest: Any, specs: list[Any]) -> StepProgram:
        self._build_by_tracing(nest, specs)
        if mode == "train":
            if not self.optimizer.built:
                self.optimizer.build(self._trained_now())
            function = self._traced(self.train_step, type(self).train_step)
        elif mode == "test":
            function = self._traced(self.test_step, type(self).test_step)
        else:

            def function(x: Any, y: Any, sample_weight: Any) -> Any:
                return self.predict_step((x,))

        title = {"train": "train step", "test": "test step", "predict": "prediction"}
        name = f"{title[mode]} of {self.name}"  # type: ignore[attr-defined]
        program = StepProgram(name, function, nest, specs, self._programs.arena)
        self._clear_losses()  # type: ignore[attr-defined]
        return program

    def _traced(self, bound: Any, function: Any) -> Any:
        own = function not in (Trainer.train_step, Trainer.test_step)

        def step(x: Any, y: Any, sample_weight: Any) -> Any:
            logs = bound(_packed(x, y, sample_weight))
            # Results of metrics are computed when somebody reads them, not each step.
            return logs if own else None

        return step

    def _build_by_tracing(self, nest: Any, specs: list[Any]) -> None:
        """Make variables that the first call would make, before the step is traced."""
        if not self.built:  # type: ignore[attr-defined]
            with no_trace():
                shapes = iter(specs)
                from cornu.graph.tree import pack_like

                flat = [None if n is None else next(shapes) for n in flatten(nest)]
                x = pack_like(nest, flat)[0]
                self._symbolic_build(x)

    def _logs(self, logs: Any) -> dict[str, float]:
        """What is shown and recorded after a step: its own logs, or the metrics."""
        if logs is None:
            logs = self.get_metrics_result()
        return Logs(
            {k: _number(v) for k, v in sorted(logs.items(), key=lambda item: item[0])}
        )

    @property
    def train_program(self) -> Any:
        """The program of one training step; `print` it, or `.save("step.py")`.

        Raises:
            RuntimeError: before the first step: the program depends on the batch.
        """
        for key, step in self._programs._programs.items():
            if key[0] == "train":
                return step.program
        raise RuntimeError(
            f"Model {self.name!r} has no training program yet.\n"  # type: ignore[attr-defined]
            "Expected at least one training step: the program depends on the shapes.\n"
            "Call fit() or train_on_batch() first (and not with run_eagerly=True)."
        )

    # fit, evaluate, predict

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
            steps_per_epoch: batches per epoch, where not all data is to be used.
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
        data = ArrayData(x, y, sample_weight, class_weight)
        held_out = None
        if validation_split and validation_data is None:
            data, held_out = data.split(validation_split)
        elif validation_data is not None:
            held_out = ArrayData(*unpack_x_y_sample_weight(validation_data))
        size = _positive(batch_size, "batch_size", 32)
        epochs = _positive(epochs, "epochs", 1, least=0)
        self._preflight(data)
        if held_out is not None:
            self._preflight(held_out)
        batches = Batches(data.arrays, size)
        steps = min(batches.count, steps_per_epoch or batches.count)
        history = History()
        params = {"verbose": verbose, "epochs": epochs, "steps": steps}
        listeners = CallbackList([*_listed_callbacks(callbacks), history], self, params)
        self.history = history
        self.stop_training = False
        listeners.on_train_begin(None)
        with DeferredInterrupt() as interrupt:
            for epoch in range(initial_epoch, epochs):
                listeners.on_epoch_begin(epoch, None)
                title = f"Epoch {epoch + 1}/{epochs}"
                progress = Progress(verbose, title, steps)
                order = shuffled(data.length) if shuffle else None
                logs = self._train_epoch(
                    batches(order), steps, data, listeners, progress, interrupt
                )
                if held_out is not None and _due(validation_freq, epoch):
                    found = self._evaluate(
                        held_out,
                        validation_batch_size or size,
                        validation_steps,
                        listeners,
                        interrupt,
                    )
                    logs.update({f"val_{k}": v for k, v in found.items()})
                progress.close(logs)
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        listeners.on_train_end(None)
        return history

    def _train_epoch(
        self,
        batches: Any,
        steps: int,
        data: ArrayData,
        listeners: CallbackList,
        progress: Progress,
        interrupt: DeferredInterrupt,
    ) -> dict[str, Any]:
        self.reset_metrics()
        nest, logs = data.parts_list, None
        for step, batch in enumerate(batches):
            if step == steps:
                break
            if listeners.wants_batches:
                listeners.on_train_batch_begin(step, None)
            logs = self._step("train", repack(nest, batch))
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
        listeners = CallbackList(_listed_callbacks(callbacks), self, {"verbose": verbose})
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
        logs = None
        for step, batch in enumerate(Batches(data.arrays, size)()):
            if step == steps:
                break
            if listeners.wants_batches:
                listeners.on_test_batch_begin(step, None)
            logs = self._step("test", repack(data.parts_list, batch))
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
        refuse_unknown("predict", kwargs, ["x", "batch_size", "verbose", "steps", "callbacks"])
        data = ArrayData(x)
        size = _positive(batch_size, "batch_size", 32)
        listeners = CallbackList(_listed_callbacks(callbacks), self, {"verbose": verbose})
        count = -(-data.length // size)
        progress = Progress(verbose, "", min(count, steps or count))
        listeners.on_predict_begin(None)
        found = []
        for step, batch in enumerate(Batches(data.arrays, size)()):
            if step == steps:
                break
            if listeners.wants_batches:
                listeners.on_predict_batch_begin(step, None)
            found.append(self._step("predict", repack(data.parts_list, batch)))
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

        As in Keras 3 the metrics go on from call to call; `reset_metrics()` starts them
        anew.

        Returns:
            The loss, or a list of the loss and the metrics.
        """
        self._check_compiled("train_on_batch")
        data = ArrayData(x, y, sample_weight, class_weight)
        self._preflight(data)
        return self._on_batch("train", data, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics of one batch."""
        self._check_compiled("test_on_batch")
        data = ArrayData(x, y, sample_weight)
        self._preflight(data)
        return self._on_batch("test", data, return_dict)

    def _on_batch(self, mode: str, data: ArrayData, return_dict: bool) -> Any:
        batch = next(Batches(data.arrays, data.length)())
        with DeferredInterrupt() if mode == "train" else nullcontext():
            logs = self._logs(self._step(mode, repack(data.parts_list, batch)))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        data = ArrayData(x)
        batch = next(Batches(data.arrays, data.length)())
        return self._step("predict", repack(data.parts_list, batch))

    def _preflight(self, data: ArrayData) -> None:
        """Refuse data that cannot be meant, before anything is traced."""
        x, y, _ = data.parts_list
        self._check_data(x)  # type: ignore[attr-defined]
        outputs = getattr(self, "outputs", None)
        if y is None or self._compiled_loss is None or not outputs:
            return
        names = self._names_of(outputs if len(outputs) > 1 else outputs[0])
        if self._compiled_loss.functions is None:
            self._compiled_loss.build(names)
        targets = _listed(y, names)
        shapes = [tuple(o.shape[1:]) for o in outputs]
        inputs = [a for a in flatten(x) if a is not None]
        preflight.check_fit(self, inputs, targets, names, shapes)


_FIT_ARGUMENTS = [
    "x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
    "validation_data", "shuffle", "class_weight", "sample_weight", "initial_epoch",
    "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq",
]  # fmt: skip
_EVALUATE_ARGUMENTS = [
    "x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks", "return_dict",
]  # fmt: skip


def shuffled(n: int) -> np.ndarray:
    """A new order of n samples, by the seed of `set_random_seed`."""
    return np.asarray(random.shuffle(np.arange(n, dtype=np.int32)))


def _packed(x: Any, y: Any, sample_weight: Any) -> Any:
    if sample_weight is not None:
        return x, y, sample_weight
    return (x, y) if y is not None else (x,)


def _listed(value: Any, names: list[str]) -> list[Any]:
    if isinstance(value, dict):
        return [value.get(name) for name in names]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _listed_callbacks(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _due(freq: int | Sequence[int], epoch: int) -> bool:
    if isinstance(freq, int):
        return (epoch + 1) % freq == 0
    return epoch + 1 in freq


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


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
