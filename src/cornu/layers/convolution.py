"""Convolutions: a kernel that slides over the spatial axes of images and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.layers.spatial import Spatial
from cornu.layers.spec import InputSpec

_ROOMS = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


class SlidingKernel(Spatial):
    """Base of all convolutions.

    A subclass says of which weights it is made in `parts`: each has an initializer, a
    regularizer and a constraint. It makes them in `make`, and has `slide(inputs)`.

    Args:
        kernel_size: size of the window, one number or one per axis.
        strides: step of the window.
        padding: 'valid' for windows inside the input, 'same' for one output per stride.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        activity_regularizer: penalty on the output.
        **kwargs: `kernel_initializer` and the like, and what every layer takes.
    """

    parts: tuple[str, ...] = ("kernel", "bias")
    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        activity_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        names = [(f"{part}_{kind}", kind) for part in self.parts for kind in _ROOMS]
        given = {name: kwargs.pop(name) for name, _ in names}
        super().__init__(
            data_format, activity_regularizer=activity_regularizer, **kwargs
        )
        self.kernel_size = self._per_axis(kernel_size, "kernel_size")
        self.strides = self._per_axis(strides, "strides")
        self.padding = self._one_of(padding, "padding", self.paddings)
        self.dilation_rate = self._per_axis(dilation_rate, "dilation_rate")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        for name, kind in names:
            setattr(self, name, _ROOMS[kind].get(given[name]))
        self.bias: Any = None

    def make(self, channels: int) -> int:
        """Create the kernels for so many input channels; how many come out."""
        raise self._unwritten("make(self, channels)")

    def slide(self, inputs: Any) -> Any:
        """The convolution itself, without bias and activation."""
        raise self._unwritten("slide(self, inputs)")

    def _unwritten(self, method: str) -> NotImplementedError:
        return NotImplementedError(
            f"{self._title()} has no method {method} of its own.\n"
            "Expected a class that makes its kernels and moves them over its input.\n"
            "Derive from Conv1D, Conv2D or Conv3D, or write the method in the class."
        )

    def build(self, input_shape: Any) -> None:
        axis = self._channel_axis
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{self._title()}: the channels of its input are open (shape "
                f"{tuple(input_shape)}).\n"
                "Expected a known number, the kernel depends on it.\n"
                f"Give the Input an axis {axis} of known size, or check data_format."
            )
        self._check_window(input_shape)
        filters = self.make(channels)
        if self.use_bias:
            self.bias = self._weight("bias", (filters,), "bias")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        self.built = True

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs.shape)
        x = self.slide(inputs)
        if self.bias is not None:
            first = self.data_format == "channels_first"
            x = x + (
                ops.reshape(self.bias, (-1, *(1,) * self.rank)) if first else self.bias
            )
        return x if self.activation is None else self.activation(x)

    def _weight(self, name: str, shape: tuple[int, ...], part: str) -> Any:
        return self.add_weight(
            shape,
            getattr(self, f"{part}_initializer"),
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
            name=name,
        )

    def _check_window(self, shape: Sequence[Any]) -> None:
        pairs = zip(self.kernel_size, self.dilation_rate, strict=True)
        reach = [(k - 1) * d + 1 for k, d in pairs]
        if self.padding == "valid":
            self._check_fits(shape, reach, "kernel_size")

    def _check_steps(self) -> None:
        """Raise where strides and dilation are both there, as Keras does."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self._title()} was given strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}.\n"
                "Expected one of them to be 1.\nLeave one of them away."
            )

    def _misfit_message(self, what: str, wanted: str) -> str:
        if not self.built or not what.startswith("axis "):
            return super()._misfit_message(what, wanted)
        size = what.split("has size ")[1].split(" ")[0]
        channels = wanted.split(" ")[1]
        shape = what[what.index("(shape") :]
        return (
            f"{self._title()}: its input has {size} channels {shape}, but its kernel "
            f"was built for {channels} (data_format={self.data_format!r}).\n"
            f"Expected {channels} channels.\n"
            f"Build a new layer for inputs with {size} channels, or feed it the output "
            "of the layer that it was built on."
        )

    def get_config(self) -> dict[str, Any]:
        names = [(f"{part}_{kind}", kind) for part in self.parts for kind in _ROOMS]
        penalty = regularizers.serialize(self.activity_regularizer)
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": penalty,
            **{n: _ROOMS[kind].serialize(getattr(self, n)) for n, kind in names},
        }


class Conv(SlidingKernel):
    """Base of Conv1D, Conv2D and Conv3D."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            activity_regularizer,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._check_steps()
        self.filters = self._positive(filters, "filters", 32)
        self.groups = self._positive(groups, "groups", 1)
        self._check_groups(self.filters, "filters")

    def _check_groups(self, n: int, what: str) -> None:
        if n % self.groups:
            raise ValueError(
                f"{self._title()} has groups={self.groups} and {n} {what}.\n"
                f"Expected {what} that can be divided among the groups.\n"
                "Change groups, or leave it away."
            )

    def make(self, channels: int) -> int:
        self._check_groups(channels, "input channels")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._weight("kernel", shape, "kernel")
        return self.filters

    def slide(self, inputs: Any) -> Any:
        padding: Any = self.padding
        if padding == "causal":  # no output sees what comes after it
            padding = (((self.kernel_size[0] - 1) * self.dilation_rate[0], 0),)
        steps = self.strides, padding, self.data_format, self.dilation_rate
        return ops.conv(inputs, self.kernel, *steps)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "groups": self.groups}
        return {**super().get_config(), **own}


class Conv1D(Conv):
    """Convolution over the steps of sequences.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: step of the window.
        padding: 'valid' for windows inside the input; 'same' for one output per stride;
            'causal' for outputs that see no later steps.
        data_format: 'channels_last' for input of shape (batch, steps, channels),
            'channels_first' for (batch, channels, steps); by default what
            `cornu.config.image_data_format` says.
        dilation_rate: distance between the steps in a window; strides must be 1 then.
        groups: into how many groups channels and filters are divided.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (kernel_size, channels /
            groups, filters).
        bias_initializer: initializer of the bias of shape (filters,).
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: for sizes that are not positive, groups that do not divide channels
            and filters, or inputs that are shorter than the window.

    Example:

    >>> import numpy as np
    >>> Conv1D(8, 3, activation="relu")(np.zeros((2, 10, 4), "float32")).shape
    (2, 8, 8)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(Conv):
    """Convolution over images.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the window, one number or two.
        strides: steps of the window.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' for input of shape (batch, height, width,
            channels), 'channels_first' for (batch, channels, height, width); by default
            what `cornu.config.image_data_format` says.
        dilation_rate: distances between the elements of a window; strides must be 1
            then.
        groups: into how many groups channels and filters are divided.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (*kernel_size, channels /
            groups, filters).
        bias_initializer: initializer of the bias of shape (filters,).
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: for sizes that are not positive, groups that do not divide channels
            and filters, or inputs that are smaller than the window.

    Example:

    >>> import numpy as np
    >>> Conv2D(32, 3, activation="relu")(np.zeros((2, 28, 28, 1), "float32")).shape
    (2, 26, 26, 32)
    """

    rank = 2


class Conv3D(Conv):
    """Convolution over volumes, or over images in time.

    The arguments are those of `Conv2D`, with three sizes instead of two; input of shape
    (batch, depth, height, width, channels).

    Example:

    >>> import numpy as np
    >>> Conv3D(4, (1, 3, 3))(np.zeros((2, 5, 8, 8, 1), "float32")).shape
    (2, 5, 6, 6, 4)
    """

    rank = 3


class ConvTranspose(SlidingKernel):
    """Base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            activity_regularizer,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._check_steps()
        self.filters = self._positive(filters, "filters", 32)
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = self._per_axis(output_padding, "output_padding", 0)
            pairs = zip(self.output_padding, self.strides, strict=True)
            if any(extra >= step for extra, step in pairs):
                raise ValueError(
                    f"{self._title()} was given output_padding={self.output_padding} "
                    f"and strides={self.strides}.\n"
                    "Expected less than the stride along each axis.\n"
                    "Leave output_padding away for outputs of size * strides."
                )

    def make(self, channels: int) -> int:
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self._weight("kernel", shape, "kernel")
        return self.filters

    def _check_window(self, shape: Sequence[Any]) -> None:
        """Raise where nothing would come out."""
        if self.padding == "valid" or self.output_padding is None:
            return
        sizes, window = self._spatial(shape), (self.kernel_size, self.dilation_rate)
        for n, k, d, extra in zip(sizes, *window, self.output_padding, strict=True):
            if n == 1 and ((k - 1) * d + 1) % 2 + extra == 0:
                raise ValueError(
                    f"{self._title()}: nothing would be left of its input of shape "
                    f"{tuple(shape)}, with padding='same' and output_padding="
                    f"{self.output_padding}.\n"
                    "Expected at least one output along each axis.\n"
                    "Leave output_padding away, or use padding='valid'."
                )

    def slide(self, inputs: Any) -> Any:
        return ops.conv_transpose(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "output_padding": self.output_padding}
        return {**super().get_config(), **own}


class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over the steps of sequences: it makes them longer.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: how many outputs there are for one input step.
        padding: 'valid' keeps all that a window reaches; 'same' gives steps * strides.
        output_padding: how much longer the output is than the shortest possible,
            (steps - 1) * strides + kernel_size for 'valid' and (steps - 1) * strides +
            kernel_size % 2 for 'same'; less than the stride.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the steps in a window; strides must be 1 then.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer: initializer of the kernel of shape (kernel_size, filters,
            channels).
        bias_initializer: initializer of the bias of shape (filters,).
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        kernel_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: for sizes that are not positive, or an `output_padding` that is not
            less than the stride.

    Example:

    >>> import numpy as np
    >>> layer = Conv1DTranspose(8, 3, strides=2, padding="same")
    >>> layer(np.zeros((2, 10, 4), "float32")).shape
    (2, 20, 8)
    """

    rank = 1


class Conv2DTranspose(ConvTranspose):
    """Transposed convolution over images: it makes them larger.

    The arguments are those of `Conv1DTranspose`, with two sizes or one for both; input
    of shape (batch, height, width, channels).

    Example:

    >>> import numpy as np
    >>> layer = Conv2DTranspose(8, 3, strides=2, padding="same")
    >>> layer(np.zeros((2, 7, 7, 16), "float32")).shape
    (2, 14, 14, 8)
    """

    rank = 2


class Conv3DTranspose(ConvTranspose):
    """Transposed convolution over volumes: it makes them larger.

    The arguments are those of `Conv1DTranspose`, with three sizes or one for all; input
    of shape (batch, depth, height, width, channels).

    Example:

    >>> import numpy as np
    >>> Conv3DTranspose(2, 3)(np.zeros((1, 2, 2, 2, 4), "float32")).shape
    (1, 4, 4, 4, 2)
    """

    rank = 3

    # As in Keras, two arguments come in another order than in two dimensions.
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
