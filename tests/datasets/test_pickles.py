"""Pickles of data sets: what they hold comes out, and what they ask for never runs."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
import re
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import npz, pickles
from cornu.datasets.damaged import Unfit, reading
from tests.datasets.conftest import as_npz
from tests.datasets.made import photographs, python2, ragged

ROWS = [[1, 2, 3], [], [70000, 300, 5], [2**40, -1]]


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("module", [b"numpy._core", b"numpy.core"])
def test_rows_come_back(protocol: int, module: bytes) -> None:
    content = pickle.dumps(ragged(ROWS), protocol)
    new = b"numpy._core.multiarray"  # the name since NumPy 2
    here = module + b".multiarray"
    content = content.replace(b"\x8c%c" % len(new) + new, b"\x8c%c" % len(here) + here)
    content = content.replace(b"c" + new, b"c" + here)
    # Frames say how long their content is.
    content = re.sub(rb"\x95.{8}", b"", content, count=1, flags=re.DOTALL)
    assert here in content
    assert pickles.rows(content, len(ROWS)) == ROWS


def test_rows_of_python_2_come_back() -> None:
    content = pickle.dumps(ragged(ROWS), 2)
    # Python 3 writes bytes into this protocol by calling a codec: no such call is made.
    with pytest.raises(Unfit, match=r"_codecs\.encode"):
        pickles.rows(content, len(ROWS))
    call = rb"c_codecs\nencode\nq.X\x01\x00\x00\x00bq.X\x06\x00\x00\x00latin1q.\x86q.R"
    content, count = re.subn(call, b"U\x01b", content, flags=re.DOTALL)
    assert count == 1
    content = content.replace(b"X\x02\x00\x00\x00O8", b"U\x02O8")
    assert pickles.rows(content, len(ROWS)) == ROWS


@pytest.mark.parametrize("count", [3, 1003])
def test_images_come_back(count: int) -> None:
    batch = photographs(count, 1, labels=10)
    x, y = pickles.images(python2(batch), "labels", 3072)
    np.testing.assert_array_equal(x, batch[b"data"], strict=True)
    np.testing.assert_array_equal(y, np.array(batch[b"labels"], "uint8"), strict=True)


def test_the_pickles_of_python_2_are_what_python_reads() -> None:
    batch = photographs(300, 1, labels=10)
    found = pickle.loads(python2(batch), encoding="bytes")
    np.testing.assert_array_equal(found.pop(b"data"), batch.pop(b"data"))
    assert found == batch


def refusal(content: bytes, count: int = 1) -> str:
    """The text of the ValueError with which this pickle is refused, in any role."""
    texts = []
    for read in (
        lambda: pickles.rows(content, count),
        lambda: pickles.images(content, "labels", 3072),
    ):
        with pytest.raises(ValueError) as raised, reading("file", "better"):
            read()
        texts.append(str(raised.value))
        assert len(texts[-1].splitlines()) == 3
    return texts[0]


def trap(folder: Path) -> dict[str, bytes]:
    """Pickles that make a folder, in every way that pickle has to call something."""
    text = str(folder).encode()
    argument = b"X" + struct.pack("<I", len(text)) + text
    module = os.mkdir.__module__.encode()
    stacked = b"\x8c" + bytes([len(module)]) + module + b"\x8c\x05mkdir\x93"
    named = b"c" + module + b"\nmkdir\n"
    evaluate = b"cbuiltins\neval\n"
    code = f"__import__('os').mkdir({str(folder)!r})".encode()
    code = b"X" + struct.pack("<I", len(code)) + code
    importing = b"cnumpy\nos.mkdir\n" if hasattr(np, "os") else named
    return {
        "reduce": b"\x80\x02" + named + argument + b"\x85R.",
        "reduce, stacked": b"\x80\x04" + stacked + argument + b"\x85R.",
        "reduce, with a mark": b"\x80\x02" + named + b"(" + argument + b"tR.",
        "inst": b"(" + argument + b"i" + module + b"\nmkdir\n.",
        "obj": b"(" + named + argument + b"o.",
        "newobj": b"\x80\x02" + named + argument + b"\x85\x81.",
        "newobj_ex": b"\x80\x04" + named + argument + b"\x85}\x92.",
        "eval": b"\x80\x02" + evaluate + code + b"\x85R.",
        "within a list": b"\x80\x02](" + named + argument + b"\x85Re.",
        "as a key": b"\x80\x02}" + named + argument + b"\x85RNs.",
        "thrown away": b"\x80\x02" + named + argument + b"\x85R0N.",
        "by a longer name": b"\x80\x02" + importing + argument + b"\x85R.",
        "after an array": pickle.dumps(ragged([[1]]))[:-1]
        + named
        + argument
        + b"\x85R\x86.",
        "as a state": b"\x80\x02cnumpy\nndarray\n" + named + argument + b"\x85Rb.",
        "protocol 0": b"c" + module + b"\nmkdir\n(S" + repr(str(folder)).encode()
        + b"\ntR.",
    }  # fmt: skip


@pytest.mark.parametrize("way", list(trap(Path("x"))))
def test_nothing_runs(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "trap"
    content = trap(folder)[way]
    text = refusal(content)
    assert not folder.exists()
    assert "which is not" in text  # part of an array, or admitted


@pytest.mark.parametrize("way", ["reduce", "reduce, stacked", "inst", "obj", "eval"])
def test_the_traps_work(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "trap"
    pickle.loads(trap(folder)[way])
    assert folder.is_dir()


def test_nothing_runs_in_a_file(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "trap"),)

    array = ragged([[1], [2]])
    array[1] = Payload()
    file = tmp_path / "x.npz"
    file.write_bytes(as_npz(x=array))
    with pytest.raises(ValueError, match=r"x asks for (posix|nt).mkdir") as raised:
        npz.load_lists(file, ["x"])
    assert str(raised.value).splitlines()[1:] == [
        "Expected an .npz file with arrays of lists of integers: x (n,).",
        "Delete or replace this file; a file that is nowhere is downloaded anew.",
    ]
    assert not (tmp_path / "trap").exists()
    with np.load(file, allow_pickle=True) as unwary:
        unwary["x"]
    assert (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os system", "builtins eval", "builtins exec", "builtins getattr",
        "numpy load", "numpy fromfile", "numpy memmap", "numpy ndarray.tofile",
        "numpy.core.multiarray scalar", "numpy.core.multiarray fromfile",
        "numpy._core.multiarray _reconstruct.__call__", "numpy dtype.__class__",
        "copyreg _reconstructor", "_codecs encode", "numpy.core ndarray",
        "pickle loads", "importlib import_module", "subprocess Popen",
    ],
)  # fmt: skip
def test_no_other_name_is_known(name: str) -> None:
    module, function = name.encode().split()
    content = b"\x80\x02c" + module + b"\n" + function + b"\n."
    assert f"asks for {name.replace(' ', '.')}, which is not part" in refusal(content)


# What there is to make numbers, texts, lists, tuples and dictionaries, to call what is
# made by a name, and to remember.
ADMITTED = [
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "NONE", "NEWTRUE",
    "NEWFALSE", "SHORT_BINSTRING", "BINSTRING", "SHORT_BINUNICODE", "BINUNICODE",
    "SHORT_BINBYTES", "BINBYTES", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_TUPLE",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS", "MARK",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINGET", "LONG_BINGET", "BINPUT",
    "LONG_BINPUT", "MEMOIZE", "PROTO", "FRAME", "STOP",
]  # fmt: skip


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda o: o.name)
def test_no_other_instruction_is_known(opcode: Any) -> None:
    code = opcode.code.encode("latin-1")
    refusals = []
    for argument in (b"1\n1\n", b"\x02"):  # one of them fits
        content = b"N" * 9 + code + argument + bytes(20) + b"."
        try:
            pickles._look_through(content)
        except Unfit as error:
            refusals.append(f"has the pickle instruction {code!r}, which" in str(error))
        else:
            refusals.append(False)
    assert all(refusals) == (opcode.name not in ADMITTED)


@pytest.mark.parametrize(
    "content",
    [
        b"B" + b"\xff" * 4,
        b"\x8e" + struct.pack("<Q", 2**40),
        b"X" + struct.pack("<I", 2**31) + b"x",
        b"T" + struct.pack("<I", 2**31 - 1),
        b"]r" + struct.pack("<I", 2**31),
        b"]r" + struct.pack("<I", 2**24),
        b"\x95" + struct.pack("<Q", 2**62) + b"N",
        b"\x96" + struct.pack("<Q", 2**40),
        b"c" + b"a" * 10**5 + b"\nb\n",
        b"I" + b"9" * 10**5 + b"\n",
        b"\x8b" + struct.pack("<i", 2**30),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_no_more_memory_than_there_are_bytes(content: bytes) -> None:
    tracemalloc.start()
    try:
        refusal(b"\x80\x02" + content + b".")
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_too_many_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "_MOST_INSTRUCTIONS", 1000)
    assert "is too large" in refusal(b"]" * 2000 + b".")
    batch = photographs(2, 1, labels=10)  # more bytes, but few instructions
    assert len(python2(batch)) > 2000
    pickles.images(python2(batch), "labels", 3072)


def test_a_row_again_and_again() -> None:
    # One row of 100 words, and 100,000 times a word for "the same".
    array = ragged([list(range(100))] * 10**4)
    with pytest.raises(Unfit, match="more words than fit"):
        pickles.rows(pickle.dumps(array), 10**4)


@pytest.mark.parametrize(
    "value",
    [
        None, 3, b"x", [], [[1]], {}, (1,), np.arange(3), np.zeros((1, 1), "uint8"),
        ragged([[1.5]]), ragged([["a"]]), ragged([[None]]), ragged([[[1]]]),  # type: ignore[list-item]
        ragged([(1,)]), ragged([[True]]), ragged([[1], [2]]),  # type: ignore[list-item]
        np.array([[[1], [2]]], object), np.array([["a"]], object),
    ],
    ids=repr,
)  # fmt: skip
def test_other_values_are_refused(value: Any) -> None:
    refusal(pickle.dumps(value, 4))


def test_a_list_within_itself() -> None:
    row: list[Any] = [1]
    row.append(row)
    refusal(pickle.dumps(ragged([row]), 4))


def changed(**change: Any) -> bytes:
    batch = photographs(2, 1, labels=10)
    batch |= {key.encode(): value for key, value in change.items()}
    return python2({k: v for k, v in batch.items() if v is not None})


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (changed(labels=None), "is no dictionary with 'data' and 'labels'"),
        (changed(data=None), "is no dictionary with"),
        (changed(labels=[1]), "2 images, but has 6144 bytes of them, and 1 labels"),
        (changed(labels=[1, 256]), "no small numbers"),
        (changed(labels=[1, -1]), "no small numbers"),
        (changed(labels=[1, b"2"]), "no list of integers"),
        (changed(labels=b"12"), "no list of integers"),
        (changed(data=b"12"), "is no array"),
        (changed(data=np.zeros((2, 3071), "uint8")), "no images of 3072 bytes"),
        (changed().replace(b"U\x02u1", b"U\x02i8"), "no images of 3072 bytes, uint8"),
        (changed().replace(b"U\x02u1", b"U\x02O8"), "no images of 3072 bytes, uint8"),
        (changed().replace(b"tb\x89", b"tb\x88"), "row-major"),
        (changed().replace(b"(K\x01K\x02M", b"(K\x01K\x03M"), "says that it has 3"),
        (changed().replace(b"(K\x01K\x02M", b"(K\x02K\x02M"), "is no array"),
        (changed()[:-1], "is not admitted"),
        (changed()[:-4000], "is cut off"),
        (changed() + b".", "goes on after its end"),
        (b"", "is not admitted"),
    ],
)  # fmt: skip
def test_other_batches_are_refused(content: bytes, match: str) -> None:
    with pytest.raises(Unfit, match=match):
        pickles.images(content, "labels", 3072)


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_damaged_bytes_are_refused_or_harmless(kind: str) -> None:
    def read(content: bytes) -> Any:
        with reading("file", "better"):
            if kind == "rows":
                return pickles.rows(content, 4)
            return pickles.images(content, "labels", 8)

    batch = {b"data": np.arange(32, dtype="uint8").reshape(4, 8)}
    batch |= {b"labels": [1, 2, 3, 4]}
    whole = pickle.dumps(ragged(ROWS), 4) if kind == "rows" else python2(batch)
    read(whole)
    rng = random.Random(3)
    for _ in range(6000):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 2, 5])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            found = read(bytes(damaged))
        except ValueError:
            continue
        if kind == "rows":
            assert len(found) == 4
            assert {type(word) for row in found for word in row} <= {int}
        else:
            assert found[0].shape == (4, 8)
            assert found[1].shape == (4,)
    for length in range(len(whole)):
        with pytest.raises(ValueError):
            read(whole[:length])


def test_headers_that_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.npz"
    file.write_bytes(as_npz(x=np.arange(3)))
    with pytest.raises(ValueError, match=r"x is int64 of shape \(3,\)"):
        npz.load_lists(file, ["x"])
    with pytest.raises(ValueError, match="there is no array 'z'"):
        npz.load_lists(file, ["z"])
    file.write_bytes(as_npz(x=np.array([[[1], [2]]], object)))
    with pytest.raises(ValueError, match=r"x is object of shape \(1, 2, 1\)"):
        npz.load_lists(file, ["x"])
    stream = io.BytesIO()
    np.lib.format.write_array(stream, ragged([[1], [2]]), allow_pickle=True)
    content = stream.getvalue().replace(b"(2,)", b"(3,)")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match="x is not the array of lists"):
        npz.load_lists(file, ["x"])
    monkeypatch.setattr(pickles, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="x is too large"):
        npz.load_lists(file, ["x"])
