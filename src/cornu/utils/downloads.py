"""`get_file`: a file from the network, or from where it is already."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cornu.datasets import lookup
from cornu.training.progress import tell
from cornu.utils import archives

_SCHEMES = ("http", "https", "file")
_DIGITS = {"md5": 32, "sha256": 64}


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: Any = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Downloads a file once, and tells where it is.

    It is looked for by its name in the folders of the environment variable CORNU_DATA,
    then where it would be downloaded to, then in Keras's cache. What is found is
    checked against the hash, if there is one. Downloads are there when they are whole.

    Args:
        fname: name to save it under. By default that at the end of `origin`.
        origin: address of the file, of http, https or file.
        untar: the same as `extract`, for a .tar alone. (An older argument.)
        md5_hash: the same as `file_hash`. (An older argument.)
        file_hash: MD5 or SHA-256 of the file. With it, nobody can slip in another.
        cache_subdir: folder in the cache; or an absolute one, for that place.
        hash_algorithm: 'md5', 'sha256', or 'auto' to see it from the length.
        extract: whether the file is an archive to be unpacked. Its files are unpacked
            again where some lack; others are left as they are.
        archive_format: which archives it may be: 'tar' (compressed by gzip, bzip2 or xz
            or not), 'zip', a list of these, or 'auto' for both.
        cache_dir: the cache. By default `$CORNU_HOME`, or `.cornu` in your home.
        force_download: whether it is downloaded even where it is there already.

    Returns:
        The path of the file. Of an archive that of the folder that it is unpacked to:
        it has the name `fname`, with `_extracted` for what follows a point in it; or,
        without `fname`, the name at the end of `origin`.

    Raises:
        OSError: when it is nowhere, and cannot be downloaded.
        ValueError: for other arguments; when another file arrives than that of the
            hash; when an archive is damaged, or would write elsewhere.

    Example:

    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "words.txt").write_text("some words")
    >>> origin = (folder / "words.txt").as_uri()
    >>> path = get_file("copy.txt", origin, cache_dir=folder, cache_subdir="")
    >>> Path(path).read_text()
    'some words'
    >>> shutil.rmtree(folder)
    """
    name = _name(fname, origin)
    checksum = _checksum(file_hash, md5_hash, hash_algorithm)
    unpacked = extract or untar
    formats = ("tar",) if untar else _formats(archive_format)
    base = lookup.home("CORNU_HOME", ".cornu") if cache_dir is None else cache_dir
    folder = Path(os.path.expanduser(base)) / cache_subdir
    target, made = folder / name, folder / name
    if unpacked:
        keep = fname and "." in name
        made = folder / (f"{name.partition('.')[0]}_extracted" if keep else name)
        target = folder / (name if keep else f"{name}_archive")
    file = _File(str(origin), checksum, target, cache_subdir, cache_dir is not None)
    found = None if force_download else _found(file, unpacked)
    copied = file.own_cache and found != target and not unpacked
    if found is None or unpacked or copied:
        _make_folder(target.parent, name)
    if found is None:
        _download(file)
    elif copied:
        _copy(found, target)
    if unpacked:
        archives.unpack(found or target, made, formats)
        return str(made)
    return str(target if copied else found or target)


class _File(NamedTuple):
    """What is wanted.

    Args:
        origin: its address.
        checksum: as pooch writes it, 'md5:...'; None where nobody knows it.
        target: where it is downloaded to.
        folder: `cache_subdir`.
        own_cache: whether the user has named a cache, where it should be then.
    """

    origin: str
    checksum: str | None
    target: Path
    folder: Any
    own_cache: bool


def _name(fname: Any, origin: Any) -> str:
    """The name to save a file under."""
    scheme = urlsplit(str(origin)).scheme if origin else None
    if scheme not in _SCHEMES:
        raise ValueError(
            f"get_file was given origin={origin!r}.\n"
            f"Expected the address of a file, of {', '.join(_SCHEMES)}.\n"
            "Write get_file(origin='https://...'). Of a file on this computer, "
            "pathlib.Path(path).absolute().as_uri() is the address."
        )
    name = os.fspath(fname) if fname else urlsplit(str(origin)).path.rpartition("/")[2]
    if name in ("", ".", "..") or Path(name).name != name:
        what = f"fname={name!r}" if fname else f"origin={origin!r}, without fname"
        raise ValueError(
            f"get_file was given {what}.\n"
            "Expected a name to save the file under, without folders.\n"
            "Say the folder in cache_dir and cache_subdir, the name in fname."
        )
    return name


def _checksum(file_hash: Any, md5_hash: Any, algorithm: str) -> str | None:
    """A hash with the name of its kind before it."""
    if algorithm not in ("auto", *_DIGITS):
        raise ValueError(
            f"get_file was given hash_algorithm={algorithm!r}.\n"
            f"Expected 'auto', 'md5' or 'sha256'.\n"
            "Leave it away: the length of a hash tells its kind."
        )
    if file_hash and md5_hash:
        raise ValueError(
            "get_file was given both file_hash and md5_hash.\n"
            "Expected one of them; md5_hash is an older name.\n"
            "Keep file_hash alone."
        )
    if md5_hash:
        algorithm = "md5"
    given = str(file_hash or md5_hash or "").lower()
    if not given:
        return None
    kinds = [
        k for k, n in _DIGITS.items() if n == len(given) and algorithm in (k, "auto")
    ]
    if not kinds or set(given) - set("0123456789abcdef"):
        raise ValueError(
            f"get_file was given the hash {given!r}.\n"
            "Expected the 32 digits of an MD5 or the 64 of a SHA-256, "
            f"and hash_algorithm={algorithm!r} was given.\n"
            "`sha256sum FILE` in a terminal, or hashlib in Python, compute it."
        )
    return f"{kinds[0]}:{given}"


def _formats(given: Any) -> tuple[str, ...]:
    """Which archives may be unpacked."""
    if given == "auto":
        return archives.FORMATS
    formats = (given,) if isinstance(given, str) else tuple(given or ())
    if set(formats) - set(archives.FORMATS):
        raise ValueError(
            f"get_file was given archive_format={given!r}.\n"
            "Expected 'auto', 'tar', 'zip', or a list of the last two.\n"
            "'tar' is .tar.gz, .tar.bz2 and .tar.xz as well."
        )
    return formats


def _found(file: _File, unpacked: bool) -> Path | None:
    """Where the file is on this computer, if anywhere."""
    names = [file.target.name]
    if unpacked:  # then it has a name of its own, beside that of its contents
        names.append(urlsplit(file.origin).path.rpartition("/")[2])
    data = [place.folder for place in lookup.places() if place.reason == "CORNU_DATA"]
    paths = [folder / name for folder in data for name in names if name]
    paths.append(file.target)
    if not file.own_cache:
        keras = lookup.home("KERAS_HOME", ".keras") / file.folder
        paths.append(keras / file.target.name)
    for path in filter(os.path.isfile, paths):
        if file.checksum is None or _hash(path, file.checksum) == file.checksum:
            return path
        tell(f"{path} is another file than that of the hash, and is not used.")
    return None


def _hash(path: Path, checksum: str) -> str:
    kind = checksum.partition(":")[0]
    with open(path, "rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def _download(file: _File) -> None:
    """Download a file, in the place of an older one."""
    target = file.target
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
            # An older file stays, and its name is taken, until this one is whole.
            lookup.download(file.origin, file.checksum, Path(folder) / target.name)
            os.replace(Path(folder) / target.name, target)
    except ValueError as error:
        if "hash" not in str(error).lower():
            raise
        raise ValueError(
            f"What arrived from {file.origin} is not the file that was expected.\n"
            f"Expected one with the hash {file.checksum}.\n"
            "Check the hash and the address; or leave the hash away, if you trust the "
            "sender and the network."
        ) from None
    except OSError as error:
        raise _unavailable(file, error) from None


def _unavailable(file: _File, error: OSError) -> OSError:
    name = file.target.name
    return OSError(
        f"{name} is not on this computer, and could not be downloaded.\n"
        f"Expected it at {file.origin}: {lookup.why(file.origin, error)}.\n"
        f"Try again with a network; or put it as {name} into {file.target.parent}, or "
        "into a folder that is named in CORNU_DATA."
    )


def _make_folder(folder: Path, name: str) -> None:
    """Make a folder of the cache, if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} cannot be written to")
    except OSError as error:
        raise type(error)(
            f"{name} cannot be saved: {error}.\n"
            f"Expected a folder that you may write to: {folder}.\n"
            "Name another one in CORNU_HOME or cache_dir."
        ) from None


def _copy(source: Path, target: Path) -> None:
    """Copy a file, whose copy is there when it is whole."""
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        os.replace(shutil.copyfile(source, Path(folder) / target.name), target)
