"""The file of a backup: values come back as they were, and nothing in it can run."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cornu.training.callbacks import packing
from tests.training.networks import message

NUMBERS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)
)
ARRAYS = arrays(
    st.sampled_from(["bool", "int8", "uint32", "int64", "float16", "float32", ">f8"]),
    array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
VALUES = st.recursive(
    st.one_of(NUMBERS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@given(value=VALUES)
@settings(max_examples=60)
def test_values_come_back_as_they_were(value, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "values.npz"
    path.write_bytes(packing.pack(value))
    assert same(value, packing.unpack(path))


def test_other_values_are_refused():
    for wrong in ({1, 2}, object(), {1: 2}, 1j, np.array([None]), np.array(["a"])):
        text = message(packing.pack, {"own": [0, wrong]}, error=TypeError)
        assert text.startswith("state.own[1] is ")


def test_bfloat16_is_kept(tmp_path):
    kind = pytest.importorskip("ml_dtypes").bfloat16
    array = np.arange(6).reshape(2, 3).astype(kind)
    path = tmp_path / "b.npz"
    path.write_bytes(packing.pack([array]))
    assert same([array], packing.unpack(path))


def test_a_changed_byte_is_seen(tmp_path):
    value = {"a": np.arange(6.0), "b": [1, "text"]}
    whole = packing.pack(value)
    path = tmp_path / "b.npz"
    kept = 0
    for i in range(len(whole)):
        for bit in (1, 128):
            path.write_bytes(whole[:i] + bytes([whole[i] ^ bit]) + whole[i + 1 :])
            try:
                found = packing.unpack(path)
            except packing.Damaged:
                continue
            kept += 1  # bytes that mean nothing, such as the time
            assert same(found, value), i
    assert kept < len(whole)


def test_nothing_in_a_file_can_run_or_take_memory(tmp_path):
    ran = []

    class Runs:
        def __reduce__(self):
            return (ran.append, (1,))

    def written(member, compression=zipfile.ZIP_STORED):
        path = tmp_path / "b.npz"
        with zipfile.ZipFile(path, "w", compression) as file:
            index = json.loads(
                zipfile.ZipFile(io.BytesIO(packing.pack(1))).read("state.json")
            )
            index["state"] = {"array": 0}
            file.writestr("state.json", json.dumps(index))
            file.writestr("0.npy", member)
        return path

    stream = io.BytesIO()
    np.save(stream, np.array([Runs()], object), allow_pickle=True)
    with pytest.raises(packing.Damaged):
        packing.unpack(written(stream.getvalue()))
    assert ran == []
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    assert packing.unpack(written(stream.getvalue())).shape == (3,)
    with pytest.raises(packing.Damaged, match="compressed"):
        packing.unpack(written(stream.getvalue(), zipfile.ZIP_DEFLATED))
    for shape in (b"(4,), }           ", b"(999999999999,), }"):
        lie = stream.getvalue().replace(b"(3,), }".ljust(len(shape)), shape)
        assert lie != stream.getvalue()
        with pytest.raises(packing.Damaged, match="another size"):
            packing.unpack(written(lie))
