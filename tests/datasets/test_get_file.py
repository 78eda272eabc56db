"""keras.utils.get_file: found, downloaded or unpacked, whole or not at all."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cornu.datasets import lookup
from cornu.utils import get_file
from tests.datasets.archives import FILES, as_tar, as_zip, everything, parts
from tests.datasets.server import serving

SHA = {"sha256": hashlib.sha256, "md5": hashlib.md5}


@pytest.fixture
def server():
    with serving(b"some content" * 1000) as running:
        running.bodies["a.zip"] = as_zip(FILES)
        running.bodies["a.tar.gz"] = as_tar(FILES)
        yield running


def cached(home):
    """All that is in Cornu's cache, hidden and temporary files too."""
    folder = home / ".cornu" / "datasets"
    return everything(folder) if folder.exists() else []


# One file


@pytest.mark.parametrize("path", ["good/x.txt", "redirect/good/x.txt", "slow/x.txt"])
def test_it_is_downloaded_once(server, home, path):
    found = get_file("mine.txt", server.url(path))
    assert found == str(home / ".cornu" / "datasets" / "mine.txt")
    assert Path(found).read_bytes() == server.body
    asked = len(server.requests)
    assert get_file("mine.txt", server.url(path)) == found
    assert len(server.requests) == asked
    server.body = b"newer"
    assert Path(get_file("mine.txt", server.url(path))).read_bytes() != b"newer"
    again = get_file("mine.txt", server.url(path), force_download=True)
    assert Path(again).read_bytes() == b"newer"
    assert cached(home) == ["mine.txt"]


def test_its_name_and_its_folder(server, home, tmp_path):
    url = server.url("good/words.txt") + "?version=3#part"
    assert get_file(origin=url) == str(home / ".cornu" / "datasets" / "words.txt")
    found = get_file(Path("a"), url, cache_subdir="books")
    assert found == str(home / ".cornu" / "books" / "a")
    found = get_file("a", url, cache_dir=tmp_path / "new", cache_subdir="")
    assert found == str(tmp_path / "new" / "a")
    found = get_file("a", url, cache_subdir=tmp_path / "there")
    assert found == str(tmp_path / "there" / "a")
    found = get_file("a", url, cache_dir="~/mine")
    assert found == str(home / "mine" / "datasets" / "a")


@pytest.mark.parametrize("kind", SHA)
def test_a_hash_is_checked(server, home, kind):
    right, url = SHA[kind](server.body).hexdigest(), server.url("good/x")
    named = {"md5_hash": right} if kind == "md5" else {"file_hash": right.upper()}
    for more in ({"file_hash": right}, named, {"hash_algorithm": kind, **named}):
        get_file("x", url, force_download=True, **more)
    before = Path(get_file("x", url)).read_bytes()
    wrong = SHA[kind](b"other").hexdigest()
    with pytest.raises(ValueError, match="is not the file that was expected") as raised:
        get_file("x", url, file_hash=wrong)
    assert f"{kind}:{wrong}" in parts(raised)
    assert cached(home) == ["x"], "the older file stays"
    assert Path(get_file("x", url)).read_bytes() == before
    # A file that is another one is downloaded again.
    Path(get_file("x", url)).write_bytes(b"damaged")
    assert Path(get_file("x", url, file_hash=right)).read_bytes() == server.body


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("error/404/x", "the server answered 404 Not Found"),
        ("error/500/x", "the server answered 500"),
        ("cut/0/x", "the connection broke"),
        ("cut/1024/x", "the connection broke"),
        ("redirect/error/x", "Expected it at"),
        ("loop/x", "redirects"),
        ("silent/x", "stopped answering"),
        ("stall/x", "stopped answering"),
    ],
)
def test_a_bad_download_leaves_nothing(server, home, monkeypatch, path, reason):
    if reason == "stopped answering":
        monkeypatch.setattr(lookup, "_TIMEOUT", (10, 0.3))
    path = path.replace("redirect/error", "redirect/cut/9")
    with pytest.raises(OSError) as raised:
        get_file("x", server.url(path))
    assert reason in parts(raised)
    assert server.url(path) in str(raised.value)
    assert cached(home) == []
    kept = get_file("x", server.url("good/x"))
    with pytest.raises(OSError):
        get_file("x", server.url(path), force_download=True)
    assert Path(kept).read_bytes() == server.body
    assert cached(home) == ["x"]


def test_a_proxy_that_is_not_there(home, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(OSError) as raised:
            get_file("x", "http://a.example/x")
    assert "the proxy on the way to a.example does not" in parts(raised)
    assert "http_proxy" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_file_of_this_computer(home, tmp_path):
    source = tmp_path / "some words.txt"
    source.write_bytes(b"words")
    found = get_file("words.txt", source.as_uri())
    assert Path(found).read_bytes() == b"words"
    with pytest.raises(OSError, match="there is no such file") as raised:
        get_file("gone.txt", (tmp_path / "gone.txt").as_uri())
    parts(raised)


@pytest.mark.parametrize("how", ["downloaded", "unpacked", "copied"])
def test_a_cache_that_cannot_be_written(server, home, tmp_path, monkeypatch, how):
    (home / "file").write_text("no folder")
    monkeypatch.setenv("CORNU_HOME", str(home / "file"))
    call = {"fname": "a.zip", "origin": server.url("good/a.zip")}
    if how != "downloaded":
        (tmp_path / "a.zip").write_bytes(as_zip(FILES))
        monkeypatch.setenv("CORNU_DATA", str(tmp_path))
        assert get_file(**call) == str(tmp_path / "a.zip"), "nothing is written"
        more = {"extract": True} if how == "unpacked" else {"cache_dir": home / "file"}
        call.update(more)
    with pytest.raises(OSError, match="cannot be saved") as raised:
        get_file(**call)
    assert "CORNU_HOME or cache_dir" in parts(raised)
    assert (home / "file").read_text() == "no folder"
    assert server.requests == []


# Where it is found


def test_where_it_is_found(server, home, tmp_path, monkeypatch):
    url, places = server.url("error/404/x.txt"), {}
    for name, folder in {
        "data": tmp_path / "data",
        "cornu": home / ".cornu" / "datasets",
        "keras": home / ".keras" / "datasets",
    }.items():
        folder.mkdir(parents=True)
        places[name] = folder / "x.txt"
        places[name].write_text(name)
    monkeypatch.setenv("CORNU_DATA", f"{tmp_path / 'none'}{os.pathsep}{tmp_path}/data")
    for name, path in places.items():
        assert get_file("x.txt", url) == str(path), name
        path.unlink()
    with pytest.raises(OSError, match="could not be downloaded"):
        get_file("x.txt", url)
    assert server.requests == ["/error/404/x.txt"]


def test_a_cache_of_ones_own_gets_a_copy(server, home, tmp_path, monkeypatch):
    """Scripts that name a cache read their files there."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("data")
    (home / ".keras" / "datasets").mkdir(parents=True)
    (home / ".keras" / "datasets" / "y.txt").write_text("keras")
    monkeypatch.setenv("CORNU_DATA", str(tmp_path / "data"))
    url = server.url("error/404/x.txt")
    found = get_file("x.txt", url, cache_dir=tmp_path / "own")
    assert found == str(tmp_path / "own" / "datasets" / "x.txt")
    assert Path(found).read_text() == "data"
    assert everything(tmp_path / "own") == ["datasets", "datasets/x.txt"]
    with pytest.raises(OSError):
        get_file("y.txt", url, cache_dir=tmp_path / "own")
    with pytest.raises(OSError):
        get_file("x.txt", url, force_download=True)


def test_another_file_of_that_name_is_not_used(server, tmp_path, monkeypatch, capsys):
    (tmp_path / "x.txt").write_text("another")
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    right = hashlib.md5(server.body).hexdigest()
    found = get_file("x.txt", server.url("good/x.txt"), file_hash=right)
    assert Path(found).read_bytes() == server.body
    assert f"{tmp_path / 'x.txt'} is another file" in capsys.readouterr().out


def test_an_archive_is_found_under_its_own_name(home, tmp_path, monkeypatch):
    """As in get_file(fname="imdb", origin=".../aclImdb_v1.tar.gz", extract=True)."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "aclImdb_v1.tar.gz").write_bytes(as_tar(FILES))
    monkeypatch.setenv("CORNU_DATA", str(tmp_path / "data"))
    origin = "http://127.0.0.1:9/aclImdb_v1.tar.gz"
    found = get_file(fname="imdb", origin=origin, extract=True)
    assert found == str(home / ".cornu" / "datasets" / "imdb")
    assert (Path(found) / "aclImdb" / "README").read_bytes() == b"read me"
    assert everything(tmp_path / "data") == ["aclImdb_v1.tar.gz"]


# Archives

CALLS = [
    {"origin": "a.zip", "extract": True},
    {"origin": "a.tar.gz", "extract": True},
    {"origin": "a.tar.gz", "untar": True},
    {"fname": "imdb", "origin": "a.tar.gz", "extract": True},
    {"fname": "b.c.zip", "origin": "a.zip", "extract": True},
    {"fname": "all", "origin": "a.tar.gz", "untar": True, "cache_subdir": "sub"},
    {"fname": "a.tgz", "origin": "a.tar.gz", "extract": True, "archive_format": "tar"},
    {"fname": "z", "origin": "a.zip", "extract": True, "archive_format": ["zip"]},
    {"fname": "plain.zip", "origin": "a.zip"},
]
KERAS = """
import json, sys
import keras
home, folder, calls = json.loads(sys.argv[1])
for call in calls:
    call["origin"] = folder + "/" + call["origin"]
    print("found:" + keras.utils.get_file(**call))
"""


def test_all_is_where_keras_has_it(home, tmp_path):
    source, theirs = tmp_path / "source", tmp_path / "keras"
    source.mkdir()
    theirs.mkdir()
    (source / "a.zip").write_bytes(as_zip(FILES))
    (source / "a.tar.gz").write_bytes(as_tar(FILES))
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    settings |= {"KERAS_HOME": str(theirs), "PYTHONWARNINGS": "ignore"}
    asked = json.dumps([str(theirs), source.as_uri(), CALLS])
    done = subprocess.run(
        [sys.executable, "-c", KERAS, asked],
        capture_output=True, text=True, env=os.environ | settings,
    )  # fmt: skip
    if "No module named" in done.stderr:
        pytest.skip("real Keras on JAX cannot be imported")
    assert done.returncode == 0, done.stderr
    lines = [s for s in done.stdout.splitlines() if s.startswith("found:")]
    expected = [os.path.relpath(s.removeprefix("found:"), theirs) for s in lines]
    mine = home / ".cornu"
    for call, path in zip(CALLS, expected, strict=True):
        given = {**call, "origin": f"{source.as_uri()}/{call['origin']}"}
        assert os.path.relpath(get_file(**given), mine) == path, call
    for folder in ("datasets", "sub"):
        assert everything(mine / folder) == everything(theirs / folder)


def test_what_lacks_is_unpacked_again(server, home):
    call = {"fname": "a.zip", "origin": server.url("good/a.zip"), "extract": True}
    folder = Path(get_file(**call))
    (folder / "own.txt").write_text("of the user")
    first, second = (folder / name for name in FILES)
    os.utime(first, (5, 5))
    get_file(**call)
    assert first.stat().st_mtime == 5, "nothing lacked"
    second.unlink()
    get_file(**call)
    assert second.read_bytes() == FILES["aclImdb/README"]
    assert (folder / "own.txt").read_text() == "of the user"
    first.write_bytes(b"")
    get_file(**call)
    assert first.read_bytes() == b"good"
    assert server.requests == ["/good/a.zip"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "origin=None"),
        ({"origin": "a.zip"}, "origin='a.zip'"),
        ({"origin": "ftp://a/b.zip"}, "http, https, file"),
        ({"origin": "http://a/"}, "without fname"),
        ({"origin": "http://a/.."}, "without fname"),
        ({"origin": "http://a/b", "fname": "c/d"}, "fname='c/d'"),
        ({"origin": "http://a/b", "fname": ".."}, "without folders"),
        ({"origin": "http://a/b", "hash_algorithm": "sha1"}, "hash_algorithm='sha1'"),
        ({"origin": "http://a/b", "file_hash": "12"}, "The|the hash '12'"),
        (
            {"origin": "http://a/b", "md5_hash": "0" * 64},
            "hash_algorithm='md5' was given",
        ),
        ({"origin": "http://a/b", "md5_hash": "0", "file_hash": "0"}, "both"),
        (
            {"origin": "http://a/b", "extract": True, "archive_format": "rar"},
            "archive_format='rar'",
        ),
    ],
)
def test_what_is_refused(home, arguments, words):
    with pytest.raises(ValueError, match=words) as raised:
        get_file(**arguments)
    parts(raised)
    assert everything(home) == []


def test_no_kind_of_archive(server, home):
    with pytest.raises(ValueError, match="one of these kinds: none") as raised:
        get_file("a", server.url("good/a.zip"), extract=True, archive_format=None)
    parts(raised)


def test_a_file_in_the_place_of_the_folder(server, home):
    (home / ".cornu" / "datasets").mkdir(parents=True)
    (home / ".cornu" / "datasets" / "imdb").write_text("a file")
    with pytest.raises(FileExistsError, match="is there, and no folder") as raised:
        get_file("imdb", server.url("good/a.zip"), extract=True)
    parts(raised)
