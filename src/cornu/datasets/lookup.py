"""Where the files of data sets are found, and how they are downloaded and read."""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

# Seconds to wait for a connection, and for the next bytes. Offline must show quickly.
_TIMEOUT = (5, 30)


class DatasetUnavailable(OSError):
    """A data set is not on this computer, and could not be downloaded."""


class RemoteFile(NamedTuple):
    """A file of a data set, and where it can be had.

    Args:
        title: what the data set is called in messages.
        name: usual name of the file.
        urls: where to download it, in order of preference.
        sha256: checksum of the file at these addresses. Files that are found on this
            computer need not have it: repacking the same arrays changes it.
    """

    title: str
    name: str
    urls: tuple[str, ...]
    sha256: str


class Place(NamedTuple):
    """A folder to look in, and why."""

    folder: Path
    reason: str


def cache_folder() -> Path:
    """Where Cornu keeps what it downloads: `$CORNU_HOME/datasets`, or in `~/.cornu`."""
    return Path(os.environ.get("CORNU_HOME") or "~/.cornu").expanduser() / "datasets"


def places() -> list[Place]:
    """The folders that are looked in for data sets, in this order."""
    folders = os.environ.get("CORNU_DATA", "").split(os.pathsep)
    found = [Place(Path(f).expanduser(), "CORNU_DATA") for f in folders if f]
    found.append(Place(cache_folder(), "Cornu's cache"))
    keras = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets"
    found.append(Place(keras, "Keras's cache"))
    return found


def find(file: RemoteFile, path: str | os.PathLike[str] | None = None) -> Path:
    """The path of a data set's file, which is downloaded if it is nowhere.

    Args:
        file: what to find.
        path: another name than the usual one; an absolute path is the only place then.

    Returns:
        The path of a file that exists.

    Raises:
        DatasetUnavailable: when there is no such file and it cannot be downloaded.
    """
    name = Path(file.name if path is None else path).expanduser()
    for place in places():
        candidate = place.folder / name  # just `name` if that is absolute
        if candidate.is_file():
            return candidate
    target = cache_folder() / name
    failures = []
    for url in file.urls:
        try:
            _download(url, file.sha256, target)
        except (OSError, ValueError) as error:
            failures.append((url, error))
        else:
            return target
    raise _unavailable(file, name, failures) from failures[-1][1]


def _unavailable(
    file: RemoteFile, name: Path, failures: list[tuple[str, Exception]]
) -> DatasetUnavailable:
    if name.is_absolute():
        looked = [f"  {name}"]
    else:
        looked = [f"  {place.folder / name} ({place.reason})" for place in places()]
    if not os.environ.get("CORNU_DATA"):
        looked.append("  (the environment variable CORNU_DATA is not set)")
    looked += [f"  {url}: {_why(url, error)}" for url, error in failures]
    return DatasetUnavailable(
        f"{file.title} is not on this computer and could not be downloaded.\n"
        "Expected it in one of these places:\n" + "\n".join(looked) + "\n"
        f"Put {name.name} into one of these folders, or name the folder that holds it "
        f"in CORNU_DATA, or try again with a network."
    )


def _download(url: str, sha256: str, target: Path) -> None:
    """Download to `target`, which appears only when it is whole and right."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # where the file goes is no news to anyone
    with _progress(f"Downloading {target.name}") as bar:
        shown: Any = bar  # pooch takes what behaves like tqdm's bar, but types a bool
        download: Any = pooch.HTTPDownloader(progressbar=shown, timeout=_TIMEOUT)
        # pooch writes a temporary file beside the target, checks it, and renames it.
        pooch.retrieve(
            url, f"sha256:{sha256}", target.name, target.parent, None, download
        )


def _why(url: str, error: Exception) -> str:
    """What went wrong with a download, in a line without the library's internals."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return (
            f"the server answered {error.response.status_code} {error.response.reason}"
        )
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke before the file was whole"
    if isinstance(error, (exceptions.ConnectionError, exceptions.Timeout)):
        return f"no connection to {urlsplit(url).netloc}"
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return "what arrived is not this file (its checksum is wrong)"
    return str(error)


class _Bar:
    """A rich progress bar that pooch can drive (it expects tqdm's four methods)."""

    total = 0

    def __init__(self, progress: Any, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def update(self, size: int) -> None:
        self._progress.update(self._task, total=self.total or None, advance=size)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop()


@contextmanager
def _progress(title: str) -> Iterator[_Bar | bool]:
    """A progress bar on a terminal, False elsewhere."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, title)


def load_npz(
    file: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str
) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; code that a file might carry is never run.

    Args:
        file: path of the file.
        shapes: name and shape of each array that is wanted; -1 stands for any size.
        dtype: what the arrays are made of.

    Raises:
        ValueError: when the file cannot be read or holds something else; it names the
            file.
    """
    wanted = ", ".join(f"{k} {s}".replace("-1", "n") for k, s in shapes.items())
    expected = f"an .npz file with arrays of {dtype}: {wanted}"
    if not zipfile.is_zipfile(file):  # np.load would take it for a pickle
        raise corrupt(file, "not a whole .npz file", expected)
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in shapes if name in archive.files}
    except _UNREADABLE as error:
        raise corrupt(file, f"cannot be read ({error})", expected) from error
    for name, shape in shapes.items():
        if name not in arrays:
            raise corrupt(file, f"there is no array {name!r} in it", expected)
        array = arrays[name]
        fits = len(shape) == array.ndim and all(
            want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype != dtype:
            found = f"{name} is {array.dtype} of shape {array.shape}"
            raise corrupt(file, found, expected)
    return arrays


_UNREADABLE = (
    ValueError,
    EOFError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def corrupt(file: Path, found: str, expected: str) -> ValueError:
    """The error to raise when the file of a data set is not what it should be."""
    return ValueError(
        f"{file}: {found}.\n"
        f"Expected {expected}.\n"
        "Delete or replace this file; a file that is nowhere is downloaded anew."
    )
