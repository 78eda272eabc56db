"""The functions of networks that Keras 1 and 2 code calls as `K.*`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cornu import losses, ops
from cornu.graph import Tensor, config
from cornu.graph.trace import bind
from cornu.ops.convolution import channels_back, channels_last
from cornu.ops.primitives.windows import conv_input_grad_op
from cornu.ops.public import canonical_axis, floating, promote, recordable

__all__ = [
    "batch_normalization", "bias_add", "binary_focal_crossentropy",
    "categorical_focal_crossentropy", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "ctc_batch_cost", "ctc_decode", "ctc_label_dense_to_sparse", "depthwise_conv2d",
    "normalize_batch_in_training", "pool2d", "pool3d", "separable_conv1d",
    "separable_conv2d", "sparse_categorical_crossentropy", "spatial_2d_padding",
    "spatial_3d_padding", "temporal_padding",
]  # fmt: skip


# Convolutions


def conv1d(
    x: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of sequences (batch, steps, channels).

    Args:
        x: tensor.
        kernel: tensor of shape (window, channels, filters).
        strides: step of the window.
        padding: 'valid', 'same', or 'causal' for windows that end where they stand.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the steps in a window.
    """
    if padding == "causal":
        rate = dilation_rate
        rate = rate[0] if isinstance(rate, (tuple, list)) else rate
        padding = [(rate * (kernel.shape[0] - 1), 0)]  # pyright: ignore
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of images (batch, height, width, channels).

    Args:
        x: tensor.
        kernel: tensor of shape (height, width, channels, filters).
        strides: step of the window.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.
    """
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Any:
    """Convolution of volumes (batch, depth, height, width, channels): see `conv2d`."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@recordable
def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution read backwards: the gradient of `conv2d` by its input.

    Args:
        x: tensor of shape (batch, height, width, channels).
        kernel: tensor of shape (height, width, filters, channels).
        output_shape: shape of the result; the batch, which the input has, may be None.
        strides: distance between two inputs in the output.
        padding: 'valid' or 'same', of the convolution that it is the gradient of.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.

    Raises:
        ValueError: when a convolution of `output_shape` does not give the shape of `x`.
    """
    layout = config.standardize_data_format(data_format)
    x, kernel = promote(floating(x), floating(kernel))
    x = channels_last(x, layout)
    shape = tuple(output_shape)
    sizes = shape[1:3] if layout == "channels_last" else shape[2:4]
    steps, rates = (
        (value, value) if isinstance(value, int) else tuple(value)
        for value in (strides, dilation_rate)
    )
    pads = []
    for places, n, window, step, rate in zip(
        x.shape[1:3], sizes, kernel.shape[:2], steps, rates, strict=True
    ):
        reach = (window - 1) * rate + 1
        total = max((places - 1) * step + reach - n, 0) if padding == "same" else 0
        pads.append((total // 2, total - total // 2))
        given = (n + total - reach) // step + 1
        if given != places or padding not in ("valid", "same"):
            raise ValueError(
                f"K.conv2d_transpose was given padding={padding!r} and output_shape="
                f"{shape} for an input of shape {x.shape} and a kernel of shape "
                f"{kernel.shape}.\n"
                "Expected a shape of which conv2d would give the input's.\n"
                f"With 'same' and strides={steps}, take height and width times these."
            )
    params = {"sizes": tuple(sizes), "strides": steps, "padding": tuple(pads)}
    params |= {"dilation": rates, "groups": 1}
    return channels_back(bind(conv_input_grad_op, (x, kernel), params), layout)


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of each channel of images by itself.

    Args:
        x: tensor of shape (batch, height, width, channels).
        depthwise_kernel: tensor of shape (height, width, channels, multiplier).
        strides: step of the window.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.
    """
    steps = strides, padding, data_format, dilation_rate
    return ops.depthwise_conv(x, depthwise_kernel, *steps)


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of each channel by itself, then of all channels at each place.

    Args:
        x: tensor of shape (batch, height, width, channels).
        depthwise_kernel: tensor of shape (height, width, channels, multiplier).
        pointwise_kernel: tensor of shape (1, 1, channels * multiplier, filters).
        strides: step of the window.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'.
        dilation_rate: distance between the elements of the window.
    """
    steps = strides, padding, data_format, dilation_rate
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, *steps)


def separable_conv1d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`separable_conv2d` for sequences (batch, steps, channels)."""
    steps = strides, padding, data_format, dilation_rate
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, *steps)


# Pooling, borders, sizes


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """The largest element, or the mean, of each window of images.

    Args:
        x: tensor of shape (batch, height, width, channels).
        pool_size: height and width of the window.
        strides: step of the window; 1 by default, other than in the layers.
        padding: 'valid' or 'same'.
        data_format: 'channels_last' or 'channels_first'.
        pool_mode: 'max' or 'avg'.

    Raises:
        ValueError: for another pool_mode.
    """
    if pool_mode not in ("max", "avg"):
        raise ValueError(
            f"K.pool was given pool_mode={pool_mode!r}.\n"
            "Expected 'max' or 'avg'.\nLeave it away for 'max'."
        )
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(x, pool_size, strides, padding, data_format)


def pool3d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """`pool2d` for volumes (batch, depth, height, width, channels)."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the steps of sequences (batch, steps, channels)."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Zeros around images: ((above, below), (left, right))."""
    sides = [tuple(pair) for pair in padding]
    first = config.standardize_data_format(data_format) == "channels_first"
    none = (0, 0)
    return ops.pad(x, (none, none, *sides) if first else (none, *sides, none))


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Zeros around volumes: a pair for each of their axes."""
    return spatial_2d_padding(x, padding, data_format)


# Biases and normalization


@recordable
def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """`x` and a bias: a number per channel, or one for each place of a sample.

    Args:
        x: tensor of shape (batch, ..., channels).
        bias: tensor of shape (channels,), or of that of a sample, channels last.
        data_format: 'channels_last' or 'channels_first'.

    Raises:
        ValueError: when the bias has another number of axes.
    """
    layout = config.standardize_data_format(data_format)
    x, bias = promote(floating(x), floating(bias))
    if bias.ndim not in (1, x.ndim - 1):
        raise ValueError(
            f"K.bias_add was given a bias of shape {bias.shape} for a tensor of shape "
            f"{x.shape}.\n"
            "Expected one axis, the channels, or all axes but the batch.\n"
            "Reshape the bias with K.reshape."
        )
    if layout == "channels_last" or x.ndim < 3:
        return x + bias
    if bias.ndim == 1:
        return x + ops.reshape(bias, (1, -1, *(1,) * (x.ndim - 2)))
    order = (bias.ndim - 1, *range(bias.ndim - 1))
    return x + ops.transpose(bias, order)


@recordable
def batch_normalization(
    x: Any,
    mean: Any,
    var: Any,
    beta: Any,
    gamma: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:
    """(x - mean) / sqrt(var + epsilon) * gamma + beta.

    Args:
        x: tensor.
        mean: tensor of shape (channels,), or one that broadcasts to `x`.
        var: the same.
        beta: the same, or None for 0.
        gamma: the same, or None for 1.
        axis: the axis of the channels.
        epsilon: added to the variance.
    """
    x = floating(x)
    axis = canonical_axis(axis, x.ndim)
    shape = tuple(-1 if i == axis else 1 for i in range(x.ndim))

    def along(value: Any) -> Any:
        value = floating(value)
        return ops.reshape(value, shape) if value.ndim == 1 else value

    factor = ops.rsqrt(along(var) + epsilon)
    factor = factor if gamma is None else factor * along(gamma)
    y = (x - along(mean)) * factor
    return y if beta is None else y + along(beta)


@recordable
def normalize_batch_in_training(
    x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3
) -> Any:
    """A batch normalized by its own mean and variance.

    Args:
        x: tensor.
        gamma: tensor of the shape of the other axes, or None for 1.
        beta: the same, or None for 0.
        reduction_axes: axes over which mean and variance are taken.
        epsilon: added to the variance.

    Returns:
        The normalized tensor, the mean and the variance.
    """
    x = floating(x)
    axes = tuple(canonical_axis(int(a), x.ndim) for a in reduction_axes)
    mean, var = ops.moments(x, axes)
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))

    def along(value: Any) -> Any:
        return None if value is None else ops.reshape(value, shape)

    parts = along(mean), along(var), along(beta), along(gamma)
    return batch_normalization(x, *parts, epsilon=epsilon), mean, var


# Losses


def sparse_categorical_crossentropy(
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Any:
    """-log(output) at the index of the true class.

    Args:
        target: class indices.
        output: probabilities, or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.
        ignore_class: a class that does not count.
    """
    function = losses.sparse_categorical_crossentropy
    return function(target, output, from_logits, ignore_class, axis)


def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:
    """Binary crossentropy times (1 - p)**gamma, element by element.

    Args:
        target: labels 0 or 1.
        output: probabilities, or logits.
        apply_class_balancing: whether class 1 counts alpha, and class 0 1 - alpha.
        alpha: see above.
        gamma: how little counts what is told apart well already.
        from_logits: whether `output` holds logits.
    """
    p = ops.sigmoid(output) if from_logits else output
    true = ops.cast(target, p.dtype)
    factor = (1.0 - (true * p + (1.0 - true) * (1.0 - p))) ** gamma
    if apply_class_balancing:
        factor = factor * (true * alpha + (1.0 - true) * (1.0 - alpha))
    return factor * ops.binary_crossentropy(true, output, from_logits)


def categorical_focal_crossentropy(
    target: Any,
    output: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Any:
    """Categorical crossentropy times alpha * (1 - p)**gamma.

    Args:
        target: one-hot labels.
        output: probabilities, or logits.
        alpha: factor.
        gamma: how little counts what is told apart well already.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.
    """
    return losses.categorical_focal_crossentropy(
        target, output, alpha, gamma, from_logits, axis=axis
    )


def ctc_batch_cost(
    y_true: Any, y_pred: Any, input_length: Any, label_length: Any
) -> Any:
    """Connectionist temporal classification: what sequences of labels cost.

    Args:
        y_true: class indices of shape (batch, labels).
        y_pred: probabilities of shape (batch, steps, classes); the last class is blank.
        input_length: number of steps of each row, shape (batch, 1).
        label_length: number of labels of each row, shape (batch, 1).

    Returns:
        Tensor of shape (batch, 1).
    """
    logits = ops.log(y_pred + config.epsilon())
    lengths = (
        ops.squeeze(ops.cast(n, "int32"), -1) for n in (label_length, input_length)
    )
    labels = ops.cast(y_true, "int32")
    cost = ops.ctc_loss(labels, logits, *lengths, mask_index=y_pred.shape[-1] - 1)
    return ops.expand_dims(cost, 1)


class SparseLabels(NamedTuple):
    """What a sparse tensor of TensorFlow is made of, in its order and by its names.

    Attributes:
        indices: the places of the labels, int64 of shape (count, 2).
        values: the labels, of shape (count,).
        dense_shape: numbers of rows and columns, int64 of shape (2,).
    """

    indices: Any
    values: Any
    dense_shape: Any


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> SparseLabels:
    """The labels that count, row by row, and where they are.

    There are no sparse tensors in Cornu: the result has the three parts of one.
    `ctc_batch_cost` needs no such thing, it takes labels as they are.

    Args:
        labels: class indices of shape (batch, labels).
        label_lengths: number of labels of each row, shape (batch,).

    Raises:
        ValueError: inside a model: how many labels there are has to be known.

    Example:

    >>> sparse = ctc_label_dense_to_sparse([[4, 5, 0], [6, 0, 0]], [2, 1])
    >>> sparse.values.tolist(), sparse.indices.tolist(), sparse.dense_shape.tolist()
    ([4, 5, 6], [[0, 0], [0, 1], [1, 0]], [2, 3])
    """
    labels, lengths = map(ops.convert_to_tensor, (labels, label_lengths))
    if not isinstance(labels, Tensor) or not isinstance(lengths, Tensor):
        raise ValueError(
            "ctc_label_dense_to_sparse was called inside a model.\n"
            "Expected data at hand: the size of the result depends on the numbers.\n"
            "Call K.ctc_batch_cost, or ops.ctc_loss, with the labels as they are."
        )
    dense = np.asarray(labels)
    there = np.arange(dense.shape[1]) < np.asarray(lengths).reshape(-1, 1)
    parts = np.argwhere(there), dense[there], np.array(dense.shape, "int64")
    return SparseLabels(*map(ops.convert_to_tensor, parts))


def ctc_decode(
    y_pred: Any,
    input_length: Any,
    greedy: bool = True,
    beam_width: int = 100,
    top_paths: int = 1,
) -> tuple[list[Any], Any]:
    """The sequences of labels that outputs speak for.

    In Keras 2, beam search made one label of equal neighbours in what it had found
    ([1, 1] of 1, blank, 1 became [1]). Here they stay two, as in Keras 3.

    Args:
        y_pred: probabilities of shape (batch, steps, classes); the last class is blank.
        input_length: number of steps of each row, shape (batch,).
        greedy: whether the best class of each step is taken; otherwise beam search.
        beam_width: how many sequences a beam search follows.
        top_paths: how many it returns.

    Returns:
        A list of class indices of shape (batch, steps), filled up with -1; and scores.
    """
    paths = 1 if greedy else top_paths
    found, scores = ops.ctc_decode(
        ops.log(y_pred + config.epsilon()),
        input_length,
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=paths,
        mask_index=y_pred.shape[-1] - 1,
    )
    return [found[i] for i in range(paths)], scores
