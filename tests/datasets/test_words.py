"""IMDB and Reuters: as real Keras loads them from the same files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import DatasetUnavailable, imdb, lookup, reuters
from tests.datasets.conftest import as_npz
from tests.datasets.made import ragged, texts
from tests.datasets.reference import Call, assert_same, cornu_loads, keras_loads
from tests.datasets.server import Server

CHOICES: list[dict[str, Any]] = [
    {},
    {"num_words": 100},
    {"num_words": 0},
    {"num_words": 1000, "skip_top": 8},
    {"maxlen": 15},
    {"maxlen": 0},
    {"seed": 0},
    {"seed": 7, "start_char": None},
    {"start_char": None, "index_from": 0},
    {"start_char": None, "index_from": None},
    {"start_char": 5, "oov_char": 9, "index_from": 20, "num_words": 60},
    {"oov_char": None},
    {"oov_char": None, "num_words": 50, "skip_top": 6, "maxlen": 30},
    {"oov_char": -1, "start_char": -7, "num_words": 30},
    {"skip_top": 2, "start_char": 1},
    {"num_words": 2, "oov_char": None, "start_char": None},
]
SPLITS = [{"test_split": s} for s in (0, 0.37, 1, 1.0)]
SMALL: list[Call] = [
    *[("imdb.load_data", choice) for choice in CHOICES],
    *[("reuters.load_data", choice) for choice in [*CHOICES, *SPLITS]],
    ("imdb.load_data", {"path": "equal.npz"}),
    ("reuters.load_data", {"path": "equal.npz", "seed": 3}),
    ("imdb.load_data", {"path": "bytes.npz", "maxlen": 30}),
    ("imdb.get_word_index", {}),
    ("reuters.get_word_index", {}),
    ("reuters.get_label_names", {}),
]


def name_of(call: Call) -> str:
    return f"{call[0]}({', '.join(f'{k}={v}' for k, v in call[1].items())})"


def arrays(dtype: str = "int64") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    x, y = texts(60, 1), texts(31, 2)
    return {
        "x_train": ragged(x),
        "y_train": rng.integers(0, 2, len(x)).astype(dtype),
        "x_test": ragged(y),
        "y_test": rng.integers(0, 2, len(y)).astype(dtype),
        "x": ragged(x + y),
        "y": rng.integers(0, 46, len(x + y)).astype(dtype),
    }


def write_small(folder: Path) -> None:
    for name in ("imdb.npz", "reuters.npz"):
        (folder / name).write_bytes(as_npz(**arrays()))
    (folder / "bytes.npz").write_bytes(as_npz(**arrays("uint8")))
    # Rows of one length: Keras's result is an array with two axes then.
    same = {
        k: ragged([row[:1] * 4 for row in v.tolist()]) if v.dtype == object else v
        for k, v in arrays().items()
    }
    (folder / "equal.npz").write_bytes(as_npz(**same))
    for name in ("imdb", "reuters"):
        index = {"the": 1, "café": 2, name: 3}
        (folder / f"{name}_word_index.json").write_text(json.dumps(index))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_small(folder)
    return folder


@pytest.fixture(scope="module")
def theirs(small: Path) -> dict[str, Any]:
    return dict(zip(map(name_of, SMALL), keras_loads(small, SMALL), strict=True))


@pytest.mark.parametrize("call", SMALL, ids=name_of)
def test_as_keras_does(
    small: Path, theirs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    mine, reference = cornu_loads(call), theirs[name_of(call)]
    assert not isinstance(reference, str), reference
    if call[0].endswith("load_data"):
        assert_same(mine, reference)
    else:
        assert mine == reference
        assert type(mine) is type(reference)


REAL: list[Call] = [
    ("imdb.load_data", {"num_words": 10000}),
    ("reuters.load_data", {"num_words": 10000}),
    ("reuters.load_data", {}),
    ("reuters.load_data", {"oov_char": None, "skip_top": 20, "maxlen": 200, "seed": 5}),
]
SLOW: list[Call] = [
    ("imdb.load_data", {}),
    ("imdb.load_data", {"num_words": 500, "oov_char": None, "maxlen": 120, "seed": 5}),
    ("imdb.get_word_index", {}),
    ("reuters.get_word_index", {}),
]


def in_keras_cache(names: list[str], folder: Path, real_data: str) -> Path:
    """A folder as Keras's cache, with links to these real files."""
    for name in names:
        found = [Path(each) / name for each in real_data.split(os.pathsep) if each]
        there = [file for file in found if file.is_file()]
        if not there:
            pytest.skip(f"{name} is not in CORNU_DATA")
        (folder / name).symlink_to(there[0].resolve())
    return folder


def compare_real(calls: list[Call], folder: Path, real_data: str) -> None:
    names = ["imdb.npz", "reuters.npz", "imdb_word_index.json"]
    names += ["reuters_word_index.json"]
    in_keras_cache(names, folder, real_data)
    for call, theirs in zip(calls, keras_loads(folder, calls), strict=True):
        mine = cornu_loads(call)
        if call[0].endswith("load_data"):
            assert_same(mine, theirs)
        else:
            assert mine == theirs


def test_the_real_ones_as_keras_does(real_data: str, tmp_path: Path) -> None:
    compare_real(REAL, tmp_path, real_data)


@pytest.mark.slow
def test_the_real_ones_with_other_choices(real_data: str, tmp_path: Path) -> None:
    compare_real(SLOW, tmp_path, real_data)


def test_a_review_can_be_read(real_data: str, tmp_path: Path) -> None:
    in_keras_cache(["imdb.npz", "imdb_word_index.json"], tmp_path, real_data)
    (train_data, train_labels), (test_data, test_labels) = imdb.load_data(
        num_words=10000
    )
    assert train_data.shape == test_data.shape == (25000,)
    assert train_labels.tolist().count(1) == test_labels.tolist().count(1) == 12500
    assert max(max(sequence) for sequence in train_data) == 9999
    # The first review of the book, decoded as it does that.
    assert train_data[0][:5] == [1, 14, 22, 16, 43]
    assert train_labels[0] == 1
    word_index = imdb.get_word_index()
    reverse_word_index = {value: key for key, value in word_index.items()}
    decoded = " ".join(reverse_word_index.get(i - 3, "?") for i in train_data[0])
    assert decoded.startswith("? this film was just brilliant casting location")


def test_news_can_be_read(real_data: str, tmp_path: Path) -> None:
    names = ["reuters.npz", "reuters_word_index.json"]
    in_keras_cache(names, tmp_path, real_data)
    (train_data, train_labels), (test_data, _) = reuters.load_data(num_words=10000)
    assert (len(train_data), len(test_data)) == (8982, 2246)
    assert train_data[10][:4] == [1, 245, 273, 207]
    word_of = {number: word for word, number in reuters.get_word_index().items()}
    decoded = " ".join(word_of.get(i - 3, "?") for i in train_data[0])
    assert decoded.startswith("? ? ? said as a result of its december acquisition")
    # It is about earnings.
    assert reuters.get_label_names()[train_labels[0]] == "earn"


BAD = [
    *[({k: -1}, k) for k in ("num_words", "skip_top", "maxlen", "index_from", "seed")],
    *[({k: "3"}, k) for k in ("num_words", "start_char", "oov_char", "seed")],
    *[({k: 1.5}, k) for k in ("skip_top", "maxlen", "index_from", "seed")],
    ({"skip_top": None}, "skip_top"),
    ({"seed": 2**32}, "seed"),
]


@pytest.mark.parametrize("module", [imdb, reuters], ids=["imdb", "reuters"])
@pytest.mark.parametrize(("arguments", "named"), BAD, ids=str)
def test_arguments_are_checked_first(module: Any, arguments: Any, named: str) -> None:
    with pytest.raises(ValueError) as raised:  # and not that the file is nowhere
        module.load_data(**arguments)
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert lines[0].endswith(f".load_data: {named} is {arguments[named]!r}.")


@pytest.mark.parametrize("split", [-0.1, 1.1, "a", None, float("nan")])
def test_the_split_is_a_share(split: Any) -> None:
    with pytest.raises(ValueError, match=r"test_split is .*\nExpected a number from 0"):
        reuters.load_data(test_split=split)


@pytest.mark.parametrize("module", [imdb, reuters], ids=["imdb", "reuters"])
def test_names_of_keras_1_and_others(
    small: Path, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    assert_same(module.load_data(nb_words=50), module.load_data(num_words=50))
    with pytest.raises(TypeError, match=r"'num_word'.*\n.*\nDid you mean 'num_words'"):
        module.load_data(num_word=50)


def test_no_text_is_short_enough(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    for module in (imdb, reuters):
        with pytest.raises(ValueError, match="no text is left with maxlen=1"):
            module.load_data(maxlen=1)


def test_no_seed_shuffles_differently(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    first, second = (imdb.load_data(seed=None)[0][0].tolist() for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_texts_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([0, 1, 1])
    rows = ragged([[], [5], []])
    content = as_npz(x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    (tmp_path / "imdb.npz").write_bytes(content)
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    (x, y), _ = imdb.load_data(start_char=None, num_words=20, seed=0)
    assert sorted(x.tolist()) == [[], [], [8]]
    assert y[x.tolist().index([8])] == 1
    (x, _), _ = imdb.load_data(num_words=4, oov_char=None)
    assert x.tolist() == [[1], [1], [1]]


@pytest.mark.parametrize(
    ("module", "change", "match"),
    [
        (imdb, {"y_test": np.arange(3)}, "31 reviews in x_test, 3 labels in y_test"),
        (imdb, {"x_train": np.arange(3)}, "x_train is int64"),
        (imdb, {"y_train": np.ones(60)}, "y_train is float64"),
        (imdb, {"x_test": None}, "there is no array 'x_test'"),
        (reuters, {"y": np.arange(3)}, "91 news in x, 3 topics in y"),
        (reuters, {"x": ragged([["a"]] * 91)}, "x has a row that is no list"),  # type: ignore[list-item]
    ],
)
def test_other_files_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    change: Any,
    match: str,
) -> None:
    content = {k: v for k, v in {**arrays(), **change}.items() if v is not None}
    (tmp_path / "x.npz").write_bytes(as_npz(**content))
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=match) as raised:
        module.load_data("x.npz")
    assert len(str(raised.value).splitlines()) == 3
    assert str(raised.value).startswith(str(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    "content",
    ["", "{", "[1]", '{"a": "b"}', '{"a": 1.5}', "1", "[" * 10**5, "\xff"],
    ids=lambda text: text[:9],
)
def test_other_indices_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "imdb_word_index.json").write_text(content, encoding="latin-1")
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="Expected a JSON file with an object"):
        imdb.get_word_index()


def test_they_are_downloaded(
    server: Server, home: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (imdb, reuters):
        for name in ("_FILE", "_INDEX"):
            file: lookup.RemoteFile = getattr(module, name)
            body = server.bodies[file.name] = (small / file.name).read_bytes()
            checksum = hashlib.sha256(body).hexdigest()
            urls = (server.url("error/503/x"), server.url(f"good/{file.name}"))
            there = file._replace(urls=urls, checksum=checksum)
            monkeypatch.setattr(module, name, there)
        (x, y), _ = module.load_data()
        assert len(x) == len(y)
        assert module.get_word_index()["the"] == 1
    cache = home / ".cornu" / "datasets"
    assert sorted(each.name for each in cache.iterdir()) == sorted(server.bodies)


def test_offline_it_says_what_is_missing() -> None:
    with pytest.raises(DatasetUnavailable, match=re.escape("Put reuters_word_index")):
        reuters.get_word_index("/nowhere/reuters_word_index.json")
