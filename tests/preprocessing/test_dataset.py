"""`Dataset`: each method beside Python's own tools, threads, and what is refused."""

import itertools
import threading
import time
from collections import Counter, namedtuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cornu
from cornu.preprocessing import TensorSpec
from cornu.utils import Dataset

AUTOTUNE = Dataset.AUTOTUNE


def values(dataset):
    """The elements as lists and numbers."""

    def plain(element):
        if isinstance(element, tuple):
            return tuple(plain(part) for part in element)
        if isinstance(element, dict):
            return {key: plain(part) for key, part in element.items()}
        return element.tolist() if hasattr(element, "tolist") else element

    return [plain(element) for element in dataset.as_numpy_iterator()]


def cut(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def counted(n=1000):
    """A data set of 0, 1, ... and the list of those that were made."""
    made = []

    def numbers():
        for i in range(n):
            made.append(i)
            yield i

    return Dataset.from_generator(numbers), made


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("cornu.Dataset")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads() == []


# What an element is


def test_elements_are_tensors_and_arrays():
    x = np.arange(12, dtype="float64").reshape(4, 3)
    dataset = Dataset.from_tensor_slices((x, np.array([1, 0, 1, 0]))).batch(2)
    for inputs, targets in dataset:
        assert isinstance(inputs, cornu.Tensor)
        assert inputs.dtype == "float64"
        assert inputs.shape == (2, 3)
        assert inputs.numpy().astype("uint8").dtype == "uint8"
        assert inputs[0].shape == (3,)
        np.testing.assert_array_equal(np.asarray(inputs) + 1, inputs + 1)
        assert int(targets[0]) == 1
    labels = np.concatenate([targets for _, targets in dataset])
    np.testing.assert_array_equal(labels, [1, 0, 1, 0])


def test_text_is_of_strings():
    dataset = Dataset.from_tensor_slices((["a b", "c"], [1, 0]))
    (text, label), _ = dataset
    assert text == "a b"
    assert label.dtype == "int32"
    ((texts, _),) = dataset.batch(2)
    assert texts.shape == (2,)
    assert texts[1] == "c"
    assert texts.numpy().tolist() == ["a b", "c"]
    assert type(texts.numpy()) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        texts[0] = "other"
    assert dataset.batch(2).element_spec[0] == TensorSpec((None,), "string")


def test_text_of_numpy_and_pandas():
    frame = pd.DataFrame({"job": ["a", "bcd"], "age": [3.5, 4.5]})
    rows = Dataset.from_tensor_slices(dict(frame))
    assert values(rows) == [{"job": "a", "age": 3.5}, {"job": "bcd", "age": 4.5}]
    assert values(Dataset.from_tensor_slices(np.array(["a", "bcd"]))) == ["a", "bcd"]
    assert values(Dataset.from_tensor_slices(np.array([b"a"]))) == [b"a"]


def test_python_numbers_have_the_dtypes_that_tensors_have():
    one = Dataset.from_tensors((1, 2.0, True, [[1, 2]]))
    assert one.element_spec == (
        TensorSpec((), "int32"),
        TensorSpec((), "float32"),
        TensorSpec((), "bool"),
        TensorSpec((1, 2), "int32"),
    )


def test_nests_keep_their_kinds():
    Pair = namedtuple("Pair", "a b")
    dataset = Dataset.from_tensor_slices(Pair([1, 2], {"c": [3, 4]}))
    element = next(iter(dataset.batch(2)))
    assert isinstance(element, Pair)
    assert element.b["c"].tolist() == [3, 4]
    # A tuple's parts are arguments; a namedtuple, as in tf.data, is one.
    assert values(dataset.map(lambda pair: pair.a)) == [1, 2]
    assert values(dataset.map(lambda pair: None)) == [None, None]


def test_numpy_elements_are_the_callers_own():
    x = np.zeros((2, 2))
    dataset = Dataset.from_tensor_slices(x).cache()
    for element in dataset.as_numpy_iterator():
        element += 1
    assert values(dataset) == [[0, 0], [0, 0]]
    assert not x.any()


# Each method beside Python

numbers = st.integers(0, 12)
sizes = st.integers(1, 5)


@given(numbers, st.integers(-1, 15), st.integers(-1, 15))
def test_take_and_skip(n, take, skip):
    rows = list(range(n))
    dataset = Dataset.range(n)
    assert values(dataset.take(take)) == (rows if take == -1 else rows[:take])
    assert values(dataset.skip(skip)) == ([] if skip == -1 else rows[skip:])
    for each in (dataset.take(take), dataset.skip(skip)):
        assert len(each) == len(values(each)) == int(each.cardinality())


@given(numbers, sizes, st.booleans())
def test_batch_unbatch_and_rebatch(n, size, drop):
    rows = list(range(n))
    want = cut(rows, size)
    want = [part for part in want if len(part) == size or not drop]
    flat = [row for part in want for row in part]
    listed = Dataset.from_generator(lambda: iter(rows))
    for source in (Dataset.range(n), Dataset.range(n).prefetch(1), listed):
        batches = source.batch(size, drop_remainder=drop)
        assert values(batches) == want
        assert values(batches.unbatch()) == flat
        assert int(batches.cardinality()) in (len(want), -2)
        again = batches.rebatch(3)
        assert values(again) == cut(flat, 3)
    batches = Dataset.range(n).batch(size, drop_remainder=drop)
    assert len(batches.unbatch()) == len(flat)
    assert len(batches.rebatch(3)) == len(values(batches.rebatch(3)))
    assert len(batches.rebatch(3, drop_remainder=True)) == len(flat) // 3


@given(numbers, st.integers(0, 3))
def test_repeat(n, count):
    dataset = Dataset.range(n).repeat(count)
    assert values(dataset) == list(range(n)) * count
    assert len(dataset) == n * count
    assert values(Dataset.range(n).repeat().take(7)) == list(
        itertools.islice(itertools.cycle(range(n)), 7)
    )


@given(numbers, sizes, st.integers(0, 9))
def test_shuffle_gives_each_element_once_and_the_same_for_a_seed(n, size, seed):
    dataset = Dataset.range(n).shuffle(size, seed=seed)
    first, second = values(dataset), values(dataset)
    assert sorted(first) == sorted(second) == list(range(n))
    again = Dataset.range(n).shuffle(size, seed=seed)
    assert [values(again), values(again)] == [first, second]
    fixed = Dataset.range(n).shuffle(size, seed, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed) == first
    # Before the k-th of the order no more than k + size were drawn.
    assert all(value < place + size for place, value in enumerate(first))


def step(dataset, rows, name, k):
    """A method, and what it makes of a list."""
    flat = [x for row in rows for x in (row if isinstance(row, list) else [row])]
    return {
        "take": lambda: (dataset.take(k), rows[:k]),
        "skip": lambda: (dataset.skip(k), rows[k:]),
        "repeat": lambda: (dataset.repeat(k), rows * k),
        "map": lambda: (dataset.map(lambda x: x + k), [_plus(row, k) for row in rows]),
        "parallel map": lambda: (
            dataset.map(lambda x: x + k, num_parallel_calls=3),
            [_plus(row, k) for row in rows],
        ),
        "cache": lambda: (dataset.cache(), rows),
        "prefetch": lambda: (dataset.prefetch(k), rows),
        "shard": lambda: (dataset.shard(k + 1, k), rows[k :: k + 1]),
        "concatenate": lambda: (dataset.concatenate(dataset), rows + rows),
        "rebatch": lambda: (
            (dataset if _batched(rows) else dataset.batch(2)).rebatch(k + 1),
            cut(flat, k + 1),
        ),
        "batch": lambda: (
            (dataset.unbatch() if _batched(rows) else dataset).batch(k + 1),
            cut(flat, k + 1),
        ),
    }[name]()


def _batched(rows):
    return bool(rows) and isinstance(rows[0], list)


def _plus(row, k):
    return [x + k for x in row] if isinstance(row, list) else row + k


STEPS = ("take", "skip", "repeat", "map", "parallel map", "cache", "prefetch", "shard",
         "concatenate", "rebatch", "batch")  # fmt: skip


@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=5),
)
def test_chains_are_what_they_are_of_lists(n, steps):
    dataset, rows = Dataset.range(n), list(range(n))
    for name, k in steps:
        if not rows:
            return
        dataset, rows = step(dataset, rows, name, k)
    for _ in range(2):  # each pass begins at the first again
        assert values(dataset) == rows
    assert int(dataset.cardinality()) in (len(rows), -2)
    assert values(dataset.shuffle(1, seed=0)) == rows
    half = itertools.islice(dataset, 2)
    assert [x.tolist() for x in half] == rows[:2]


def test_shuffle_of_all_makes_each_order_alike():
    dataset = Dataset.range(3).shuffle(3, seed=1)
    orders = Counter(tuple(values(dataset)) for _ in range(1200))
    assert len(orders) == 6
    expected = 1200 / 6
    squares = sum((n - expected) ** 2 / expected for n in orders.values())
    assert squares < 20.5  # chi-squared of 5 degrees: 1 in 1000


def test_shuffle_without_a_seed_follows_from_the_global_one():
    def orders():
        cornu.utils.set_random_seed(5)
        return [values(Dataset.range(20).shuffle(20)) for _ in range(2)]

    (first, second), again = orders(), orders()
    assert first != second
    assert again == [first, second]


def test_repeat_shuffles_each_pass_anew():
    found = values(Dataset.range(30).shuffle(30, seed=2).repeat(2))
    assert sorted(found[:30]) == sorted(found[30:]) == list(range(30))
    assert found[:30] != found[30:]


def test_zip_enumerate_concatenate_filter_reduce():
    a, b = Dataset.range(5), Dataset.range(10, 13)
    assert values(Dataset.zip(a, b)) == list(zip(range(5), range(10, 13), strict=False))
    assert values(Dataset.zip((a, {"b": b}))) == [
        (i, {"b": j}) for i, j in zip(range(5), range(10, 13), strict=False)
    ]
    assert len(Dataset.zip(a.repeat(), b)) == 3
    assert values(a.enumerate(3)) == list(enumerate(range(5), 3))
    assert values(a.concatenate(b)) == [0, 1, 2, 3, 4, 10, 11, 12]
    assert values(a.filter(lambda x: x % 2 == 1)) == [1, 3]
    pairs = Dataset.zip(a, a)
    assert values(pairs.filter(lambda x, y: x + y > 5)) == [(3, 3), (4, 4)]
    assert int(a.reduce(0, lambda total, x: total * 2 + x)) == 26
    assert values(a.apply(lambda dataset: dataset.take(1))) == [0]


def rounds(inputs, cycle, block):
    """What tf.data's description of interleave says, on lists."""
    waiting, places, out = list(inputs), [None] * cycle, []
    while waiting or any(p is not None for p in places):
        for i in range(cycle):
            if places[i] is None and waiting:
                places[i] = list(waiting.pop(0))
            if places[i] is not None:
                out += places[i][:block]
                ended = len(places[i]) < block
                places[i] = None if ended else places[i][block:]
    return out


@given(
    st.lists(st.integers(0, 6), max_size=6), sizes, sizes, st.sampled_from((None, 3))
)
def test_interleave(lengths, cycle, block, workers):
    inputs = [[10 * i + j for j in range(n)] for i, n in enumerate(lengths)]
    index = Dataset.range(len(lengths))
    dataset = index.interleave(
        lambda i: Dataset.from_generator(lambda: iter(inputs[int(i)])),
        cycle_length=cycle,
        block_length=block,
        num_parallel_calls=workers,
    )
    assert values(dataset) == values(dataset) == rounds(inputs, cycle, block)
    assert values(index.flat_map(lambda i: Dataset.range(i))) == [
        j for i in range(len(lengths)) for j in range(i)
    ]


def test_interleave_as_the_documentation_of_tf_data_shows_it():
    dataset = Dataset.range(1, 6).interleave(
        lambda x: Dataset.from_tensors(x).repeat(6), cycle_length=2, block_length=4
    )
    assert values(dataset) == [
        *[1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4],
        *[3, 3, 4, 4, 5, 5, 5, 5, 5, 5],
    ]


def test_padded_batch():
    rows = [[1], [2, 3], [4, 5, 6]]
    dataset = Dataset.from_generator(lambda: ((row, ["a"]) for row in rows))
    (first, second) = values(dataset.padded_batch(2))
    assert first == ([[1, 0], [2, 3]], [["a"], ["a"]])
    assert second == ([[4, 5, 6]], [["a"]])
    padded = dataset.padded_batch(
        3, padded_shapes=((4,), (2,)), padding_values=(-1, "-"), drop_remainder=True
    )
    assert values(padded) == [
        ([[1, -1, -1, -1], [2, 3, -1, -1], [4, 5, 6, -1]], [["a", "-"]] * 3)
    ]


def test_cache_keeps_a_whole_pass_and_no_part_of_one():
    dataset, made = counted(4)
    cached = dataset.cache()
    assert values(cached.take(2)) == [0, 1]
    assert made == [0, 1]
    assert values(cached) == values(cached) == [0, 1, 2, 3]
    assert made == [0, 1, 0, 1, 2, 3]
    order = Dataset.range(9).shuffle(9, seed=1).cache()
    assert values(order) == values(order)


def test_element_spec_and_cardinality():
    x = np.zeros((5, 3), "float32")
    rows = Dataset.from_tensor_slices((x, {"y": np.zeros(5, "int64")}))
    assert rows.element_spec == (
        TensorSpec((3,), "float32"),
        {"y": TensorSpec((), "int64")},
    )
    varying = rows.batch(2).map(lambda x, y: x)
    assert varying.element_spec == TensorSpec((None, 3), "float32")
    assert rows.batch(2, drop_remainder=True).map(
        lambda x, y: x
    ).element_spec == TensorSpec((2, 3), "float32")
    assert int(rows.repeat().cardinality()) == -1
    assert int(rows.filter(lambda x, y: True).cardinality()) == -2
    assert rows.cardinality().numpy() == 5
    assert bool(rows.repeat())
    assert "endless" in repr(rows.repeat())
    assert repr(rows.batch(2)) == "<Dataset: 3 of up to 2 rows>"


def test_a_look_at_the_specification_changes_no_order():
    def orders(look):
        dataset = Dataset.range(30).shuffle(30, seed=1)
        made = dataset.map(lambda x: x + 1, num_parallel_calls=2).batch(4).prefetch(2)
        if look:
            assert made.element_spec == TensorSpec((None,), "int64")
        return [np.concatenate(list(made)).tolist() for _ in range(2)]

    assert orders(look=True) == orders(look=False)


def test_from_generator_with_a_signature():
    def pairs(n):
        for i in range(n):
            yield [i] * 2, i

    signature = (TensorSpec((None,), "float32"), TensorSpec((), "int64"))
    dataset = Dataset.from_generator(pairs, args=(2,), output_signature=signature)
    assert values(dataset) == [([0.0, 0.0], 0), ([1.0, 1.0], 1)]
    assert dataset.element_spec == signature
    wrong = Dataset.from_generator(
        pairs, args=(2,), output_signature=(TensorSpec((3,)), TensorSpec(()))
    )
    with pytest.raises(ValueError, match=r"Expected TensorSpec\(shape=\(3,\)"):
        list(wrong)
    flat = Dataset.from_generator(pairs, args=(2,), output_signature=TensorSpec((3,)))
    with pytest.raises(ValueError, match="nested as output_signature"):
        list(flat)


# What is drawn, and by whom


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda d: d.map(lambda x: x), 3),
        (lambda d: d.map(lambda x: x, num_parallel_calls=4), 3 + 4),
        (lambda d: d.shuffle(10, seed=0), 10 + 2),
        (lambda d: d.batch(5), 15),
        (lambda d: d.prefetch(6), 3 + 6),
        (lambda d: d.prefetch(6).take(3), 3 + 6),
        (lambda d: d.take(3), 3),
        (lambda d: d.filter(lambda x: x % 2 == 1), 6),
        (lambda d: Dataset.zip(d, d), 6),
        (lambda d: d.batch(4).unbatch(), 4),
        (lambda d: d.batch(4).rebatch(2), 8),
        (lambda d: d.repeat(), 3),
        (
            lambda d: d.interleave(Dataset.from_tensors, 2, num_parallel_calls=2),
            2 + 3,
        ),
    ],
)
def test_no_more_is_drawn_than_is_needed(make, most):
    dataset, made = counted()
    made_of_it = make(dataset)
    assert made == []
    iterator = iter(made_of_it)
    assert made == []
    for _ in range(3):
        next(iterator)
    iterator.close()
    assert threads() == []
    assert 3 <= len(made) <= most
    assert values(make(dataset).take(0)) == []


def test_prefetch_makes_elements_beside_the_loop_and_no_more_than_it_may():
    dataset, made = counted()
    iterator = iter(dataset.prefetch(3))
    next(iterator)
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0, 1, 2, 3]
    assert len(threads()) == 1
    del iterator  # a loop that is left does no more


def test_parallel_calls_run_together_and_keep_the_order():
    meeting = threading.Barrier(3, timeout=20)

    def slow(x):
        if 1 <= x < 7:  # the first is alone
            meeting.wait()
            time.sleep(0.005 * (7 - int(x)))
        return x

    assert values(Dataset.range(7).map(slow, num_parallel_calls=3)) == list(range(7))


def test_a_layer_is_built_once_by_parallel_calls():
    layer = cornu.layers.Dense(2)
    x = np.ones((40, 3), "float32")
    dataset = Dataset.from_tensor_slices(x).batch(2)
    found = values(dataset.map(layer, num_parallel_calls=8))
    assert len(layer.weights) == 2
    np.testing.assert_allclose(np.concatenate(found), np.asarray(layer(x)), rtol=1e-6)


def fails_at(n):
    def function(x):
        if x == n:
            raise KeyError("the third is bad")
        return x

    return function


@pytest.mark.parametrize(
    "make",
    [
        lambda d: d.map(fails_at(3)),
        lambda d: d.map(fails_at(3), num_parallel_calls=4),
        lambda d: d.map(fails_at(3)).map(lambda x: x, num_parallel_calls=4),
        lambda d: d.map(fails_at(3)).prefetch(5),
        lambda d: d.map(fails_at(3)).prefetch(5).batch(1).unbatch().prefetch(2),
        lambda d: d.map(fails_at(3)).interleave(
            Dataset.from_tensors, 1, num_parallel_calls=3
        ),
        lambda d: d.interleave(
            lambda x: Dataset.from_tensors(x).map(fails_at(3)), 2, num_parallel_calls=3
        ),
    ],
)
def test_an_error_comes_out_where_its_element_would_have(make):
    found = []

    def use(dataset):
        found.extend(int(x) for x in dataset)

    with pytest.raises(KeyError, match="the third is bad") as caught:
        use(make(Dataset.range(10)))
    assert found == [0, 1, 2]
    assert any(entry.name == "function" for entry in caught.traceback)


@pytest.mark.parametrize("workers", [None, 4, AUTOTUNE])
def test_a_stop_iteration_in_a_function_is_an_error(workers):
    with pytest.raises(RuntimeError):
        list(Dataset.range(3).map(lambda x: next(iter([])), num_parallel_calls=workers))


def test_threads_of_a_loop_that_is_left_are_gone():
    dataset = Dataset.range(1000).map(lambda x: x, num_parallel_calls=4)
    dataset = dataset.interleave(
        lambda x: Dataset.range(5).prefetch(2), 3, num_parallel_calls=2
    )
    for _ in dataset.batch(4).prefetch(2):
        break
    assert threads() == []
    iterator = iter(dataset.prefetch(AUTOTUNE))
    next(iterator)
    del iterator
    assert threads() == []
    iter(dataset.prefetch(2))  # never used
    assert threads() == []


# What is refused


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda d: d.batch(0), ValueError, "batch was given batch_size=0"),
        (lambda d: d.batch(2.5), ValueError, "batch_size=2.5"),
        (lambda d: d.shuffle(True), ValueError, "buffer_size=True"),
        (lambda d: d.shuffle(3, seed="a"), ValueError, "seed='a'"),
        (lambda d: d.take(-2), ValueError, "take was given count=-2"),
        (lambda d: d.prefetch(-2), ValueError, "buffer_size=-2"),
        (lambda d: d.map(int, num_parallel_calls=0), ValueError, "num_parallel_calls"),
        (lambda d: d.cache("file"), ValueError, "cache was given the file 'file'"),
        (lambda d: d.shard(2, 2), ValueError, "index=2 for num_shards=2"),
        (lambda d: d.concatenate([1]), TypeError, "concatenate was given"),
        (lambda d: Dataset.zip(d, [1, 2]), TypeError, "zip was given 1"),
        (lambda d: len(d.repeat()), TypeError, "no end"),
        (lambda d: len(d.filter(bool)), TypeError, "no known length"),
        (lambda d: Dataset.from_tensor_slices(3), ValueError, "from_tensor_slices"),
        (
            lambda d: Dataset.from_tensor_slices(([1, 2], [1])),
            ValueError,
            r"shapes \(2,\), \(1,\)",
        ),
        (lambda d: Dataset.from_tensor_slices(object()), TypeError, "dtype"),
        (lambda d: Dataset.from_generator([1]), TypeError, "without calling it"),
        (
            lambda d: Dataset.from_generator(list, output_types="int32"),
            TypeError,
            "output_signature",
        ),
        (lambda d: list(d.unbatch()), ValueError, "unbatch was given arrays"),
        (lambda d: list(d.interleave(lambda x: x)), TypeError, "interleave was given"),
        (
            lambda d: list(d.batch(2).filter(lambda x: x > 0)),
            ValueError,
            "predicate of filter gave",
        ),
        (lambda d: d.take(0).element_spec, ValueError, "is empty"),
        (
            lambda d: list(d.map(lambda x: cornu.ops.zeros(int(x))).batch(2)),
            ValueError,
            r"batch cannot put these elements together",
        ),
        (
            lambda d: list(
                d.map(lambda x: x if x else (x, x)).batch(2),
            ),
            ValueError,
            "nested alike",
        ),
        (
            lambda d: list(d.map(lambda x: np.ones(3)).padded_batch(2, (2,))),
            ValueError,
            r"fill up shape \(3,\) to \(2,\)",
        ),
    ],
)
def test_what_is_refused(call, error, said):
    with pytest.raises(error, match=said) as caught:
        call(Dataset.range(4))
    assert str(caught.value).count("\n") == 2
