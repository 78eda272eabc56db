"""The parts of a model in `.keras` form, wherever they are: a zip archive or a folder.

An archive may say anything of itself: each part's size is seen to be possible before it
is unpacked.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cornu import files, processes

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
ASSETS = "assets"
# Both libraries write the parts as they are; others may have packed them. What shrank
# more than descriptions and numbers do, says so to fill the memory.
_MOST_SHRUNK = {CONFIG: 50, WEIGHTS: 20}
_ALWAYS_ALLOWED = 2**22  # bytes: the initial zeros of a small network shrink to nothing


class Archive:
    """The parts in a `.keras` file.

    Args:
        file: its path, or a file object that can be sought in.

    Raises:
        zipfile.BadZipFile: when it is no archive.
    """

    def __init__(self, file: Any) -> None:
        self._zip = zipfile.ZipFile(file)
        opened: Any = self._zip.fp
        self.nbytes = opened.seek(0, os.SEEK_END)
        self.close = self._zip.close

    def sizes(self) -> dict[str, int]:
        """The parts, and how large they say that they are."""
        return {each.filename: each.file_size for each in self._zip.infolist()}

    def read(self, part: str) -> bytes:
        """The content of a part, once its size is seen to be possible."""
        try:
            info = self._zip.getinfo(part)
        except KeyError:
            raise zipfile.BadZipFile(f"it has no {part}") from None
        packed = min(info.compress_size, self.nbytes)
        if info.file_size > packed * _MOST_SHRUNK.get(part, 20) + _ALWAYS_ALLOWED:
            told = f"its {part} says that it has {info.file_size} bytes"
            raise zipfile.BadZipFile(told)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            how = "is packed in a way that is not Keras's"
            raise zipfile.BadZipFile(f"its {part} {how}")
        return self._zip.read(info)


class Folder:
    """The parts in a folder, which `zipped=False` makes.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self.nbytes = sum(self.sizes().values())

    def close(self) -> None:
        """As of an archive; here there is nothing to close."""

    def sizes(self) -> dict[str, int]:
        """The parts, and how large they are; links are none."""
        found = {}
        for folder, _, names in os.walk(self._path):
            for each in (Path(folder, name) for name in names):
                if each.is_file() and not each.is_symlink():
                    name = each.relative_to(self._path).as_posix()
                    found[name] = each.stat().st_size
        return found

    def read(self, part: str) -> bytes:
        """The content of a part."""
        path = self._path / part
        if not path.is_file() or path.is_symlink():
            raise zipfile.BadZipFile(f"it has no {part}")
        return path.read_bytes()


@contextmanager
def opened(where: Any) -> Iterator[Archive | Folder]:
    """The parts of a model, to read from.

    Args:
        where: a folder, the path of a `.keras` file, or a file object.
    """
    is_folder = not hasattr(where, "read") and os.path.isdir(where)
    found = Folder(where) if is_folder else Archive(where)
    try:
        yield found
    finally:
        found.close()


def is_folder_of_parts(path: Any) -> bool:
    """Whether there is a folder that `zipped=False` made."""
    return not hasattr(path, "read") and os.path.isfile(os.path.join(path, CONFIG))


def packed(parts: dict[str, Any]) -> memoryview:
    """The content of a `.keras` file, made in memory."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part, each in parts.items():
            archive.writestr(part, each)
    return content.getbuffer()


def write_folder(path: str | os.PathLike[str], parts: dict[str, Any]) -> None:
    """Write parts as files of a folder, which may be there; all or none.

    Assets that an earlier model had there are removed; other files are left alone.
    """
    folder = Path(path)
    files.write_together((folder / part, each) for part, each in parts.items())
    if not processes.first():
        return
    for old in sorted(Folder(folder).sizes()):
        if old.startswith(f"{ASSETS}/") and old not in parts:
            with suppress(OSError):
                (folder / old).unlink()
