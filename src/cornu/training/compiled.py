"""The losses and metrics that `compile` was given, matched with outputs and targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import reduce
from itertools import count, zip_longest
from typing import Any

import numpy as np

from cornu import losses, metrics, ops, optimizers
from cornu.graph.messages import nearest
from cornu.graph.tree import flatten, map_structure
from cornu.losses.targets import kind_of
from cornu.registry import to_snake_case
from cornu.serialization import deserialize_keras_object
from cornu.training.host_metrics import HostMetrics
from cornu.training.nesting import (
    NoSuchOutput,
    Place,
    by_leaf,
    is_deep,
    is_structured,
    places,
)


def by_output(value: Any, names: list[str], what: str) -> list[Any]:
    """A setting of `compile` as one entry per output.

    Args:
        value: one for all outputs, a list in their order, or a dict by their names.
        names: the names of the outputs.
        what: name of the argument, for messages.

    Raises:
        ValueError: when the number or a name does not fit.
    """
    if isinstance(value, dict):
        for key in value:
            if key not in names:
                raise NoSuchOutput(
                    f"{what} has an entry for the output {key!r}.\n"
                    f"Expected names of outputs: {', '.join(names)}.\n"
                    f"{nearest(key, names)}"
                )
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(
                f"{what} has {len(value)} entries, but the model has {len(names)} "
                f"outputs ({', '.join(names)}).\nExpected one entry per output.\n"
                "Pass a list of that length, or a dict by the outputs' names."
            )
        return list(value)
    return [value] * len(names)


def revived(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` that a description holds.

    Args:
        config: what `get_compile_config` gave.

    Raises:
        ValueError: when a loss, metric or optimizer is unknown.
    """

    def revive(room: Any, given: Any) -> Any:
        if isinstance(given, dict) and "class_name" not in given:
            return {name: revive(room, each) for name, each in given.items()}
        if isinstance(given, (list, tuple)):
            return [revive(room, each) for each in given]
        if not isinstance(given, dict) or "module" in given:
            return deserialize_keras_object(given)  # a loss may be a metric
        return room.deserialize(given)

    rooms = {"optimizer": optimizers, "loss": losses}
    rooms |= dict.fromkeys(("metrics", "weighted_metrics"), metrics)
    given = {k: revive(v, config[k]) for k, v in rooms.items() if config.get(k)}
    return {**config, **given}


class CompiledLoss:
    """The loss of a model: one function per output, weighted and added up.

    Args:
        loss: what `compile` was given.
        loss_weights: weights of the outputs' losses.
    """

    def __init__(self, loss: Any, loss_weights: Any = None) -> None:
        self.loss, self.loss_weights = loss, loss_weights
        self.functions: list[Callable[..., Any] | None] | None = None
        self.trackers: list[Any] = []  # one per loss, where there are several
        self._places: list[Place] = []
        # Names are looked up at once, so that compile() itself tells of a misspelling.
        _look_up(loss)
        _check_weights(loss_weights)

    def takes_indices(self) -> bool:
        """Whether it is one loss, and its targets are class indices."""
        parts = flatten(self.loss)
        return len(parts) == 1 and kind_of(as_loss(parts[0])) == "indices"

    def build(
        self,
        names: list[str],
        where: Any = None,
        labels: list[str | None] | None = None,
    ) -> None:
        """Match the losses with the outputs.

        Args:
            names: names of the outputs.
            where: their nesting, as numbers; a list by default.
            labels: what logs call them. As in Keras, the loss of one without a name
                has the name of its function there.
        """
        where = list(range(len(names))) if where is None else where
        if is_structured(self.loss, where):
            found = places(self.loss, self.loss_weights, where, names)
        else:
            given = by_output(self.loss, names, "loss")
            weights = by_output(self.loss_weights, names, "loss_weights")
            found = list(map(Place, range(len(names)), names, given, weights))
        if labels is not None and len(names) > 1:
            found = _named_by_loss(found, labels)
        found = [place._replace(loss=as_loss(place.loss)) for place in found]
        self._places = [place for place in found if place.loss is not None]
        of_output = {p.where: p.loss for p in found if isinstance(p.where, int)}
        self.functions = [of_output.get(i) for i in range(len(names))]
        if len(self._places) > 1:
            self.trackers = [
                metrics.Mean(name=f"{place.name}_loss") for place in self._places
            ]

    def __call__(
        self, y: list[Any], y_pred: list[Any], sample_weight: list[Any]
    ) -> Any:
        """The total over the outputs, or None where no output has a loss."""
        assert self.functions is not None
        total = None
        for place, tracker in zip_longest(self._places, self.trackers):
            first = flatten(place.where)[0]
            targets, outputs = (
                map_structure(lambda i, of=values: of[i], place.where)
                for values in (y, y_pred)
            )
            if all(each is None for each in flatten(targets)):
                continue
            value = place.loss(targets, outputs, sample_weight[first])
            if tracker is not None:
                tracker.update_state(value, sample_weight=y_pred[first].shape[0])
            if place.weight is not None:
                value = value * float(np.reshape(place.weight, ()))
            total = value if total is None else total + value
        return total


def _named_by_loss(found: list[Place], labels: list[str | None]) -> list[Place]:
    """Losses of outputs without a name, called by their functions, none twice."""
    used: set[str] = set()
    renamed = []
    for place in found:
        name = place.name
        if isinstance(place.where, int) and labels[place.where] is None:
            way = name.rpartition("/")
            if way[2] == f"output_{place.where + 1}":
                name = f"{way[0]}{way[1]}{_name_of_loss(place.loss)}"
        numbered = (f"{name}_{i}" if i else name for i in count())
        if place.loss is not None:
            name = next(each for each in numbered if each not in used)
            used.add(name)
        renamed.append(place._replace(name=name))
    return renamed


def _name_of_loss(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    if isinstance(loss, (list, tuple)):  # their sum
        return "_".join(map(_name_of_loss, loss))
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None)
    return name if isinstance(name, str) else "loss"


def _look_up(loss: Any) -> None:
    """Raise where a structure of losses holds a name that is none."""
    if isinstance(loss, dict) and "class_name" not in loss:
        loss = list(loss.values())
    if isinstance(loss, (list, tuple)):
        for each in loss:
            _look_up(each)
    else:
        as_loss(loss)


def _check_weights(given: Any) -> None:
    """Raise where a weight of a loss is no number."""
    for each in flatten(given):
        if each is not None and not isinstance(each, str) and np.size(each) != 1:
            raise ValueError(
                f"loss_weights holds an array of shape {np.shape(each)}.\n"
                "Expected one number per loss, which the loss of an output is "
                "multiplied by.\n"
                "For a weight per sample pass sample_weight= to fit; or change the "
                "loss function."
            )


def as_loss(identifier: Any) -> Callable[..., Any] | None:
    """A function `f(y_true, y_pred, sample_weight)` from a name, function or object.

    Of a list of them it gives the sum, as Keras does.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (list, tuple)):
        parts = [each for each in map(as_loss, identifier) if each is not None]
        return _sum_of(parts) if len(parts) > 1 else next(iter(parts), None)
    if isinstance(identifier, str) and identifier in ("crossentropy", "ce"):
        return losses.LossFunctionWrapper(crossentropy, name="crossentropy")
    found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    name = getattr(found, "__name__", "loss")
    return losses.LossFunctionWrapper(found, name=name)


def _sum_of(parts: list[Callable[..., Any]]) -> Callable[..., Any]:
    def loss(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        values = [part(y_true, y_pred, sample_weight) for part in parts]
        return reduce(ops.add, values)

    return loss


def crossentropy(y_true: Any, y_pred: Any) -> Any:
    """The binary, sparse or one-hot crossentropy, as the shapes say."""
    return {
        metrics.BinaryAccuracy: losses.binary_crossentropy,
        metrics.SparseCategoricalAccuracy: losses.sparse_categorical_crossentropy,
        metrics.CategoricalAccuracy: losses.categorical_crossentropy,
    }[accuracy_for(y_true, y_pred)](y_true, y_pred)


class CompiledMetrics(metrics.Metric):
    """The metrics that `compile` was given, made when the first batch is known.

    They are one metric of the model, 'compile_metrics', so that a `train_step` of the
    user's own can update all of them by `update_state(y, y_pred)`.

    Args:
        given: what `compile` was given as metrics.
        weighted: what it was given as weighted_metrics.
        by_output: gives the names of the outputs, what logs call them or None, their
            nesting, and lists of outputs, targets and weights.
    """

    def __init__(
        self, given: Any, weighted: Any, by_output: Callable[..., Any]
    ) -> None:
        super().__init__(name="compile_metrics")
        self.given, self.weighted, self._by_outputs = given, weighted, by_output
        self._placed: list[tuple[int, Any, bool]] | None = None
        self.names: dict[int, str] = {}  # by the object's id: what logs call it
        self.host = HostMetrics()
        self.wanted = any(x is not None for x in flatten([given, weighted]))
        for each in [*flatten(given), *flatten(weighted)]:
            if isinstance(each, str) and each.lower() not in ("accuracy", "acc"):
                metrics.get(each)

    def build(
        self,
        names: list[str],
        y: list[Any],
        y_pred: list[Any],
        where: Any = None,
        labels: list[str | None] | None = None,
    ) -> None:
        """Make the metric objects, which may depend on the shapes.

        Args:
            names: names of the outputs.
            y: targets, one per output.
            y_pred: the outputs.
            where: their nesting, as numbers; a list by default.
            labels: what stands before the names of their metrics in logs, as in Keras:
                nothing where a class does not name its outputs.
        """
        if self._placed is not None:
            return
        if labels is None:
            labels = list(names) if len(names) > 1 else [None]
        found = []
        for setting, weighted in ((self.given, False), (self.weighted, True)):
            for i, wanted in enumerate(self._by_output(setting, names, where)):
                for each in flatten(wanted):
                    if each is not None:
                        metric = as_metric(each, y[i], y_pred[i])
                        found.append((i, metric, weighted))
                        name = self._log_name(metric.name, labels[i], weighted)
                        self.names[id(metric)] = name
        self._placed = found

    def _log_name(self, name: str, output: str | None, weighted: bool) -> str:
        """A name that no other metric has, made as in Keras."""
        used = set(self.names.values())
        prefix = f"{output}_" if output else ""
        if weighted and prefix + name in used:
            name = f"weighted_{name}"
        name = prefix + name
        numbered = (f"{name}_{i}" if i else name for i in count())
        return next(each for each in numbered if each not in used)

    @staticmethod
    def _by_output(setting: Any, names: list[str], where: Any) -> list[Any]:
        if setting is None:
            return [None] * len(names)
        if is_deep(where):
            return by_leaf(setting, where, names)
        several = isinstance(setting, (list, tuple)) and len(names) > 1
        if isinstance(setting, dict) or (several and len(setting) == len(names)):
            return by_output(setting, names, "metrics")
        # One list for all: every output gets metrics of its own.
        return [setting] * len(names)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch to the state of every metric.

        Args:
            y_true: targets, nested as the outputs are.
            y_pred: the outputs of the model.
            sample_weight: weights, for the weighted ones.
        """
        if not self.wanted or y_true is None:
            return
        given = self._by_outputs(y_pred, y_true, sample_weight)
        names, labels, where, (outputs, y, weights) = given
        self.build(names, y, outputs, where, labels)
        for i, metric, weighted in self._placed or []:
            if y[i] is not None:
                weight = weights[i] if weighted else None
                self.host.update(metric, y[i], outputs[i], weight)

    def result(self) -> dict[str, Any]:
        """The values of all by their names in logs."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            if not self.host.read_later(metric):
                value = metric.result()
                name = self.names[id(metric)]
                found.update(value if isinstance(value, dict) else {name: value})
        return found

    def reset_state(self) -> None:
        """Begin anew, all of them."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def variables(self) -> list[Any]:
        """The variables of all of them."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def metrics(self) -> list[Any]:
        """The metrics, once the first batch is known."""
        return [metric for _, metric, _ in self._placed or []]


def as_metric(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """A metric object from a name, function or object.

    'accuracy' means the binary, sparse or one-hot kind, as the shapes say.
    """
    if isinstance(identifier, metrics.Metric):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return accuracy_for(y_true, y_pred)(name=identifier)
    found = metrics.get(identifier)
    if isinstance(found, type):
        found = found()
    name = identifier if isinstance(identifier, str) else getattr(found, "name", None)
    name = name or to_snake_case(getattr(found, "__name__", type(found).__name__))
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(_matching(found), name=name)
    found.name = name
    return found


def _matching(function: Any) -> Any:
    """A user's function, which meets targets (n,) as (n, 1) beside such outputs.

    As losses do, and Keras 1 and 2 did; Keras 3 lets the difference be (n, n).
    """
    if getattr(function, "__module__", "").startswith("cornu."):
        return function  # ours match them already

    @functools.wraps(function)
    def matching(y_true: Any, y_pred: Any, **kwargs: Any) -> Any:
        if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
            y_true = ops.expand_dims(y_true, -1)
        return function(y_true, y_pred, **kwargs)

    return matching


def accuracy_for(y_true: Any, y_pred: Any) -> Any:
    """The accuracy that fits targets and outputs of these shapes, as in Keras.

    Outputs of shape (n,) are one number per sample, as (n, 1); Keras takes n for the
    number of classes.
    """
    last = y_pred.shape[-1] if y_pred.ndim > 1 else 1
    if last == 1:
        return metrics.BinaryAccuracy
    sparse = y_true.ndim < y_pred.ndim or (y_true.shape[-1] == 1 and last > 1)
    return metrics.SparseCategoricalAccuracy if sparse else metrics.CategoricalAccuracy
