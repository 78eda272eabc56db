"""Joining, cutting, turning and folding: functions that move elements about."""

from __future__ import annotations

import math
import re

import numpy as np

from cornu.graph.trace import convert
from cornu.ops.numpy import moveaxis, ravel, split, swapaxes
from cornu.ops.primitives.indexing import scatter_add, take
from cornu.ops.primitives.shapes import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    pad,
    reshape,
    squeeze,
    transpose,
)
from cornu.ops.public import (
    canonical_axis,
    exact_sizes,
    is_open_size,
    promote,
    public,
)

__all__ = [
    "append",
    "array_split",
    "depth_to_space",
    "dsplit",
    "dstack",
    "extract_sequences",
    "fliplr",
    "flipud",
    "fold",
    "hsplit",
    "hstack",
    "meshgrid",
    "rearrange",
    "roll",
    "rot90",
    "space_to_depth",
    "unfold",
    "unstack",
    "vsplit",
    "vstack",
]


def _needs_axes(x, n, function):
    if x.ndim < n:
        raise ValueError(
            f"[{function}] a tensor of shape {x.shape} was given.\n"
            f"Expected at least {n} axes.\nAdd some with ops.expand_dims."
        )
    return x


# Joining


@public
def append(x1, x2, axis=None):
    """`x2` after `x1` along an axis; both flat where `axis` is None."""
    a, b = promote(x1, x2)
    if axis is None:
        a, b, axis = ravel(a), ravel(b), 0
    return concatenate([a, b], axis)


def _with_axes(x, n):
    """As NumPy's atleast_1d and so on."""
    x = convert(x)
    if n == 3 and x.ndim == 2:
        return expand_dims(x, 2)
    while x.ndim < n:
        x = expand_dims(x, 0 if x.ndim < 2 else 2)
    return x


@public
def hstack(xs):
    """Join along the second axis; along the first where there is but one."""
    tensors = [_with_axes(x, 1) for x in xs]
    return concatenate(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


@public
def vstack(xs):
    """Join along the first axis; tensors of one axis become rows."""
    return concatenate([_with_axes(x, 2) for x in xs], 0)


@public
def dstack(xs):
    """Join along the third axis, which is added where it is missing."""
    return concatenate([_with_axes(x, 3) for x in xs], 2)


@public
def meshgrid(*x, indexing="xy"):
    """For each tensor, one of the shape of them all that varies along its axis.

    Args:
        x: tensors; each is one axis of the grid.
        indexing: 'xy' lets the first tensor run along the second axis, as in pictures;
            'ij' along the first.

    Returns:
        List of tensors.

    Raises:
        ValueError: for another `indexing`.

    Example:

    >>> a, b = meshgrid([1, 2, 3], [10, 20])
    >>> a.tolist(), b.tolist()
    ([[1, 2, 3], [1, 2, 3]], [[10, 10, 10], [20, 20, 20]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(
            f"[meshgrid] indexing={indexing!r} is unknown.\nExpected 'xy' or 'ij'.\n"
            "Leave it away for 'xy', the first tensor along the second axis."
        )
    flat = [ravel(t) for t in x]
    sizes = [t.shape[0] for t in flat]
    grids = []
    for i, t in enumerate(flat):
        shape = [n if j == i else 1 for j, n in enumerate(sizes)]
        grids.append(broadcast_to(reshape(t, shape), sizes))
    swap = indexing == "xy" and len(grids) > 1
    return [swapaxes(t, 0, 1) for t in grids] if swap else grids


# Cutting


@exact_sizes
@public
def unstack(x, num=None, axis=0):
    """The slices along an axis, as a list of tensors without it.

    Args:
        x: tensor.
        num: how many there are; needed where the axis of a symbolic tensor is open.
        axis: the axis.

    Raises:
        ValueError: when `num` is not the size of the axis.
    """
    x = convert(x)
    axis = canonical_axis(axis, x.ndim)
    n = x.shape[axis]
    if num is not None and is_open_size(n):
        x, n = x[(slice(None),) * axis + (slice(0, num),)], num
    if num is not None and num != n:
        raise ValueError(
            f"[unstack] num={num} was given for axis {axis} of shape {x.shape}.\n"
            f"Expected {n}, or None.\nLeave it away."
        )
    return [squeeze(part, axis) for part in split(x, n, axis)] if n else []


@public
def array_split(x, indices_or_sections, axis=0):
    """Cut along an axis at given places, or into parts whose sizes differ by one."""
    x = convert(x)
    axis = canonical_axis(axis, x.ndim)
    if isinstance(indices_or_sections, (int, np.integer)):
        parts = int(indices_or_sections)
        small, more = divmod(x.shape[axis], parts)
        sizes = [small + 1] * more + [small] * (parts - more)
        indices_or_sections = np.cumsum(sizes)[:-1].tolist()
    return split(x, indices_or_sections, axis)


@public
def hsplit(x, indices_or_sections):
    """Cut along the second axis; along the first where there is but one."""
    x = _needs_axes(convert(x), 1, "hsplit")
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@public
def vsplit(x, indices_or_sections):
    """Cut along the first axis of at least two."""
    return split(_needs_axes(convert(x), 2, "vsplit"), indices_or_sections, 0)


@public
def dsplit(x, indices_or_sections):
    """Cut along the third axis."""
    return split(_needs_axes(convert(x), 3, "dsplit"), indices_or_sections, 2)


# Turning


@public
def fliplr(x):
    """Reverse the order along the second axis."""
    return flip(_needs_axes(convert(x), 2, "fliplr"), 1)


@public
def flipud(x):
    """Reverse the order along the first axis."""
    return flip(_needs_axes(convert(x), 1, "flipud"), 0)


@public
def roll(x, shift, axis=None):
    """Move elements along an axis; those that leave at one end come in at the other.

    Args:
        x: tensor.
        shift: by how many places, or one number per axis.
        axis: axis or axes; None rolls all elements in order.

    Raises:
        ValueError: when shifts and axes differ in number.

    Example:

    >>> roll([1, 2, 3, 4], 1).tolist()
    [4, 1, 2, 3]
    """
    x = convert(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    if len(axes) == 1:
        axes = axes * len(shifts)
    if len(shifts) != len(axes):
        raise ValueError(
            f"[roll] {len(shifts)} shifts were given for {len(axes)} axes.\n"
            "Expected one shift for all, or one per axis.\n"
            "For example roll(x, (1, 2), axis=(0, 1))."
        )
    for by, place in zip(shifts, axes, strict=True):
        place = canonical_axis(place, x.ndim)
        n = x.shape[place]
        if n and by % n:
            x = concatenate(list(reversed(split(x, [n - by % n], place))), place)
    return x


@public
def rot90(array, k=1, axes=(0, 1)):
    """Turn the plane of two axes by k quarters, from the first towards the second.

    Raises:
        ValueError: when the axes are not two different ones.
    """
    x = _needs_axes(convert(array), 2, "rot90")
    a, b = (canonical_axis(i, x.ndim, "axes") for i in axes)
    if a == b:
        raise ValueError(
            f"[rot90] axes={tuple(axes)} are one axis of shape {x.shape}.\n"
            "Expected two different ones.\nFor example axes=(0, 1)."
        )
    if k % 4 == 2:
        return flip(x, (a, b))
    if k % 2 == 0:
        return x
    return swapaxes(flip(x, b), a, b) if k % 4 == 1 else flip(swapaxes(x, a, b), b)


# Folding


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(int(v) for v in value)


def _patch_places(sizes, kernel, dilation, stride):
    """Of each patch and each of its elements, the flat place in an image."""
    rows, columns = (
        np.arange((n - d * (k - 1) - 1) // s + 1)[:, None] * s + np.arange(k) * d
        for n, k, d, s in zip(sizes, kernel, dilation, stride, strict=True)
    )
    places = rows[:, None, :, None] * sizes[1] + columns[None, :, None, :]
    patches = len(rows) * len(columns)
    return places.reshape(patches, math.prod(kernel)).T.astype(np.int32)


def _fits(function, sizes, kernel, dilation, padding):
    inside = [n + 2 * p for n, p in zip(sizes, padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(n < r for n, r in zip(inside, reach, strict=True)):
        raise ValueError(
            f"[{function}] patches of {kernel} (spread over {tuple(reach)}) do not fit "
            f"into {tuple(inside)}.\nExpected patches that are no larger.\n"
            "Use a smaller kernel_size or dilation, or more padding."
        )
    return inside


@public
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """The patches of images, one column each (im2col).

    Args:
        x: tensor of shape (batch, channels, height, width).
        kernel_size: height and width of a patch, or one number for both.
        dilation: distance of the elements of a patch.
        padding: zeros around the image.
        stride: distance of the patches.

    Returns:
        Tensor of shape (batch, channels * kernel height * kernel width, patches).

    Raises:
        ValueError: when patches do not fit.
    """
    x = _needs_axes(convert(x), 4, "unfold")
    kernel, around = _pair(kernel_size), _pair(padding)
    spread, step = _pair(dilation), _pair(stride)
    sizes = _fits("unfold", x.shape[2:], kernel, spread, around)
    x = pad(x, ((0, 0), (0, 0), (around[0],) * 2, (around[1],) * 2))
    places = _patch_places(sizes, kernel, spread, step)
    n, c = x.shape[:2]
    patches = take(reshape(x, (n, c, -1)), places, axis=2)
    return reshape(patches, (n, c * places.shape[0], places.shape[1]))


@public
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Images of patches, where those that overlap add up (col2im).

    Args:
        x: tensor of shape (batch, channels * kernel height * kernel width, patches).
        output_size: height and width of the images.
        kernel_size: height and width of a patch, or one number for both.
        dilation: distance of the elements of a patch.
        padding: what is cut off around the image.
        stride: distance of the patches.

    Returns:
        Tensor of shape (batch, channels, height, width).

    Raises:
        ValueError: when the patches are not those of such an image.
    """
    x = _needs_axes(convert(x), 3, "fold")
    kernel, around = _pair(kernel_size), _pair(padding)
    spread, step = _pair(dilation), _pair(stride)
    sizes = _fits("fold", _pair(output_size), kernel, spread, around)
    places = _patch_places(sizes, kernel, spread, step)
    n, rows, columns = x.shape
    if columns != places.shape[1] or rows % places.shape[0]:
        raise ValueError(
            f"[fold] patches of shape {x.shape} were given.\n"
            f"Expected (batch, channels * {places.shape[0]}, {places.shape[1]}).\n"
            "Use the kernel_size, dilation, padding and stride of ops.unfold."
        )
    c = rows // places.shape[0]
    zeros = broadcast_to(convert(np.zeros((), x.dtype)), (n, c, math.prod(sizes)))
    x = reshape(x, (n, c, *places.shape))
    y = reshape(scatter_add(zeros, places, x, axis=2), (n, c, *sizes))
    (top, left), (height, width) = around, sizes
    return y[:, :, top : height - top, left : width - left]


def _blocks(x, block_size, data_format, function):
    _needs_axes(x, 4, function)
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"[{function}] data_format={data_format!r} is unknown.\n"
            "Expected 'channels_last' or 'channels_first'.\nLeave it away for the "
            "first."
        )
    if not isinstance(block_size, int) or block_size < 2:
        raise ValueError(
            f"[{function}] block_size={block_size!r} was given.\n"
            "Expected a whole number of at least 2.\nFor example block_size=2."
        )
    last = data_format == "channels_last"
    x = x if last else moveaxis(x, 1, -1)
    whole = (
        x.shape[-1] % block_size**2
        if function == "depth_to_space"
        else max(n % block_size for n in x.shape[1:3])
    )
    if whole:
        what = "channels" if function == "depth_to_space" else "height and width"
        raise ValueError(
            f"[{function}] block_size={block_size} does not divide {x.shape}.\n"
            f"Expected {what} that whole blocks are made of.\n"
            "Choose another block_size, or crop before."
        )
    return x, last


@public
def depth_to_space(x, block_size, data_format="channels_last"):
    """Lay channels out as blocks of pixels (pixel shuffle).

    Args:
        x: images of shape (batch, height, width, channels).
        block_size: height and width of a block.
        data_format: 'channels_last', or 'channels_first' for channels before heights.

    Returns:
        Images with height and width times, channels divided by block_size (twice).

    Raises:
        ValueError: when the channels do not make whole blocks.
    """
    x, last = _blocks(convert(x), block_size, data_format, "depth_to_space")
    n, h, w, c = x.shape
    b, c = block_size, c // block_size**2
    if last:
        y = transpose(reshape(x, (n, h, w, b, b, c)), (0, 1, 3, 2, 4, 5))
        return reshape(y, (n, h * b, w * b, c))
    y = transpose(reshape(x, (n, h, w, c, b, b)), (0, 3, 1, 4, 2, 5))
    return reshape(y, (n, c, h * b, w * b))


@public
def space_to_depth(x, block_size, data_format="channels_last"):
    """Lay blocks of pixels out as channels, the inverse of `depth_to_space`.

    Args:
        x: images of shape (batch, height, width, channels).
        block_size: height and width of a block.
        data_format: 'channels_last', or 'channels_first' for channels before heights.

    Returns:
        Images with height and width divided by, channels times block_size (twice).

    Raises:
        ValueError: when height and width are not whole blocks.
    """
    x, last = _blocks(convert(x), block_size, data_format, "space_to_depth")
    n, h, w, c = x.shape
    b = block_size
    x = reshape(x, (n, h // b, b, w // b, b, c))
    if last:
        y = transpose(x, (0, 1, 3, 2, 4, 5))
        return reshape(y, (n, h // b, w // b, c * b * b))
    return reshape(transpose(x, (0, 5, 2, 4, 1, 3)), (n, c * b * b, h // b, w // b))


@public
def extract_sequences(x, sequence_length, sequence_stride):
    """Pieces of equal length from signals, which may overlap.

    Args:
        x: tensor of shape (..., samples).
        sequence_length: number of samples of a piece.
        sequence_stride: distance of the pieces.

    Returns:
        Tensor of shape (..., pieces, sequence_length).

    Raises:
        ValueError: when the signal is shorter than a piece.

    Example:

    >>> extract_sequences([1, 2, 3, 4, 5], 3, 2).tolist()
    [[1, 2, 3], [3, 4, 5]]
    """
    x = convert(x)
    length, stride = int(sequence_length), int(sequence_stride)
    if not x.ndim or x.shape[-1] < length or length < 1 or stride < 1:
        raise ValueError(
            f"[extract_sequences] pieces of {length} with stride {stride} were asked "
            f"of a tensor of shape {x.shape}.\n"
            "Expected a last axis of at least that length, and positive numbers.\n"
            "Put zeros at the end with ops.pad."
        )
    starts = np.arange(0, x.shape[-1] - length + 1, stride)
    places = starts[:, None] + np.arange(length)
    return take(x, places.astype(np.int32), axis=-1)


def _groups(side):
    found = re.findall(r"\w+|\(.*?\)", side)
    return [re.findall(r"\w+", part) for part in found]


@public
def rearrange(tensor, pattern, **axes_lengths):
    """Reorder, merge and cut axes, as a pattern in the notation of einops says.

    Args:
        tensor: tensor.
        pattern: for example 'b h w c -> b (h w) c'. Brackets hold axes that are one.
        axes_lengths: sizes of axes that are cut out of one, but for one of each.

    Raises:
        ValueError: when the pattern does not fit the tensor.

    Example:

    >>> rearrange([[1, 2, 3, 4]], "a (b c) -> b (a c)", b=2).tolist()
    [[1, 2], [3, 4]]
    """
    x = convert(tensor)
    sides = re.split(r"\s*->\s*", pattern.strip())
    left, right = (_groups(s) for s in sides) if len(sides) == 2 else ([], [])
    names, wanted = ([a for group in side for a in group] for side in (left, right))
    sizes = dict(axes_lengths)
    fits = len(left) == x.ndim and sorted(names) == sorted(wanted)
    for n, group in zip(x.shape, left, strict=False):
        open_axes = [a for a in group if a not in sizes]
        known = math.prod(sizes[a] for a in group if a in sizes)
        if len(open_axes) == 1 and known and n % known == 0:
            sizes[open_axes[0]] = n // known
        fits = fits and all(a in sizes for a in group)
        fits = fits and math.prod(sizes[a] for a in group if a in sizes) == n
    if not fits or len(set(names)) != len(names) or set(axes_lengths) - set(names):
        raise ValueError(
            f"[rearrange] the pattern {pattern!r} with {axes_lengths} does not fit a "
            f"tensor of shape {x.shape}.\n"
            "Expected one name per axis, the same names on both sides, and all sizes "
            "but one of what is cut.\nFor example 'b (h p) c -> b h p c' with p=2."
        )
    x = reshape(x, tuple(sizes[a] for a in names))
    x = transpose(x, tuple(names.index(a) for a in wanted))
    return reshape(x, tuple(math.prod(sizes[a] for a in group) for group in right))
