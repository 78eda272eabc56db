"""What there is to say of each data set without reading it, and where its files are."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cornu import datasets
from cornu.datasets import lookup

NAMES = tuple(name for name in datasets.__all__ if name.islower())


class Facts(NamedTuple):
    """A data set in a line.

    Args:
        what: what it is.
        train: number of samples to train on.
        test: number of samples to test with.
    """

    what: str
    train: int
    test: int


FACTS = {
    "boston_housing": Facts("districts, 13 numbers each: price", 404, 102),
    "california_housing": Facts("districts, 8 numbers each: price", 16512, 4128),
    "cifar10": Facts("colour photos, 32 x 32, of 10 things", 50000, 10000),
    "cifar100": Facts("colour photos, 32 x 32, of 100 things", 50000, 10000),
    "fashion_mnist": Facts("pictures of clothes, 28 x 28, 10 kinds", 60000, 10000),
    "imdb": Facts("reviews of films: favourable or not", 25000, 25000),
    "mnist": Facts("handwritten digits, 28 x 28", 60000, 10000),
    "reuters": Facts("short news, 46 topics", 8982, 2246),
    "synthetic_digits": Facts("digits that Cornu draws, 28 x 28", 60000, 10000),
}

# How large the files are at the addresses where they are downloaded.
BYTES = {
    "boston_housing.npz": 57_026,
    "california_housing.npz": 743_530,
    "cifar-10-python.tar.gz": 170_498_071,
    "cifar-100-python.tar.gz": 169_001_437,
    "fashion-mnist/train-images-idx3-ubyte.gz": 26_421_880,
    "fashion-mnist/train-labels-idx1-ubyte.gz": 29_515,
    "fashion-mnist/t10k-images-idx3-ubyte.gz": 4_422_102,
    "fashion-mnist/t10k-labels-idx1-ubyte.gz": 5_148,
    "imdb.npz": 17_464_789,
    "imdb_word_index.json": 1_641_221,
    "mnist.npz": 11_490_434,
    "reuters.npz": 2_110_848,
    "reuters_word_index.json": 550_378,
}


class Found(NamedTuple):
    """A file that is on this computer, and the reason to look where it is."""

    file: lookup.RemoteFile
    path: Path
    reason: str


class Files(NamedTuple):
    """The files of a data set: those that are here, and those that are not."""

    here: list[Found]
    missing: list[lookup.RemoteFile]

    @property
    def nbytes(self) -> int:
        """How many bytes are still to be downloaded."""
        return sum(BYTES[file.name] for file in self.missing)

    @property
    def hosts(self) -> list[str]:
        """Where they come from, in order of preference."""
        urls = [url for file in self.missing for url in file.urls]
        return list(dict.fromkeys(urlsplit(url).netloc for url in urls))


def module(name: str) -> ModuleType:
    """The module of a data set."""
    return importlib.import_module(f"cornu.datasets.{name}")


def remote_files(name: str) -> list[lookup.RemoteFile]:
    """The files that a data set can be downloaded as; none where it is drawn."""
    found: list[lookup.RemoteFile] = []
    for value in vars(module(name)).values():
        several = type(value) is tuple  # a record is a tuple, too
        for each in value if several else [value]:
            if isinstance(each, lookup.RemoteFile) and each.urls:
                found.append(each)
    return found


def files(name: str) -> Files:
    """Which files of a data set are on this computer. Nothing is downloaded or read."""
    here: list[Found] = []
    missing: list[lookup.RemoteFile] = []
    for file in remote_files(name):
        try:
            path = lookup.find(file._replace(urls=()))
        except lookup.DatasetUnavailable:
            missing.append(file)
            continue
        here.append(Found(file, path, _reason(path)))
        if path.suffix == ".npz" != Path(file.name).suffix:
            return Files(here, [])  # one archive in the place of several files
    return Files(here, missing)


def get(name: str) -> list[Path]:
    """The files of a data set, which are downloaded where they are nowhere.

    Raises:
        DatasetUnavailable: when one is nowhere, and cannot be downloaded.
    """
    state = files(name)
    paths = [found.path for found in state.here]
    return paths + [lookup.find(file) for file in state.missing]


def _reason(path: Path) -> str:
    for place in lookup.places():
        if place.folder in path.parents:
            return place.reason
    return str(path.parent)


class Description(NamedTuple):
    """What the documentation of a data set says."""

    title: str
    paragraphs: list[str]
    returns: str
    license: str


def description(name: str) -> Description:
    """What the docstrings of a data set's module say."""
    about = module(name)
    title, *paragraphs = _documentation(about)[0].split("\n\n")
    head, sections = _documentation(about.load_data)
    # Where the files are looked for is told with what was found there.
    more = [each for each in head.split("\n\n")[1:] if "CORNU_DATA" not in each]
    return Description(
        title=title,
        paragraphs=[*paragraphs, *more],
        returns=sections.get("Returns", ""),
        license=sections.get("License", ""),
    )


def _documentation(thing: Any) -> tuple[str, dict[str, str]]:
    """A docstring for a terminal: what stands first in it, and its sections by name."""
    text = (inspect.getdoc(thing) or "").replace("`", "")
    head, *sections = re.split(r"\n(?=(?:Args|Returns|Raises|Example|License):)", text)
    parts = [section.split(":", 1) for section in sections]
    return head.strip(), {title: rest.strip() for title, rest in parts}


def megabytes(nbytes: int) -> str:
    """A number of bytes for people.

    Example:

    >>> megabytes(170_498_071), megabytes(11_490_434), megabytes(57_026), megabytes(0)
    ('170 MB', '11.5 MB', '0.06 MB', '0 MB')
    """
    size = nbytes / 1e6
    digits = 0 if size >= 100 or not size else 1 if size >= 0.1 else 2
    return f"{size:.{digits}f} MB"
