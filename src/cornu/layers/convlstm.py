"""ConvLSTM: LSTM whose products with the kernels are convolutions."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph.tree import map_structure
from cornu.layers.cells import Cell, arguments
from cornu.layers.layer import Layer
from cornu.layers.recurrent import RNN, OverCell
from cornu.layers.spatial import Spatial
from cornu.layers.spec import InputSpec
from cornu.ops.primitives.windows import out_sizes, resolve_padding
from cornu.ops.random import SeedGenerator
from cornu.ops.recurrent import lstm_step


class ConvLSTMCell(Cell, Spatial):
    """One step of ConvLSTM (Shi et al., 2015), without peepholes.

    Args:
        rank: number of spatial axes.
        **: those of `ConvLSTM2D`.
    """

    dropout_mask_count = 4
    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]
    activation: Any
    recurrent_activation: Any
    use_bias: bool

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.rank = own.pop("rank")
        super().__init__(data_format, **kwargs)
        own["filters"] = self._positive(filters, "filters", 32)
        for name in ("kernel_size", "strides", "dilation_rate"):
            own[name] = self._per_axis(own[name], name)
        own["padding"] = self._one_of(padding, "padding", ("valid", "same"))
        own["data_format"] = self.data_format
        self._check_rates(own)
        self._keep(own)
        if max(own["strides"]) > 1 and max(own["dilation_rate"]) > 1:
            raise ValueError(
                f"{self._title()} was given strides={own['strides']} and "
                f"dilation_rate={own['dilation_rate']}.\n"
                "Expected one of them to be 1.\nLeave one of them away."
            )
        self.seed_generator = SeedGenerator(seed)
        self.state_size = [self.filters, self.filters]
        self.output_size = self.filters

    def build(self, input_shape: Any) -> None:
        channels, sizes = input_shape[self._channel_axis], self._spatial(input_shape)
        if channels is None or None in sizes:
            raise ValueError(
                f"{self._title()}: axes of its steps are open (shape "
                f"{tuple(input_shape)}).\n"
                "Expected known sizes, the kernel and the states depend on them.\n"
                "Give the Input sizes for all axes but the steps."
            )
        pairs = zip(self.kernel_size, self.dilation_rate, strict=True)
        if self.padding == "valid":
            reach = [(k - 1) * d + 1 for k, d in pairs]
            self._check_fits(input_shape, reach, "kernel_size")
        slide = self.kernel_size, self.strides
        pads = resolve_padding(self.padding, sizes, *slide, self.dilation_rate)
        self.places = out_sizes(sizes, *slide, pads, self.dilation_rate)
        wide = 4 * self.filters
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, wide))
        recurrent = (*self.kernel_size, self.filters, wide)
        self.recurrent_kernel = self._weight("recurrent_kernel", recurrent)
        self.bias: Any = self._weight("bias", (wide,)) if self.use_bias else None
        self.built = True

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, two tensors of the shape of the output."""
        first = self.data_format == "channels_first"
        shape = (self.filters, *self.places) if first else (*self.places, self.filters)
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype)] * 2

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        factors, kept = self._dropped(inputs, states[0], training)
        new = self._step(self._project(_times(inputs, factors)), states, kept)
        return new[0], new

    def sequence(
        self, x: Any, states: Any, mask: Any, go_backwards: bool, training: bool
    ) -> tuple[Any, list[Any]]:
        """All steps: one convolution of all inputs, and a loop over the rest."""
        steps, one = x.shape[:2], ops.zeros(x.shape[1:], x.dtype)
        factors, kept = self._dropped(one, states[0], training)

        def together(x: Any) -> Any:
            return ops.reshape(x, (-1, *x.shape[2:]))

        z = self._project(map_structure(together, _times(x, factors)))
        z = ops.reshape(z, (*steps, *z.shape[1:]))

        def step(z: Any, states: Any) -> tuple[Any, Any]:
            new = self._step(z, states, kept)
            return new[0], new

        _, outputs, last = ops.recurrence(
            step, z, list(states), mask, go_backwards, time_major=True
        )
        return outputs, last

    def _dropped(self, x: Any, h: Any, training: bool) -> tuple[Any, Any]:
        """What dropout leaves for each gate of a step's input, and of its state."""
        if not training:
            return None, None
        return self.get_dropout_mask(x), self.get_recurrent_dropout_mask(h)

    def _project(self, x: Any) -> Any:
        how = self.strides, self.padding, self.data_format, self.dilation_rate
        z = self._gates(x, self.kernel, *how)
        if self.bias is None:
            return z
        first = self.data_format == "channels_first"
        return z + (
            ops.reshape(self.bias, (-1, *[1] * self.rank)) if first else self.bias
        )

    def _step(self, z: Any, states: Any, kept: Any) -> list[Any]:
        h, c = states
        how = 1, "same", self.data_format
        z = z + self._gates(_times(h, kept), self.recurrent_kernel, *how)
        functions = self.activation, self.recurrent_activation
        h, c, _ = lstm_step(z, c, *functions, self._channel_axis)
        return [h, c]

    def _gates(self, x: Any, kernel: Any, *how: Any) -> Any:
        """The convolution for all gates at once, or of another input for each."""
        if not isinstance(x, list):
            return ops.conv(x, kernel, *how)
        pairs = zip(x, ops.split(kernel, 4, -1), strict=True)
        return ops.concatenate([ops.conv(*p, *how) for p in pairs], self._channel_axis)


def _times(x: Any, factors: list[Any] | None) -> Any:
    return x if factors is None else [x * each for each in factors]


class ConvLSTM(OverCell):
    """Base of ConvLSTM1D, ConvLSTM2D and ConvLSTM3D."""

    cell_class = ConvLSTMCell
    rank = 0

    def __init__(self, given: dict[str, Any], /, **kwargs: Any) -> None:
        super().__init__({"rank": self.rank, **given}, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences_shape: Any, initial_state_shape: Any = None
    ) -> None:
        RNN.build(self, sequences_shape)
        axes = dict(enumerate(sequences_shape))
        self.input_spec = InputSpec(
            ndim=self.rank + 3, axes={i: n for i, n in axes.items() if i > 1}
        )

    @property
    def sequence_axes(self) -> str:
        """What the axes of the input are."""
        sizes = (
            ["rows", "columns", "layers"][: self.rank] if self.rank > 1 else ["places"]
        )
        first = self.data_format == "channels_first"
        names = ["channels", *sizes] if first else [*sizes, "channels"]
        return f"(batch, steps, {', '.join(names)})"

    def _misfit_message(self, what: str, wanted: str) -> str:
        if what.startswith("axis"):
            return Layer._misfit_message(self, what, wanted)
        return super()._misfit_message(what, wanted)


class ConvLSTM1D(ConvLSTM):
    """LSTM with convolutions (Shi et al., 2015) over sequences of rows.

    Args:
        filters: number of channels of the states, of which the first is the output.
        kernel_size: size of the window, one number or one per axis.
        strides: step of the window over the input.
        padding: 'valid' for windows inside the input, 'same' for one place per stride.
        data_format: 'channels_last' for inputs (batch, steps, places, channels),
            'channels_first' for (batch, steps, channels, places).
        dilation_rate: distance between the elements of the window.
        activation: name or function of the candidate and the output; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (*window, channels, 4 *
            filters): input gate, forget gate, candidate, output gate.
        recurrent_initializer: initializer of the recurrent kernel, of shape (*window,
            filters, 4 * filters), with which the state is convolved (padding 'same').
        bias_initializer: initializer of the bias of shape (4 * filters,).
        unit_forget_bias: whether the bias of the forget gate begins as 1.
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
        return_state: whether the last states are returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last states.

    Output of shape (batch, places, filters), or with the steps after the batch.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit, or
            the window is larger than the input.

    Example:

    >>> x = np.zeros((2, 5, 8, 3), "float32")
    >>> ConvLSTM1D(4, 3, padding="same")(x).shape
    (2, 8, 4)
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)


class ConvLSTM2D(ConvLSTM):
    """LSTM with convolutions (Shi et al., 2015) over sequences of images.

    Args:
        filters: number of channels of the states, of which the first is the output.
        kernel_size: size of the window, one number or one per axis.
        strides: step of the window over the input.
        padding: 'valid' for windows inside the input, 'same' for one place per stride.
        data_format: 'channels_last' for inputs (batch, steps, rows, columns, channels),
            'channels_first' for (batch, steps, channels, rows, columns).
        dilation_rate: distance between the elements of the window.
        activation: name or function of the candidate and the output; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (*window, channels, 4 *
            filters): input gate, forget gate, candidate, output gate.
        recurrent_initializer: initializer of the recurrent kernel, of shape (*window,
            filters, 4 * filters), with which the state is convolved (padding 'same').
        bias_initializer: initializer of the bias of shape (4 * filters,).
        unit_forget_bias: whether the bias of the forget gate begins as 1.
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
        return_state: whether the last states are returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last states.

    Output of shape (batch, rows, columns, filters), or with the steps after the batch.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit, or
            the window is larger than the input.

    Example:

    >>> x = np.zeros((2, 5, 8, 6, 3), "float32")
    >>> ConvLSTM2D(4, 3, padding="same")(x).shape
    (2, 8, 6, 4)
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)


class ConvLSTM3D(ConvLSTM):
    """LSTM with convolutions (Shi et al., 2015) over sequences of volumes.

    Args:
        filters: number of channels of the states, of which the first is the output.
        kernel_size: size of the window, one number or one per axis.
        strides: step of the window over the input.
        padding: 'valid' for windows inside the input, 'same' for one place per stride.
        data_format: 'channels_last' for inputs (batch, steps, x, y, z, channels),
            'channels_first' for (batch, steps, channels, x, y, z).
        dilation_rate: distance between the elements of the window.
        activation: name or function of the candidate and the output; None for none.
        recurrent_activation: the same of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (*window, channels, 4 *
            filters): input gate, forget gate, candidate, output gate.
        recurrent_initializer: initializer of the recurrent kernel, of shape (*window,
            filters, 4 * filters), with which the state is convolved (padding 'same').
        bias_initializer: initializer of the bias of shape (4 * filters,).
        unit_forget_bias: whether the bias of the forget gate begins as 1.
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
        return_state: whether the last states are returned too.
        go_backwards: whether to run from the last step to the first.
        stateful: whether the next batch goes on from the last states.

    Output of shape (batch, x, y, z, filters), or with the steps after the batch.

    Raises:
        ValueError: when an argument, the input, the mask or a state does not fit, or
            the window is larger than the input.

    Example:

    >>> x = np.zeros((2, 5, 4, 5, 6, 3), "float32")
    >>> ConvLSTM3D(4, 3, padding="same")(x).shape
    (2, 4, 5, 6, 4)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(arguments(locals()), **kwargs)
