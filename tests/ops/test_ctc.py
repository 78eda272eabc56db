"""CTC beside the sum over all alignments, PyTorch's loss, and finite differences."""

import itertools
from contextlib import contextmanager

import numpy as np
import pytest

from cornu import config, losses, ops
from cornu.compat import backend as K
from cornu.engines.numpy import NumpyEngine
from cornu.graph import GradientTape, Spec, trace
from cornu.graph.preflight import PreflightWarning

RNG = np.random.default_rng(3)


def by_enumeration(logits, labels, blank=0):
    """Minus the log of the summed probability of all paths that mean `labels`.

    A blank among the labels is one more class, which is as probable as the blank.
    """
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    if blank in labels:
        labels = [c if c != blank else p.shape[1] for c in labels]
        p = np.concatenate([p, p[:, [blank]]], 1)
    total = 0.0
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        merged = [c for i, c in enumerate(path) if i == 0 or path[i - 1] != c]
        if [c for c in merged if c != blank] == list(labels):
            total += np.prod([p[t, c] for t, c in enumerate(path)])
    return -np.log(total)


@contextmanager
def preflight(level):
    config.set_preflight(level)
    try:
        yield
    finally:
        config.set_preflight("error")


LABELS = [[1, 2], [2, 2], [1], [], [2, 1, 2], [1, 1, 1]]


@pytest.mark.parametrize("steps", [0, 1, 3, 5])
@pytest.mark.parametrize("blank", [0, 2])
def test_the_sum_over_all_alignments(steps, blank):
    named = [[(c if c != blank else 0) for c in row] for row in LABELS]
    logits = RNG.normal(size=(len(named), 5, 3))
    target = np.zeros((len(named), 3), "int32")
    for row, labels in enumerate(named):
        target[row, : len(labels)] = labels
    lengths = [len(labels) for labels in named]
    with preflight("off"):  # some rows have too few steps
        found = ops.ctc_loss(target, logits, lengths, [steps] * len(named), blank)
    for row, labels in enumerate(named):
        with np.errstate(divide="ignore"):
            expected = by_enumeration(logits[row, :steps], labels, blank)
        assert float(found[row]) == pytest.approx(expected, rel=1e-12), labels


@pytest.mark.parametrize("blank", [0, 2])
def test_a_blank_among_the_labels_is_a_label(blank):
    rows = [[1, 0, 1], [0, 1, 2], [2, 0, 0], [0, 1, 0], [0], [1, 2, 0], [2, 2, 1]]
    target = np.array([row + [0] * (3 - len(row)) for row in rows])
    lengths = [len(row) for row in rows]
    logits = RNG.normal(size=(len(rows), 5, 3))
    loss, gradient = gradient_of(logits, target, lengths, [5] * len(rows), blank)
    found = ops.ctc_loss(target, logits, lengths, [5] * len(rows), blank)
    expected = [
        by_enumeration(x, row, blank) for x, row in zip(logits, rows, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert loss == pytest.approx(sum(expected), rel=1e-12)
    way, h = RNG.normal(size=logits.shape), 1e-5
    ends = [
        sum(
            by_enumeration(x, row, blank)
            for x, row in zip(logits + s * h * way, rows, strict=True)
        )
        for s in (1, -1)
    ]
    assert np.sum(gradient * way) == pytest.approx((ends[0] - ends[1]) / (2 * h), 1e-7)


def data(rows=4, steps=9, classes=5, labels=4, kept=(9, 8, 8, 9, 9, 9)):
    logits = RNG.normal(size=(rows, steps, classes)) * 2
    target = RNG.integers(1, classes, (rows, labels)).astype("int32")
    lengths = RNG.integers(1, labels + 1, rows).astype("int32")
    return target, logits, lengths, np.array(kept, "int32")[:rows]


def gradient_of(logits, target, lengths, steps, blank=0):
    x = ops.array(logits)
    with GradientTape() as tape:
        loss = ops.sum(ops.ctc_loss(target, x, lengths, steps, blank))
    return float(loss), np.asarray(tape.gradient(loss, x))


@pytest.mark.parametrize("blank", [0, 4])
def test_the_gradient_beside_finite_differences(blank):
    target, logits, lengths, steps = data()
    target, lengths[3] = (target - (blank == 4)).astype("int32"), 0
    _, gradient = gradient_of(logits, target, lengths, steps, blank)
    way, h = RNG.normal(size=logits.shape), 1e-5
    args = (lengths, steps, blank)
    ends = [
        float(ops.sum(ops.ctc_loss(target, logits + s * h * way, *args)))
        for s in (1, -1)
    ]
    assert np.sum(gradient * way) == pytest.approx((ends[0] - ends[1]) / (2 * h), 1e-7)
    assert not gradient[1, 8:].any()  # beyond the length of the row


@pytest.mark.parametrize("blank", [0, 2, 4])
@pytest.mark.parametrize("filler", [0, -1])
def test_beside_pytorch(blank, filler):
    """Explicit lengths, equal neighbours, an empty target, one without room to spare,
    one without any, and what fills up."""
    torch = pytest.importorskip("torch")
    target, logits, lengths, steps = data(rows=6)
    target[target == blank] = 1 if blank else 3
    target[2, :3] = target[2, 0]
    lengths[:] = [4, 2, 3, 0, 4, 3]
    target[5, :3] = 1 if blank else 2
    steps[2], steps[4], steps[5] = 5, 9, 4  # the last one needs five
    target[np.arange(4) >= lengths[:, None]] = filler
    x = torch.tensor(logits, requires_grad=True)
    given = torch.log_softmax(x, -1).transpose(0, 1)
    parts = [torch.tensor(a.astype("int64")) for a in (target, steps, lengths)]
    options = {"blank": blank, "reduction": "none"}
    loss = torch.nn.functional.ctc_loss(given, *parts, **options)
    with preflight("off"):
        found = ops.ctc_loss(target, logits, lengths, steps, blank)
        assert np.isinf(found[5])
        np.testing.assert_allclose(found, loss.detach().numpy(), rtol=1e-12)
        kept = slice(0, 5)
        loss[kept].sum().backward()
        args = [a[kept] for a in (logits, target, lengths, steps)]
        _, gradient = gradient_of(*args, blank)
    expected = x.grad.numpy()[kept]
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12)


def test_a_row_with_too_few_steps_is_infinite_and_has_no_gradient():
    target = np.array([[1, 1, 0], [1, 2, 0]], "int32")
    logits = RNG.normal(size=(2, 2, 3))
    with preflight("off"):
        loss, gradient = gradient_of(logits, target, [2, 2], [2, 2])
    assert loss == np.inf
    assert not gradient[0].any()
    assert np.isfinite(gradient).all()
    assert gradient[1].any()


# (target, target_length, output_length), for outputs of shape (2, 4, 3)
ROWS = {
    "too few steps": ([[1, 2], [1, 1]], [2, 2], [4, 2], "row 1, of which 1 equal"),
    "equal ones": ([[2, 2], [1, 2]], [2, 2], [2, 2], "row 0, of which 1 equal"),
    "no class": ([[1, 2], [1, 3]], [2, 2], [4, 4], "the label 3 in row 1"),
    "below all": ([[1, 2], [-2, 1]], [1, 2], [4, 4], "the label -2 in row 1"),
    "inside": ([[1, -1], [1, 2]], [2, 2], [4, 4], "the label -1 in row 0"),
    "steps": ([[1, 2], [1, 2]], [2, 2], [4, 5], "5 steps in row 1"),
    "no steps": ([[1, 2], [1, 2]], [2, 2], [-1, 4], "-1 steps in row 0"),
    "labels": ([[1, 2], [1, 2]], [2, 3], [4, 4], "3 labels in row 1"),
}
LOGITS = RNG.normal(size=(2, 4, 3))


def by_loss(target, lengths, steps):
    """`losses.CTC` has no lengths: it is given the rows at full length alone."""
    del lengths
    return losses.CTC()(target, LOGITS[:, : min(4, *steps)])


def by_the_older_name(target, lengths, steps):
    """There the last class is the blank."""
    target = np.where(np.asarray(target) == 0, 2, np.asarray(target) - 1)
    lengths, steps = np.reshape(lengths, (2, 1)), np.reshape(steps, (2, 1))
    return K.ctc_batch_cost(target, K.softmax(LOGITS), steps, lengths)


@pytest.mark.parametrize("case", ROWS)
def test_rows_that_have_no_place_are_told_by_their_number(case):
    target, lengths, steps, told = ROWS[case]
    calls = [lambda: ops.ctc_loss(target, LOGITS, lengths, steps)]
    if case not in ("no class", "below all", "inside"):  # other numbers there
        calls.append(lambda: by_the_older_name(target, lengths, steps))
    if "steps" not in case and case not in ("labels", "below all", "inside"):
        calls.append(lambda: by_loss(target, lengths, steps))
    for call in calls:
        with pytest.raises(ValueError, match=told) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 3
        assert str(caught.value).splitlines()[1].startswith("Expected ")
        with preflight("warn"), pytest.warns(PreflightWarning, match=told):
            call()
        with preflight("off"):
            call()


def test_the_older_name_counts_from_the_other_end():
    target = [[0, 1], [1, 0]]
    lengths, steps = np.array([[2], [1]]), np.array([[4], [3]])
    cost = K.ctc_batch_cost(target, K.softmax(LOGITS), steps, lengths)
    expected = [
        by_enumeration(LOGITS[0], [0, 1], 2),
        by_enumeration(LOGITS[1, :3], [1], 2),
    ]
    np.testing.assert_allclose(cost, np.reshape(expected, (2, 1)), rtol=1e-5)
    target[0][1] = 3
    with pytest.raises(ValueError, match="row 0"):
        K.ctc_batch_cost(target, K.softmax(LOGITS), steps, lengths)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_outputs_of_half_precision_are_computed_in_float32(dtype):
    logits = LOGITS.astype(dtype)
    loss = ops.ctc_loss([[1, 2], [2, 1]], logits, [2, 2], [4, 4])
    assert loss.dtype == "float32"
    expected = [
        by_enumeration(logits[i].astype("f8"), row)
        for i, row in ((0, [1, 2]), (1, [2, 1]))
    ]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_long_sequences_stay_finite_in_float32():
    logits = (RNG.normal(size=(2, 400, 30)) * 20).astype("float32")
    target = RNG.integers(1, 30, (2, 100)).astype("int32")
    loss, gradient = gradient_of(logits, target, [100, 80], [400, 300])
    exact, other = gradient_of(logits.astype("float64"), target, [100, 80], [400, 300])
    assert loss == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(gradient, other, atol=1e-3)


def test_in_a_compiled_program():
    target, logits, lengths, steps = data()
    arrays = [target, logits, lengths, steps]
    specs = [Spec(a.shape, a.dtype.name) for a in arrays]
    program = NumpyEngine().compile(trace(ops.ctc_loss, specs))
    np.testing.assert_allclose(program(*arrays)[0], ops.ctc_loss(*arrays), rtol=1e-12)


@pytest.mark.parametrize("filler", [0, -1])
def test_the_loss_counts_the_labels(filler):
    target = np.array([[1, 2, filler], [2, filler, filler]])
    logits = RNG.normal(size=(2, 5, 3))
    expected = [by_enumeration(logits[0], [1, 2]), by_enumeration(logits[1], [2])]
    np.testing.assert_allclose(losses.ctc(target, logits), expected, rtol=1e-6)
    assert float(losses.CTC()(target, logits)) == pytest.approx(np.mean(expected), 1e-5)


def test_the_loss_counts_as_many_entries_as_there_are_labels():
    """[1, 2, 0, 2] has three labels, so its first three entries count, as in Keras."""
    target = np.array([[1, 2, 1, 0], [1, 2, 0, 2], [0, 1, 0, 0]])
    logits = RNG.normal(size=(3, 4, 3)).astype("float32")
    expected = [
        by_enumeration(x.astype("f8"), row)
        for x, row in zip(logits, [[1, 2, 1], [1, 2, 0], [0]], strict=True)
    ]
    np.testing.assert_allclose(losses.ctc(target, logits), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="the label -1 in row 0"):
        losses.ctc([[1, -1, 2, 0]], logits[:1])


def test_greedy_decoding():
    best = np.array([[1, 1, 0, 1, 2, 2], [0, 0, 2, 0, 0, 1], [0, 0, 0, 0, 0, 0]])
    logits = np.eye(3)[best] * 5
    found, score = ops.ctc_decode(logits, [6, 5, 6])
    assert found.tolist() == [[[1, 1, 2, -1, -1, -1], [2] + [-1] * 5, [-1] * 6]]
    np.testing.assert_allclose(score, [[-30.0], [-25.0], [-30.0]])
    (found,), _ = ops.ctc_decode(logits, [6, 5, 6], merge_repeated=False)
    assert found.tolist()[0] == [1, 1, 1, 2, 2, -1]


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("sharp", [0.3, 1.5, 8.0])
def test_beam_search_finds_the_most_probable_sequences(blank, sharp):
    """Beside a search through all paths, for rows of all lengths."""
    logits = RNG.normal(size=(4, 4, 3)) * sharp
    lengths = [4, 0, 1, 3]
    found, score = ops.ctc_decode(
        logits, lengths, "beam_search", 100, top_paths=3, mask_index=blank
    )
    labels = [c for c in range(3) if c != blank]
    for row, steps in enumerate(lengths):
        every = [
            sequence
            for n in range(steps + 1)
            for sequence in itertools.product(labels, repeat=n)
        ]
        with np.errstate(divide="ignore"):
            worth = {k: -by_enumeration(logits[row, :steps], k, blank) for k in every}
        best = sorted(worth, key=lambda k: -worth[k])[: min(3, len(every))]
        decoded = [tuple(c for c in p[row].tolist() if c >= 0) for p in found]
        assert decoded[: len(best)] == best
        expected = [worth[k] for k in best] + [-np.inf] * (3 - len(best))
        np.testing.assert_allclose(score[row], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("blank", [0, 2])
def test_greedy_decoding_is_the_best_path_merged(blank):
    logits = RNG.normal(size=(6, 5, 3)) * 3
    lengths = [5, 4, 3, 2, 1, 0]
    (found,), score = ops.ctc_decode(logits, lengths, mask_index=blank)
    for row, steps in enumerate(lengths):
        paths = itertools.product(range(3), repeat=steps)
        worth = {p: sum(logits[row, t, c] for t, c in enumerate(p)) for p in paths}
        best = max(worth, key=worth.__getitem__)
        merged = [c for i, c in enumerate(best) if i == 0 or best[i - 1] != c]
        kept = [c for c in merged if c != blank]
        assert found[row].tolist() == kept + [-1] * (5 - len(kept))
        np.testing.assert_allclose(score[row], [-worth[best]], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ops.ctc_loss([1, 2], np.zeros((1, 3, 4)), [2], [3]),
        lambda: ops.ctc_loss([[1, 2]], np.zeros((2, 3, 4)), [2], [3]),
        lambda: ops.ctc_decode(np.zeros((1, 3, 4)), [3], "beams"),
        lambda: ops.ctc_decode(np.zeros((1, 3, 4)), [3], "greedy", top_paths=2),
        lambda: losses.ctc([[1, 2]], np.zeros((1, 3))),
    ],
)
def test_errors_have_three_parts(wrong):
    with pytest.raises(ValueError, match=r"[^\n]+\n[^\n]+\n[^\n]+") as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 3
