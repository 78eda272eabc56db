"""compile, and one step of training, evaluation or prediction."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cornu import metrics as metrics_module
from cornu import ops, optimizers
from cornu.graph.eager import Tensor
from cornu.graph.gradients import GradientTape
from cornu.graph.messages import refuse_unknown, warn_user
from cornu.graph.spec import Spec
from cornu.graph.symbolic import SymbolicTensor
from cornu.graph.trace import convert, no_trace
from cornu.graph.tree import flatten, map_structure, pack_like
from cornu.layers.layer import Layer
from cornu.layers.tracking import trainable_as
from cornu.serialization import serialize_keras_object
from cornu.training.batches import batch_spec, spec_of
from cornu.training.compiled import CompiledLoss, CompiledMetrics, revived
from cornu.training.data import (
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from cornu.training.history import Logs
from cornu.training.host_metrics import HostStep
from cornu.training.matching import Output, outputs_of
from cornu.training.nesting import aligned, is_deep, named, numbered, with_gaps
from cornu.training.nonfinite import LossWatch
from cornu.training.program import (
    ProgramCache,
    StepProgram,
    repack,
    section,
    tensors,
)


class Steps(Layer):
    """How a model is compiled, and one step of its training; a part of `Model`."""

    _edges = (*Layer._edges, "train_step", "test_step", "predict_step")
    _edges += ("compute_loss", "compute_metrics", "get_metrics_result")
    _edges += ("fit", "evaluate", "predict")
    _edges += ("train_on_batch", "test_on_batch", "predict_on_batch")

    # A model inside this one that is compiled itself keeps its own count.
    _untracked = Layer._untracked | {
        "_nesting",
        "_output_labels",
        "_compile_arguments",
        "_compiled_metrics",
        "_loss_tracker",
        "_trainable_noted",
        "_trained",
    }

    def _init_trainer(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: Any = None
        self.stop_training = False  # what callbacks set to end a loop
        self.stop_evaluating = self.stop_predicting = False
        self.run_eagerly = False
        self.compiled = False
        self._compiled_loss: Any = None
        self._compiled_metrics: Any = None
        self._loss_tracker: Any = None
        self._trained: list[Any] = []
        self._trainable_noted: dict[Any, bool] = {}
        self._compile_arguments: dict[str, Any] = {}
        self._programs = ProgramCache()
        self._batch_watch = LossWatch(self)
        self._output_names_used: list[str] = []
        self._output_labels: list[str | None] = []  # the same in logs, None if unnamed
        self._nesting: Any = None  # of the outputs, as numbers
        self._outputs_seen: Any = None

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
            auto_scale_loss: whether a model of the policy 'mixed_float16' gets a
                LossScaleOptimizer, without which small gradients would be 0.

        Raises:
            ValueError: for unknown names, offering the nearest.
            TypeError: for unknown arguments.
        """
        known = ["optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"]
        known += [
            "run_eagerly",
            "steps_per_execution",
            "jit_compile",
            "auto_scale_loss",
        ]
        refuse_unknown("compile", kwargs, known)
        if any(isinstance(each, str) for each in flatten(loss_weights)):
            # Keras 1 and 2 had metrics in third place, and loss_weights in fourth.
            loss_weights, metrics = metrics, loss_weights
        self._compile_arguments = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self.optimizer = optimizers.get(optimizer)
        scaled = isinstance(self.optimizer, optimizers.LossScaleOptimizer)
        mixed = self.dtype_policy.name == "mixed_float16"
        if auto_scale_loss and mixed and not scaled:
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer)
        self.loss = loss
        self._compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights)
        self._compiled_metrics = CompiledMetrics(
            metrics, weighted_metrics, self._named_by_output
        )
        self._loss_tracker = metrics_module.Mean(name="loss")
        self.run_eagerly = bool(run_eagerly)
        self.compiled = True
        self.stop_training = False
        self._batch_watch = LossWatch(self)  # train_on_batch: told once per compile
        self._outputs_seen = None
        self._trained = list(self.trainable_variables)
        self._trainable_noted = {v: v.trainable for v in self._flatten_layers()}
        self._trained_known = bool(getattr(self, "built", False))
        self._programs.clear()

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, as files hold it; None where it was not called.

        What cannot be described, such as a lambda, is told in a warning: the model is
        then saved as if it were not compiled.
        """
        if not self.compiled:
            return None
        try:
            return serialize_keras_object(
                {"optimizer": self.optimizer, **self._compile_arguments}
            )
        except ValueError as error:
            warnings.warn(
                f"Model {self.name!r} is saved without its compilation: {error}",
                stacklevel=2,
            )
            return None

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` says.

        A class with a `compile` of its own takes arguments of its own, so that it needs
        this method, too. Else the model is not compiled, of which a warning tells.

        Raises:
            ValueError: when a loss, metric or optimizer is unknown.
        """
        if type(self).compile is not Steps.compile:
            warn_user(
                f"{type(self).__name__} {self.name!r} is not compiled: its class has a "
                "compile() of its own.\nExpected get_compile_config() and "
                "compile_from_config(config) in the class as well.\n"
                "Write them, or call compile() after loading.",
                UserWarning,
            )
            return
        try:
            self.compile(**revived(config))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            raise ValueError(
                f"Model {self.name!r} cannot be compiled as it was: {what}\n"
                "Expected losses, metrics and optimizers of Keras, or your own.\n"
                "Pass custom_objects={'name': ...}, or load it with compile=False."
            ) from error
        if self.built:
            self.optimizer.build(self._trained_now())

    def _check_compiled(self, method: str, needs_loss: bool = True) -> None:
        if not self.compiled:
            raise RuntimeError(
                f"{method}() was called on model {self.name!r}, "
                "which is not compiled.\nExpected compile() before it.\n"
                "For example model.compile(optimizer='rmsprop', "
                "loss='categorical_crossentropy', metrics=['accuracy'])."
            )

    @property
    def metrics(self) -> list[Any]:
        """The loss, those of `compile` as one, losses of outputs, the model's own."""
        found: list[Any] = []
        if self._loss_tracker is not None:
            found += [self._loss_tracker, self._compiled_metrics]
        if self._compiled_loss is not None:
            found += self._compiled_loss.trackers
        for layer in self._flatten_layers():
            for member in layer._tracked():
                if isinstance(member, metrics_module.Metric) and member not in found:
                    found.append(member)
        return found

    @property
    def _each_metric(self) -> list[Any]:
        """The metrics, and those of `compile` one by one."""
        return [
            each
            for m in self.metrics
            for each in (m.metrics if isinstance(m, CompiledMetrics) else [m])
        ]

    @property
    def metrics_names(self) -> list[str]:
        """What the metrics are called, in the order in which `evaluate` lists them.

        As in Keras, names that were made longer to tell them apart come last, sorted.
        """
        names = [(self._log_name(m), m.name) for m in self._each_metric]
        longer = sorted(name for name, own in names if name != own)
        return [*(name for name, own in names if name == own), *longer]

    def _log_name(self, metric: Any) -> str:
        """What logs call a metric: its name, made different from all others."""
        known = {} if self._compiled_metrics is None else self._compiled_metrics.names
        return known.get(id(metric), metric.name)

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The values of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            named = isinstance(value, dict)
            results.update(value if named else {metric.name: value})
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
        with GradientTape() as tape, trainable_as(self._trainable_noted):
            with section("forward"):
                y_pred = self(x, training=True)
            with section("loss"):
                loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
                scaled = self.optimizer.scale_loss(loss)
        weights = self._trained_now()
        with section("backward"):
            gradients = tape.gradient(scaled, weights)
        with section("update"):
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        with section("metrics"):
            self._track_loss(loss, x)
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of an evaluation; a subclass may write its own."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with section("forward"):
            y_pred = self(x, training=False)
        with section("loss"):
            loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        with section("metrics"):
            self._track_loss(loss, x)
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One step of a prediction; a subclass may write its own."""
        x, _, _ = unpack_x_y_sample_weight(data)
        with section("forward"):
            return self(x, training=False)

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
                self._compiled_loss.build(
                    self._output_names_used, self._nesting, self._output_labels
                )
            total = self._compiled_loss(y, y_pred, sample_weight)
        for extra in self.losses:
            extra = ops.mean(extra) if getattr(extra, "ndim", 0) else convert(extra)
            total = extra if total is None else total + extra
        if total is None:
            raise ValueError(
                f"Model {self.name!r} has no loss to compute.\n"
                "Expected a loss and targets, or layers that call add_loss.\n"
                "Pass loss= to compile() and y= to fit()."
            )
        return total

    def _loss_of(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool
    ) -> Any:
        """`compute_loss`, which subclasses of Keras 2 write without `training`."""
        given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
        parameters = inspect.signature(self.compute_loss).parameters
        if "training" in parameters or any(
            p.kind is p.VAR_KEYWORD for p in parameters.values()
        ):
            given["training"] = training
        return self.compute_loss(**given)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics of `compile` with a batch, and return all results."""
        del x
        if self._compiled_metrics is not None:
            self._compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _track_loss(self, loss: Any, x: Any) -> None:
        first = next(leaf for leaf in flatten(x) if leaf is not None)
        self._loss_tracker.update_state(loss, sample_weight=first.shape[0])

    def _named_by_output(self, y_pred: Any, y: Any, weight: Any) -> Any:
        lists = self._by_output(y_pred, y, weight)
        return self._output_names_used, self._output_labels, self._nesting, lists

    def _by_output(self, y_pred: Any, y: Any, weight: Any) -> tuple[list, list, list]:
        """Outputs, targets and weights as lists, in the order of the outputs."""
        where, outputs = numbered(y_pred)
        names = self._output_names_used = self._names_of(y_pred)
        self._nesting = where
        if self._compiled_loss is not None:
            y = with_gaps(y, self._compiled_loss.loss, names)
        targets = aligned(y, where, names, "target")
        if not isinstance(weight, (list, tuple, dict)):
            return outputs, targets, [weight] * len(outputs)
        if isinstance(weight, (list, tuple)) and len(weight) == 1:
            return outputs, targets, [weight[0]] * len(outputs)
        return outputs, targets, aligned(weight, where, names, "weight")

    def _names_of(self, y_pred: Any) -> list[str]:
        known = numbered(getattr(self, "_outputs", None))[1]
        symbols = [symbol.name for symbol in known if symbol is not None]
        own = list(getattr(self, "output_names", []) or [])
        names, self._output_labels = named(y_pred, symbols, own)
        return names

    def _trained_now(self) -> list[Any]:
        """What this step trains: as it was when compile() was called."""
        if not self._trained_known:
            # Built only now, by the first batch.
            self._trained = list(self.trainable_variables)
            self._trained_known = True
        return self._trained

    @property
    def _own_train_step(self) -> bool:
        """Whether a subclass has written the step of its training."""
        return type(self).train_step is not Steps.train_step

    def _known_outputs(self, x: Any) -> list[Output] | None:
        """What is known of the outputs; None where `compile`'s loss may not be theirs.

        Args:
            x: arrays of the inputs, in their nesting.
        """
        steps = ("train_step", "test_step", "compute_loss")
        if any(getattr(type(self), n) is not getattr(Steps, n) for n in steps):
            return None
        symbolic = getattr(self, "_outputs", None)
        if symbolic is None and not self.run_eagerly:
            if self._outputs_seen is None:
                self._outputs_seen = self._call_on_symbols(x)
            # A Sequential model without an Input knows its outputs from here on.
            made = getattr(self, "_outputs", None)
            symbolic = self._outputs_seen if made is None else made
        if isinstance(symbolic, (list, tuple)) and len(symbolic) == 1:
            symbolic = symbolic[0]
        if symbolic is None or is_deep(symbolic):
            return None
        names = self._names_of(symbolic)
        self._nesting, found = numbered(symbolic)
        if not found or not all(isinstance(each, SymbolicTensor) for each in found):
            return None
        return outputs_of(names, found)

    def _call_on_symbols(self, x: Any) -> Any:
        """The symbolic outputs for such inputs; an empty list where there are none.

        A network that is not built yet is built by this.
        """
        specs = map_structure(
            lambda a: None if a is None else open_batch(batch_spec(a, len(a))), x
        )
        with no_trace():
            try:
                return self(specs)
            except Exception:  # whoever makes the program tells of it, and where
                return []
            finally:
                self._clear_losses()
                self._inbound.clear()

    # Programs

    def _runner(
        self, mode: str, nest: Any, watch: LossWatch | None = None
    ) -> Callable[[list[np.ndarray]], Any]:
        """A function that runs one step on the arrays of a batch: logs or outputs.

        Args:
            mode: 'train', 'test' or 'predict'.
            nest: nesting of [x, y, sample_weight], with None where there is nothing.
            watch: looks at the loss of every training step.
        """
        if self.run_eagerly:

            def run_eagerly(arrays: list[np.ndarray]) -> Any:
                parts = tensors(repack(nest, arrays))
                step = partial(self._eager_step, mode, parts)
                return step() if watch is None else watch.run_eagerly(step, parts)

            return run_eagerly
        known: dict[Any, StepProgram] = {}

        def run(arrays: list[np.ndarray]) -> Any:
            key = tuple([(a.shape, a.dtype, type(a)) for a in arrays])
            program = known.get(key)
            if program is None:
                program = known[key] = self._program(mode, nest, arrays)
            return program(arrays) if watch is None else watch.run(program, arrays)

        return run

    def _eager_step(self, mode: str, parts: Any) -> Any:
        function = {"train": self.train_step, "test": self.test_step}.get(mode)
        if function is not None:
            result = function(pack_x_y_sample_weight(*parts))
        else:
            result = self.predict_step((parts[0],))
        return map_structure(
            lambda v: v.numpy() if isinstance(v, Tensor) else v, result
        )

    def _program(self, mode: str, parts: Any, arrays: list[Any]) -> StepProgram:
        specs = [spec_of(a) for a in arrays]
        nest = map_structure(lambda leaf: None if leaf is None else True, parts)
        key = (mode, tuple(specs), repr(nest))
        return self._programs.get(key, lambda: self._make(mode, nest, specs))

    def _make(self, mode: str, nest: Any, specs: list[Any]) -> StepProgram:
        self._build_by_tracing(nest, specs)
        finish = None
        if mode != "predict":
            if mode == "train" and not self.optimizer.built:
                self.optimizer.build(self._trained_now())
            name = f"{mode}_step"
            step = self._traced(getattr(self, name), getattr(type(self), name))
            host = HostStep(self._compiled_metrics.host, self._log_name)
            function, finish = host.traced(step), host.finish
        else:

            def function(x: Any, y: Any, sample_weight: Any) -> Any:
                return self.predict_step((x,))

        title = {"train": "train step", "test": "test step", "predict": "prediction"}
        name = f"{title[mode]} of {self.name}"
        workspace, checks = self._programs.workspace, mode == "train"
        program = StepProgram(name, function, nest, specs, workspace, checks, finish)
        self._clear_losses()
        return program

    def _traced(self, bound: Any, function: Any) -> Any:
        own = function not in (Steps.train_step, Steps.test_step)

        def step(x: Any, y: Any, sample_weight: Any) -> Any:
            logs = bound(pack_x_y_sample_weight(x, y, sample_weight))
            # Results of metrics are computed when somebody reads them, not each step.
            return logs if own else None

        return step

    def _build_by_tracing(self, nest: Any, specs: list[Spec]) -> None:
        """Make variables that the first call would make, before the step is traced."""
        if self.built:
            return
        given = iter(specs)
        leaves = [None if n is None else open_batch(next(given)) for n in flatten(nest)]
        with no_trace():
            try:
                self(pack_like(nest, leaves)[0])
            finally:
                self._clear_losses()
                self._inbound.clear()

    def _logs(self, logs: Any) -> dict[str, float]:
        """What is shown and recorded after a step: its own logs, or the metrics."""
        if logs is None:
            logs = self.get_metrics_result()
        flat: dict[str, Any] = {}
        for name, value in logs.items():  # the result of a metric may be several
            flat.update(value if isinstance(value, dict) else {name: value})
        return Logs({name: _number(flat[name]) for name in sorted(flat)})

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
            f"Model {self.name!r} has no training program yet.\n"
            "Expected at least one training step: the program depends on the shapes.\n"
            "Call fit() or train_on_batch() first (and not with run_eagerly=True)."
        )


def open_batch(spec: Spec) -> SymbolicTensor:
    """A symbolic tensor for batches of any size."""
    return SymbolicTensor((None, *spec.shape[1:]), spec.dtype)


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
