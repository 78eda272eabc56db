"""A fully connected layer whose product is written as an equation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.initializers import VarianceScaling
from cornu.layers.layer import Layer
from cornu.layers.spec import InputSpec, sizes

# X,Y->Z with the same `...` in front of X and Z, or behind both, or nowhere.
_EQUATION = re.compile(
    r"(?P<left>\.\.\.)?(?P<x>[a-zA-Z]+)(?P<right>\.\.\.)?,(?P<kernel>[a-zA-Z]+)->"
    r"(?(left)\.\.\.)(?P<y>[a-zA-Z]+)(?(right)\.\.\.)"
)


class _Shapes(NamedTuple):
    """What an equation says of the weights.

    Attributes:
        kernel: shape of the kernel.
        bias: shape of the bias, which broadcasts to the output; None without one.
        fan_in: axes of the kernel that come from the input.
        fan_out: axes of the kernel that go to the output.
    """

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    fan_in: list[int]
    fan_out: list[int]


class EinsumDense(Layer):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: names of the axes of input, kernel and output, as "abc,cd->abd"; `...`
            in front of (or behind) those of input and output stands for further axes.
        output_shape: sizes of the output without the batch and without those of `...`;
            None where the input's is taken.
        activation: name or function; none by default.
        bias_axes: names of the output's axes along which there is a bias; none by
            default.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: when the equation has another form, or does not fit the input.

    Example:

    >>> import numpy as np
    >>> layer = EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")
    >>> layer(np.zeros((2, 3, 4), "float32")).shape
    (2, 3, 5)
    """

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        found = _EQUATION.fullmatch(str(equation).replace(" ", ""))
        if found is None or (found["left"] and found["right"]):
            raise ValueError(
                f"EinsumDense was given equation={equation!r}.\n"
                "Expected 'X,Y->Z', '...X,Y->...Z' or 'X...,Y->Z...', in letters.\n"
                "For example EinsumDense('abc,cd->abd', output_shape=(None, 64))."
            )
        self._equation = found
        self.equation = equation
        self.partial_output_shape = sizes(output_shape, "EinsumDense: output_shape")
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        shapes = self._shapes(tuple(input_shape))
        initializer = self.kernel_initializer
        if isinstance(initializer, VarianceScaling) and None in (
            initializer.input_axes,
            initializer.output_axes,
        ):
            axes = {"input_axes": shapes.fan_in, "output_axes": shapes.fan_out}
            settings = {**initializer.get_config(), "seed": initializer.seed, **axes}
            initializer = type(initializer).from_config(settings)
        self.kernel = self.add_weight(
            shapes.kernel,
            initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if shapes.bias is not None:
            self.bias = self.add_weight(
                shapes.bias,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(ndim=len(input_shape))
        self.built = True

    def _shapes(self, input_shape: tuple[int | None, ...]) -> _Shapes:
        x, kernel, y = (self._equation[part] for part in ("x", "kernel", "y"))
        left, right = self._equation["left"], self._equation["right"]
        free = len(input_shape) - len(x)
        if free < 0 or (free and not left and not right):
            raise self._misfit(
                f"its input has shape {input_shape}, and {x!r} names {len(x)} axes",
                "a letter for each axis" + (", or more axes" if left or right else ""),
            )
        # The batch is the first of all axes, be it named or one of `...`.
        partial, before = self.partial_output_shape, free if left else 0
        whole = partial if before else (input_shape[0], *partial)
        if len(whole) != len(y):
            raise self._misfit(
                f"output_shape={partial} gives {len(partial)} sizes",
                f"one for each of {y!r}" + ("" if before else " but the first"),
            )
        of_input = dict(zip(x, input_shape[before:], strict=False))
        known: dict[str, Any] = dict(zip(y, whole, strict=True))
        for name, size in of_input.items():
            other = known.get(name)
            if None not in (size, other) and other != size:
                raise self._misfit(
                    f"{name!r} has size {size} in the input (shape {input_shape}) and "
                    f"{other} in output_shape",
                    "equal sizes",
                )
            known[name] = other if size is None else size
        self._check_names(x, kernel, y, known)
        fans = [[i for i, k in enumerate(kernel) if (k in y) == out] for out in (0, 1)]
        bias = None
        if self.bias_axes:
            start = min(y.find(name) for name in self.bias_axes)
            sized = (known[k] if k in self.bias_axes else 1 for k in y[start:])
            bias = (*sized, *[1] * (free if right else 0))
        return _Shapes(tuple(known[k] for k in kernel), bias, *fans)

    def _check_names(self, x: str, kernel: str, y: str, known: dict[str, Any]) -> None:
        of_bias = self.bias_axes or ""
        for names, where, others in (
            (y, "the output", x + kernel),
            (kernel, "the kernel", x + y),
            (of_bias, "bias_axes", y),
        ):
            odd = [name for name in names if name not in others]
            if odd:
                raise self._misfit(
                    f"{odd[0]!r} is in {where} alone",
                    "axes of the kernel from the input or the output, those of the "
                    "output from the input or the kernel, and those of the bias from "
                    "the output",
                )
        for name in kernel + of_bias:
            if known[name] is None:
                raise self._misfit(
                    f"the size of {name!r} is open",
                    "known sizes, for there are weights",
                )

    def _misfit(self, problem: str, expected: str) -> ValueError:
        return ValueError(
            f"{self._title()} with the equation {self.equation!r}: {problem}.\n"
            f"Expected {expected}.\n"
            "Correct the equation or output_shape, or the shape of the input."
        )

    def call(self, inputs: Any) -> Any:
        x = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "equation": self.equation,
            "output_shape": self.partial_output_shape,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
