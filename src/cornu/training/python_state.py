"""What metrics of the user's keep in Python, as numbers and text: no pickle.

A metric that runs on the host may count in attributes of its own. A backup within an
epoch keeps those that have changed since the epoch began, where they are made of
numbers, text, arrays and tensors, in lists, tuples, dicts and sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from cornu.graph.eager import Tensor, as_array, is_native
from cornu.graph.messages import warn_user
from cornu.graph.tensor import TensorBase
from cornu.metrics import MeanMetricWrapper, Metric

_OPAQUE = (BuiltinFunctionType, FunctionType, MethodType, ModuleType, TensorBase, type)


def fingerprint(value: Any, depth: int = 4) -> Any:
    """Something that compares equal as long as nothing in `value` was changed."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.name, value.tobytes())
    if isinstance(value, (*_OPAQUE, Metric)) or not depth:
        return id(value)
    if isinstance(value, dict):
        return {k: fingerprint(v, depth - 1) for k, v in list(value.items())}
    if isinstance(value, (list, tuple)):
        return [fingerprint(v, depth - 1) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    inner = getattr(value, "__dict__", None)
    if inner is None:
        return repr(value)
    return (id(value), fingerprint(inner, depth - 1))


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the attributes whose fingerprints differ."""
    names = [*after, *(name for name in before if name not in after)]
    return [n for n in names if before.get(n) != after.get(n)]


def is_ours(metric: Any) -> bool:
    """Whether nothing of the user's is in it: then an error is an error."""
    parts: list[Any] = [type(metric)]
    if isinstance(metric, MeanMetricWrapper):
        parts.append(metric._fn)
    return all(
        str(getattr(each, "__module__", "")).startswith("cornu.") for each in parts
    )


class PythonState:
    """The attributes of a model's metrics that change within an epoch.

    Args:
        model: the model; only metrics of the user's own are looked at.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._before: dict[str, Any] = {}
        self._told = False

    def note(self) -> None:
        """Note how the metrics are now, where an epoch begins."""
        self._before = {k: fingerprint(vars(m)) for k, m in self._metrics()}

    def get(self) -> dict[str, Any]:
        """What has changed since, for `packing.pack`; by the metrics' places."""
        found: dict[str, Any] = {}
        for key, metric in self._metrics():
            names = changed(self._before.get(key, {}), fingerprint(vars(metric)))
            own = vars(metric)
            try:
                found[key] = {n: _as_data(own[n], n) for n in names if n in own}
            except TypeError as error:
                self._tell(metric, str(error))
        return {key: state for key, state in found.items() if state}

    def set(self, state: dict[str, Any]) -> None:
        """Begin anew, and then with what `get` gave."""
        for key, metric in self._metrics():
            metric.reset_state()
            self._before[key] = fingerprint(vars(metric))
            for name, value in state.get(key, {}).items():
                setattr(metric, name, _from_data(value))

    def _metrics(self) -> Iterator[tuple[str, Any]]:
        for i, metric in enumerate(self._model._each_metric):
            if not is_ours(metric):
                yield f"{i} {type(metric).__name__}", metric

    def _tell(self, metric: Any, what: str) -> None:
        if self._told:
            return
        self._told = True
        warn_user(
            f"The metric {metric.name!r} keeps {what}, which a backup cannot hold.\n"
            "Expected numbers, text, arrays and tensors, in lists, tuples, dicts and "
            "sets.\n"
            "Where the training goes on within an epoch, this metric begins anew. Keep "
            "such values, or use add_variable().",
            UserWarning,
        )


_MAKERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def _as_data(value: Any, where: str) -> Any:
    """A value as `packing` takes it, with a word for each kind that it does not know.

    Raises:
        TypeError: for other objects; the message names one and its place.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Tensor) or is_native(value):
        return {"tensor": np.array(as_array(value))}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return {"number": np.asarray(value)}
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        return {"array": value}
    kind = type(value).__name__
    if kind in _MAKERS and type(value) is _MAKERS[kind]:
        parts: Any = value
        return {kind: [_as_data(v, f"{where}[{i}]") for i, v in enumerate(parts)]}
    if type(value) is dict:
        pairs = [
            [_as_data(k, where), _as_data(v, f"{where}[{k!r}]")]
            for k, v in value.items()
        ]
        return {kind: pairs}
    raise TypeError(f"an object of {kind} in `self.{where}`")


def _from_data(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    ((kind, value),) = data.items()
    if kind == "tensor":
        return Tensor(value)
    if kind == "number":
        return value[()]
    if kind == "array":
        return value
    if kind == "dict":
        return {_from_data(k): _from_data(v) for k, v in value}
    return _MAKERS[kind](_from_data(v) for v in value)
