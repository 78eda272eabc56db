"""Unpacking .tar and .zip files that come from anywhere.

Nothing is written outside the folder that was asked for, and nothing there is half
written: the files are made beside it, and moved when all of them are whole.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from lzma import LZMAError
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, NamedTuple

FORMATS = ("tar", "zip")
# What damaged archives make Python's modules raise; RuntimeError: with a password.
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError)
_DAMAGE += (BadGzipFile, NotImplementedError, RuntimeError, UnicodeError)


class Member(NamedTuple):
    """A file, folder or link in an archive.

    Args:
        name: its path in the archive.
        kind: 'file', 'folder', 'link' (to a path seen from its own folder), 'same' (the
            file of another name) or 'other', as devices are.
        size: bytes of the file, as the archive says.
        target: of a link.
        open: opens the file to read it.
    """

    name: str
    kind: str
    size: int
    target: str
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, formats: tuple[str, ...] = FORMATS) -> None:
    """Unpack an archive into a folder; what is there already, and whole, stays.

    Args:
        archive: a .zip, or a .tar, as it is or compressed by gzip, bzip2 or xz.
        folder: is made if need be. Other files in it are left alone.
        formats: which of 'tar' and 'zip' it may be.

    Raises:
        OSError: when the files cannot be written.
        ValueError: when it is no archive, or a damaged one, or one that would write
            elsewhere; nothing is unpacked then.
    """
    with _told(archive), _opened(archive, formats) as members:
        for member in members:
            _check(member, archive)
        if folder.is_dir() and _is_whole(members, folder):
            return
        if os.path.lexists(folder) and not folder.is_dir():
            raise FileExistsError(
                f"{archive} was not unpacked: {folder} is there, and no folder.\n"
                "Expected a name that is free, or a folder.\n"
                "Move that file away, or pass another fname."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        _check_size(members, archive, folder)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            made = partial / folder.name  # mkdtemp's own can be read by nobody else
            made.mkdir()
            with _in_each_others_way():
                for member in members:
                    _write(member, made)
                _link(members, made, archive)
            _move(made, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _opened(archive: Path, formats: tuple[str, ...]) -> Iterator[list[Member]]:
    """An open archive: its members, in their order."""
    for name in formats:
        is_one, opening, list_members = _KINDS[name]
        with _reading():
            if not is_one(archive):
                continue
            packed = opening(archive)
        with packed:
            with _reading():
                members = list(list_members(packed))
            yield members
        return
    raise ValueError(
        f"{archive} cannot be unpacked: it is no archive of a known kind.\n"
        f"Expected a file of one of these kinds: {', '.join(formats) or 'none'}.\n"
        "Look at what it is; a page with an error message is sometimes downloaded "
        "instead. Or leave extract= away."
    )


@contextmanager
def _reading() -> Iterator[None]:
    """Tell an archive that leads to places that do not exist from a full disk."""
    try:
        yield
    except (*_DAMAGE, OSError, OverflowError, ValueError, struct.error) as error:
        raise tarfile.ReadError(str(error) or type(error).__name__) from error


@contextmanager
def _in_each_others_way() -> Iterator[None]:
    """Tell of names that are one thing and another: the folder is new, and ours."""
    try:
        yield
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        name = os.path.basename(error.filename)
        raise tarfile.ReadError(f"{name!r} is a file or link, and a folder") from error


@contextmanager
def _told(archive: Path) -> Iterator[None]:
    """Say in our words what Python's modules say of damaged archives."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(
            f"{archive} cannot be unpacked: {error or type(error).__name__}.\n"
            "Expected a whole archive, without a password.\n"
            "Download it again, with force_download=True."
        ) from error


def _members_of_tar(tar: tarfile.TarFile) -> Iterator[Member]:
    def reader(info: tarfile.TarInfo) -> Callable[[], Any]:
        return lambda: tar.extractfile(info)

    sizes: dict[str, int] = {}
    last = -1
    for info in tar:
        if info.offset <= last or info.size < 0:  # it would be read for ever
            raise tarfile.ReadError(f"the size of {info.name!r} is impossible")
        last = info.offset
        kind = "file" if info.isreg() else "folder" if info.isdir() else "other"
        kind = "link" if info.issym() else "same" if info.islnk() else kind
        size = info.size if kind == "file" else sizes.get(info.linkname, 0)
        sizes[info.name] = size
        yield Member(info.name, kind, size, info.linkname, reader(info))


def _members_of_zip(packed: zipfile.ZipFile) -> Iterator[Member]:
    def reader(info: zipfile.ZipInfo) -> Callable[[], Any]:
        return lambda: packed.open(info)

    for info in packed.infolist():
        kind, target, size = "folder" if info.is_dir() else "file", "", 0
        if info.create_system == 3:  # Unix: the mode says what it is
            mode = stat.S_IFMT(info.external_attr >> 16)
            kind = {stat.S_IFLNK: "link", **_PLAIN}.get(mode, "other") or kind
        if kind == "link":
            with packed.open(info) as content:
                target = content.read(4096).decode()
        elif kind == "file":
            size = info.file_size
        yield Member(info.filename, kind, size, target, reader(info))


_PLAIN = {0: "", stat.S_IFREG: "", stat.S_IFDIR: ""}
_KINDS: dict[str, tuple[Any, Any, Any]] = {
    "tar": (tarfile.is_tarfile, tarfile.open, _members_of_tar),
    "zip": (zipfile.is_zipfile, zipfile.ZipFile, _members_of_zip),
}


def _check(member: Member, archive: Path) -> None:
    """Refuse what would write, or lead, out of the folder."""
    why = ""
    if not _stays(member.name):
        why = "would be written elsewhere"
    elif member.kind == "other":
        why = "is no file, but a device or the like"
    elif member.kind == "same" and not _stays(member.target):
        why = f"is to be the same file as {member.target!r}, elsewhere"
    elif member.kind == "link" and not _stays(member.target, member.name):
        why = f"is a link to {member.target!r}, elsewhere"
    if why:
        raise _unsafe(archive, member.name, why)


def _unsafe(archive: Path, name: str, why: str) -> ValueError:
    return ValueError(
        f"{archive} was not unpacked: in it, {name!r} {why}.\n"
        "Expected files that stay in the folder that they are unpacked to.\n"
        "Do not trust this archive. Where you do, unpack it yourself."
    )


def _stays(path: str, seen_from: str = "") -> bool:
    """Whether a path, seen from a file's folder, stays in the whole."""
    depth = len(_parts(seen_from)[:-1])
    for kind in {PurePosixPath, PurePath}:
        pure = kind(path)
        if pure.is_absolute() or pure.drive or pure.root:
            return False
        level = depth
        for part in pure.parts:
            level += -1 if part == ".." else 1
            if level < 0 or (part == ".." and not seen_from):
                return False
    return "\0" not in path


def _parts(name: str) -> tuple[str, ...]:
    return PurePath(name).parts


def _is_whole(members: list[Member], folder: Path) -> bool:
    """Whether all files are in the folder, in their sizes, and all links."""
    last = {member.name: member for member in members}.values()
    for member in last:
        path = folder / member.name
        if member.kind == "file":
            if not path.is_file() or path.stat().st_size != member.size:
                return False
        elif not os.path.lexists(path):
            return False
    return True


def _check_size(members: list[Member], archive: Path, folder: Path) -> None:
    """Refuse what has no room, before anything is written."""
    size = sum(member.size for member in members)
    free = shutil.disk_usage(folder.parent).free
    if size > free:
        raise OSError(
            f"{archive} was not unpacked: its files have {size:,} bytes.\n"
            f"Expected no more than are free at {folder.parent}: {free:,}.\n"
            "Make room, or name another folder in cache_dir."
        )


def _write(member: Member, folder: Path) -> None:
    """Write a file or a folder; links wait, so that none is written through."""
    path = folder / member.name
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.kind == "same":
        if not (folder / member.target).is_file():
            raise EOFError(f"{member.name!r} is {member.target!r}, which is not in it")
        shutil.copyfile(folder / member.target, path)
    elif member.kind == "file":
        with open(path, "wb") as file:
            for chunk in _chunks(member):
                file.write(chunk)


def _chunks(member: Member) -> Iterator[bytes]:
    """The content of a file, which has to be as long as the archive says."""
    left = member.size
    with _reading():
        source = member.open()
    with source:
        while left > 0:
            with _reading():
                chunk = source.read(min(left, 2**20))
            if not chunk:
                raise EOFError(f"{member.name!r} ends {left} bytes too early")
            left -= len(chunk)
            yield chunk
        with _reading():
            source.read(1)  # at its end a zip compares its checksum


def _link(members: list[Member], folder: Path, archive: Path) -> None:
    """Make the links. Where they lead is seen when all of them are there."""
    links = [member for member in members if member.kind == "link"]
    for member in links:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(member.target)
    root = os.path.realpath(folder)
    for member in links:
        found = os.path.realpath(folder / member.name)
        if os.path.commonpath([root, found]) != root:
            why = f"is a link to {member.target!r}, which leads elsewhere"
            raise _unsafe(archive, member.name, why)


def _move(made: Path, folder: Path) -> None:
    """Move what was made to its place; over files of these names, if there are."""
    if not os.path.lexists(folder):
        os.replace(made, folder)
        return
    for root, folders, names in os.walk(made):
        target = folder / Path(root).relative_to(made)
        target.mkdir(exist_ok=True)
        for name in names:
            os.replace(Path(root) / name, target / name)
        for name in [n for n in folders if (Path(root) / n).is_symlink()]:
            folders.remove(name)
            if not (target / name).is_symlink():
                os.replace(Path(root) / name, target / name)
