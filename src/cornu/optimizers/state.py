"""What an optimizer keeps: its own variables, and how files hold them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import initializers
from cornu.graph import config
from cornu.graph.trace import no_trace
from cornu.graph.variable import Variable


class OptimizerState:
    """The variables of an optimizer; a part of `Optimizer`."""

    name: str
    _variables: list[Variable]

    @property
    def variables(self) -> list[Variable]:
        """All of the optimizer's own variables: iteration, learning rate, and slots."""
        return list(self._variables)

    @property
    def weights(self) -> list[Variable]:
        """The same as `variables`."""
        return self.variables

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the optimizer's own.

        Args:
            shape: its shape.
            initializer: name, initializer, or function of shape and dtype.
            dtype: dtype name, floatx by default.
            name: its name.

        Returns:
            The variable, which is not trainable.
        """
        with no_trace():
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype or config.floatx(),
                trainable=False,
                name=name,
            )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: Any = "zeros",
    ) -> Variable:
        """Make a variable of the shape and dtype of another.

        Args:
            reference_variable: the variable that it belongs to.
            name: what it is ("momentum"); the other's path is put before.
            initializer: name, initializer, or function of shape and dtype.

        Returns:
            The variable, which is not trainable.
        """
        path = reference_variable.path.replace("/", "_")
        variable = self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            f"{path}_{name or 'var'}",
        )
        variable.reference = reference_variable
        return variable

    def add_optimizer_variables(
        self,
        trainable_variables: Sequence[Variable],
        name: Any,
        initializer: Any = "zeros",
    ) -> Any:
        """Make one variable for each, or several under several names.

        Args:
            trainable_variables: the variables that they belong to.
            name: what they are; a list of names gives a tuple of lists.
            initializer: name, initializer, or function of shape and dtype.

        Returns:
            A list of variables, or a tuple of such lists.
        """
        names = [name] if isinstance(name, str) else list(name)
        made: list[list[Variable]] = [[] for _ in names]
        for variable in trainable_variables:
            for each, kind in zip(made, names, strict=True):
                each.append(
                    self.add_variable_from_reference(variable, kind, initializer)
                )
        return made[0] if isinstance(name, str) else tuple(made)

    def get_weights(self) -> list[np.ndarray]:
        """The values of `variables` as NumPy arrays."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the values of `variables`.

        Args:
            weights: one array per variable, as `get_weights` gives them.

        Raises:
            ValueError: when their number or a shape does not fit.
        """
        if len(weights) != len(self.variables):
            raise ValueError(
                f"{self.name} was given {len(weights)} arrays, but has "
                f"{len(self.variables)} variables.\nExpected one array per variable.\n"
                "Call build(trainable_variables) before, if it was not built."
            )
        for v, value in zip(self.variables, weights, strict=True):
            v.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Enter the values of `variables` in a mapping, under '0', '1', ..."""
        for i, v in enumerate(self.variables):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the values of `variables` from such a mapping."""
        if len(store) != len(self.variables):
            warnings.warn(
                f"The state of {self.name} was not loaded: the file holds "
                f"{len(store)} arrays, the optimizer {len(self.variables)} "
                "variables.\nExpected equal numbers.\n"
                "Build the model and compile it with the same optimizer first.",
                stacklevel=2,
            )
            return
        for i, v in enumerate(self.variables):
            v.assign(np.asarray(store[str(i)]))
