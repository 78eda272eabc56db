"""Where data sets are looked for, and what is said when they are nowhere."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from cornu.datasets import DatasetUnavailable, lookup

NOWHERE = lookup.RemoteFile(
    "Digits", "digits.npz", ("http://127.0.0.1:9/digits.npz",), "0" * 64
)


def put(folder: Path, name: str = "digits.npz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(str(folder))
    return folder / name


def test_several_folders_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    first, second = put(tmp_path / "first"), put(tmp_path / "second")
    folders = [missing, "", empty, first.parent, second.parent]
    monkeypatch.setenv("CORNU_DATA", os.pathsep.join(map(str, folders)))
    assert lookup.find(NOWHERE) == first
    first.unlink()
    assert lookup.find(NOWHERE) == second


def test_the_caches_come_after_cornu_data(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = put(home / ".keras" / "datasets")
    assert lookup.find(NOWHERE) == keras
    cornu = put(home / ".cornu" / "datasets")
    assert lookup.find(NOWHERE) == cornu
    data = put(tmp_path / "data")
    monkeypatch.setenv("CORNU_DATA", str(data.parent))
    assert lookup.find(NOWHERE) == data
    monkeypatch.delenv("CORNU_DATA")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    cornu.unlink()
    assert lookup.find(NOWHERE, keras) == keras
    assert lookup.find(NOWHERE, put(tmp_path / "k" / "datasets").name)


def test_a_folder_of_that_name_is_no_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits.npz").mkdir()
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    keras = put(home / ".keras" / "datasets")
    assert lookup.find(NOWHERE) == keras


def test_home_in_a_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "data")
    monkeypatch.setenv("CORNU_DATA", "~/data")
    assert lookup.find(NOWHERE) == home / "data" / "digits.npz"
    assert lookup.find(NOWHERE, "~/data/digits.npz") == home / "data" / "digits.npz"


@pytest.mark.parametrize("data", [None, "one", "one:two"])
def test_the_error_names_every_place(
    home: Path, monkeypatch: pytest.MonkeyPatch, data: str | None
) -> None:
    folders = [] if data is None else data.split(":")
    if data is not None:
        monkeypatch.setenv("CORNU_DATA", os.pathsep.join(folders))
    with pytest.raises(DatasetUnavailable) as raised:
        lookup.find(NOWHERE)
    lines = str(raised.value).splitlines()
    assert lines[0] == ("Digits is not on this computer and could not be downloaded.")
    assert lines[1] == "Expected it in one of these places:"
    for folder in folders:
        assert f"  {Path(folder) / 'digits.npz'} (CORNU_DATA)" in lines
    assert ("CORNU_DATA is not set" in str(raised.value)) == (data is None)
    for cache, name in ((".cornu", "Cornu"), (".keras", "Keras")):
        path = home / cache / "datasets" / "digits.npz"
        assert f"  {path} ({name}'s cache)" in lines
    assert "  http://127.0.0.1:9/digits.npz: no connection to 127.0.0.1:9" in lines
    assert lines[-1].startswith("Put digits.npz into one of these folders")


def test_the_error_of_an_absolute_path_names_it_alone(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable) as raised:
        lookup.find(NOWHERE, tmp_path / "mine.npz")
    assert f"  {tmp_path / 'mine.npz'}\n" in str(raised.value)
    assert "cache" not in str(raised.value)


def test_its_traceback_is_short() -> None:
    with pytest.raises(OSError) as raised:
        lookup.find(NOWHERE)
    shown = "".join(traceback.format_exception(raised.value))
    assert shown.count("Traceback") == 1
    assert "urllib3" not in shown


def test_without_any_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert lookup.cache_folder().name == "datasets"
    assert lookup.cache_folder().is_absolute()
    with pytest.raises(DatasetUnavailable):
        lookup.find(NOWHERE)


def test_other_names_and_folders(home: Path) -> None:
    file = NOWHERE._replace(others=("old.npz",), folders=("digits", "old"))
    cache, keras = (home / name / "datasets" for name in (".cornu", ".keras"))
    (keras / "old").mkdir(parents=True)
    assert lookup.find(file) == keras / "old"
    put(keras / "digits", "inside")
    assert lookup.find(file) == keras / "digits"
    assert lookup.find(file) == keras / "digits"
    old = put(keras, "old.npz")
    assert lookup.find(file) == old, "a file comes before a folder"
    usual = put(keras)
    assert lookup.find(file) == usual
    (cache / "old").mkdir(parents=True)
    assert lookup.find(file) == cache / "old", "the places come in their order"
    assert lookup.find(file, "digits") == keras / "digits"
    put(keras / "digits.npz.folder", "x")
    with pytest.raises(DatasetUnavailable):  # a folder, where only a file is meant
        lookup.find(NOWHERE, "digits.npz.folder")


def test_another_form_is_not_downloaded(home: Path) -> None:
    file = NOWHERE._replace(folders=("digits",))
    with pytest.raises(DatasetUnavailable) as raised:
        lookup.find(file, "small.tar")
    first, *_, last = str(raised.value).splitlines()
    assert first == "Digits is not on this computer."
    assert last.endswith("or leave out its name to have the usual file downloaded.")
    with pytest.raises(DatasetUnavailable, match="could not be downloaded"):
        lookup.find(file, "small.npz")


def test_the_error_names_other_forms() -> None:
    file = NOWHERE._replace(others=("old.npz",), folders=("digits",))
    with pytest.raises(
        DatasetUnavailable, match=r"Put digits.npz \(or old.npz, digits\)"
    ):
        lookup.find(file)
