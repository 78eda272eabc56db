"""Downloads: a file arrives whole and right, or not at all, and the error says why."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest

from cornu.datasets import DatasetUnavailable, lookup, mnist
from tests.datasets.conftest import small_arrays
from tests.datasets.server import Server


def remote(server: Server, *paths: str) -> lookup.RemoteFile:
    sha256 = hashlib.sha256(server.body).hexdigest()
    return lookup.RemoteFile(
        "Digits", "digits.npz", tuple(server.url(path) for path in paths), sha256
    )


def cached(home: Path) -> list[str]:
    """Everything that is in the cache, hidden and temporary files too."""
    folder = home / ".cornu" / "datasets"
    return [each.name for each in folder.rglob("*")] if folder.exists() else []


@pytest.mark.parametrize(
    "path", ["good/x", "slow/x", "redirect/good/x", "redirect/slow/x"]
)
def test_a_good_file_arrives_once(server: Server, home: Path, path: str) -> None:
    file = remote(server, path)
    found = lookup.find(file)
    assert found == home / ".cornu" / "datasets" / "digits.npz"
    assert found.read_bytes() == server.body
    assert cached(home) == ["digits.npz"]
    asked = len(server.requests)
    assert lookup.find(file) == found
    assert len(server.requests) == asked, "it was downloaded again"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("wrong/x", "checksum is wrong"),
        ("error/404/x", "the server answered 404 Not Found"),
        ("error/403/x", "the server answered 403 Forbidden"),
        ("error/500/x", "the server answered 500"),
        ("cut/0/x", "the connection broke before the file was whole"),
        ("cut/1/x", "the connection broke"),
        ("cut/1024/x", "the connection broke"),
        ("cut/HALF/x", "the connection broke"),
        ("cut/LAST/x", "the connection broke"),
        ("short/0/x", "checksum is wrong"),
        ("short/HALF/x", "checksum is wrong"),
        ("short/LAST/x", "checksum is wrong"),
        ("redirect/wrong/x", "checksum is wrong"),
        ("loop/x", "redirects"),
        ("silent/x", "stopped answering"),
        ("stall/x", "stopped answering"),
    ],
)
def test_a_bad_file_leaves_nothing(
    server: Server,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    reason: str,
) -> None:
    if reason == "stopped answering":
        monkeypatch.setattr(lookup, "_TIMEOUT", (10, 0.3))
    size = len(server.body)
    path = path.replace("HALF", str(size // 2)).replace("LAST", str(size - 1))
    with pytest.raises(DatasetUnavailable) as raised:
        lookup.find(remote(server, path))
    assert cached(home) == []
    line = next(s for s in str(raised.value).splitlines() if "http://" in s)
    assert server.url(path) in line
    assert reason in line.split(": ", 1)[1]


def test_cut_off_at_a_hundred_random_bytes(server: Server, home: Path) -> None:
    for byte in random.Random(7).sample(range(len(server.body)), 100):
        with pytest.raises(DatasetUnavailable, match="the connection broke"):
            lookup.find(remote(server, f"cut/{byte}/x"))
        assert cached(home) == []
    assert lookup.find(remote(server, "good/x")).read_bytes() == server.body


def test_a_connection_that_breaks_is_tried_again(server: Server, home: Path) -> None:
    assert lookup.find(remote(server, "once/100/x")).read_bytes() == server.body
    assert server.requests == ["/once/100/x"] * 2
    assert cached(home) == ["digits.npz"]
    with pytest.raises(DatasetUnavailable, match="the connection broke"):
        lookup.find(remote(server, "cut/100/x")._replace(name="other.npz"))
    assert server.requests[2:] == ["/cut/100/x"] * 2


def test_nobody_there(server: Server, home: Path) -> None:
    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        file = remote(server)._replace(urls=(f"http://127.0.0.1:{port}/x",))
        with pytest.raises(DatasetUnavailable, match=f"no connection to 127.*{port}"):
            lookup.find(file)
    assert cached(home) == []


def test_a_certificate_that_cannot_be_verified() -> None:
    from requests.exceptions import SSLError

    assert lookup.why("https://a.org/x", SSLError("boring internals")) == (
        "the certificate of a.org could not be verified"
    )


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy_that_is_not_there(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv(name, proxy)
        file = remote(server)._replace(urls=("http://a.example/x",))
        with pytest.raises(DatasetUnavailable) as raised:
            lookup.find(file)
    assert "the proxy on the way to a.example does not" in str(raised.value)
    assert name in str(raised.value)
    assert "secret" not in str(raised.value)
    assert cached(home) == []


def test_a_mirror_may_have_another_packing(server: Server, home: Path) -> None:
    server.bodies["other"] = other = b"the same data, packed anew"
    md5 = hashlib.md5(other).hexdigest()
    file = remote(server, "error/404/x", f"good/other#md5:{md5}")
    assert lookup.find(file).read_bytes() == other
    lookup.find(file).unlink()
    file = remote(server, f"good/x#md5:{md5}")
    with pytest.raises(DatasetUnavailable, match="checksum is wrong"):
        lookup.find(file)
    assert cached(home) == []


def test_the_next_address_is_tried(server: Server, home: Path) -> None:
    found = lookup.find(remote(server, "error/404/x", "wrong/x", "good/x"))
    assert found.read_bytes() == server.body
    assert [each.split("/")[1] for each in server.requests] == [
        "error",
        "wrong",
        "good",
    ]
    assert cached(home) == ["digits.npz"]


def test_an_interrupted_download_leaves_nothing(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def interrupted(*args: object) -> Iterator[Any]:
        def advance(count: int) -> None:
            assert cached(home), "nothing is half-written yet"
            raise KeyboardInterrupt

        yield advance

    monkeypatch.setattr(lookup, "_progress", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lookup.find(remote(server, "good/x"))
    assert cached(home) == []


def test_another_name_and_an_absolute_path(server: Server, home: Path) -> None:
    assert lookup.find(remote(server, "good/x"), "sub/other.npz") == (
        home / ".cornu" / "datasets" / "sub" / "other.npz"
    )
    path = home / "mine" / "own.npz"
    assert lookup.find(remote(server, "good/x"), path) == path
    assert path.read_bytes() == server.body


def test_cornu_home(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORNU_HOME", str(home / "elsewhere"))
    found = lookup.find(remote(server, "good/x"))
    assert found == home / "elsewhere" / "datasets" / "digits.npz"


def test_a_cache_that_cannot_be_written(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("no folder")
    monkeypatch.setenv("CORNU_HOME", str(home / "file"))
    with pytest.raises(DatasetUnavailable):
        lookup.find(remote(server, "good/x"))
    assert (home / "file").read_text() == "no folder"


def test_pooch_is_left_as_it_was(server: Server) -> None:
    logger: logging.Logger = pooch.get_logger()
    before = logger.level
    lookup.find(remote(server, "good/x"))
    assert logger.level == before


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_on_a_terminal_only(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    found = lookup.find(remote(server, "slow/x"))
    assert found.read_bytes() == server.body
    out, err = capsys.readouterr()
    assert out == ""
    assert ("Downloading x" in err) == terminal
    assert terminal or err == ""


def test_mnist_is_downloaded_checked_and_read(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = remote(server, "good/mnist.npz")._replace(name="mnist.npz")
    monkeypatch.setattr(mnist, "_FILE", file)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    arrays = small_arrays()
    np.testing.assert_array_equal(x_train, arrays["x_train"])
    np.testing.assert_array_equal(y_train, arrays["y_train"])
    np.testing.assert_array_equal(x_test, arrays["x_test"])
    np.testing.assert_array_equal(y_test, arrays["y_test"])
    assert cached(home) == ["mnist.npz"]


@pytest.mark.parametrize("how", ["a file", "forbidden", "full"])
def test_a_cache_that_cannot_be_written_is_told_as_that(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder = home / ".cornu" / "datasets"
    if how == "a file":
        folder.parent.mkdir()
        folder.write_text("in the way")
    else:
        number = errno.EACCES if how == "forbidden" else errno.ENOSPC

        def fetch(url: str, path: str, _: Any) -> None:
            raise OSError(number, os.strerror(number), path)

        monkeypatch.setattr(lookup, "_fetch", fetch)
    with pytest.raises(DatasetUnavailable) as raised:
        lookup.find(remote(server, "good/x", "good/y"))
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert f"{folder}, where it would be downloaded to, cannot be written" in lines[0]
    why = {"a file": "Not a directory", "full": "No space", "forbidden": "Permission"}
    assert f"cannot be written: {why[how]}" in lines[0]
    assert "could not be downloaded" not in str(raised.value)
    assert "CORNU_HOME" in lines[2]
    assert len(server.requests) <= 1
