"""`cornu datasets`: all of them in a table, one in words, and a download."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cornu import datasets
from cornu.datasets import lookup
from cornu.lab import catalogue, main
from tests.datasets.server import serving
from tests.lab.conftest import Result

DOWNLOADED = [name for name in catalogue.NAMES if name != "synthetic_digits"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def told(home: Path, capsys: Capture) -> Callable[..., str]:
    """What `cornu datasets` prints with these arguments."""

    def run(*args: str) -> str:
        assert main(["datasets", *args]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def entry(table: str, name: str) -> str:
    """The lines of a data set, in one."""
    found = re.search(rf"^{name} .*\n(?: .*\n)+", table, re.M)
    assert found is not None, table
    return " ".join(found[0].split())


# The catalogue


def test_it_has_every_data_set() -> None:
    modules = {path.stem for path in Path(datasets.__file__).parent.glob("*.py")}
    loading = {name for name in modules if hasattr(catalogue.module(name), "load_data")}
    assert set(catalogue.NAMES) == set(catalogue.FACTS) == loading


def test_it_has_the_size_of_every_file() -> None:
    files = [file.name for name in DOWNLOADED for file in catalogue.remote_files(name)]
    assert sorted(files) == sorted(catalogue.BYTES)
    assert catalogue.remote_files("synthetic_digits") == []


@pytest.mark.parametrize("name", DOWNLOADED)
def test_its_numbers_are_those_of_the_documentation(name: str) -> None:
    facts, about = catalogue.FACTS[name], catalogue.description(name)
    shapes = re.findall(r"\((\d+),", about.returns)
    assert [facts.train, facts.test] == [*map(int, shapes), int(shapes[0])][:2]
    assert about.paragraphs
    assert about.license, "the license is not told"
    assert "`" not in about.returns


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_sizes_are_those_of_the_documentation(name: str) -> None:
    (file,) = catalogue.remote_files(name)
    size = catalogue.megabytes(catalogue.BYTES[file.name])
    assert f"({size})" in (catalogue.module(name).load_data.__doc__ or "")


def test_the_numbers_are_those_of_the_real_data(real_data: None) -> None:
    for name in ("boston_housing", "fashion_mnist", "mnist", "reuters"):
        (_, train), (_, test) = catalogue.module(name).load_data()
        facts = catalogue.FACTS[name]
        assert (len(train), len(test)) == (facts.train, facts.test), name


# The table


def test_the_table(told: Callable[..., str]) -> None:
    out = told()
    for name in catalogue.NAMES:
        facts = catalogue.FACTS[name]
        line = entry(out, name)
        assert line.startswith(f"{name} {facts.train:,} + {facts.test:,} {facts.what} ")
    assert "11.5 MB to download from storage.googleapis.com" in entry(out, "mnist")
    assert "170 MB to download from www.cs.toronto.edu" in entry(out, "cifar10")
    clothes = entry(out, "fashion_mnist")
    assert "30.9 MB to download from storage.googleapis.com (or github.com," in clothes
    assert "needs no file" in entry(out, "synthetic_digits")
    assert "cornu datasets --get NAME" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("data", "CORNU_DATA"),
        ("cornu/datasets", "Cornu's cache"),
        ("keras/datasets", "Keras's cache"),
    ],
)
def test_where_a_file_is_found(
    told: Callable[..., str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    reason: str,
) -> None:
    put(home / folder, "mnist.npz")
    if reason == "CORNU_DATA":
        monkeypatch.setenv("CORNU_DATA", str(home / folder))
    path = home / folder / "mnist.npz"
    assert f"found in {reason}: {path}" in entry(told(), "mnist")
    assert f"{path} ({reason})" in told("mnist")


def test_a_part_is_found(told: Callable[..., str], home: Path) -> None:
    cache = home / "cornu" / "datasets"
    put(cache, "imdb.npz")
    line = entry(told(), "imdb")
    assert f"found in Cornu's cache: {cache / 'imdb.npz'}" in line
    assert "imdb_word_index.json not here: 1.6 MB to download" in line
    assert "imdb_word_index.json, 1.6 MB: not on this computer" in told("imdb")

    names = [file.name for file in catalogue.remote_files("fashion_mnist")]
    put(cache, *names[:3])
    last = Path(names[3]).name
    assert f"{last} not here: 0.01 MB to download" in entry(told(), "fashion_mnist")
    put(cache, names[3])
    assert "not here" not in entry(told(), "fashion_mnist")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("fashion_mnist", "fashion_mnist.npz"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("cifar100", "cifar-100-python-target_archive"),
    ],
)
def test_other_packings(
    told: Callable[..., str], home: Path, name: str, other: str
) -> None:
    put(home / "keras" / "datasets", other)
    line = entry(told(), name)
    assert "found in Keras's cache" in line
    assert "not here" not in line


LOADED = """
import sys
from cornu.lab import main
main(["datasets"])
names = ["h5py", "matplotlib", "pooch", "requests", "cornu.layers", "cornu.models"]
print([name for name in names if name in sys.modules])
"""


def test_the_table_reads_no_data(python: Callable[..., Result], folder: Path) -> None:
    put(folder, "mnist.npz", "imdb.npz")  # nothing is in them
    ran = python("-c", LOADED, env={"CORNU_DATA": str(folder), "COLUMNS": "80"})
    assert ran.returncode == 0, ran.stderr
    assert "found in CORNU_DATA" in entry(ran.stdout, "mnist")
    assert ran.stdout.endswith("[]\n"), "it loaded more than it needs"


# One of them


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_one_in_words(told: Callable[..., str], home: Path, name: str) -> None:
    out = told(name)
    about = catalogue.description(name)
    words = " ".join(out.split())
    for part in (about.title, about.returns, about.license, *about.paragraphs):
        assert " ".join(part.split()) in words
    assert f"cornu.datasets.{name}.load_data()" in out
    for file in catalogue.remote_files(name):
        assert file.urls[0].partition("#")[0] in out
        assert file.name.partition("/")[0] in out
        assert str(home / "cornu" / "datasets") in out
    for line in out.splitlines():
        # Paths and addresses stay whole.
        assert len(line) <= 80 or " " not in line.strip() or str(home) in line


# A download


def test_get(
    told: Callable[..., str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(b"all of it") as server:
        checksum = hashlib.sha256(server.body).hexdigest()
        monkeypatch.setattr(
            catalogue.module("mnist"),
            "_FILE",
            lookup.RemoteFile("MNIST", "mnist.npz", (server.url("good/x"),), checksum),
        )
        path = home / "cornu" / "datasets" / "mnist.npz"
        assert told("--get", "mnist") == f"downloaded: {path}\n"
        assert path.read_bytes() == server.body
        assert told("--get", "mnist") == f"was here: {path}\n"
        assert len(server.requests) == 1


def test_get_what_is_drawn(told: Callable[..., str]) -> None:
    assert told("--get", "synthetic_digits").startswith("synthetic_digits needs no")


def test_get_without_a_network(home: Path, capsys: Capture) -> None:
    assert main(["datasets", "--get", "boston_housing"]) == 1
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == (
        "Boston housing is not on this computer and could not be downloaded."
    )
    assert lines[1].startswith("Expected it in one of these places:")
    assert lines[-1].startswith("Put boston_housing.npz into one of these folders")


def test_get_into_a_folder_that_cannot_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("CORNU_HOME", str(home / "file" / "below"))
    assert main(["datasets", "--get", "mnist"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "cannot be written: " in lines[0]
    assert "CORNU_HOME" in lines[2]


def test_bytes_for_people() -> None:
    sizes: dict[int, Any] = {
        0: "0 MB",
        5_148: "0.01 MB",
        57_026: "0.06 MB",
        743_530: "0.7 MB",
        99_940_000: "99.9 MB",
        170_498_071: "170 MB",
        2_500_000_000: "2500 MB",
    }
    for nbytes, text in sizes.items():
        assert catalogue.megabytes(nbytes) == text
