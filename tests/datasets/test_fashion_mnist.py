"""Fashion-MNIST: four IDX files or one .npz, of exactly the sizes that they say."""

from __future__ import annotations

import gzip
import hashlib
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import DatasetUnavailable, fashion_mnist
from tests.datasets.conftest import as_npz, small_arrays
from tests.datasets.made import idx
from tests.datasets.reference import Call, assert_same, keras_loads
from tests.datasets.server import Server

NAMES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def pairs(arrays: dict[str, np.ndarray]) -> Any:
    return tuple((arrays[f"x_{k}"], arrays[f"y_{k}"]) for k in ("train", "test"))


def put(folder: Path, **change: bytes) -> Path:
    """The four files in this folder, some of them with other content."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, name in NAMES.items():
        (folder / name).write_bytes(change.get(key, idx(small_arrays()[key])))
    return folder


def test_the_real_one(real_data: str) -> None:
    try:
        (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    except DatasetUnavailable:
        pytest.skip("Fashion-MNIST is not in CORNU_DATA")
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert y_train[:5].tolist() == [9, 0, 0, 3, 0]
    assert y_test[:5].tolist() == [9, 2, 1, 1, 6]
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    # The mean that many publish for it.
    assert x_train.mean() / 255 == pytest.approx(0.2860, abs=5e-5)


def test_keras_cache_as_keras_reads_it(home: Path) -> None:
    put(home / ".keras" / "datasets" / "fashion-mnist")
    calls: list[Call] = [("fashion_mnist.load_data", {})]
    (theirs,) = keras_loads(home / ".keras" / "datasets", calls)
    mine = fashion_mnist.load_data()
    assert_same(mine, theirs)
    assert_same(mine, pairs(small_arrays()))
    for pair in mine:
        for array in pair:
            array[:] = 0  # it may be written to


def test_the_folders_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    put(tmp_path / "FashionMNIST" / "raw")
    assert_same(fashion_mnist.load_data(), pairs(small_arrays()))


def test_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    (tmp_path / "fashion_mnist.npz").write_bytes(as_npz(**small_arrays()))
    assert_same(fashion_mnist.load_data(), pairs(small_arrays()))
    other = {key: array[:1] for key, array in small_arrays().items()}
    (tmp_path / "other.npz").write_bytes(as_npz(**other))
    assert_same(fashion_mnist.load_data("other.npz"), pairs(other))
    assert_same(fashion_mnist.load_data(tmp_path / "other.npz"), pairs(other))
    with pytest.raises(DatasetUnavailable, match=r"is not on this computer\."):
        fashion_mnist.load_data("nowhere.npz")


def test_four_are_downloaded(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_TRAIN", "_TEST"):
        files = []
        for file in getattr(fashion_mnist, name):
            short = file.name.rpartition("/")[2]
            (key,) = (k for k, v in NAMES.items() if v == short)
            body = server.bodies[short] = idx(small_arrays()[key])
            checksum = f"md5:{hashlib.md5(body).hexdigest()}"
            urls = (server.url("error/404/x"), server.url(f"good/{short}"))
            files.append(file._replace(urls=urls, checksum=checksum))
        monkeypatch.setattr(fashion_mnist, name, tuple(files))
    # MNIST's files have the same names.
    put(home / ".keras" / "datasets", x_train=b"MNIST's")
    assert_same(fashion_mnist.load_data(), pairs(small_arrays()))
    folder = home / ".cornu" / "datasets" / "fashion-mnist"
    assert sorted(each.name for each in folder.iterdir()) == sorted(NAMES.values())
    asked = len(server.requests)
    assert asked == 8
    assert_same(fashion_mnist.load_data(), pairs(small_arrays()))
    assert len(server.requests) == asked


def packed(content: bytes) -> bytes:
    """Compressed, always to the same bytes."""
    return gzip.compress(content, mtime=0)


X = small_arrays()["x_train"]
WHOLE = gzip.decompress(idx(X))


@pytest.mark.parametrize(
    ("key", "content", "match"),
    [
        ("x_train", b"", r"begins with the bytes \(none\)"),
        ("x_train", b"no gzip", "cannot be read"),
        ("x_train", packed(b""), r"begins with the bytes \(none\)"),
        ("x_train", packed(WHOLE[:3]), "begins with the bytes 00 00 08$"),
        ("x_train", packed(b"\x01" + WHOLE[1:]), "begins with the bytes 01 00"),
        ("x_train", idx(X.reshape(6, -1)), "begins with the bytes 00 00 08 02"),
        ("x_train", idx(X[:, :27]), r"says that its shape is \(6, 27, 28\)"),
        ("x_train", packed(WHOLE[:10]), "cannot be read|says that its shape"),
        ("x_train", packed(WHOLE[:-1]), r"\(6, 28, 28\), but has another size"),
        ("x_train", packed(WHOLE + b"\0"), "but has another size"),
        ("x_train", idx(X)[:-1], "cannot be read"),
        ("x_train", idx(X)[:-9] + b"12345678", "cannot be read"),
        ("y_train", idx(np.zeros(5, "uint8")), "5 labels, but 6 images in train-im"),
        ("x_test", idx(X[:0]), "2 labels, but 0 images in t10k-im"),
        ("y_test", idx(X), "begins with the bytes 00 00 08 03"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    content: bytes,
    match: str,
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    put(tmp_path / "fashion-mnist", **{key: content})
    with pytest.raises(ValueError) as raised:
        fashion_mnist.load_data()
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert str(tmp_path) in lines[0]
    assert re.search(match, lines[0].rstrip("."))
    assert lines[1].startswith(("Expected a gzipped IDX file", "Expected one label"))


@pytest.mark.parametrize("count", [2**22, 2**32 - 1])
def test_a_size_is_checked_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    lying = packed(WHOLE[:4] + count.to_bytes(4, "big") + WHOLE[8:])
    put(tmp_path / "fashion-mnist", x_train=lying)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"shape is .{count}, 28, 28., but has"):
            fashion_mnist.load_data()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
