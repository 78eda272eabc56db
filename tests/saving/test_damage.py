"""Damaged files, and writes that fail: a file is read whole or not, and written so."""

import os
import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from tests.saving import damaged
from tests.saving.bad import pack, parts_of, refused, small

# Damage


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_files_that_were_cut_off(tmp_path, suffix):
    for content, path in damaged.cut(tmp_path, suffix, 15):
        del content
        damaged.check(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5", ".inner.keras"])
def test_files_with_other_bytes(tmp_path, suffix):
    for path in damaged.flipped(tmp_path, suffix, 30):
        damaged.check(path)


def test_descriptions_with_other_values(tmp_path):
    for path in damaged.mutated(tmp_path, 40):
        damaged.check(path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_much_damage(tmp_path, seed):
    """In a process of its own, with a limit of its memory and of its time."""
    command = [sys.executable, "-m", "tests.saving.damaged", str(tmp_path), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


# Writing


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
@pytest.mark.parametrize("failing", ["replace", "write"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, suffix, failing):
    path = tmp_path / f"a{suffix}"
    model = small()
    save = model.save_weights if "weights" in suffix else model.save
    save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    if failing == "write":
        monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    else:
        monkeypatch.setattr(os, failing, fail)
    model.set_weights([w + 1 for w in model.get_weights()])
    with pytest.raises(OSError, match="No space"):
        save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="needs a limit of the size of files")
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_a_full_disk(tmp_path, suffix):
    """The system itself stops the write, in the middle of the file."""
    import resource
    import signal

    path = tmp_path / f"a{suffix}"
    model = cornu.Sequential([cornu.Input((300,)), layers.Dense(300)])
    save = model.save_weights if "weights" in suffix else model.save
    save(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_is_killed_while_it_writes(tmp_path):
    """At any moment there is a whole file, the old one or the new one."""
    path = tmp_path / "a.keras"
    code = (
        "import sys, numpy as np, cornu\n"
        "m = cornu.Sequential([cornu.Input((200,)), cornu.layers.Dense(200)])\n"
        "m.save(sys.argv[1]); print('ready', flush=True)\n"
        "while True: m.save(sys.argv[1])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    for _ in range(20):
        load_model(path)
    process.kill()
    process.communicate()
    assert load_model(path).count_params() == 40200
    small().save(path)
    assert list(tmp_path.iterdir()) == [path]  # and what was left is removed


def test_a_model_that_cannot_be_described_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.keras"
    small().save(path)
    before = path.read_bytes()
    model = cornu.Sequential([cornu.Input((2,)), layers.Lambda(lambda x: x)])
    with pytest.raises(ValueError) as caught:
        model.save(path)
    assert len(str(caught.value).splitlines()) == 3
    assert path.read_bytes() == before


def test_names_of_files(tmp_path):
    model = small()
    refused(tmp_path / "a.txt", r"'\.keras'", model.save)
    refused(tmp_path / "a", r"\.h5", model.save)
    refused(tmp_path / "no" / "a.keras", "no folder", model.save, FileNotFoundError)
    (tmp_path / "b.keras").mkdir()
    refused(tmp_path / "b.keras", "is a folder", model.save, IsADirectoryError)
    refused(tmp_path / "b.keras", "without a config", kind=FileNotFoundError)
    refused(tmp_path / "c.keras", "no file", kind=ValueError)  # as Keras has it
    refused(tmp_path / "c.keras", "no file", kind=FileNotFoundError)
    model.save(tmp_path / "a.keras")
    with pytest.raises(FileExistsError, match="exists"):
        model.save(tmp_path / "a.keras", overwrite=False)
    with pytest.raises(ValueError, match="zipped=False"):
        model.save(tmp_path / "a.keras", zipped=False)
    model.save_weights(tmp_path / "a.weights.h5")
    refused(tmp_path / "a.weights.h5", "weights alone")
    refused(
        tmp_path / "a.weights.h5",
        "by_name",
        lambda p: model.load_weights(p, by_name=True),
    )
    with pytest.warns(UserWarning, match="not built"):
        cornu.Sequential([layers.Dense(2)]).save(tmp_path / "a.keras")


def test_content_and_not_the_name_says_what_a_file_is(tmp_path):
    model = small()
    model.save(tmp_path / "a.keras")
    model.save(tmp_path / "a.h5")
    (tmp_path / "a.keras").rename(tmp_path / "b.h5")
    (tmp_path / "a.h5").rename(tmp_path / "b.keras")
    for name in ("b.h5", "b.keras"):
        found = load_model(tmp_path / name)
        np.testing.assert_array_equal(found.get_weights()[0], model.get_weights()[0])
    other = small()
    other.load_weights(tmp_path / "b.keras")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_whole_files_hold_weights_too(tmp_path):
    model = small()
    model.save(tmp_path / "a.keras")
    other = small()
    other.load_weights(tmp_path / "a.keras")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_what_else_is_in_an_archive_is_left_alone(tmp_path):
    path = str(tmp_path / "a.keras")
    small().save(path)
    parts = parts_of(path)
    pack(path, {**parts, "assets/harm.py": b"raise SystemExit", "../x": b"x"})
    assert load_model(path).count_params() == 8
    assert os.listdir(tmp_path) == ["a.keras"]
