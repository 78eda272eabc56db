"""Files of weights: exchanged with real Keras 3, refused where they do not fit."""

import os

import h5py
import numpy as np
import pytest

import cornu
from cornu import layers
from tests.saving import both

KINDS = ("sequential", "inner", "subclassed", "optimizer_Adam", "containers", "kept")


def same(mine, theirs):
    # A Sequential of Keras takes a number of the functional models.
    del mine["layers"], theirs["layers"]
    both.same(mine, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_keras_reads_cornus_files_and_trains_on_equally(kind, keras, tmp_path):
    path = str(tmp_path / "a.weights.h5")
    made = both.mine("save_weights", kind=kind, path=path)
    same(made, keras.ask("load_weights", kind=kind, path=path))


@pytest.mark.parametrize("kind", KINDS)
def test_cornu_reads_keras_files_and_trains_on_equally(kind, keras, tmp_path):
    path = str(tmp_path / "a.weights.h5")
    made = keras.ask("save_weights", kind=kind, path=path)
    same(both.mine("load_weights", kind=kind, path=path), made)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, tmp_path):
    path = str(tmp_path / "a.weights.h5")
    made = both.mine("save_weights", kind=kind, path=path)
    both.same(both.mine("load_weights", kind=kind, path=path), made, 0, 0)


def network(units=2, **more):
    return cornu.Sequential([layers.Dense(units, input_shape=(3,), name="out", **more)])


def test_an_optimizer_may_be_missing_on_either_side(tmp_path):
    path = tmp_path / "a.weights.h5"
    plain, compiled = network(), network()
    compiled.compile("adam", "mse")
    compiled.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    compiled.save_weights(path)
    plain.load_weights(path)
    np.testing.assert_array_equal(plain.get_weights()[0], compiled.get_weights()[0])
    network().save_weights(path)
    compiled.load_weights(path)
    assert int(compiled.optimizer.iterations) == 1


def test_what_does_not_fit_changes_nothing(tmp_path):
    path = tmp_path / "a.weights.h5"
    network().save_weights(path)
    for other in (network(5), network(use_bias=False)):
        before = other.get_weights()
        with pytest.raises(ValueError, match="Dense 'out'") as error:
            other.load_weights(path)
        assert len(str(error.value).splitlines()) == 3
        other.load_weights(path, skip_mismatch=True)
        for a, b in zip(before, other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_messages(tmp_path):
    model = network()
    with pytest.raises(ValueError, match=r"a\.txt"):
        model.save_weights(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="no file"):
        model.load_weights(tmp_path / "b.weights.h5")
    with pytest.raises(ValueError, match="not built"):
        cornu.Sequential([layers.Dense(2)]).save_weights(tmp_path / "a.weights.h5")
    path = tmp_path / "c.weights.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="cannot be read"):
        model.load_weights(path)
    with pytest.raises(FileExistsError, match="exists"):
        model.save_weights(path, overwrite=False)


def test_links_out_of_the_file_are_not_followed(tmp_path):
    inside, outside = tmp_path / "a.weights.h5", tmp_path / "secret.h5"
    model = network()
    model.save_weights(outside.with_name("s.weights.h5"))
    outside.with_name("s.weights.h5").rename(outside)
    with h5py.File(inside, "w") as file:
        file["layers"] = h5py.ExternalLink(str(outside), "/layers")
    with pytest.raises(ValueError, match="link"):
        model.load_weights(inside)
    raw = tmp_path / "raw.bin"
    raw.write_bytes(bytes(24))
    with h5py.File(inside, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", (3, 2), "f4", external=[(str(raw), 0, 24)])
        group.create_dataset("1", data=np.zeros(2, "f4"))
    with pytest.raises(ValueError, match="plain numbers"):
        model.load_weights(inside)


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -1])
def test_a_file_that_was_cut_off_is_refused(cut, tmp_path):
    path = tmp_path / "a.weights.h5"
    model = network()
    model.save_weights(path)
    before = model.get_weights()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="Expected"):
        model.load_weights(path)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.weights.h5"
    path.write_text("before")

    def full(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        network().save_weights(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("target", ["bfloat16", "float32", "float64"])
def test_bfloat16_is_kept_in_two_bytes_and_a_note(target, tmp_path):
    """HDF5 has no such numbers: as in Keras they are bytes, and said to be them."""
    path = tmp_path / "half.weights.h5"
    model = network(dtype="bfloat16")
    values = [np.arange(6.0).reshape(3, 2) + 0.25, np.ones(2)]
    model.set_weights(values)
    model.save_weights(path)
    with h5py.File(path) as file:
        kernel = file["layers/dense/vars/0"]
        assert (kernel.dtype.itemsize, kernel.attrs["dtype"]) == (2, "bfloat16")
    again = network(dtype=target)
    again.load_weights(path)
    np.testing.assert_array_equal(again.get_weights()[0].astype("float32"), values[0])
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"].attrs["dtype"]
    with pytest.raises(ValueError, match="does not hold plain numbers"):
        again.load_weights(path)
