"""Where the files of data sets are found, and how they are downloaded."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

# Seconds to wait for a connection, and for the next bytes. Offline must show quickly.
_TIMEOUT = (5, 30)


class DatasetUnavailable(OSError):
    """A data set is not on this computer, and could not be downloaded."""


class RemoteFile(NamedTuple):
    """A file of a data set, and where it can be had.

    Args:
        title: what the data set is called in messages.
        name: usual name of the file.
        urls: where to download it, in order of preference. Where another packing of the
            same data is found, its checksum stands behind a `#`.
        checksum: SHA-256 of the file at these addresses, or `md5:` and its MD5. Files
            that are found on this computer need not have it: repacking the same arrays
            changes it.
        others: other names that it goes by on this computer.
        folders: folders that it may have been unpacked to.
    """

    title: str
    name: str
    urls: tuple[str, ...]
    checksum: str
    others: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class Place(NamedTuple):
    """A folder to look in, and why."""

    folder: Path
    reason: str


def cache_folder() -> Path:
    """Where Cornu keeps what it downloads: `$CORNU_HOME/datasets`, or in `~/.cornu`."""
    return home("CORNU_HOME", ".cornu") / "datasets"


def home(variable: str, name: str) -> Path:
    """The folder in this environment variable, or of this name in the user's home."""
    chosen = os.environ.get(variable)
    if chosen:
        return Path(os.path.expanduser(chosen))
    try:
        return Path.home() / name
    except RuntimeError:  # nobody's process, as in some containers: there is no home
        return Path(tempfile.gettempdir()) / name


def places() -> list[Place]:
    """The folders that are looked in for data sets, in this order."""
    folders = os.environ.get("CORNU_DATA", "").split(os.pathsep)
    found = [Place(Path(os.path.expanduser(f)), "CORNU_DATA") for f in folders if f]
    found.append(Place(cache_folder(), "Cornu's cache"))
    keras = home("KERAS_HOME", ".keras") / "datasets"
    found.append(Place(keras, "Keras's cache"))
    return found


def find(file: RemoteFile, path: str | os.PathLike[str] | None = None) -> Path:
    """The path of a data set's file, which is downloaded if it is nowhere.

    Args:
        file: what to find.
        path: another name than the usual ones; an absolute path is the only place then.

    Returns:
        The path of a file that exists; or of a folder, where the file may have been
        unpacked.

    Raises:
        DatasetUnavailable: when there is no such file and it cannot be downloaded, or
            not be kept.
    """
    names, folders = [file.name, *file.others], [*file.folders]
    if path is not None:
        names = [os.path.expanduser(path)]
        folders = names if folders else []
    for place in places():
        # The candidate is just `name` if that is absolute. Not to be allowed to look
        # somewhere gives False.
        for name in names:
            if os.path.isfile(place.folder / name):
                return place.folder / name
        for name in folders:
            if os.path.isdir(place.folder / name):
                return place.folder / name
    target = cache_folder() / names[0]
    failures = []
    # Of several forms of a data set, only the one of the usual name is downloaded.
    alike = not file.folders or names[0].endswith(file.name[file.name.index(".") :])
    for url in file.urls if alike else ():
        address, _, checksum = url.partition("#")
        try:
            download(address, checksum or file.checksum, target)
        except (OSError, ValueError) as error:
            if _is_of_the_disk(error):  # another server would not help
                raise _unwritable(file, target.parent, error) from None
            failures.append((address, error))
        else:
            return target
    # The reasons are in the message, without four chained tracebacks of libraries.
    raise _unavailable(file, list(dict.fromkeys([*names, *folders])), failures)


def _is_of_the_disk(error: Exception) -> bool:
    """Whether it was writing that failed: what requests raises is an OSError, too."""
    from requests import RequestException

    return isinstance(error, OSError) and not isinstance(error, RequestException)


def _unwritable(file: RemoteFile, folder: Path, error: Exception) -> DatasetUnavailable:
    why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return DatasetUnavailable(
        f"{file.title} is not on this computer, and {folder}, where it would be "
        f"downloaded to, cannot be written: {why}.\n"
        "Expected a folder with room for it, in which files may be made.\n"
        "Set CORNU_HOME to such a folder, or name the one that holds "
        f"{file.name} in CORNU_DATA."
    )


def _unavailable(
    file: RemoteFile, names: list[str], failures: list[tuple[str, Exception]]
) -> DatasetUnavailable:
    first = Path(names[0])
    if first.is_absolute():
        looked = [f"  {first}"]
    else:
        looked = [f"  {place.folder / first} ({place.reason})" for place in places()]
    if not os.environ.get("CORNU_DATA"):
        looked.append("  (the environment variable CORNU_DATA is not set)")
    looked += [f"  {url}: {why(url, error)}" for url, error in failures]
    what = f"{file.title} is not on this computer"
    again = "or leave out its name to have the usual file downloaded"
    if failures:
        what += " and could not be downloaded"
        again = "or try again with a network"
    others = f" (or {', '.join(names[1:])})" if names[1:] else ""
    return DatasetUnavailable(
        f"{what}.\n"
        "Expected it in one of these places:\n" + "\n".join(looked) + "\n"
        f"Put {first.name if first.is_absolute() else first}{others} into one of these "
        f"folders, or name the folder that holds it in CORNU_DATA, {again}."
    )


def download(url: str, checksum: str | None, target: Path) -> None:
    """Download to `target`, which appears only when it is whole and right.

    Args:
        url: its address, of http, https or file.
        checksum: see `RemoteFile`; None where nobody knows it.
        target: file that is not there yet, or has another checksum.

    Raises:
        OSError: when it does not arrive.
        ValueError: when it is another file.
    """
    import pooch
    from requests.exceptions import ChunkedEncodingError

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # where the file goes is no news to anyone
    fetch: Any = _fetch  # pooch calls it as we write it, but types it otherwise
    # A temporary file beside the target is written, checked and renamed.
    arguments = (url, checksum, target.name, target.parent, None, fetch)
    try:
        try:
            pooch.retrieve(*arguments)
        except ChunkedEncodingError:  # a connection that broke once may hold now
            pooch.retrieve(*arguments)
    finally:
        logger.setLevel(level)


def _fetch(url: str, path: str, _: Any) -> None:
    """Write what is found at an address into a file; pooch calls this."""
    import requests

    parts = urlsplit(url)
    if parts.scheme == "file":
        shutil.copyfile(url2pathname(parts.path), path)
        return
    with requests.get(url, stream=True, timeout=_TIMEOUT) as response:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0))
        title = f"Downloading {parts.path.rpartition('/')[2]}"
        with open(path, "wb") as file, _progress(title, size) as advance:
            for chunk in response.iter_content(2**16):
                file.write(chunk)
                advance(len(chunk))


def why(url: str, error: Exception) -> str:
    """What went wrong with a download, in a line without the library's internals."""
    from requests import exceptions

    scheme, host = urlsplit(url)[:2]
    if scheme == "file" and isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return (
            f"the server answered {error.response.status_code} {error.response.reason}"
        )
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke before the file was whole"
    if isinstance(error, exceptions.SSLError):
        return f"the certificate of {host} could not be verified"
    if isinstance(error, exceptions.ProxyError):
        return (
            f"the proxy on the way to {host} does not let it through "
            f"(see {', '.join(_proxies()) or 'the settings of your system'})"
        )
    # requests says ReadTimeout before the answer, and ConnectionError within it.
    if isinstance(error, exceptions.ReadTimeout) or "Read timed out" in str(error):
        return f"{host} stopped answering"
    if isinstance(error, (exceptions.ConnectionError, exceptions.Timeout)):
        return f"no connection to {host}"
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return "what arrived is not this file (its checksum is wrong)"
    return str(error)


def _proxies() -> list[str]:
    """The environment variables that name a proxy. Not what they say: passwords."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    return [k for name in names for k in (name, name.upper()) if os.environ.get(k)]


@contextmanager
def _progress(title: str, size: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere.

    Args:
        title: what stands before it.
        size: number of bytes to come; 0 where that is not known.

    Yields:
        A function to be told how many bytes have come.
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=size or None)
        yield lambda count: bar.advance(task, count)
