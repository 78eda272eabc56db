"""Convolutions with the arguments of Keras, in both layouts of images."""

from __future__ import annotations

from typing import Any

from cornu.graph import config
from cornu.graph.trace import bind, convert
from cornu.ops.primitives.shapes import pad, reshape, transpose
from cornu.ops.primitives.windows import (
    conv_general,
    conv_input_grad_op,
    for_each_axis,
)
from cornu.ops.public import cast_to, floating, public

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def channels_last(x: Any, data_format: str) -> Any:
    """`x` with its channels as the last axis."""
    if data_format == "channels_last" or x.ndim < 3:
        return x
    return transpose(x, (0, *range(2, x.ndim), 1))


def channels_back(x: Any, data_format: str) -> Any:
    """The reverse of `channels_last`."""
    if data_format == "channels_last":
        return x
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _prepared(inputs: Any, kernel: Any, data_format: str | None, name: str) -> Any:
    """Both as tensors of one dtype, the input's channels last; and the layout.

    Raises:
        ValueError: when they have not the same number of axes.
    """
    layout = config.standardize_data_format(data_format)
    kernel = floating(kernel)
    x = cast_to(convert(inputs), kernel.dtype)
    if x.ndim != kernel.ndim or x.ndim < 3:
        raise ValueError(
            f"[{name}] an input of shape {x.shape} does not fit a kernel of shape "
            f"{kernel.shape}.\n"
            "Expected as many axes in both: the batch, one to three spatial axes and "
            "the channels.\n"
            "Add the missing axis with ops.expand_dims."
        )
    return channels_last(x, layout), kernel, layout


@public
def conv(
    inputs,
    kernel,
    strides: Any = 1,
    padding: Any = "valid",
    data_format=None,
    dilation_rate: Any = 1,
):
    """Convolution over one to three spatial axes.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        kernel: tensor of shape (*window, channels / groups, filters). Channels that are
            a multiple of the kernel's are convolved in so many groups.
        strides: step of the window, one number or one per spatial axis.
        padding: 'valid' for windows inside the input; 'same' for one output per stride;
            or one (before, after) per spatial axis.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.

    Returns:
        Tensor of shape (batch, *places, filters), or (batch, filters, *places).

    Raises:
        ValueError: when channels or sizes do not fit.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> x, kernel = np.ones((1, 5, 1)), np.ones((3, 1, 1))
    >>> ops.conv(x, kernel, padding="same")[0, :, 0].tolist()
    [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    x, kernel, layout = _prepared(inputs, kernel, data_format, "conv")
    # Channels that are no multiple of the kernel's are told of below.
    groups = max(1, x.shape[-1] // max(1, kernel.shape[-2]))
    dilation = for_each_axis(dilation_rate, x.ndim - 2, "dilation_rate")
    y = conv_general(x, kernel, strides, padding, dilation, groups)
    return channels_back(y, layout)


@public
def depthwise_conv(
    inputs,
    kernel,
    strides: Any = 1,
    padding: Any = "valid",
    data_format=None,
    dilation_rate: Any = 1,
):
    """Convolution of each channel by itself.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        kernel: tensor of shape (*window, channels, multiplier).
        strides: step of the window, one number or one per spatial axis.
        padding: 'valid', 'same', or one (before, after) per spatial axis.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.

    Returns:
        Tensor with channels * multiplier channels, those of one input channel together.

    Raises:
        ValueError: when channels or sizes do not fit.
    """
    x, kernel, layout = _prepared(inputs, kernel, data_format, "depthwise_conv")
    *window, channels, multiplier = kernel.shape
    if x.shape[-1] != channels:
        raise ValueError(
            f"[depthwise_conv] the input has {x.shape[-1]} channels, and the kernel of "
            f"shape {kernel.shape} is for {channels}.\n"
            "Expected a kernel of shape (*window, channels, multiplier).\n"
            "Check data_format, and the number of channels of the layer before."
        )
    kernel = reshape(kernel, (*window, 1, channels * multiplier))
    n = x.ndim - 2
    dilation = for_each_axis(dilation_rate, n, "dilation_rate", "depthwise_conv")
    y = conv_general(x, kernel, strides, padding, dilation, channels)
    return channels_back(y, layout)


@public
def separable_conv(
    inputs,
    depthwise_kernel,
    pointwise_kernel,
    strides: Any = 1,
    padding: Any = "valid",
    data_format=None,
    dilation_rate: Any = 1,
):
    """Convolution of each channel by itself, then of all channels at each place.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        depthwise_kernel: tensor of shape (*window, channels, multiplier).
        pointwise_kernel: tensor of shape (1, ..., channels * multiplier, filters).
        strides: step of the window, one number or one per spatial axis.
        padding: 'valid', 'same', or one (before, after) per spatial axis.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.

    Returns:
        Tensor of shape (batch, *places, filters), or (batch, filters, *places).

    Raises:
        ValueError: when channels or sizes do not fit.
    """
    layout = config.standardize_data_format(data_format)
    each = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, layout, dilation_rate
    )
    return conv(each, pointwise_kernel, 1, "valid", layout)


@public
def conv_transpose(
    inputs,
    kernel,
    strides: Any = 1,
    padding="valid",
    output_padding: Any = None,
    data_format=None,
    dilation_rate: Any = 1,
):
    """Convolution read backwards: the gradient of `conv` by its input.

    Args:
        inputs: tensor of shape (batch, *spatial, channels), or (batch, channels,
            *spatial) for 'channels_first'.
        kernel: tensor of shape (*window, filters, channels).
        strides: distance between two inputs in the output.
        padding: 'valid' keeps all that a kernel reaches; 'same' gives size * strides.
        output_padding: how much longer the output is than the shortest possible, which
            is (size - 1) * strides + window for 'valid', and (size - 1) * strides +
            window % 2 for 'same'.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.

    Returns:
        Tensor of shape (batch, *sizes, filters), or (batch, filters, *sizes).

    Raises:
        ValueError: when channels or sizes do not fit.

    Example:

    >>> import numpy as np
    >>> from cornu import ops
    >>> ops.conv_transpose(np.ones((1, 2, 1)), np.ones((3, 1, 1)), 2)[0, :, 0].tolist()
    [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    x, kernel, layout = _prepared(inputs, kernel, data_format, "conv_transpose")
    n, window = kernel.ndim - 2, kernel.shape[:-2]
    if x.shape[-1] != kernel.shape[-1]:
        raise ValueError(
            f"[conv_transpose] the input has {x.shape[-1]} channels, and the kernel of "
            f"shape {kernel.shape} is for {kernel.shape[-1]}.\n"
            "Expected a kernel of shape (*window, filters, channels).\n"
            "Check data_format, and the number of channels of the layer before."
        )
    strides = for_each_axis(strides, n, "strides", "conv_transpose")
    dilation = for_each_axis(dilation_rate, n, "dilation_rate", "conv_transpose")
    extra: Any = (None,) * n
    if output_padding is not None:
        what = "output_padding"
        extra = for_each_axis(output_padding, n, what, "conv_transpose", least=0)
    places = [
        _transposed(k, s, padding, more, d)
        for k, s, more, d in zip(window, strides, extra, dilation, strict=True)
    ]
    sizes = tuple(
        (k - 1) * s + (m - 1) * d + 1 - lo - max(0, hi)
        for k, s, m, d, (lo, hi) in zip(
            x.shape[1:-1], strides, window, dilation, places, strict=True
        )
    )
    if any(k < 1 for k in sizes):
        raise ValueError(
            f"[conv_transpose] an input of shape {x.shape} and a window of {window} "
            f"would give the sizes {sizes}.\nExpected at least 1 along each axis.\n"
            "Use a larger window, padding='valid', or a larger output_padding."
        )
    params = {
        "sizes": sizes,
        "strides": strides,
        "padding": tuple((lo, max(0, hi)) for lo, hi in places),
        "dilation": dilation,
        "groups": 1,
    }
    y = bind(conv_input_grad_op, (x, kernel), params)
    # Beyond the reach of the kernel there are zeros.
    y = pad(y, ((0, 0), *((0, max(0, -hi)) for _, hi in places), (0, 0)))
    return channels_back(y, layout)


def _transposed(
    window: int, stride: int, padding: str, extra: int | None, dilation: int
) -> tuple[int, int]:
    """What a transposed convolution cuts off at both ends of an axis (< 0: adds).

    Raises:
        ValueError: for another padding than 'valid' and 'same'.
    """
    reach = (window - 1) * dilation + 1
    if padding == "valid":
        extra = max(0, stride - reach) if extra is None else extra
        return 0, -extra
    if padding != "same":
        raise ValueError(
            f"[conv_transpose] padding={padding!r} is unknown.\n"
            "Expected 'valid' or 'same'.\nUse padding='same' for size * strides."
        )
    # Of all that the kernel reaches, this much less than twice a whole reach remains.
    kept = stride + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
    left = min(kept - kept // 2, reach - 1)
    return reach - 1 - left, reach - 1 - (kept - left)
