"""Several optimizers at once, each for some of the variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from cornu import serialization
from cornu.graph.variable import Variable
from cornu.optimizers.base import Optimizer
from cornu.optimizers.loss_scale import LossScaleOptimizer


class OptimizerMap(MutableMapping[str, Any]):
    """Which optimizer a variable has, by its path.

    A key is a path, or a regular expression that has to match the whole path.

    Args:
        default_optimizer: for variables that no key matches.
        optimizer_map: dictionary of keys and optimizers.

    Example:

    >>> from cornu.optimizers import SGD, Adam
    >>> chosen = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> type(chosen["encoder/dense/kernel"]).__name__, type(chosen["head"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(
        self,
        default_optimizer: Optimizer,
        optimizer_map: dict[str, Any] | None = None,
    ) -> None:
        _check_part(default_optimizer)
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                f"OptimizerMap was given optimizer_map={optimizer_map!r}.\n"
                "Expected a dictionary of paths and optimizers, or None.\n"
                "Write {'encoder/.*': Adam()}, for example."
            )
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Any] = {}
        self.update(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Any:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [each for each in self._optimizer_map if re.fullmatch(each, key)]
        if len(found) > 1:
            raise ValueError(
                f"The variable {key!r} has several optimizers: {', '.join(found)}.\n"
                "Expected at most one key of the OptimizerMap that matches it.\n"
                "Make the keys narrower."
            )
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if not isinstance(key, str) or key in self._optimizer_map:
            raise ValueError(
                f"OptimizerMap was given the key {key!r}.\n"
                "Expected a path that it does not have yet, as a string.\n"
                "Delete the entry first, or choose another key."
            )
        _check_part(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Any:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this map again."""
        serialize = serialization.serialize_keras_object
        return {
            "default_optimizer": serialize(self._default_optimizer),
            "optimizer_map": serialize(self._optimizer_map),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The map of a `get_config` dictionary."""
        revive = serialization.deserialize_keras_object
        return cls(
            revive(config["default_optimizer"], custom_objects=custom_objects),
            revive(config["optimizer_map"], custom_objects=custom_objects),
        )


def _check_part(optimizer: Any) -> None:
    if isinstance(optimizer, Optimizer) and not isinstance(
        optimizer, (LossScaleOptimizer, MultiOptimizer)
    ):
        return
    kind = ValueError if isinstance(optimizer, Optimizer) else TypeError
    raise kind(
        f"{optimizer!r} was given as an optimizer of some of the variables.\n"
        "Expected an optimizer that wraps no other.\n"
        "Pass Adam(), for example, or wrap the whole in LossScaleOptimizer."
    )


class MultiOptimizer(Optimizer):
    """Hands each variable to an optimizer of its own.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable that returns its
            optimizer.
        loss_scale_factor: factor of the loss, in place of those of the optimizers.
        name: its name.

    Raises:
        AttributeError: when its learning rate is asked for: each optimizer has its own.
    """

    _inner: Sequence[Any] = ()

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Any],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._inner = []
        if isinstance(optimizer_map, OptimizerMap):
            for each in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._enter(each)

    def _enter(self, optimizer: Any) -> int:
        """The place of an optimizer, which is added where it is new."""
        _check_part(optimizer)
        for i, known in enumerate(self._inner):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner = [*self._inner, optimizer]
        return len(self._inner) - 1

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self._place = {id(v): self._enter(self._optimizer_map(v)) for v in variables}
        for i, optimizer in enumerate(self._inner):
            own = [v for v in variables if self._place[id(v)] == i]
            if own:
                optimizer.build(own)
        super().build(variables)

    @property
    def optimizers(self) -> list[Any]:
        """The optimizers, in the order in which they were met."""
        return list(self._inner)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, and those of all optimizers."""
        return [*self._variables, *(v for each in self._inner for v in each.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none: each optimizer has its own."""
        raise AttributeError(_NO_RATE)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(_NO_RATE)

    lr = learning_rate

    @property
    def loss_scale_factor(self) -> float | None:
        """Factor of the loss, the same for all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for each in self._inner:
            each.loss_scale_factor = value

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_of(grads, trainable_variables)
        for i, optimizer in enumerate(self._inner):
            pairs = [
                (g, v)
                for g, v in zip(grads, variables, strict=True)
                if self._place[id(v)] == i
            ]
            if pairs:
                optimizer.apply([g for g, _ in pairs], [v for _, v in pairs])
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        for i, optimizer in enumerate(self._inner):
            own = [v for v in var_list if self._place[id(v)] == i]
            if own:
                optimizer.finalize_variable_values(own)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None):
        """Raises: each optimizer has a weight decay of its own.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"exclude_from_weight_decay was called on {self.name}.\n"
            "Expected the call on one of its optimizers, which have the weight decay.\n"
            "Call it on them before you make the MultiOptimizer."
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        found = serialization.deserialize_keras_object(
            config["optimizer_map"], custom_objects=custom_objects
        )
        return cls(**{**config, "optimizer_map": found})


_NO_RATE = (
    "The learning rate of a MultiOptimizer was asked for.\n"
    "Expected that of one of its optimizers: each has its own.\n"
    "Use optimizer.optimizers[0].learning_rate, for example."
)
