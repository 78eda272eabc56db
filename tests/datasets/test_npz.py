"""Reading .npz files: exactly what is wanted, or a ValueError; and code never runs."""

from __future__ import annotations

import io
import os
import pickle
import random
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import mnist, npz
from tests.datasets.conftest import as_npz, small_arrays

SHAPES = {"x": (-1, 2), "y": (-1,)}
ARRAYS = {
    "x": np.arange(12, dtype="uint8").reshape(6, 2),
    "y": np.arange(6, dtype="uint8"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.npz"


def refused(file: Path, match: str) -> str:
    """The text of the ValueError with which this file is refused."""
    with pytest.raises(ValueError, match=match) as raised:
        npz.load(file, SHAPES, "uint8")
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{file}: ")
    assert lines[1] == ("Expected an .npz file with arrays of uint8: x (n, 2), y (n,).")
    assert lines[2].startswith("Delete or replace this file")
    return str(raised.value)


def member(header: str, content: bytes = b"") -> bytes:
    """An .npy file with any header."""
    text = (header + "\n").encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def archive(file: Path, **members: bytes) -> None:
    with zipfile.ZipFile(file, "w") as z:
        for name, content in members.items():
            z.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_arrays_come_back(file: Path, save: Any, order: Any) -> None:
    save(file, **{k: np.asarray(v, order=order) for k, v in ARRAYS.items()}, more=1)
    found = npz.load(file, SHAPES, "uint8")
    assert list(found) == ["x", "y"]
    for name, array in found.items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)
        array[:] = 0  # it may be written to


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": None}, "there is no array 'y'"),
        ({"y": ARRAYS["y"].astype("int64")}, r"y is int64 of shape \(6,\)"),
        ({"x": ARRAYS["x"].astype("float32")}, "x is float32"),
        ({"x": ARRAYS["x"][:, :1]}, r"x is uint8 of shape \(6, 1\)"),
        ({"x": ARRAYS["x"][..., None]}, r"x is uint8 of shape \(6, 2, 1\)"),
        ({"y": np.uint8(3)}, r"y is uint8 of shape \(\)"),
    ],
)
def test_other_arrays_are_refused(file: Path, change: Any, match: str) -> None:
    arrays = {k: v for k, v in {**ARRAYS, **change}.items() if v is not None}
    np.savez(file, **arrays)
    refused(file, match)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", bytes(1000)])
def test_what_is_no_archive_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    refused(file, "not a whole .npz file")


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be read")


def test_cut_off_anywhere(file: Path) -> None:
    whole = as_npz(**ARRAYS)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        refused(file, "not a whole .npz file|cannot be read")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bits_are_refused_or_harmless(file: Path, save: Any) -> None:
    stream = io.BytesIO()
    save(stream, **ARRAYS)
    whole = stream.getvalue()
    rng = random.Random(5)
    refusals = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        try:
            found = npz.load(file, SHAPES, "uint8")
        except ValueError:
            refusals += 1
        else:  # a time stamp, say
            for name, array in found.items():
                np.testing.assert_array_equal(array, ARRAYS[name], strict=True)
    assert refusals > len(whole) / 3


class Payload:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_pickled_code_never_runs(file: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    objects = np.array([Payload(trap)] * 6, object)
    bare = pickle.dumps(Payload(trap))
    stream = io.BytesIO()
    np.lib.format.write_array(stream, objects, allow_pickle=True)
    labels = io.BytesIO()
    np.save(labels, ARRAYS["y"])

    # The trap works: an unwary reader falls into it.
    np.savez(file, x=objects, y=ARRAYS["y"])
    with np.load(file, allow_pickle=True) as unwary:
        unwary["x"]
    assert trap.is_dir()
    trap.rmdir()

    refused(file, r"x is object of shape \(6,\)")
    lying = stream.getvalue().replace(b"'|O'", b"'|u1")
    for content in (bare, stream.getvalue(), lying):
        archive(file, x=content, y=labels.getvalue())
        refused(file, "x is object|cannot be read|x says")
    file.write_bytes(bare)
    refused(file, "not a whole .npz file")
    assert not trap.exists()


@pytest.mark.parametrize("rows", [10**9, 10**12, 10**30, -6])
def test_a_size_is_checked_before_memory_is_taken(file: Path, rows: int) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, 2), }}"
    archive(file, x=member(header, bytes(12)), y=member(header))
    tracemalloc.start()
    try:
        refused(file, "x says|x is uint8 of shape|cannot be read")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_to_too_much(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = np.zeros((10**6, 2), "uint8")
    np.savez_compressed(file, x=many, y=many[:, 0].copy())
    assert file.stat().st_size < 10**4
    monkeypatch.setattr(npz, "_MOST_BYTES", 10**6)
    refused(file, "too large")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "not python",
        "[1, 2]",
        "{'descr': '|u1'}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (6, 2)}",
        "{'descr': '|u1', 'fortran_order': 3, 'shape': (6, 2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 6}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': ('6', 2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 2)}",
        "__import__('os').mkdir('trap')",
        "(" * 500 + ")" * 500,
    ],
)
def test_broken_headers_are_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.chdir(tmp_path)
    archive(file, x=member(header, bytes(12)), y=member(header))
    refused(file, "cannot be read|x says")
    assert not Path("trap").exists()


def test_a_version_of_the_format_that_is_not_known(file: Path) -> None:
    archive(file, x=b"\x93NUMPY\x09\x00" + bytes(100), y=b"")
    refused(file, "cannot be read")


@pytest.mark.parametrize("part", ["train", "test"])
def test_mnist_needs_a_label_for_each_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    arrays = small_arrays()
    arrays[f"y_{part}"] = arrays[f"y_{part}"][1:]
    (tmp_path / "mnist.npz").write_bytes(as_npz(**arrays))
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"images in x_.*\n.*one label for each image"):
        mnist.load_data()


def test_a_bad_mnist_file_names_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist.npz").write_bytes(as_npz(**small_arrays())[:-30])
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(ValueError) as raised:
        mnist.load_data()
    assert str(tmp_path / "mnist.npz") in str(raised.value).splitlines()[0]
    assert "x_train (n, 28, 28)" in str(raised.value).splitlines()[1]
