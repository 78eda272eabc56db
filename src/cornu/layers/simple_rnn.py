"""SimpleRNN: the output of a step is part of the input of the next."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.cells import RecurrentCell, arguments, named
from cornu.layers.recurrent import OverCell
from cornu.ops.recurrent import recurrent_product


class SimpleRNNCell(RecurrentCell):
    """One step of SimpleRNN: activation(input @ kernel + bias + h @ recurrent_kernel).

    Args:
        units: width of the state, which is the output.
        activation: name or function; None for none.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, units).
        recurrent_initializer: initializer of the recurrent kernel (units, units).
        bias_initializer: initializer of the bias of shape (units,).
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

    Called on an input of shape (batch, width) and the state, of shape (batch, units) or
    in a list, it gives the output and the new state.

    Raises:
        ValueError: when `units` is not positive, or a rate is outside 0 to 1.

    Example:

    >>> cell = SimpleRNNCell(4)
    >>> output, [state] = cell(np.zeros((2, 3), "float32"), cell.get_initial_state(2))
    >>> output.shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        own = arguments(locals())
        super().__init__(**kwargs)
        self._keep(own)

    def _step(self, z: Any, states: list[Any], kept: Any) -> list[Any]:
        return [
            self.activation(
                z + recurrent_product(states[0], self.recurrent_kernel, kept)
            )
        ]

    def _steps(
        self, z: Any, states: Any, mask: Any, kept: Any, reverse: bool
    ) -> tuple[Any, ...]:
        return ops.simple_rnn_sequence(
            z,
            *states,
            recurrent_kernel=self.recurrent_kernel,
            mask=mask,
            kept=kept,
            activation=named(self.activation),
            reverse=reverse,
        )


class SimpleRNN(OverCell):
    """A layer whose output in a step is part of its input in the next.

    Args:
        units: width of the state, which is the output.
        activation: name or function; None for none.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (width, units).
        recurrent_initializer: initializer of the recurrent kernel (units, units).
        bias_initializer: initializer of the bias of shape (units,).
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
        return_sequences: see `RNN`, as of the following ones.
        return_state: whether the last state is returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last states.
        unroll: a hint without meaning here.
        seed: seed of the dropout; random by default.

    Input of shape (batch, steps, width); a mask of shape (batch, steps). Output of
    shape (batch, units), or (batch, steps, units) with `return_sequences`.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit.

    Example:

    >>> SimpleRNN(4, return_sequences=True)(np.zeros((2, 10, 3), "float32")).shape
    (2, 10, 4)
    """

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if config["seed"] is None:
            del config["seed"]  # Keras leaves it away always, and so loses it
        return config
