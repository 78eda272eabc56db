"""Connectionist temporal classification: sequences whose places are not known.

Graves, Fernandez, Gomez and Schmidhuber, 2006. All is computed from logarithms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.config import floatx
from cornu.graph.eager import Tensor
from cornu.graph.spec import is_float
from cornu.graph.trace import convert
from cornu.ops.ctc_rows import refuse_misfit
from cornu.ops.nn import log_softmax
from cornu.ops.numpy import (
    arange,
    full_like,
    one_hot,
    ones_like,
    stack,
    zeros_like,
)
from cornu.ops.primitives.control import scan
from cornu.ops.primitives.elementwise import (
    add,
    cast,
    equal,
    exp,
    greater,
    greater_equal,
    less,
    log,
    logical_and,
    maximum,
    not_equal,
    subtract,
    where,
)
from cornu.ops.primitives.linear import matmul
from cornu.ops.primitives.reductions import argmax, cumsum, max, sum
from cornu.ops.primitives.shapes import (
    concatenate,
    expand_dims,
    pad,
    reshape,
    transpose,
)
from cornu.ops.public import cast_to, of_open_size, public

__all__ = ["ctc_decode", "ctc_loss"]

# The logarithm of a probability that is none. Infinity would make gradients NaN.
_NEVER = -1e30


@public
def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """The negative log probability of label sequences, over all ways to place them.

    Args:
        target: class indices of shape (batch, labels), filled up at the end with
            anything. Where `mask_index` is one of the labels that count, it is one
            like the others there, emitted with the probability of the blank.
        output: logits of shape (batch, steps, classes).
        target_length: number of labels of each row, shape (batch,).
        output_length: number of steps of each row, shape (batch,).
        mask_index: the class that stands for no label (blank).

    Returns:
        Tensor of shape (batch,), of float32 at least. Inside a program it is infinite
        where a row has too few steps for its labels: each needs one, and one more
        between two equal labels. Such rows have no gradient.

    Raises:
        ValueError: for shapes that do not fit; for data at hand also where a row has
            too few steps, a length that cannot be, or a label that is no class
            (`cornu.config.set_preflight` makes this a warning, or nothing).

    Example:

    >>> logits = np.zeros((1, 3, 4), "float32")
    >>> round(float(ctc_loss([[1, 2]], logits, [2], [3])[0]), 4)  # 5 ways of 64
    2.5494
    """
    target, output = cast(convert(target), "int32"), convert(output)
    output = output if is_float(output.dtype) else cast_to(output, floatx())
    output = _at_least_32_bits(output)
    labels, steps = (cast(convert(n), "int32") for n in (target_length, output_length))
    _check(target, output, labels, steps)
    given = (target, output, labels, steps)
    if all(isinstance(each, Tensor) and each.is_known for each in given):
        refuse_misfit(target, output, labels, steps)
    log_p, jumps = _along_labels(target, log_softmax(output, -1), mask_index)
    never = full_like(log_p[:, 0], _NEVER)
    places = reshape(arange(log_p.shape[2], dtype="int32"), (1, -1))
    first = where(less(places, 2), log_p[:, 0], never)

    def step(alpha, x):
        log_p_t, running = x
        stay = alpha
        one = concatenate([never[:, :1], alpha[:, :-1]], 1)
        two = concatenate([never[:, :2], alpha[:, :-2]], 1)
        two = where(jumps, two, never)
        new = add(_log_add(_log_add(stay, one), two), log_p_t)
        return where(running, new, alpha), None

    rows = arange(1, output.shape[1], dtype="int32")
    running = less(expand_dims(rows, 1), expand_dims(steps, 0))
    xs = (transpose(log_p[:, 1:], (1, 0, 2)), expand_dims(running, 2))
    alpha, _ = scan(step, first, xs)
    # The last label, or the blank after it.
    ends = logical_and(
        greater_equal(places, expand_dims(2 * labels - 1, 1)),
        less(places, expand_dims(2 * labels + 1, 1)),
    )
    loss = -_log_sum(where(ends, alpha, never))
    loss = where(greater(steps, 0), loss, 0.0)  # no step at all means no label, surely
    return where(_fits(target, labels, steps), loss, float("inf"))


def _check(target: Any, output: Any, labels: Any, steps: Any) -> None:
    batch = output.shape[:1]
    good = len(target.shape) == 2 and len(output.shape) == 3
    if not good or {target.shape[:1], labels.shape, steps.shape} != {batch}:
        raise ValueError(
            f"ctc_loss was given targets of shape {target.shape}, outputs "
            f"{output.shape}, and lengths of shapes {labels.shape} and {steps.shape}.\n"
            "Expected (batch, labels), (batch, steps, classes), (batch,) and (batch,)."
            "\nCheck the axes: steps are the second axis of the outputs."
        )


def _along_labels(target: Any, log_p: Any, blank: int) -> tuple[Any, Any]:
    """The labels with a blank before, after and between: their log probabilities of
    shape (batch, steps, places), and where the place before may be left out."""
    batch, n = target.shape
    blanks = full_like(target, blank)
    pairs = reshape(stack([blanks, target], 2), (batch, 2 * n))
    here = concatenate([pairs, full_like(target[:, :1], blank)], 1) if n else blanks
    # A product with 0 and 1 is a gather whose gradient is a product again.
    choose = one_hot(here, log_p.shape[2], dtype=log_p.dtype)
    chosen = matmul(log_p, transpose(choose, (0, 2, 1)))
    if not n:
        return chosen, zeros_like(here, "bool")
    # A blank may be left out between two labels that differ. The first has none before.
    differ = pad(not_equal(target[:, 1:], target[:, :-1]), ((0, 0), (1, 0)))
    pairs = reshape(stack([zeros_like(differ), differ], 2), (batch, 2 * n))
    return chosen, pad(pairs, ((0, 0), (0, 1)))


def _log_add(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)), with the larger one taken out."""
    top = maximum(a, b)
    return add(top, log(add(exp(subtract(a, top)), exp(subtract(b, top)))))


def _log_sum(x: Any) -> Any:
    top = max(x, axis=-1, keepdims=True)
    return add(log(sum(exp(subtract(x, top)), axis=-1)), top[:, 0])


def _fits(target: Any, labels: Any, steps: Any) -> Any:
    """Whether a row has steps enough: one per label, and one between equal ones."""
    places = reshape(arange(target.shape[1], dtype="int32"), (1, -1))
    inside = less(places[:, 1:], expand_dims(labels, 1))
    twice = logical_and(equal(target[:, 1:], target[:, :-1]), inside)
    needed = add(labels, sum(cast(twice, "int32"), axis=1))
    return greater_equal(steps, needed)


@public
def ctc_decode(
    inputs,
    sequence_lengths,
    strategy="greedy",
    beam_width=100,
    top_paths=1,
    merge_repeated=True,
    mask_index=0,
):
    """The label sequences that outputs speak for.

    Args:
        inputs: logits of shape (batch, steps, classes).
        sequence_lengths: number of steps of each row, shape (batch,).
        strategy: 'greedy' takes the best class of each step; 'beam_search' adds up the
            ways to place a sequence, for the `beam_width` best until each step.
        beam_width: see above.
        top_paths: how many sequences; for beam search.
        merge_repeated: whether equal labels that follow each other are one; for greedy.
        mask_index: the class that stands for no label (blank).

    Returns:
        Class indices of shape (top_paths, batch, steps), filled up with -1, and scores
        of shape (batch, top_paths): for 'greedy' minus the sum of the best logits, for
        'beam_search' the log probability.

    Raises:
        ValueError: for another strategy, for 'greedy' with several paths, and for
            'beam_search' inside a compiled program.

    Example:

    >>> logits = np.log([[[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]]])
    >>> ctc_decode(logits, [3])[0].tolist()
    [[[1, 2, -1]]]
    """
    inputs = _at_least_32_bits(inputs)
    lengths = cast(convert(sequence_lengths), "int32")
    if strategy == "greedy" and top_paths == 1:
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(
            f"ctc_decode was given strategy={strategy!r} and top_paths={top_paths}.\n"
            "Expected 'greedy' with one path, or 'beam_search'.\n"
            "Write strategy='beam_search' for several sequences."
        )
    found = of_open_size((top_paths, *inputs.shape[:2]), "int32")
    if found is not None:
        return found, of_open_size((inputs.shape[0], top_paths), inputs.dtype)
    if not isinstance(inputs, Tensor) or not isinstance(lengths, Tensor):
        raise ValueError(
            "ctc_decode(strategy='beam_search') was called inside a model.\n"
            "Expected data at hand: beams are searched on the host.\n"
            "Call it on what model.predict returns, or use strategy='greedy'."
        )
    return _search(np.asarray(inputs), np.asarray(lengths), beam_width, top_paths,
                   mask_index)  # fmt: skip


def _at_least_32_bits(x: Any) -> Any:
    """Half precision would round the sums of many steps."""
    x = convert(x)
    return cast(x, "float32") if x.dtype in ("float16", "bfloat16") else x


def _greedy(inputs: Any, lengths: Any, merge: bool, blank: int) -> tuple[Any, Any]:
    steps = inputs.shape[1]
    places = reshape(arange(steps, dtype="int32"), (1, -1))
    there = less(places, expand_dims(lengths, 1))
    best = where(there, cast(argmax(inputs, axis=-1), "int32"), blank)
    score = -sum(where(there, max(inputs, axis=-1), 0), axis=1, keepdims=True)
    kept = not_equal(best, blank)
    if merge:
        new = not_equal(best[:, 1:], best[:, :-1])
        new = concatenate([ones_like(kept[:, :1]), new], 1)
        kept = logical_and(kept, new)
    # Each label that is kept goes to the place that as many before it leave free.
    place = where(kept, subtract(cumsum(cast(kept, "int32"), axis=1), 1), -1)
    goes = equal(expand_dims(place, 1), expand_dims(places, 2))
    labels = sum(where(goes, expand_dims(best, 1), 0), axis=2)
    count = sum(cast(kept, "int32"), axis=1, keepdims=True)
    found = where(greater(count, places), labels, -1)
    return expand_dims(found, 0), score


def _search(
    logits: np.ndarray, lengths: np.ndarray, width: int, paths: int, blank: int
) -> tuple[Any, Any]:
    """Prefix beam search, row by row (Hannun et al., 2014)."""
    batch, steps, _ = logits.shape
    log_p = np.asarray(log_softmax(convert(logits), -1))
    found = np.full((paths, batch, steps), -1, "int32")
    scores = np.full((batch, paths), -np.inf, log_p.dtype)
    for row in range(batch):
        # Of each prefix: log probabilities of ending in a blank, and in its last label.
        beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
        for p in log_p[row, : lengths[row]]:
            grown: dict[tuple[int, ...], list[float]] = {}
            for prefix, (in_blank, in_label) in beams.items():
                total = float(np.logaddexp(in_blank, in_label))
                _more(grown, prefix, 0, total + p[blank])
                for label in range(len(p)):
                    if label == blank:
                        continue
                    longer = (*prefix, label)
                    if prefix and prefix[-1] == label:
                        _more(grown, prefix, 1, in_label + p[label])
                        _more(grown, longer, 1, in_blank + p[label])
                    else:
                        _more(grown, longer, 1, total + p[label])
            best = sorted(grown, key=lambda k: -_joined(grown[k]))[:width]
            beams = {k: (grown[k][0], grown[k][1]) for k in best}
        ranked = sorted(beams, key=lambda k: -_joined(beams[k]))[:paths]
        for i, prefix in enumerate(ranked):
            found[i, row, : len(prefix)] = prefix
            scores[row, i] = _joined(beams[prefix])
    return Tensor(found), Tensor(scores)


def _joined(pair: Any) -> float:
    return float(np.logaddexp(pair[0], pair[1]))


def _more(beams: dict[Any, list[float]], prefix: Any, end: int, log_p: float) -> None:
    pair = beams.setdefault(prefix, [-np.inf, -np.inf])
    pair[end] = float(np.logaddexp(pair[end], log_p))
