"""`K.function` and `K.gradients`: programs and gradients of parts of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.compat.phase import PHASE, training_as
from cornu.graph import Spec, SymbolicTensor, Trace, Variable, current
from cornu.graph import gradients as traced_gradients
from cornu.graph.symbolic import Bindings, Call, replay, symbols, unknown_inputs
from cornu.graph.trace import convert
from cornu.graph.tree import flatten
from cornu.training.program import ProgramCache, StepProgram


def gradients(loss: Any, variables: Any) -> Any:
    """Gradients of a symbolic tensor, as symbolic tensors themselves.

    They can go into `K.function`, into further operations, and be differentiated again.

    Args:
        loss: symbolic tensor; where it has axes, its sum is differentiated.
        variables: symbolic tensors that `loss` was computed from, such as `model.input`
            or a layer's output, and variables; one or a list.

    Returns:
        A list with one symbolic tensor per variable, None where `loss` does not depend
        on it.

    Raises:
        TypeError: when `loss` is not symbolic.

    Example:

    >>> import cornu
    >>> x = cornu.Input((2,))
    >>> slope = gradients(x * x, x)[0]
    >>> function([x], [slope])([[[1.0, 3.0]]])
    [array([[2., 6.]], dtype=float32)]
    """
    if not isinstance(loss, SymbolicTensor):
        raise TypeError(
            f"K.gradients was given {loss!r} as the loss.\n"
            "Expected a symbolic tensor, computed from model.input or layer outputs.\n"
            "For concrete tensors use GradientTape."
        )
    wanted = flatten(variables)

    def gradients_of(loss: Any, sources: list[Any]) -> list[Any]:
        if current() is None:
            raise RuntimeError(
                "K.gradients was run op by op.\n"
                "Expected it inside a program, which knows what led to the loss.\n"
                "Call it through K.function or model.predict, without run_eagerly."
            )
        return [g for g in traced_gradients(loss, sources) if g is not None]

    # One trial trace tells which gradients there are.
    with Trace("gradients") as t:
        t.symbols = table = _placeholders(t, [loss, *wanted])
        values = replay([loss, *wanted], table)
        there = [g is not None for g in traced_gradients(values[0], values[1:])]
    known = [v for v, found in zip(wanted, there, strict=True) if found]
    call = Call(gradients_of, (loss, known), {})
    call.outputs = [
        SymbolicTensor(tuple(v.shape), v.dtype, f"d_{v.name}", call) for v in known
    ]
    outputs = iter(call.outputs)
    return [next(outputs) if found else None for found in there]


def _placeholders(trace: Trace, targets: Sequence[Any]) -> Bindings:
    """Traced inputs for all Inputs that the targets depend on."""
    table = Bindings()
    for symbol in unknown_inputs(targets, table):
        # Large enough for the windows of any layer; nothing is computed.
        shape = tuple(251 if n is None else n for n in symbol.shape)
        table[id(symbol)] = trace.input(Spec(shape, symbol.dtype), symbol.name)
    return table


def function(
    inputs: Sequence[Any], outputs: Any, updates: Any = None, **kwargs: Any
) -> Function:
    """A function from some symbolic tensors to others.

    Args:
        inputs: symbolic tensors: `model.input`, a placeholder, one on the way, or
            `K.learning_phase()`, to be called with 0 or 1.
        outputs: what to compute from them: symbolic tensors or variables.
        updates: pairs (variable, new value) to assign at each call.
        name: a label that Keras took.

    Returns:
        `f([arrays])`, which gives a list of NumPy arrays (one array where `outputs` is
        one tensor).

    Raises:
        TypeError: when an input is not symbolic.
        ValueError: when an output depends on an Input that is not among the inputs.

    Example:

    >>> import cornu
    >>> x = cornu.Input((3,))
    >>> double = function([x], [x * 2])
    >>> double([[[1.0, 2.0, 3.0]]])
    [array([[2., 4., 6.]], dtype=float32)]
    """
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(
            f"K.function was given {', '.join(kwargs)}.\nExpected inputs, outputs, "
            "updates and name.\nOptions of one back end have no meaning here."
        )
    return Function(inputs, outputs, updates)


class Function:
    """What `K.function` returns; it is compiled once per shape of its inputs."""

    def __init__(
        self, inputs: Sequence[Any], outputs: Any, updates: Any = None
    ) -> None:
        self._given = list(inputs)  # the learning phase among them
        self.inputs = [x for x in self._given if x is not PHASE]
        for symbol in self.inputs:
            if not isinstance(symbol, SymbolicTensor):
                raise TypeError(
                    f"K.function was given {symbol!r} as an input.\n"
                    "Expected symbolic tensors, such as model.input.\n"
                    "For the learning phase, K.learning_phase() is one as long as "
                    "K.set_learning_phase has not fixed it."
                )
        self._single = not isinstance(outputs, (list, tuple))
        self.outputs = [outputs] if self._single else list(outputs)
        if any(output is None for output in self.outputs):
            raise TypeError(
                "K.function was given None as an output.\n"
                "Expected symbolic tensors; K.gradients gives None where the loss does "
                "not depend on a tensor.\n"
                "Check that the loss is computed from that very tensor."
            )
        self.updates = [tuple(pair) for pair in updates or []]
        targets = [*self.outputs, *(value for _, value in self.updates)]
        known = Bindings({id(x): None for x in self.inputs})
        for missing in unknown_inputs(targets, known):
            raise ValueError(
                f"K.function: an output depends on the Input {missing.name!r} (shape "
                f"{missing.shape}), which is not among the inputs.\n"
                "Expected every Input that the outputs depend on.\n"
                f"Add it: K.function([..., {missing.name}], outputs)."
            )
        self._targets = targets
        self._programs = ProgramCache()

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Compute the outputs from one array per input."""
        if not isinstance(inputs, (list, tuple)):
            inputs = [inputs]
        if len(inputs) != len(self._given):
            raise ValueError(
                f"This function was called with {len(inputs)} arrays.\n"
                f"Expected {len(self._given)}, one per input, in a list.\n"
                "Write f([x]) for a function of one input."
            )
        training = None
        if len(self._given) > len(self.inputs):
            pairs = list(zip(self._given, inputs, strict=True))
            training = bool(next(x for symbol, x in pairs if symbol is PHASE))
            inputs = [x for symbol, x in pairs if symbol is not PHASE]
        arrays = [
            np.asarray(value, symbol.dtype, order="C")
            for value, symbol in zip(inputs, self.inputs, strict=True)
        ]
        for array, symbol in zip(arrays, self.inputs, strict=True):
            _check_shape(array, symbol)
        specs = [Spec(a.shape, a.dtype.name) for a in arrays]
        key = (*specs, training)
        program = self._programs.get(key, lambda: self._make(specs, training))
        found = program(arrays)
        return found[0] if self._single else found

    def _make(self, specs: list[Spec], training: bool | None) -> StepProgram:
        nest = [[True] * len(specs)]

        def compute(values: list[Any]) -> list[Any]:
            with training_as(training):
                return self._compute(values)

        return StepProgram("function", compute, nest, specs, self._programs.workspace)

    def _compute(self, values: list[Any]) -> list[Any]:
        table = Bindings()
        for symbol, value in zip(self.inputs, values, strict=True):
            table[id(symbol)] = value
        with symbols(table):
            found = replay(self._targets, table)
            n = len(self.outputs)
            outputs = [convert(value) for value in found[:n]]
            for (variable, _), value in zip(self.updates, found[n:], strict=True):
                assert isinstance(variable, Variable)
                variable.assign(value)
        return outputs


def _check_shape(array: np.ndarray, symbol: SymbolicTensor) -> None:
    fits = array.ndim == len(symbol.shape) and all(
        n is None or n == m for n, m in zip(symbol.shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"This function was given an array of shape {array.shape} for its input "
            f"{symbol.name!r}.\nExpected {symbol.shape}.\nReshape the array."
        )
