"""Windows of a series: the formula, what lies in memory, and what is refused."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornu.utils import timeseries_dataset_from_array

SERIES = np.arange(60).reshape(30, 2) * 0.5
GOALS = np.arange(30) * 10


def windows(length, stride, rate, start, end, targets):
    """The first step of each window, as a loop over the steps finds them."""
    start, end = start or 0, 30 if end is None else end
    found = []
    for step in range(start, end, stride):
        last = step + (length - 1) * rate
        if last < end and (targets is None or step - start < len(targets)):
            found.append(step)
    return found


@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from((None, 0, 4)),
    st.sampled_from((None, 17, 29)),
    st.sampled_from((None, GOALS, GOALS[:9])),
    st.sampled_from((None, 1, 4)),
)
def test_windows(length, stride, rate, start, end, targets, size):
    firsts = windows(length, stride, rate, start, end, targets)
    arguments = {
        "sequence_length": length,
        "sequence_stride": stride,
        "sampling_rate": rate,
        "start_index": start,
        "end_index": end,
        "batch_size": size,
    }
    if targets is not None and firsts[-1] >= len(targets):
        with pytest.raises(ValueError, match="There are 9 targets"):
            timeseries_dataset_from_array(SERIES, targets, **arguments)
        return
    dataset = timeseries_dataset_from_array(SERIES, targets, **arguments)
    elements = list(dataset.as_numpy_iterator())
    if targets is None:
        parts = [elements]
    else:
        parts = [list(part) for part in zip(*elements, strict=True)]
    join = np.concatenate if size else np.stack
    expected = [[SERIES[i + j * rate] for j in range(length)] for i in firsts]
    np.testing.assert_array_equal(join(parts[0]), expected)
    if targets is not None:
        np.testing.assert_array_equal(join(parts[1]), targets[firsts])
    assert len(dataset) == len(elements) == -(-len(firsts) // (size or 1))
    again = timeseries_dataset_from_array(SERIES, targets, shuffle=True, **arguments)
    shuffled = [x if targets is None else x[0] for x in again.as_numpy_iterator()]
    np.testing.assert_array_equal(
        np.sort(join(shuffled), axis=0), np.sort(join(parts[0]), axis=0)
    )


def test_shuffled_windows_keep_their_targets_and_follow_from_the_seed():
    def firsts(seed):
        dataset = timeseries_dataset_from_array(
            SERIES, GOALS, 3, shuffle=True, seed=seed, batch_size=5
        )
        found = []
        for x, y in dataset:
            np.testing.assert_array_equal(np.asarray(x)[:, 0, 0], np.asarray(y) / 10)
            found += [int(n) // 10 for n in y]
        return found

    assert firsts(1) == firsts(1) != firsts(2)
    assert sorted(firsts(1)) == list(range(28))
    assert firsts(1) != list(range(28))


def test_dtypes_stay():
    ((x, y),) = timeseries_dataset_from_array(SERIES.astype("float32"), GOALS, 3)
    assert (x.dtype, y.dtype) == ("float32", "int64")
    (x,) = timeseries_dataset_from_array([1, 2, 3, 4], None, 2)
    assert x.tolist() == [[1, 2], [2, 3], [3, 4]]


def test_no_more_than_some_batches_are_in_memory():
    series = np.zeros((20_000, 4))
    dataset = timeseries_dataset_from_array(series, None, 500, batch_size=16)
    for _ in dataset.take(1):
        pass  # what is made once
    tracemalloc.start()
    for _ in dataset.take(40):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    batch = 16 * 500 * 4 * 8
    assert peak < 8 * batch  # all windows are 20 thousand times 16 thousand bytes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sequence_length": 0}, "sequence_length=0"),
        ({"sequence_length": 2.0}, "sequence_length=2.0"),
        ({"sequence_length": 40}, "No window of 40 steps"),
        ({"sequence_stride": 0}, "sequence_stride=0"),
        ({"sequence_stride": 30}, "sequence_stride=30"),
        ({"sampling_rate": 30}, "sampling_rate=30"),
        ({"start_index": -1}, "start_index=-1"),
        ({"start_index": 30}, "start_index=30"),
        ({"end_index": 30}, "end_index=30"),
        ({"start_index": 5, "end_index": 5}, "end_index=5"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"format": "grain"}, "format='grain'"),
    ],
)
def test_what_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said) as caught:
        timeseries_dataset_from_array(
            SERIES, GOALS, **{"sequence_length": 3, **arguments}
        )
    assert str(caught.value).count("\n") == 2
