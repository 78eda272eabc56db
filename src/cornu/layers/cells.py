"""What the cells of recurrent layers have in common: arguments, weights, dropout."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.graph.trace import current
from cornu.layers.layer import Layer
from cornu.layers.tracking import CALLS
from cornu.ops.random import SeedGenerator

_MODULES = {
    "activation": activations,
    "constraint": constraints,
    "initializer": initializers,
    "regularizer": regularizers,
}


def arguments(local: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an `__init__` by name, from its `locals()`, without **kwargs."""
    return {k: v for k, v in local.items() if k not in ("self", "kwargs", "__class__")}


class DropoutRNNCell:
    """What a cell with dropout inherits from, besides Layer: masks that stay.

    It has the attributes `dropout`, `recurrent_dropout` and `seed_generator`, and
    `dropout_mask_count` where each gate has a mask of its own. A mask is made when it
    is first asked for, and is the same in all steps until it is reset, which an RNN
    does after each sequence.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: SeedGenerator
    dropout_mask_count: int | None = None

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Factors for the input of a step, 0 or 1 / (1 - rate); None without dropout.

        Args:
            step_input: the input of one step, whose shape the mask has.

        Returns:
            A tensor, or a list of `dropout_mask_count` tensors.
        """
        return self._mask("dropout", step_input)

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """The same for a state."""
        return self._mask("recurrent_dropout", step_input)

    def reset_dropout_mask(self) -> None:
        """Forget the mask for inputs: the next one will be another."""
        self.__dict__.pop("_dropout_mask", None)

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget the mask for states."""
        self.__dict__.pop("_recurrent_dropout_mask", None)

    def _mask(self, which: str, step_input: Any) -> Any:
        rate = getattr(self, which)
        if not rate:
            return None
        # The mask of another trace, or of another batch, is none for this one.
        key = (_place(), tuple(step_input.shape), step_input.dtype)
        known = self.__dict__.get(f"_{which}_mask")
        if known is None or known[0] != key:
            known = self.__dict__[f"_{which}_mask"] = (
                key,
                self._new_mask(step_input, rate),
            )
        return known[1]

    def _new_mask(self, step_input: Any, rate: float) -> Any:
        def one() -> Any:
            if rate >= 1:
                return ops.zeros_like(step_input)
            ones = ops.ones_like(step_input)
            return ops.dropout(ones, self.seed_generator.next(), rate)

        count = self.dropout_mask_count
        return one() if count is None else [one() for _ in range(count)]


def _place() -> int | None:
    """The outermost trace around us; None in eager mode."""
    trace = current()
    while trace is not None and trace.parent is not None:
        trace = trace.parent
    return None if trace is None or trace.around_is_eager else id(trace)


class Cell(DropoutRNNCell, Layer):
    """Base of cells with many arguments, which are kept under their names.

    A name that ends in activation, initializer, regularizer or constraint tells how the
    argument becomes an object, and how that is described.
    """

    bias_initializer: Any
    unit_forget_bias = False

    def _keep(self, given: dict[str, Any]) -> None:
        self._own = tuple(given)
        for name, value in given.items():
            module = _MODULES.get(name.rpartition("_")[2])
            setattr(self, name, value if module is None else module.get(value))

    def own_config(self) -> dict[str, Any]:
        """The arguments that were kept, as plain data."""
        config = {}
        for name in self._own:
            module, value = _MODULES.get(name.rpartition("_")[2]), getattr(self, name)
            config[name] = value if module is None else module.serialize(value)
        return config

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.own_config()}

    def _refuse(self, name: str, value: Any, expected: str, fix: str) -> None:
        raise ValueError(
            f"{type(self).__name__} was given {name}={value!r}.\n"
            f"Expected {expected}.\n{fix}"
        )

    def _check_size(self, name: str, value: Any) -> int:
        good = isinstance(value, Integral) and not isinstance(value, bool)
        if not good or value <= 0:
            example = f"For example {type(self).__name__.removesuffix('Cell')}(32)."
            self._refuse(name, value, "a positive whole number", example)
        return int(value)

    def _check_rates(self, given: dict[str, Any]) -> None:
        for name in ("dropout", "recurrent_dropout"):
            value = given[name]
            if not isinstance(value, Real) or not 0 <= float(value) <= 1:
                what = "a number from 0 to 1, the part that is dropped"
                self._refuse(name, value, what, f"For example {name}=0.2.")

    def _weight(self, name: str, shape: tuple[int, ...]) -> Any:
        kind = name.removesuffix("_kernel")
        initializer = getattr(self, f"{kind}_initializer")
        if kind == "bias" and self.unit_forget_bias:
            initializer = forget_bias(initializer)
        return self.add_weight(
            shape,
            initializer,
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
            name=name,
        )

    def _title(self) -> str:
        # Who wrote LSTM(32) knows of no cell in it.
        around: Any = CALLS.stack[-1] if CALLS.stack else None
        inside = getattr(around, "cell", None) is self
        return around._title() if inside else super()._title()


def forget_bias(initializer: Callable[..., Any]) -> Callable[..., Any]:
    """An initializer of the biases of four gates: ones for the second, forget gate."""

    def initial(shape: tuple[int, ...], dtype: Any = None) -> Any:
        units = shape[0] // 4
        parts = [
            initializer((units,), dtype=dtype),
            initializers.Ones()((units,), dtype=dtype),
            initializer((2 * units,), dtype=dtype),
        ]
        return ops.concatenate(parts, 0)

    return initial


class RecurrentCell(Cell):
    """Base of the cells that see input @ kernel + bias and h @ recurrent_kernel.

    A subclass keeps its arguments, says in `_step` what one step computes, and in
    `_steps` what all of them do.
    """

    gates = 1
    states = 1

    units: int
    activation: Any
    use_bias: bool

    def __init__(self, *, implementation: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.implementation = implementation

    def _keep(self, given: dict[str, Any]) -> None:
        given["units"] = self._check_size("units", given["units"])
        self._check_rates(given)
        super()._keep(given)
        if self.recurrent_dropout:
            self.implementation = 1
        if self.implementation == 1 and self.gates > 1:
            self.dropout_mask_count = self.gates
        self.seed_generator = SeedGenerator(given["seed"])
        several = self.states > 1
        self.state_size: Any = [self.units] * self.states if several else self.units
        self.output_size = self.units

    # Weights

    def build(self, input_shape: Any) -> None:
        width, wide = input_shape[-1], self.gates * self.units
        if width is None:
            raise ValueError(
                f"{self._title()}: the last axis of its input is open (shape "
                f"{input_shape}).\nExpected a known width, the kernel depends on it.\n"
                "Give the Input a last axis of known size."
            )
        self.kernel = self._weight("kernel", (width, wide))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, wide))
        bias = self._bias_shape() if self.use_bias else None
        self.bias: Any = None if bias is None else self._weight("bias", bias)
        self.built = True

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, one tensor of shape (batch_size, units) for each state."""
        zeros = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [zeros] * self.states

    # Steps

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        nested = isinstance(states, (list, tuple))
        states = list(states) if nested else [states]
        factors, kept = self._dropped(inputs, states[0], training)
        new = self._step(self._project(inputs, factors), states, kept)
        return new[0], new if nested else new[0]

    def sequence(
        self, x: Any, states: Any, mask: Any, go_backwards: bool, training: bool
    ) -> tuple[Any, list[Any]]:
        """All steps at once.

        Args:
            x: inputs of shape (steps, batch, width).
            states: the first states.
            mask: booleans of shape (steps, batch), or None.
            go_backwards: whether to run from the last step to the first.
            training: whether there is dropout.

        Returns:
            The outputs in the order in which they are computed, of shape (steps,
            batch, units), and the last states.
        """
        one = ops.zeros(x.shape[1:], x.dtype)
        factors, kept = self._dropped(one, states[0], training)
        z = self._project(x, factors)
        outputs, *last = self._steps(z, states, mask, kept, go_backwards)
        return ops.flip(outputs, 0) if go_backwards else outputs, last

    def _dropped(self, x: Any, h: Any, training: bool) -> tuple[Any, Any]:
        """What dropout leaves of a step's input, and of its state for each gate."""
        if not training:
            return None, None
        factors, kept = self.get_dropout_mask(x), self.get_recurrent_dropout_mask(h)
        if kept is not None:
            kept = ops.stack(kept if isinstance(kept, list) else [kept])
        return factors, kept

    def _project(self, x: Any, factors: Any) -> Any:
        """x @ kernel + bias; with dropout each gate may see another part of x."""
        if isinstance(factors, list):
            kernels = ops.split(self.kernel, self.gates, -1)
            pairs = zip(factors, kernels, strict=True)
            z = ops.concatenate([ops.matmul(x * f, k) for f, k in pairs], -1)
        else:
            z = ops.matmul(x if factors is None else x * factors, self.kernel)
        bias = self._input_bias()
        return z if bias is None else z + bias

    def _input_bias(self) -> Any:
        return self.bias

    def _step(self, z: Any, states: list[Any], kept: Any) -> list[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no _step.")

    def _steps(
        self, z: Any, states: Any, mask: Any, kept: Any, reverse: bool
    ) -> tuple[Any, ...]:
        raise NotImplementedError(f"{type(self).__name__} has no _steps.")


def named(activation: Any) -> Any:
    """The name of an activation that has one, for kernels to know it by."""
    name = getattr(activation, "__name__", "")
    known = activations.REGISTRY.objects.get(name)
    return name if known is activation else activation
