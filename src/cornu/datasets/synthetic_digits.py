"""Handwritten-looking digits that are drawn, not downloaded.

A stand-in for MNIST where no network is: the same shapes and dtypes, about the same
difficulty for a small network. Every digit has a few ways of writing it; each is a
handful of strokes, a stroke is a smooth curve through control points. An image jitters
the control points, slants, turns and stretches the whole, and presses a soft round pen
along it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

__all__ = ["load_data"]

# The ways of writing each digit, 0 to 9: strokes (divided by |) as control points `x,y`
# in a box of 100 by 100, y downwards. Curves run smoothly through their points; a point
# given twice makes a corner.
_STROKES = (
    (  # 0: round, closed at the top; narrow; not quite closed
        "50,0 15,20 10,60 40,100 80,80 88,35 50,0",
        "55,0 30,25 25,70 50,100 72,70 75,25 55,0",
        "70,8 35,5 8,50 35,97 80,75 85,30 50,2",
    ),
    (  # 1: a stroke; slanted; with a flag
        "50,0 50,50 50,100",
        "62,0 50,50 38,100",
        "35,22 55,0 55,0 52,50 50,100",
    ),
    (  # 2: with a corner at the foot; with a loop there
        "12,25 40,0 78,20 60,55 10,98 10,98 50,95 90,97",
        "15,20 50,0 78,25 50,65 15,95 10,80 30,78 60,95 95,85",
    ),
    (  # 3: round; with a flat top
        "15,12 50,0 75,20 42,46 42,46 82,68 50,100 10,88",
        "15,3 50,2 80,2 80,2 42,42 42,42 84,68 50,100 12,90",
    ),
    (  # 4: open; closed; in one go
        "20,0 12,50 12,50 50,52 90,48 | 72,5 70,50 66,100",
        "62,0 8,62 8,62 50,64 95,62 | 64,0 62,50 60,100",
        "18,5 20,42 55,50 78,30 80,5 80,5 74,55 68,100",
    ),
    (  # 5: in one go; with the bar drawn last
        "85,2 25,4 25,4 20,42 20,42 70,45 75,82 40,100 8,88",
        "30,2 20,45 20,45 65,42 82,70 50,100 10,92 | 30,2 60,3 90,0",
    ),
    (  # 6: with a bent back; with a straight one
        "72,0 30,30 12,70 40,100 80,80 55,54 20,72",
        "45,0 22,40 20,80 50,100 78,78 50,58 22,78",
    ),
    (  # 7: plain; with a bar through it; with a serif
        "10,6 50,4 85,3 85,3 60,50 42,100",
        "10,6 50,4 88,3 88,3 62,50 45,100 | 35,52 60,50 85,47",
        "12,22 14,5 14,5 50,5 85,4 85,4 65,45 55,100",
    ),
    (  # 8: in one go; as two rings
        "72,15 45,0 20,20 50,48 80,75 50,100 20,78 50,48 78,22 60,2",
        "50,0 26,22 50,45 74,22 50,0 | 50,45 20,72 50,100 80,72 50,45",
    ),
    (  # 9: with a straight stem; with a bent one; with a hook
        "80,12 50,0 18,25 45,50 78,28 80,10 80,10 76,55 70,100",
        "78,20 45,0 20,28 50,48 78,20 72,60 40,100",
        "76,15 40,2 20,30 50,46 80,20 80,70 55,100 20,90",
    ),
)

_SIDE = 28  # pixels
_DOTS = 56  # pen positions along a digit
_CHUNK = 500  # images made at a time; each needs 13 kB while it is drawn


def load_data(
    seed: int = 0, num_train: int = 60000, num_test: int = 10000
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Draws a set of digits, with the shapes and dtypes of MNIST.

    Args:
        seed: the same seed draws the same digits. Training and test images never come
            from the same random numbers.
        num_train: number of training images.
        num_test: number of test images.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: images, uint8 `(n, 28, 28)` with
        values from 0 (paper) to 255 (ink), and labels, uint8 `(n,)` from 0 to 9, as
        many of each digit as of any other.

    Raises:
        ValueError: when the seed or a number of images is negative or no integer.

    Example:

    >>> (x_train, y_train), (x_test, y_test) = load_data(num_train=100, num_test=20)
    >>> x_train.shape, x_train.dtype.name, y_test.shape
    ((100, 28, 28), 'uint8', (20,))
    >>> np.bincount(y_test).tolist()
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    given = {"seed": seed, "num_train": num_train, "num_test": num_test}
    for name, number in given.items():
        if not isinstance(number, (int, np.integer)) or number < 0:
            raise ValueError(
                f"synthetic_digits.load_data: {name} is {number!r}.\n"
                "Expected an integer, 0 or more.\n"
                f"Pass for example {name}=1000."
            )
    train, test = np.random.SeedSequence(seed).spawn(2)
    return _draw_set(train, num_train), _draw_set(test, num_test)


def _draw_set(
    seeds: np.random.SeedSequence, number: int
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seeds)
    labels = rng.permutation(np.arange(number) % 10).astype("uint8")
    images = np.empty((number, _SIDE, _SIDE), "uint8")
    starts = range(0, number, _CHUNK)

    def draw_chunk(start: int, seed: np.random.SeedSequence) -> None:
        part = slice(start, start + _CHUNK)
        images[part] = _draw(labels[part], np.random.default_rng(seed))

    # Each chunk has random numbers of its own, so that the threads may race.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw_chunk, starts, seeds.spawn(len(starts))))
    return images, labels


def _draw(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images, uint8 `(n, 28, 28)`, of these digits."""
    n = len(labels)
    style = _choose_styles(labels, rng)
    dots = np.empty((n, _DOTS, 2), "float32")
    for number, way in enumerate(_WAYS):
        rows = np.flatnonzero(style == number)
        if len(rows):
            wobble = rng.normal(0, 1, (len(rows), *way.points.shape))
            wobble *= rng.lognormal(np.log(0.052), 0.35, (len(rows), 1, 1))  # haste
            dots[rows] = way.curve @ (way.points + wobble).astype("float32")
    ink = np.array([way.length for way in _WAYS], "float32")[style] / _DOTS
    dots, size = _place(dots, rng)
    return _press(dots, ink * size, rng)


def _choose_styles(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A way of writing for each label, `(n,)`: any of its digit's, equally likely."""
    count = np.array([len(ways) for ways in _STROKES])
    first = np.cumsum(count) - count
    return first[labels] + (rng.random(len(labels)) * count[labels]).astype("int64")


def _place(dots: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Slant, turn, stretch and centre the digits; now in pixels.

    Returns:
        The dots, `(n, dots, 2)`, and the scale of each image, `(n,)`.
    """
    n = len(dots)
    turn = rng.normal(0, 0.13, n)  # radians
    slant = rng.normal(-0.12, 0.22, n)  # most people lean to the right
    width = rng.uniform(0.55, 1.05, n)
    cos, sin = np.cos(turn), np.sin(turn)
    # rows of [x, y] @ matrix: stretch, then slant, then turn
    matrix = np.empty((n, 2, 2), "float32")
    matrix[:, 0, 0], matrix[:, 0, 1] = width * cos, width * sin
    matrix[:, 1, 0], matrix[:, 1, 1] = slant * cos - sin, slant * sin + cos
    dots = (dots - dots.mean(1, keepdims=True)) @ matrix
    # As in MNIST, the longer side of a digit's box is about 20 pixels (less the pen)...
    box = np.ptp(dots, axis=1).max(1)
    size = (rng.normal(17.5, 0.9, n) / box).astype("float32")
    dots *= size[:, None, None]
    # ... and the centre of its ink is about the centre of the image.
    centre = _SIDE / 2 - 0.5 + rng.normal(0, 0.6, (n, 1, 2)).astype("float32")
    return dots - dots.mean(1, keepdims=True) + centre, size


def _press(
    dots: np.ndarray, spacing: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Ink, uint8 `(n, 28, 28)`, that a soft round pen leaves at the dots.

    A dot is a Gaussian, which is the product of one along x and one along y. So the ink
    of all dots of an image is a product of matrices: `(28, dots) @ (dots, 28)`.

    Args:
        dots: pen positions in pixels, `(n, dots, 2)`.
        spacing: distance between neighbouring dots in pixels, `(n,)`.
    """
    n = len(dots)
    pen = rng.uniform(0.65, 1.2, n).astype("float32")  # standard deviation, pixels
    pixels = np.arange(_SIDE, dtype="float32")
    across = (dots[..., None] - pixels) / pen[:, None, None, None]  # (n, dots, 2, 28)
    across *= across
    across *= -0.5
    np.exp(across, out=across)
    ink = across[:, :, 1].transpose(0, 2, 1) @ across[:, :, 0]  # (n, 28, 28)
    # Along a straight line the sum of the dots is sqrt(2 pi) pen / spacing. Pressing
    # harder than what the paper takes up gives a black core with grey edges.
    pressure = rng.uniform(1.2, 2.4, n).astype("float32")
    ink *= (pressure * spacing / (np.sqrt(2 * np.pi) * pen))[:, None, None]
    grain = rng.standard_normal((n, _SIDE, _SIDE), "float32")
    ink *= 1 + 0.06 * grain
    ink -= 0.06  # clean paper
    darkest = rng.uniform(0.85, 1.0, n).astype("float32")
    ink = np.minimum(ink, 1, out=ink) * (255 * darkest)[:, None, None]
    return np.maximum(ink, 0, out=ink).astype("uint8")


class _Way(NamedTuple):
    """A way of writing a digit, prepared for drawing."""

    points: np.ndarray  # (control points, 2)
    curve: np.ndarray  # (dots, control points): dots = curve @ points
    length: float


def _prepare(text: str) -> _Way:
    """Spread the dots evenly over the curves through the control points."""
    strokes = [
        [[int(number) / 100 for number in point.split(",")] for point in stroke.split()]
        for stroke in text.split("|")
    ]
    points = np.array([point for stroke in strokes for point in stroke])
    rows = []  # fine steps along each stroke, as weights of the control points
    before = 0
    for stroke in strokes:
        fine = np.zeros((40 * (len(stroke) - 1), len(points)))
        fine[:, before : before + len(stroke)] = _spline(len(stroke), 40)
        rows.append(fine)
        before += len(stroke)
    fine = np.concatenate(rows)
    steps = np.linalg.norm(np.diff(fine @ points, axis=0), axis=1)
    for i in np.cumsum([len(r) for r in rows])[:-1]:
        steps[i - 1] = 0  # the pen is lifted
    way = np.concatenate([[0], np.cumsum(steps)])
    at = np.searchsorted(way, (np.arange(_DOTS) + 0.5) / _DOTS * way[-1])
    return _Way(points, fine[at].astype("float32"), float(way[-1]))


def _spline(points: int, steps: int) -> np.ndarray:
    """Weights of a Catmull-Rom spline, `((points - 1) * steps, points)`.

    See E. Catmull and R. Rom, "A class of local interpolating splines", 1974.
    """
    t = np.arange(steps) / steps
    basis = 0.5 * np.stack(
        [
            -t + 2 * t**2 - t**3,
            2 - 5 * t**2 + 3 * t**3,
            t + 4 * t**2 - 3 * t**3,
            -(t**2) + t**3,
        ],
        axis=1,
    )
    weights = np.zeros((points - 1, steps, points))
    for piece in range(points - 1):
        for k in range(4):  # the ends lean on themselves
            weights[piece, :, min(max(piece - 1 + k, 0), points - 1)] += basis[:, k]
    return weights.reshape(-1, points)


_WAYS = tuple(_prepare(text) for ways in _STROKES for text in ways)
