"""GRU: the gated recurrent unit."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.cells import RecurrentCell, arguments, named
from cornu.layers.recurrent import OverCell
from cornu.ops.recurrent import gru_step


class GRUCell(RecurrentCell):
    """One step of GRU (Cho et al., 2014).

    Args:
        units: width of the state, which is the output.
        activation: name or function of the candidate; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, 3 * units):
            update gate, reset gate, candidate.
        recurrent_initializer: initializer of the recurrent kernel (units, 3 * units).
        bias_initializer: initializer of the bias: of shape (2, 3 * units), for input
            and state, with `reset_after`, and (3 * units,) without.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: constraint on the kernel.
        recurrent_constraint: constraint on the recurrent kernel.
        bias_constraint: constraint on the bias.
        dropout: part of the input that is dropped while training, the same in all
            steps.
        recurrent_dropout: part of the state that is dropped, the same in all steps.
        reset_after: whether the reset gate comes after the product with the recurrent
            kernel, as in cuDNN, or before, as in the first paper.
        seed: seed of the dropout; random by default.
        implementation: (keyword) with 1 each gate has a dropout mask of its own, as it
            has with `recurrent_dropout`; a hint without meaning otherwise.

    Called on an input of shape (batch, width) and the state, of shape (batch, units) or
    in a list, it gives the output and the new state.

    Raises:
        ValueError: when `units` is not positive, or a rate is outside 0 to 1.

    Example:

    >>> cell = GRUCell(4)
    >>> output, [state] = cell(np.zeros((2, 3), "float32"), cell.get_initial_state(2))
    >>> output.shape
    (2, 4)
    """

    gates = 3
    recurrent_activation: Any
    reset_after: bool

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        own = arguments(locals())
        super().__init__(**kwargs)
        self._keep(own)

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self) -> Any:
        return self.bias[0] if self.use_bias and self.reset_after else self.bias

    def _recurrent_bias(self) -> Any:
        return self.bias[1] if self.use_bias and self.reset_after else None

    def _step(self, z: Any, states: list[Any], kept: Any) -> list[Any]:
        kernel, bias = self.recurrent_kernel, self._recurrent_bias()
        act, gate = self.activation, self.recurrent_activation
        (h,) = states
        return [gru_step(z, h, kernel, bias, kept, act, gate, self.reset_after)[0]]

    def _steps(
        self, z: Any, states: Any, mask: Any, kept: Any, reverse: bool
    ) -> tuple[Any, ...]:
        return ops.gru_sequence(
            z,
            *states,
            recurrent_kernel=self.recurrent_kernel,
            recurrent_bias=self._recurrent_bias(),
            mask=mask,
            kept=kept,
            activation=named(self.activation),
            recurrent_activation=named(self.recurrent_activation),
            reset_after=self.reset_after,
            reverse=reverse,
        )


class GRU(OverCell):
    """The gated recurrent unit (Cho et al., 2014).

    Args:
        units: width of the state, which is the output.
        activation: name or function of the candidate; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, 3 * units):
            update gate, reset gate, candidate.
        recurrent_initializer: initializer of the recurrent kernel (units, 3 * units).
        bias_initializer: initializer of the bias: of shape (2, 3 * units), for input
            and state, with `reset_after`, and (3 * units,) without.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: constraint on the kernel.
        recurrent_constraint: constraint on the recurrent kernel.
        bias_constraint: constraint on the bias.
        dropout: part of the input that is dropped while training, the same in all
            steps.
        recurrent_dropout: part of the state that is dropped, the same in all steps.
        seed: seed of the dropout; random by default.
        return_sequences: see `RNN`, as of the following ones.
        return_state: whether the last state is returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last state.
        unroll: a hint without meaning here, as is `use_cudnn`.
        reset_after: whether the reset gate comes after the product with the recurrent
            kernel, as in cuDNN, or before, as in the first paper.
        use_cudnn: 'auto', True or False.
        implementation: (keyword) see `GRUCell`.

    Input of shape (batch, steps, width); a mask of shape (batch, steps). Output of
    shape (batch, units), or (batch, steps, units) with `return_sequences`.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit.

    Example:

    >>> GRU(4, return_sequences=True)(np.zeros((2, 10, 3), "float32")).shape
    (2, 10, 4)
    """

    cell_class = GRUCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)
