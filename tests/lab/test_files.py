"""Files are whole or not there; folders are new, or the user's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cornu import files
from cornu.lab import folders
from cornu.lab.mistake import Mistake


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.json"
    files.write(path, b"one")
    files.write(path, b"two")
    assert path.read_bytes() == b"two"

    def fail(self: Path, content: bytes) -> int:
        with open(self, "wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"three")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["history.json"]
    assert path.read_bytes() == b"two"


def test_new_folders_have_new_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda form: "20300102-030405")
    names = [folders.new_folder(None, "mnist") for _ in range(3)]
    first = "runs/mnist-20300102-030405"
    assert [each.as_posix() for each in names] == [first, f"{first}.2", f"{first}.3"]
    assert all(each.is_dir() for each in names)


def test_the_folder_of_the_user_may_exist(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert folders.new_folder(wanted, "mnist") == wanted
    (wanted / "note").touch()
    assert folders.new_folder(wanted, "mnist") == wanted
    assert (wanted / "note").exists()


@pytest.mark.parametrize("name", ["file", "file/below", "a\0b"])
def test_no_folder_can_be_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Mistake) as raised:
        folders.new_folder(tmp_path / name, "mnist")
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert "cannot be written" in lines[0]
    assert "--out" in lines[2]
