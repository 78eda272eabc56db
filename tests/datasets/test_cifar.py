"""CIFAR-10 and CIFAR-100: archives of pickles, read in memory, and never run."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import DatasetUnavailable, cifar, cifar10, cifar100, pickles
from tests.datasets.conftest import REAL, as_npz
from tests.datasets.made import photographs, python2, targz
from tests.datasets.reference import Call, assert_same, keras_loads
from tests.datasets.server import Server

MODULES = {"cifar10": cifar10, "cifar100": cifar100}
MODES = {"cifar10": "labels", "cifar100": "fine_labels"}
SIZES = {"data_batch_1": 3, "data_batch_2": 2, "test_batch": 4}
SIZES |= {"train": 6, "test": 2}


def small(name: str) -> dict[str, dict[bytes, Any]]:
    """The batches of a small CIFAR, by the names of their files."""
    batches = MODULES[name]._BATCHES
    names = [*batches.train, *batches.test]
    return {
        each: photographs(SIZES[each], i, **batches.classes)
        for i, each in enumerate(names)
    }


def members(name: str) -> dict[str, bytes]:
    """The files in the archive: some that nobody asks for, too."""
    folder = MODULES[name]._BATCHES.folder
    files = {f"{folder}/{each}": python2(batch) for each, batch in small(name).items()}
    return {f"{folder}/readme.html": b"<p>", **files, f"{folder}/batches.meta": b"?"}


def expected(name: str, labels: str) -> Any:
    """What is to be loaded: as the batches say, one after the other."""
    batches = MODULES[name]._BATCHES
    found = []
    for names in (batches.train, batches.test):
        parts = [small(name)[each] for each in names]
        x = np.concatenate([part[b"data"] for part in parts])
        y = np.concatenate([part[labels.encode()] for part in parts])
        # (n, channel, row, column) -> (n, row, column, channel)
        x = np.moveaxis(x.reshape(-1, 3, 32, 32), 1, -1)
        found.append((x, y[:, None].astype("uint8" if name == "cifar10" else "int64")))
    return tuple(found)


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES.values():
        batches = module._BATCHES
        train, test = (
            {each: SIZES[each] for each in names if each in SIZES}
            for names in (batches.train, batches.test)
        )
        few = batches._replace(train=train, test=test)
        monkeypatch.setattr(module, "_BATCHES", few)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("CORNU_DATA", str(folder))
    return folder


both = pytest.mark.parametrize("name", MODULES)


@both
@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_archive(data: Path, name: str, prefix: str) -> None:
    module = MODULES[name]
    content = {prefix + k: v for k, v in members(name).items()}
    (data / module._FILE.name).write_bytes(targz(content))
    mine = module.load_data()
    assert_same(mine, expected(name, MODES[name]))
    assert all(array.flags["C_CONTIGUOUS"] for pair in mine for array in pair)
    assert [each.name for each in data.iterdir()] == [module._FILE.name]


def test_groups_of_classes(data: Path) -> None:
    (data / "cifar-100-python.tar.gz").write_bytes(targz(members("cifar100")))
    assert_same(cifar100.load_data("coarse"), expected("cifar100", "coarse_labels"))
    assert_same(
        cifar100.load_data(label_mode="fine"), expected("cifar100", "fine_labels")
    )
    with pytest.raises(ValueError, match=r"label_mode is 'both'\.\nExpected 'fine'"):
        cifar100.load_data("both")


@both
def test_where_keras_leaves_it(home: Path, name: str) -> None:
    module = MODULES[name]
    folder = home / ".keras" / "datasets"
    inner = module._BATCHES.folder
    # Keras 3 unpacks to one folder more than Keras 2.
    for unpacked in (folder / inner, folder / f"{inner}-target" / inner):
        for member, content in members(name).items():
            file = unpacked / member.rpartition("/")[2]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        assert_same(module.load_data(), expected(name, MODES[name]))
        assert_same(module.load_data(path=unpacked), expected(name, MODES[name]))
        shutil.rmtree(folder)
    folder.mkdir()
    (folder / f"{inner}-target_archive").write_bytes(targz(members(name)))
    assert_same(module.load_data(), expected(name, MODES[name]))


def test_cifar100_as_keras_reads_it(home: Path) -> None:
    folder = home / ".keras" / "datasets"
    for member, content in members("cifar100").items():
        file = folder / "cifar-100-python-target" / member
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    modes = ("fine", "coarse")
    calls: list[Call] = [("cifar100.load_data", {"label_mode": m}) for m in modes]
    for mode, theirs in zip(modes, keras_loads(folder, calls), strict=True):
        assert_same(cifar100.load_data(mode), theirs)


@pytest.mark.slow
def test_a_whole_cifar10_as_keras_reads_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = {f"data_batch_{i}": 10000 for i in range(1, 6)}, {"test_batch": 10000}
    whole = cifar10._BATCHES._replace(train=train, test=test)
    monkeypatch.setattr(cifar10, "_BATCHES", whole)
    folder = home / ".keras" / "datasets"
    inner = folder / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    inner.mkdir(parents=True)
    for i, each in enumerate([*train, *test]):
        (inner / each).write_bytes(python2(photographs(10000, i, labels=10)))
    (theirs,) = keras_loads(folder, [("cifar10.load_data", {})])
    assert_same(cifar10.load_data(), theirs)


@both
def test_it_is_downloaded(
    server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module = MODULES[name]
    server.body = targz(members(name))
    checksum = hashlib.sha256(server.body).hexdigest()
    file = module._FILE._replace(urls=(server.url("good/x"),), checksum=checksum)
    monkeypatch.setattr(module, "_FILE", file)
    assert_same(module.load_data(), expected(name, MODES[name]))
    cache = home / ".cornu" / "datasets"
    assert [each.name for each in cache.rglob("*")] == [file.name]
    with pytest.raises(DatasetUnavailable, match=r"is not on this computer\."):
        module.load_data(path="small.npz")  # another form than what is downloaded
    assert len(server.requests) == 1


@both
def test_a_part_only_by_its_name(data: Path, name: str) -> None:
    rng = np.random.default_rng(3)
    part = {
        "x_train": rng.integers(0, 256, (5, 32, 32, 3), "uint8"),
        "y_train": rng.integers(0, 10, (5, 1), "uint8"),
        "x_test": rng.integers(0, 256, (2, 32, 32, 3), "uint8"),
        "y_test": rng.integers(0, 10, (2, 1), "uint8"),
    }
    (data / f"{name}_small.npz").write_bytes(as_npz(**part))
    (x, y), (x_test, y_test) = MODULES[name].load_data(path=f"{name}_small.npz")
    np.testing.assert_array_equal(x, part["x_train"])
    np.testing.assert_array_equal(y, part["y_train"])
    np.testing.assert_array_equal(x_test, part["x_test"])
    np.testing.assert_array_equal(y_test, part["y_test"])


def test_the_real_part(real_data: str) -> None:
    folders = [Path(each) for each in REAL.split(os.pathsep) if each]
    if not any((each / "cifar10_small.npz").is_file() for each in folders):
        pytest.skip("cifar10_small.npz is not in CORNU_DATA")
    (x, y), (x_test, y_test) = cifar10.load_data("cifar10_small.npz")
    assert x.shape[1:] == x_test.shape[1:] == (32, 32, 3)
    assert y[:5, 0].tolist() == [6, 9, 9, 4, 1]
    assert y_test[:5, 0].tolist() == [3, 8, 8, 0, 6]


def refused(module: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match) as raised:
        module.load_data()
    assert len(str(raised.value).splitlines()) == 3


def with_batch(**change: Any) -> bytes:
    """CIFAR-10 where the first batch is different."""
    batch = {**small("cifar10")["data_batch_1"]}
    batch |= {key.encode(): value for key, value in change.items()}
    content = members("cifar10")
    content["cifar-10-batches-py/data_batch_1"] = python2(batch)
    return targz(content)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: targz({}), "there is no file cifar-10-batches-py/data_batch_1 in it"),
        (lambda: targz({"data_batch_1": b""}), "there is no file"),
        (lambda: b"no archive", "cannot be read"),
        (lambda: b"", "cannot be read"),
        (lambda: targz(members("cifar10"))[:-1], "cannot be read"),
        (lambda: with_batch(labels=[1, 2, 10]), "data_batch_1 has the label 10"),
        (lambda: with_batch(labels=[1, 2]), "data_batch_1 says that it has 3 images"),
        (lambda: with_batch(data=b"x"), "data_batch_1 is no array"),
        (
            lambda: with_batch(data=np.zeros((1, 3072), "uint8"), labels=[1]),
            "data_batch_1 has 1 images instead of 3",
        ),
    ],
)
def test_other_archives_are_refused(data: Path, make: Any, match: str) -> None:
    (data / "cifar-10-python.tar.gz").write_bytes(make())
    refused(cifar10, match)


def test_cut_off_or_damaged(data: Path) -> None:
    whole = targz(members("cifar10"))
    file = data / "cifar-10-python.tar.gz"
    step = len(whole) // 40
    for at in range(0, len(whole), step):
        file.write_bytes(whole[:at])
        refused(cifar10, "cannot be read|there is no file")
        damaged = bytearray(whole)
        damaged[at] ^= 255
        file.write_bytes(damaged)
        try:
            found = cifar10.load_data()
        except ValueError:
            continue
        assert at < 10, "only the header of gzip may differ"
        assert_same(found, expected("cifar10", "labels"))


def test_the_checksum_at_the_end_counts(data: Path) -> None:
    # Behind an archive's end are zeros; here more of them than are read at a time.
    whole = gzip.decompress(targz(members("cifar10"))) + bytes(3 * 2**20)
    content = bytearray(gzip.compress(whole))
    file = data / "cifar-10-python.tar.gz"
    file.write_bytes(content)
    assert_same(cifar10.load_data(), expected("cifar10", "labels"))
    content[-8] ^= 1
    file.write_bytes(content)
    refused(cifar10, "cannot be read .*CRC")


def archive_of(*infos: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
        for name, content in members("cifar10").items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_are_not_followed(data: Path, tmp_path: Path, kind: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(python2(small("cifar10")["data_batch_1"]))
    info = member("cifar-10-batches-py/data_batch_1", kind, str(secret))
    (data / "cifar-10-python.tar.gz").write_bytes(archive_of(info))
    refused(cifar10, "data_batch_1 is no ordinary file in it")


def test_nothing_is_written_where_an_archive_says(data: Path, tmp_path: Path) -> None:
    evil = ["../evil", str(tmp_path / "evil"), "cifar-10-batches-py/../../evil"]
    evil += ["evil/data_batch_1", "../cifar-10-batches-py/test_batch"]
    infos = [member(name) for name in evil]
    infos.append(member("cifar-10-batches-py", tarfile.DIRTYPE))
    (data / "cifar-10-python.tar.gz").write_bytes(archive_of(*infos))
    before = sorted(tmp_path.rglob("*"))
    assert_same(cifar10.load_data(), expected("cifar10", "labels"))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_pickle_in_it_does_not_run(
    data: Path, tmp_path: Path, unpacked: bool
) -> None:
    text = str(tmp_path / "trap").encode()
    payload = b"\x80\x02c" + os.mkdir.__module__.encode() + b"\nmkdir\n"
    payload += b"U" + bytes([len(text)]) + text + b"\x85R."
    content = members("cifar10") | {"cifar-10-batches-py/test_batch": payload}
    if unpacked:
        (data / "cifar-10-batches-py").mkdir()
        for name, each in content.items():
            (data / name).write_bytes(each)
    else:
        (data / "cifar-10-python.tar.gz").write_bytes(targz(content))
    refused(cifar10, r"test_batch asks for (posix|nt)\.mkdir")
    assert not (tmp_path / "trap").exists()


def test_an_incomplete_folder(data: Path) -> None:
    (data / "cifar-10-batches-py").mkdir()
    refused(cifar10, "there is no file data_batch_1 in it")


def test_sizes_are_bounded(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = data / "cifar-10-python.tar.gz"
    file.write_bytes(targz(members("cifar10")))
    with monkeypatch.context() as patch:
        patch.setattr(pickles, "MOST_BYTES", 1000)
        refused(cifar10, "data_batch_1 is too large")
    with monkeypatch.context() as patch:
        patch.setattr(cifar, "_MOST_BYTES", 10000)
        refused(cifar10, "unpacks to more than it should")
    # Zeros behind the end: a small file that would unpack to a hundred megabytes.
    content = members("cifar10") | {"zeros": bytes(10**8)}
    file.write_bytes(targz(content))
    assert file.stat().st_size < 2 * 10**6
    monkeypatch.setattr(cifar, "_MOST_BYTES", 10**7)
    refused(cifar10, "unpacks to more than it should")
