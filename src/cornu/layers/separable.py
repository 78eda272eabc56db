"""Convolutions of each channel by itself, and of all channels after that."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.convolution import SlidingKernel


class DepthwiseConv(SlidingKernel):
    """Base of DepthwiseConv1D and DepthwiseConv2D."""

    parts = ("depthwise", "bias")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        multiplier = self._positive(depth_multiplier, "depth_multiplier", 1)
        self.depth_multiplier = multiplier

    def make(self, channels: int) -> int:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._weight("kernel", shape, "depthwise")
        return channels * self.depth_multiplier

    def slide(self, inputs: Any) -> Any:
        steps = self.strides, self.padding, self.data_format, self.dilation_rate
        return ops.depthwise_conv(inputs, self.kernel, *steps)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class DepthwiseConv1D(DepthwiseConv):
    """Convolution of each channel of a sequence by itself.

    Args:
        kernel_size: length of the window.
        strides: step of the window.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        depth_multiplier: how many output channels each input channel has.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the steps in a window.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        depthwise_initializer: initializer of the kernel of shape (kernel_size,
            channels, depth_multiplier).
        bias_initializer: initializer of the bias of shape (channels *
            depth_multiplier,).
        depthwise_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        depthwise_constraint: constraint on the kernel.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: for sizes that are not positive, or inputs shorter than the window.

    Example:

    >>> import numpy as np
    >>> layer = DepthwiseConv1D(3, depth_multiplier=2)
    >>> layer(np.zeros((2, 10, 4), "float32")).shape
    (2, 8, 8)
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """Convolution of each channel of an image by itself.

    The arguments are those of `DepthwiseConv1D`, with two sizes or one for both; input
    of shape (batch, height, width, channels).

    Example:

    >>> import numpy as np
    >>> DepthwiseConv2D(3)(np.zeros((2, 8, 8, 4), "float32")).shape
    (2, 6, 6, 4)
    """

    rank = 2


class SeparableConv(SlidingKernel):
    """Base of SeparableConv1D and SeparableConv2D."""

    parts = ("depthwise", "pointwise", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = self._positive(filters, "filters", 32)
        multiplier = self._positive(depth_multiplier, "depth_multiplier", 1)
        self.depth_multiplier = multiplier

    def make(self, channels: int) -> int:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._weight("depthwise_kernel", shape, "depthwise")
        between = channels * self.depth_multiplier
        shape = (*(1,) * self.rank, between, self.filters)
        self.pointwise_kernel = self._weight("pointwise_kernel", shape, "pointwise")
        return self.filters

    def slide(self, inputs: Any) -> Any:
        kernels = self.depthwise_kernel, self.pointwise_kernel
        steps = self.strides, self.padding, self.data_format, self.dilation_rate
        return ops.separable_conv(inputs, *kernels, *steps)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "depth_multiplier": self.depth_multiplier}
        return {**super().get_config(), **own}


class SeparableConv1D(SeparableConv):
    """Convolution of each channel of a sequence by itself, then of all at each step.

    Args:
        filters: number of output channels.
        kernel_size: length of the window.
        strides: step of the window.
        padding: 'valid' for windows inside the input; 'same' for one output per stride.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the steps in a window.
        depth_multiplier: how many channels each input channel has in between.
        activation: name or function; none by default.
        use_bias: whether there is a bias.
        depthwise_initializer: initializer of the first kernel, of shape (kernel_size,
            channels, depth_multiplier).
        pointwise_initializer: initializer of the second, of shape (1, channels *
            depth_multiplier, filters).
        bias_initializer: initializer of the bias of shape (filters,).
        depthwise_regularizer: penalty on the first kernel.
        pointwise_regularizer: penalty on the second.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the output.
        depthwise_constraint: constraint on the first kernel.
        pointwise_constraint: constraint on the second.
        bias_constraint: constraint on the bias.

    Raises:
        ValueError: for sizes that are not positive, or inputs shorter than the window.

    Example:

    >>> import numpy as np
    >>> SeparableConv1D(16, 3)(np.zeros((2, 10, 4), "float32")).shape
    (2, 8, 16)
    """

    rank = 1


class SeparableConv2D(SeparableConv):
    """Convolution of each channel of an image by itself, then of all at each place.

    The arguments are those of `SeparableConv1D`, with two sizes or one for both; input
    of shape (batch, height, width, channels).

    Example:

    >>> import numpy as np
    >>> layer = SeparableConv2D(64, 3, padding="same", activation="relu")
    >>> layer(np.zeros((2, 8, 8, 3), "float32")).shape
    (2, 8, 8, 64)
    """

    rank = 2


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
