"""LSTM: long short-term memory."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.cells import RecurrentCell, arguments, named
from cornu.layers.recurrent import OverCell
from cornu.ops.recurrent import lstm_step, recurrent_product


class LSTMCell(RecurrentCell):
    """One step of LSTM (Hochreiter and Schmidhuber, 1997).

    Args:
        units: width of the states, of which the first is the output.
        activation: name or function of the candidate and the output; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, 4 * units): input
            gate, forget gate, candidate, output gate.
        recurrent_initializer: initializer of the recurrent kernel (units, 4 * units).
        bias_initializer: initializer of the bias of shape (4 * units,).
        unit_forget_bias: whether the bias of the forget gate begins as 1 (Jozefowicz et
            al., 2015).
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: constraint on the kernel.
        recurrent_constraint: constraint on the recurrent kernel.
        bias_constraint: constraint on the bias.
        dropout: part of the input that is dropped while training, the same in all
            steps.
        recurrent_dropout: part of the state that is dropped, the same in all steps.
        seed: seed of the dropout; random by default.
        implementation: (keyword) with 1 each gate has a dropout mask of its own, as it
            has with `recurrent_dropout`; a hint without meaning otherwise.

    Called on an input of shape (batch, width) and the states [h, c], each of shape
    (batch, units), it gives the output and the new states.

    Raises:
        ValueError: when `units` is not positive, or a rate is outside 0 to 1.

    Example:

    >>> cell = LSTMCell(4)
    >>> output, [h, c] = cell(np.zeros((2, 3), "float32"), cell.get_initial_state(2))
    >>> output.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4
    states = 2
    recurrent_activation: Any

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        own = arguments(locals())
        super().__init__(**kwargs)
        self._keep(own)

    def _step(self, z: Any, states: list[Any], kept: Any) -> list[Any]:
        h, c = states
        z = z + recurrent_product(h, self.recurrent_kernel, kept)
        h, c, _ = lstm_step(z, c, self.activation, self.recurrent_activation)
        return [h, c]

    def _steps(
        self, z: Any, states: Any, mask: Any, kept: Any, reverse: bool
    ) -> tuple[Any, ...]:
        return ops.lstm_sequence(
            z,
            *states,
            recurrent_kernel=self.recurrent_kernel,
            mask=mask,
            kept=kept,
            activation=named(self.activation),
            recurrent_activation=named(self.recurrent_activation),
            reverse=reverse,
        )


class LSTM(OverCell):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    Args:
        units: width of the states, of which the first is the output.
        activation: name or function of the candidate and the output; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, 4 * units): input
            gate, forget gate, candidate, output gate.
        recurrent_initializer: initializer of the recurrent kernel (units, 4 * units).
        bias_initializer: initializer of the bias of shape (4 * units,).
        unit_forget_bias: whether the bias of the forget gate begins as 1 (Jozefowicz et
            al., 2015).
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
        return_state: whether the last states h and c are returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last states.
        unroll: a hint without meaning here, as is `use_cudnn`.
        use_cudnn: 'auto', True or False.
        implementation: (keyword) see `LSTMCell`.

    Input of shape (batch, steps, width); a mask of shape (batch, steps). Output of
    shape (batch, units), or (batch, steps, units) with `return_sequences`.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit.

    Example:

    >>> x = np.zeros((2, 10, 3), "float32")
    >>> LSTM(4)(x).shape
    (2, 4)
    >>> outputs, h, c = LSTM(4, return_sequences=True, return_state=True)(x)
    >>> outputs.shape, c.shape
    ((2, 10, 4), (2, 4))
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)
