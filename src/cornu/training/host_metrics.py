"""Metrics that cannot be part of a program: they run on the host after each batch.

A metric of the user's may call scikit-learn, ask for NumPy arrays, or keep numbers of
its own in Python. Tracing it fails then, or it would see one batch and never another.
Such a metric is left out of the step. The step gives its targets, outputs and weights
instead, and the metric is updated with these, as it would be with `run_eagerly=True`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor
from cornu.graph.messages import warn_user
from cornu.graph.tensor import TensorBase, keras_mask, set_keras_mask
from cornu.graph.trace import Trace, current, no_trace
from cornu.graph.tree import map_structure
from cornu.training.python_state import changed, fingerprint, is_ours


class HostMetricWarning(UserWarning):
    """A metric runs on the host after each batch; the message tells why."""


class HostMetrics:
    """Which metrics of `compile` run on the host; found out when they are traced."""

    def __init__(self) -> None:
        self._reasons: dict[int, str | None] = {}  # by id; None: it is in the step
        self._unread: set[int] = set()  # those whose result() cannot be traced
        self._step: HostStep | None = None  # which is being traced

    def update(self, metric: Any, y: Any, y_pred: Any, weight: Any) -> None:
        """Add a batch to a metric, or leave that to the host.

        Args:
            metric: the metric.
            y: targets.
            y_pred: outputs.
            weight: one weight per sample, or None.
        """
        trace = current()
        if trace is None or self._step is None or is_ours(metric):
            metric.update_state(y, y_pred, sample_weight=weight)
        elif id(metric) not in self._reasons:
            self._try(trace, metric, (y, y_pred, weight))
        elif self._reasons[id(metric)] is None:
            metric.update_state(y, y_pred, sample_weight=weight)
        if self._reasons.get(id(metric)) is not None and self._step is not None:
            values = [y, y_pred, weight, keras_mask(y_pred)]
            self._step.updates.append((metric, values))

    def read_later(self, metric: Any) -> bool:
        """Whether its result is not to be asked for now, as a step is being traced."""
        if current() is None or self._step is None or id(metric) not in self._unread:
            return False
        self._step.unread.append(metric)
        return True

    @contextmanager
    def tracing(self, step: HostStep) -> Iterator[None]:
        """What is left to the host in here is noted in `step`."""
        before, self._step = self._step, step
        try:
            yield
        finally:
            self._step = before

    def _try(self, trace: Trace, metric: Any, values: tuple[Any, Any, Any]) -> None:
        """Trace a metric for the first time, and find out whether that can be."""
        before = trace.mark()
        try:
            # Twice: what it makes when it is first called, such as variables, is there
            # the second time; what changes then, although it was reset, is state.
            _update(metric, values)
            trace.back_to(before)
            with no_trace():
                metric.reset_state()
            state = fingerprint(vars(metric))
            _update(metric, values)
            kept = changed(state, fingerprint(vars(metric)))
            reason = f"it keeps numbers in Python, in `self.{kept[0]}`" if kept else ""
        except Exception as error:
            if _fails_on_numbers(metric, values, error):
                raise
            reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        self._reasons[id(metric)] = reason or None
        if reason:
            trace.back_to(before)
            self._unread.add(id(metric))
            with no_trace():
                metric.reset_state()
            _tell(metric, reason)
        else:
            self._try_result(trace, metric)

    def _try_result(self, trace: Trace, metric: Any) -> None:
        before = trace.mark()
        try:
            metric.result()
        except Exception:  # whoever reads it, reads it on the host
            trace.back_to(before)
            self._unread.add(id(metric))


class HostStep:
    """A step of training or evaluation, and what the host adds to it.

    Args:
        metrics: which metrics run on the host.
        name_of: gives the name of a metric in the logs.
    """

    def __init__(self, metrics: HostMetrics, name_of: Callable[[Any], str]) -> None:
        self._metrics, self._name_of = metrics, name_of
        self.updates: list[tuple[Any, list[Any]]] = []
        self.unread: list[Any] = []

    def traced(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step, which also returns what the host needs."""

        def function(x: Any, y: Any, sample_weight: Any) -> Any:
            with self._metrics.tracing(self):
                logs = step(x, y, sample_weight)
            if not self.updates and not self.unread:
                return logs
            return logs, [values for _, values in self.updates]

        return function

    def finish(self, result: Any) -> Any:
        """Update the metrics with what the step gave; the logs, completed."""
        if not self.updates and not self.unread:
            return result
        logs, batch = result
        for (metric, _), values in zip(self.updates, batch, strict=True):
            y, y_pred, weight, mask = map_structure(_tensor, values)
            if mask is not None:
                set_keras_mask(y_pred, mask)
            metric.update_state(y, y_pred, sample_weight=weight)
        if isinstance(logs, dict):  # of a train_step that the user has written
            for metric in self.unread:
                value = metric.result()
                named = value if isinstance(value, dict) else {}
                logs = {**logs, **(named or {self._name_of(metric): value})}
        return logs


def _tell(metric: Any, reason: str) -> None:
    warn_user(
        f"The metric {metric.name!r} cannot be part of the compiled step: {reason}.\n"
        "Expected code that only calls operations on its tensors.\n"
        "It runs on the host after each batch. Write it with the functions of "
        "cornu.ops, and with add_variable() for what it keeps, to make it faster.",
        HostMetricWarning,
    )


def _update(metric: Any, values: tuple[Any, Any, Any]) -> None:
    y, y_pred, weight = values
    metric.update_state(y, y_pred, sample_weight=weight)


def _fails_on_numbers(
    metric: Any, values: tuple[Any, Any, Any], error: Exception
) -> bool:
    """Whether it fails alike on numbers: then it is wrong, and not the tracing."""
    with no_trace():
        try:
            metric.reset_state()
            _update(metric, map_structure(_zeros, values))
        except Exception as again:
            return type(again) is type(error) and str(again) == str(error)
        return False


def _zeros(value: Any) -> Any:
    if not isinstance(value, TensorBase):
        return value
    return Tensor(np.zeros(value.shape, value.dtype))


def _tensor(value: Any) -> Any:
    return None if value is None else Tensor(value)
