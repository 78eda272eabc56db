"""Convolution and pooling with `out=`: functions whose source goes into the programs.

They use nothing but NumPy and each other. A convolution copies the windows of a block
of samples side by side into `scratch`, so that one product does the rest; what a block
needs is bounded, however large the batch is.
"""

from __future__ import annotations

import numpy as np

# Convolution


def windows_of(x, window, strides, dilation):
    """Every window of `x`, as a view: (batch, *places, *window, channels)."""
    (first, *steps, last), sizes = x.strides, x.shape[1:-1]
    places = [
        max(0, (n - (k - 1) * d - 1) // s + 1)
        for n, k, s, d in zip(sizes, window, strides, dilation)
    ]
    return np.lib.stride_tricks.as_strided(
        x,
        (len(x), *places, *window, x.shape[-1]),
        (
            first,
            *(a * s for a, s in zip(steps, strides)),
            *(a * d for a, d in zip(steps, dilation)),
            last,
        ),
    )


def bordered(x, padding, block, scratch):
    """Room for `block` samples of `x` amid zeros; its inside; the rest of `scratch`."""
    sizes = [n + lo + hi for n, (lo, hi) in zip(x.shape[1:-1], padding)]
    shape = (min(block, len(x)), *sizes, x.shape[-1])
    size = int(np.prod(shape))
    room = scratch[:size].reshape(shape)
    room.fill(0)
    inner = tuple(slice(lo, lo + n) for n, (lo, _) in zip(x.shape[1:-1], padding))
    return room, room[(slice(None), *inner)], scratch[size:]


def side_by_side(seen, window, turned, scratch):
    """The windows of a block, copied: a matrix (places, elements of a window)."""
    size, elements = len(window), int(np.prod(window)) * seen.shape[-1]
    room = scratch[: seen.size]
    if not turned:
        np.copyto(room.reshape(seen.shape), seen)
        return room.reshape(-1, elements)
    # Few elements lie together in a window, more in a row of places.
    n = seen.ndim
    seen = seen.transpose(*range(n - size - 1, n), *range(n - size - 1))
    np.copyto(room.reshape(seen.shape), seen)
    return room.reshape(elements, -1).T


def blocks_of(x, padding, window, strides, dilation, block, scratch):
    """For each block of samples its slice and its windows; then the rest of scratch."""
    if not any(map(any, padding)):
        seen = windows_of(x, window, strides, dilation)
        for i in range(0, len(x), block):
            yield slice(i, i + block), seen[i : i + block], scratch
        return
    room, inner, rest = bordered(x, padding, block, scratch)
    seen = windows_of(room, window, strides, dilation)
    for i in range(0, len(x), block):
        part = x[i : i + block]
        np.copyto(inner[: len(part)], part)
        yield slice(i, i + block), seen[: len(part)], rest


def convolve(
    x, kernel, *, strides, padding, dilation, groups, block, turned, scratch, out
):
    """Convolution: for each block of samples and each group one product."""
    window, channels, filters = kernel.shape[:-2], kernel.shape[-2], out.shape[-1]
    matrix, each = kernel.reshape(-1, filters), filters // groups
    for here, seen, rest in blocks_of(
        x, padding, window, strides, dilation, block, scratch
    ):
        rows = out[here].reshape(-1, filters)
        for group in range(groups):
            part = seen[..., group * channels : (group + 1) * channels]
            columns = slice(group * each, (group + 1) * each)
            left = side_by_side(part, window, turned, rest)
            np.matmul(left, matrix[:, columns], out=rows[:, columns])


def convolve_kernel_grad(
    x, g, *, strides, padding, dilation, groups, block, turned, scratch, out
):
    """The gradient by the kernel: the sum over blocks of one product for each group."""
    window, channels, filters = out.shape[:-2], out.shape[-2], out.shape[-1]
    matrix, each = out.reshape(-1, filters), filters // groups
    size = len(matrix) * each
    sums, scratch = scratch[:size].reshape(len(matrix), each), scratch[size:]
    out.fill(0)
    for here, seen, rest in blocks_of(
        x, padding, window, strides, dilation, block, scratch
    ):
        rows = g[here].reshape(-1, filters)
        for group in range(groups):
            part = seen[..., group * channels : (group + 1) * channels]
            columns = slice(group * each, (group + 1) * each)
            left = side_by_side(part, window, turned, rest)
            np.matmul(left.T, rows[:, columns], out=sums)
            np.add(matrix[:, columns], sums, out=matrix[:, columns])


def convolve_input_grad(
    g, kernel, *, strides, padding, dilation, groups, block, scratch, out
):
    """The gradient by the input: each tap's product, added where the tap looked."""
    window, channels, filters = kernel.shape[:-2], kernel.shape[-2], g.shape[-1]
    each, bare = filters // groups, not any(map(any, padding))
    room, inner = out, out
    if not bare:
        room, inner, scratch = bordered(out, padding, block, scratch)
    seen = windows_of(room, window, strides, dilation)
    for i in range(0, len(g), block):
        rows = g[i : i + block].reshape(-1, filters)
        count = min(block, len(g) - i)
        first = i if bare else 0
        room[first : first + count].fill(0)
        for tap in np.ndindex(*window):
            places = seen[(slice(first, first + count), ..., *tap, slice(None))]
            for group in range(groups):
                into = places[..., group * channels : (group + 1) * channels]
                columns = slice(group * each, (group + 1) * each)
                part = scratch[: into.size].reshape(-1, channels)
                np.matmul(rows[:, columns], kernel[tap][:, columns].T, out=part)
                np.add(into, part.reshape(into.shape), out=into)
        if not bare:
            np.copyto(out[i : i + count], inner[:count])


# Convolution of each channel by itself


def depthwise(x, kernel, *, strides, padding, dilation, block, scratch, out):
    """Convolution of each channel by itself: the sum over taps, element by element."""
    window, channels = kernel.shape[:-2], x.shape[-1]
    weights = kernel.reshape(*window, channels, -1)
    for here, seen, rest in blocks_of(
        x, padding, window, strides, dilation, block, scratch
    ):
        total = out[here].reshape(*out[here].shape[:-1], channels, -1)
        total.fill(0)
        part = rest[: total.size].reshape(total.shape)
        for tap in np.ndindex(*window):
            np.multiply(seen[(..., *tap, slice(None), None)], weights[tap], out=part)
            np.add(total, part, out=total)


def depthwise_kernel_grad(x, g, *, strides, padding, dilation, block, scratch, out):
    """Its gradient by the kernel: products summed over all places."""
    window, channels, filters = out.shape[:-2], x.shape[-1], g.shape[-1]
    sums, scratch = scratch[:filters], scratch[filters:]
    out.fill(0)
    for here, seen, rest in blocks_of(
        x, padding, window, strides, dilation, block, scratch
    ):
        given = g[here].reshape(*g[here].shape[:-1], channels, -1)
        part = rest[: given.size].reshape(given.shape)
        for tap in np.ndindex(*window):
            np.multiply(seen[(..., *tap, slice(None), None)], given, out=part)
            np.add.reduce(part.reshape(-1, filters), axis=0, out=sums)
            np.add(out[tap], sums, out=out[tap])


def depthwise_input_grad(g, kernel, *, strides, padding, dilation, block, scratch, out):
    """Its gradient by the input: what each tap gives, added where the tap looked."""
    window, channels = kernel.shape[:-2], out.shape[-1]
    weights = kernel.reshape(*window, channels, -1)
    bare = not any(map(any, padding))
    room, inner = out, out
    if not bare:
        room, inner, scratch = bordered(out, padding, block, scratch)
    seen = windows_of(room, window, strides, dilation)
    for i in range(0, len(g), block):
        given = g[i : i + block].reshape(*g[i : i + block].shape[:-1], channels, -1)
        first, count = 0 if not bare else i, len(given)
        room[first : first + count].fill(0)
        for tap in np.ndindex(*window):
            into = seen[(slice(first, first + count), ..., *tap, slice(None))]
            part = scratch[: into.size].reshape(into.shape)
            for m in range(given.shape[-1]):
                np.multiply(given[..., m], weights[(*tap, slice(None), m)], out=part)
                np.add(into, part, out=into)
        if not bare:
            np.copyto(out[i : i + count], inner[:count])


# Pooling


def seen_by(tap, sizes, places, strides, padding):
    """Which windows have a tap inside the tensor, and the elements that it is on."""
    windows, elements = [slice(None)], [slice(None)]
    for t, n, p, s, (lo, _) in zip(tap, sizes, places, strides, padding):
        first = max(0, -((t - lo) // s))
        last = max(first, min(p, (n - 1 + lo - t) // s + 1))
        start = first * s + t - lo
        windows.append(slice(first, last))
        elements.append(slice(start, max(start, start + (last - first - 1) * s + 1), s))
    return tuple(windows), tuple(elements)


def first_of_maximum(x, y, *, window, strides, padding, miss, free, out):
    """For each window the number of the first tap that holds its maximum `y`."""
    out.fill(0)
    free.fill(True)  # until the first has been found
    nan = bool(np.isnan(y, out=miss).any())
    bare = not any(map(any, padding))
    for tap in np.ndindex(*window):
        here, there = seen_by(tap, x.shape[1:-1], y.shape[1:-1], strides, padding)
        if not bare:
            miss.fill(True)
        np.not_equal(x[there], y[here], out=miss[here])
        if nan:
            miss[here] &= x[there] == x[there]
        np.logical_and(free, miss, out=free)
        np.add(out, free.view("i1"), out=out)


def put_at_taps(g, taps, *, window, strides, padding, hit, part, out):
    """Each window's number at the tap that is chosen for it, zeros elsewhere."""
    bits = f"i{g.itemsize}"  # times 0 or 1, also infinities and NaN
    sizes, places = out.shape[1:-1], g.shape[1:-1]
    apart = all(s >= k for s, k in zip(strides, window))
    bare = not any(map(any, padding)) and strides == window
    if not bare or sizes != tuple(n * k for n, k in zip(places, window)):
        out.fill(0)  # else every element is in a window, and will be written
    for number, tap in enumerate(np.ndindex(*window)):
        here, there = seen_by(tap, sizes, places, strides, padding)
        np.equal(taps, number, out=hit)
        if apart:
            np.multiply(g.view(bits)[here], hit[here], out=out.view(bits)[there])
        else:
            np.multiply(g.view(bits), hit, out=part.view(bits))
            np.add(out[there], part[here], out=out[there])


def spread_over_windows(g, *, window, strides, padding, out):
    """What each element gets from all windows that it is in."""
    out.fill(0)
    for tap in np.ndindex(*window):
        here, there = seen_by(tap, out.shape[1:-1], g.shape[1:-1], strides, padding)
        np.add(out[there], g[here], out=out[there])
