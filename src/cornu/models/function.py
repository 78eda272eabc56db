"""Function: what lies between symbolic tensors, as a function of arrays."""

from __future__ import annotations

from typing import Any

from cornu.graph import symbolic
from cornu.graph.messages import described
from cornu.graph.symbolic import Bindings, SymbolicTensor, calls_between, replay
from cornu.graph.symbolic import symbols as having
from cornu.graph.tree import flatten, map_structure
from cornu.layers.spec import shape_of, standing_for
from cornu.models import dag
from cornu.operation import Operation


class Function(Operation):
    """The computation that leads from symbolic tensors to others; a Model without fit.

    Args:
        inputs: a symbolic tensor, or a list or dict of them; any, not Inputs alone.
        outputs: symbolic tensors that follow from them.
        name: its name.

    Raises:
        ValueError: when there are none, or the outputs follow from others too.

    Example:

    >>> import cornu, numpy as np
    >>> x = cornu.Input((3,))
    >>> y = x * 2
    >>> Function(y, y + 1)(np.ones((1, 3), "float32")).tolist()
    [[2.0, 2.0, 2.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        for what, nest in (("inputs", inputs), ("outputs", outputs)):
            leaves = flatten(nest)
            symbolic_ones = all(isinstance(leaf, SymbolicTensor) for leaf in leaves)
            if not leaves or not symbolic_ones:
                raise ValueError(
                    f"Function was given {what}={described(nest)}.\n"
                    "Expected symbolic tensors, one at least.\n"
                    "Start from Input(shape=...) and call layers and ops on it."
                )
        self._inputs, self._outputs = inputs, outputs
        calls_between(flatten(outputs), {id(x): None for x in flatten(inputs)})
        self._operations = dag.operations(flatten(inputs), flatten(outputs))

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, in a list."""
        return flatten(self._inputs)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, in a list."""
        return flatten(self._outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and functions in between, in order; each has a name."""
        # A tensor that is made elsewhere enters here; its place is no part of this.
        made = {id(x) for x in self.inputs if x.call is not None}
        parts = [p for p in self._operations if id(p.calls[0]) not in made]
        return dag.named_parts(parts)

    def call(self, inputs: Any) -> Any:
        """Compute the outputs.

        Args:
            inputs: tensors or arrays, nested as the symbolic inputs are.

        Raises:
            ValueError: when the nesting, or a shape, is another.
        """
        table = Bindings()
        for symbol, value in zip(self.inputs, self._checked(inputs), strict=True):
            table[id(symbol)] = value
        with having(table):
            results = iter(replay(self.outputs, table))
            found = {id(s): next(results) for s in self.outputs}
        return map_structure(lambda s: found[id(s)], self._outputs)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Symbolic tensors of the outputs for such inputs."""
        return symbolic.compute_output_spec(self.call, inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of such shapes."""
        spec = self.compute_output_spec(standing_for(input_shape, "float32"))
        return map_structure(shape_of, spec)

    def _checked(self, inputs: Any) -> list[Any]:
        def outline(nest: Any) -> Any:
            if isinstance(nest, dict):
                return {key: outline(each) for key, each in nest.items()}
            several = isinstance(nest, (list, tuple))
            return [outline(each) for each in nest] if several else None

        if outline(inputs) != outline(self._inputs):
            raise ValueError(
                f"Function {self.name!r} was called on {described(inputs)}.\n"
                f"Expected tensors nested as {described(self._inputs)}.\n"
                "Pass one tensor for each."
            )
        values = flatten(inputs)
        for symbol, value in zip(self.inputs, values, strict=True):
            shape = tuple(value.shape)
            if len(shape) != len(symbol.shape) or any(
                n not in (None, m) and m is not None
                for n, m in zip(symbol.shape, shape, strict=True)
            ):
                raise ValueError(
                    f"Function {self.name!r} was called on a tensor of shape {shape}.\n"
                    f"Expected {tuple(symbol.shape)}.\nReshape it."
                )
        return values
