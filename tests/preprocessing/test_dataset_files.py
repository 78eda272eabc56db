"""Windows of a data set; data sets from files and in files."""

import gzip
import io
import json
import zipfile
from collections import namedtuple

import numpy as np
import pytest

from cornu import utils
from cornu.preprocessing import TensorSpec, TextLineDataset
from cornu.preprocessing import stored as storing
from cornu.preprocessing.elements import DatasetSpec
from cornu.utils import Dataset
from tests.preprocessing.test_dataset import counted, values

# Windows


def windows(n, size, shift, stride, drop):
    found = [
        [i for k in range(size) if (i := start + k * stride) < n]
        for start in range(0, n, shift or size)
    ]
    return [window for window in found if len(window) == size or not drop]


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shift", [None, 1, 2, 4, 7])
def test_windows(shift, stride, drop):
    for n in (0, 1, 5, 7, 10):
        for size in (1, 2, 3, 5):
            expected = windows(n, size, shift, stride, drop)
            for source in (Dataset.range(n), Dataset.range(n).map(lambda x: x)):
                dataset = source.window(size, shift, stride, drop)
                assert [values(window) for window in dataset] == expected
                assert int(dataset.cardinality()) == len(expected)
                assert [len(window) for window in dataset] == list(map(len, expected))


def test_each_part_of_an_element_has_windows_of_its_own():
    rows = Dataset.from_tensor_slices(({"a": np.eye(5)}, np.arange(5)))
    for source in (rows, rows.map(lambda x, y: (x, y))):
        x, y = next(iter(source.window(3, shift=1)))
        assert values(x["a"].batch(3)) == [np.eye(5)[:3].tolist()]
        assert values(y) == [0, 1, 2]
        pairs = source.window(3, shift=2, drop_remainder=True).flat_map(
            lambda x, y: Dataset.zip(x["a"].batch(3), y.batch(3))
        )
        assert [y for _, y in values(pairs)] == [[0, 1, 2], [2, 3, 4]]
    spec = DatasetSpec(TensorSpec((), "int64"))
    assert Dataset.range(5).window(2).element_spec == spec


def test_windows_draw_no_more_than_they_need():
    dataset, made = counted()
    found = dataset.window(3, shift=5, stride=2).take(2)
    assert [values(window) for window in found] == [[0, 2, 4], [5, 7, 9]]
    assert len(made) == 10
    endless = Dataset.range(2).repeat().window(3, drop_remainder=True)
    assert int(endless.cardinality()) == -1
    assert [values(w) for w in endless.take(2)] == [[0, 1, 0], [1, 0, 1]]


def test_windows_of_maps_and_in_maps():
    ends = Dataset.range(6).window(3).map(lambda window: window.skip(2))
    assert [values(window) for window in ends] == [[2], [5]]
    with pytest.raises(ValueError, match="elements that are data sets") as caught:
        list(Dataset.range(6).window(2).batch(2))
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ValueError, match="window cannot put"):
        list(Dataset.range(2).map(lambda x: x if x else (x, x)).window(2))


# Files


def test_files_that_fit_a_pattern(tmp_path):
    for name in ("b.txt", "a.txt", ".c.txt", "d.csv"):
        (tmp_path / name).write_text(name)
    names = [str(tmp_path / name) for name in (".c.txt", "a.txt", "b.txt")]
    found = Dataset.list_files(tmp_path / "*.txt", shuffle=False)
    assert values(found) == names
    assert len(found) == 3
    several = [str(tmp_path / "[bd].*"), str(tmp_path / "a*")]
    assert values(Dataset.list_files(several, shuffle=False)) == [
        str(tmp_path / name) for name in ("a.txt", "b.txt", "d.csv")
    ]
    shuffled = Dataset.list_files(str(tmp_path / "*.txt"), seed=3)
    orders = [values(shuffled) for _ in range(20)]
    assert all(sorted(order) == names for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    again = Dataset.list_files(str(tmp_path / "*.txt"), seed=3)
    assert [values(again) for _ in range(20)] == orders
    with pytest.raises(ValueError, match=r"nothing for '.*\.png'") as caught:
        Dataset.list_files(str(tmp_path / "*.png"))
    assert len(str(caught.value).splitlines()) == 3


LINES = ["one", "two", "", "drei vier ü", "last"]


def test_lines_of_texts(tmp_path):
    path, packed = tmp_path / "lines.txt", tmp_path / "lines.gz"
    content = "one\r\ntwo\n\ndrei vier ü\nlast".encode()
    path.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    lines = TextLineDataset(path)
    assert isinstance(lines, Dataset)
    assert utils.TextLineDataset is TextLineDataset
    assert list(lines) == list(lines) == LINES
    assert list(TextLineDataset(str(packed), "GZIP")) == LINES
    assert list(TextLineDataset([path, str(path)])) == LINES * 2
    assert list(TextLineDataset(Dataset.list_files(str(path)))) == LINES
    by_turns = TextLineDataset([path, path], num_parallel_reads=2)
    assert list(by_turns) == [line for line in LINES for _ in range(2)]
    lengths = lines.filter(len).map(len).batch(3)
    assert values(lengths) == [[3, 3, 11], [4]]
    assert type(lines.take(1)) is Dataset
    with pytest.raises(FileNotFoundError):
        list(TextLineDataset(tmp_path / "none"))
    with pytest.raises(ValueError, match="compression_type='ZIP'") as caught:
        TextLineDataset(path, "ZIP")
    assert len(str(caught.value).splitlines()) == 3


# Data sets in folders

Pair = namedtuple("Pair", "left right")
SAVED = {
    "rows": Dataset.from_tensor_slices({"x": np.eye(4, dtype="f4"), "y": list("abcd")}),
    "numbers": Dataset.range(7),
    "batches": Dataset.range(7, output_type="int8").batch(3),
    "exact": Dataset.range(7).batch(3, drop_remainder=True),
    "text": Dataset.from_generator(lambda: ["", "ü€😀", "a\0", "\0", "\udc80", "b"]),
    "bytes": Dataset.from_tensor_slices([b"", b"\xff\0", b"a"]).batch(2),
    "no axes": Dataset.from_tensors((1.5, True, None, "x")),
    "sizes": Dataset.range(5).map(lambda n: np.arange(int(n)).reshape(1, -1)),
    "kinds": Dataset.range(4).map(lambda n: n if n < 2 else (n, {"a": [n, n]})),
    "named": Dataset.range(2).map(lambda n: Pair(n, n + 1)),
    "nothing": Dataset.range(0),
}


def same(found, expected):
    """Equal values, dtypes, and kinds of nests; named tuples are tuples."""
    if isinstance(expected, tuple):
        assert type(found) is tuple
        for a, b in zip(found, expected, strict=True):
            same(a, b)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            same(found[key], value)
    else:
        assert type(found) is type(expected)
        assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", SAVED)
def test_elements_come_back_as_they_were(name, tmp_path):
    dataset, folder = SAVED[name], tmp_path / "made" / "here"
    dataset.save(folder)
    again = Dataset.load(str(folder))
    for _ in range(2):
        found = list(again.as_numpy_iterator())
        expected = list(dataset.as_numpy_iterator())
        assert len(found) == len(expected) == len(again)
        for a, b in zip(found, expected, strict=True):
            same(a, b)
    assert int(again.unbatch().cardinality()) == int(dataset.unbatch().cardinality())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made"]


def test_bfloat16_comes_back(tmp_path):
    kind = pytest.importorskip("ml_dtypes").bfloat16
    Dataset.from_tensor_slices(np.arange(3).astype(kind)).save(tmp_path)
    assert [x.dtype for x in Dataset.load(tmp_path)] == ["bfloat16"] * 3


@pytest.mark.parametrize("mapped", [False, True])
def test_blocks_are_of_a_size_that_memory_holds(mapped, tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "_MOST_BYTES", 100)
    dataset = Dataset.range(30)
    dataset = dataset.map(lambda x: x) if mapped else dataset
    dataset.save(tmp_path)
    assert json.loads((tmp_path / "dataset.json").read_text())["blocks"] == [12, 12, 6]
    assert values(Dataset.load(tmp_path)) == list(range(30))


def test_a_newer_data_set_replaces_an_older_one_and_nothing_else(tmp_path):
    folder = tmp_path / "set"
    Dataset.range(5).map(lambda n: np.zeros(int(n))).save(folder)  # five files
    Dataset.load(folder).map(lambda x: x.shape[0]).save(folder)  # of itself
    assert values(Dataset.load(folder)) == [0, 1, 2, 3, 4]
    assert len(list(folder.iterdir())) == 2

    def broken():
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        Dataset.from_generator(broken).save(folder)
    assert values(Dataset.load(folder)) == [0, 1, 2, 3, 4]
    (folder / "mine.txt").write_text("keep me")
    for place, name in ((folder, "mine.txt"), (folder / "mine.txt", "mine.txt")):
        with pytest.raises(FileExistsError, match=name) as caught:
            Dataset.range(3).save(place)
        assert len(str(caught.value).splitlines()) == 3
    assert (folder / "mine.txt").read_text() == "keep me"
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda d, f: d.save(f, "GZIP"), ValueError, "compression='GZIP'"),
        (lambda d, f: Dataset.load(f, "GZIP"), ValueError, "compression='GZIP'"),
        (lambda d, f: d.repeat().save(f), ValueError, "without an end"),
        (lambda d, f: d.window(2).save(f), TypeError, "whose elements are data sets"),
        (lambda d, f: d.map(lambda x: {1: x}).save(f), TypeError, "the key 1"),
        (lambda d, f: Dataset.load(f), FileNotFoundError, "no data set in"),
    ],
)
def test_what_is_refused(call, error, said, tmp_path):
    with pytest.raises(error, match=said) as caught:
        call(Dataset.range(4), tmp_path / "set")
    assert str(caught.value).count("\n") == 2
    assert not list(tmp_path.iterdir())


def archive(*arrays, **index):
    """A block as `save` would write it, if it were told this."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        index = {"format": "block of a data set", "version": 1, **index}
        file.writestr("state.json", json.dumps(index))
        for i, array in enumerate(arrays):
            with file.open(f"{i}.npy", "w") as member:
                np.save(member, array, allow_pickle=True)
    return content.getvalue()


def tree(nest):
    return {"dict": {"nest": {"dict": nest}}}


DAMAGED = {
    "cut off": lambda whole: whole[:-30],
    "a byte": lambda whole: whole.replace(b"ab", b"ac"),
    "other kind": lambda whole: archive(state=tree({}), format="state of a training"),
    "objects": lambda whole: archive(
        np.array([print, print]), state=tree({"numbers": {"array": 0}})
    ),
    "other count": lambda whole: archive(
        np.arange(3), state=tree({"numbers": {"array": 0}})
    ),
    "no nest": lambda whole: archive(state={"dict": {}}),
    "other nest": lambda whole: archive(state=tree({"numbers": 3})),
    "text": lambda whole: archive(
        *(np.arange(2, dtype="u1"), np.array([5, 1]), np.array([True, True])),
        state=tree(
            {
                **{k: {"array": i} for i, k in enumerate(("text", "ends", "raw"))},
                "shape": [2],
            }
        ),
    ),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_damaged_blocks_are_told(how, tmp_path):
    Dataset.from_tensor_slices(["ab", "cd"]).save(tmp_path)
    block = tmp_path / "0.npz"
    block.write_bytes(DAMAGED[how](block.read_bytes()))
    with pytest.raises(ValueError, match=r"0\.npz' cannot be read") as caught:
        list(Dataset.load(tmp_path))
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[" * 100_000,
        "[]",
        '{"format": "other", "version": 1}',
        '{"format": "data set of Cornu", "version": 2}',
        '{"format": "data set of Cornu", "version": 1, "blocks": [true]}',
        '{"format": "data set of Cornu", "version": 1, "blocks": [-2]}',
        '{"format": "data set of Cornu", "version": 1, "blocks": [2], "batched": [1]}',
    ],
)
def test_damaged_indices_are_told(index, tmp_path):
    Dataset.range(2).save(tmp_path)
    (tmp_path / "dataset.json").write_text(index)
    with pytest.raises(ValueError, match=r"dataset\.json' cannot be read") as caught:
        Dataset.load(tmp_path)
    assert str(caught.value).count("\n") == 2
    (tmp_path / "dataset.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"Dataset\.save"):
        Dataset.load(tmp_path)
