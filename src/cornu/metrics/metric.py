"""What a metric is: variables that are updated batch by batch, and a result of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cornu import initializers, ops, stateless
from cornu.graph.dispatch import Edged
from cornu.graph.trace import no_trace
from cornu.graph.variable import Variable
from cornu.losses.loss import compute_dtype
from cornu.registry import auto_name, refuse_unknown


class Metric(Edged):
    """Base of all metrics.

    A subclass makes its variables in `__init__` with `add_variable`, changes them in
    `update_state`, and computes its value from them in `result`. All of this is traced
    into the step, if it calls nothing but operations.

    Args:
        dtype: dtype to compute in, floatx by default.
        name: its name.

    Raises:
        TypeError: for arguments that it does not have.

    Example:

    >>> class Largest(Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.largest = self.add_variable((), "zeros", name="largest")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(ops.maximum(self.largest, ops.max(y_pred)))
    ...     def result(self):
    ...         return self.largest.value
    >>> float(Largest()([0.0], [3.0]))
    3.0
    """

    _direction: str | None = None
    _edges = ("__call__", "update_state", "result", "reset_state", "reset_states")
    _edges += (
        "stateless_update_state",
        "stateless_result",
        "stateless_reset_state",
    )

    def __init__(
        self, dtype: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        refuse_unknown(self, kwargs)
        self.name = name or auto_name(type(self).__name__)
        self._dtype = compute_dtype(dtype)
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype that the metric is computed in."""
        return self._dtype

    def add_variable(
        self,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str | None = "sum",
        synchronization: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to this metric.

        Args:
            shape: its shape.
            initializer: name, initializer, or function of shape and dtype.
            dtype: dtype name; the metric's by default.
            aggregation: accepted for Keras: there is one device.
            synchronization: accepted for Keras: there is one device.
            name: its name.

        Returns:
            The variable.

        Raises:
            RuntimeError: when `super().__init__()` was not called before.
        """
        if not hasattr(self, "_variables"):
            raise RuntimeError(
                f"{type(self).__name__} made a variable before it was set up.\n"
                "Expected super().__init__(name=name) as the first statement of "
                "__init__.\nAdd it."
            )
        if isinstance(shape, str):  # Keras 2 had the name first
            shape, name = (), shape
        with no_trace():
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=() if shape is None else tuple(shape),
                dtype=dtype or self._dtype,
                trainable=False,
                name=name,
            )
        variable.path = f"{self.name.replace('/', '>')}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
        aggregation: str | None = None,
        synchronization: Any = None,
    ) -> Variable:
        """The older name of `add_variable`."""
        return self.add_variable(
            shape, initializer, dtype, aggregation, synchronization, name
        )

    @property
    def variables(self) -> list[Variable]:
        """All variables, those of metrics inside this one included."""
        found = {id(v): v for v in self._variables}
        for value in vars(self).values():
            for each in _leaves(value):
                if isinstance(each, Variable):
                    found.setdefault(id(each), each)
                elif isinstance(each, Metric):
                    found.update({id(v): v for v in each.variables})
        return list(found.values())

    weights = variables

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch into account; to be written by subclasses."""
        raise NotImplementedError(
            f"The metric {type(self).__name__} has no method `update_state`.\n"
            "Expected update_state(self, y_true, y_pred, sample_weight=None).\n"
            "Write it in the class."
        )

    def result(self) -> Any:
        """The value now: a tensor of shape (), or a dictionary of them."""
        raise NotImplementedError(
            f"The metric {type(self).__name__} has no method `result`.\n"
            "Expected result(self), which computes the value from the variables.\n"
            "Write it in the class."
        )

    def reset_state(self) -> None:
        """Begin anew: all variables become zero."""
        if type(self).reset_states is not Metric.reset_states:
            self.reset_states()  # a class from the time when this was its name
        else:
            self._clear()

    def reset_states(self) -> None:
        """The older name of `reset_state`."""
        if type(self).reset_state is not Metric.reset_state:
            self.reset_state()
        else:
            self._clear()

    def _clear(self) -> None:
        for v in self.variables:
            v.assign(ops.zeros(v.shape, v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update with a batch, and return the result of all batches until now."""
        self.update_state(*args, **kwargs)
        return self.result()

    # The same as pure functions of the variables' values

    def stateless_update_state(
        self, metric_variables: list[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """The values of the variables after an update that begins with these."""

        def update() -> None:
            self.update_state(*args, **kwargs)

        return stateless.run(self.variables, metric_variables, update)[1]

    def stateless_result(self, metric_variables: list[Any]) -> Any:
        """The result when the variables hold these values."""
        return stateless.run(self.variables, metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The values of the variables after a reset."""
        values = [v.value for v in self.variables]
        return stateless.run(self.variables, values, self.reset_state)[1]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The metric of a `get_config` dictionary."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
