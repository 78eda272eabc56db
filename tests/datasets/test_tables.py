"""Boston and California housing: as real Keras loads them from the same files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu.datasets import boston_housing, california_housing
from tests.datasets.conftest import as_npz
from tests.datasets.reference import Call, assert_same, cornu_loads, keras_loads
from tests.datasets.server import Server

CHOICES: list[dict[str, Any]] = [
    {},
    {"test_split": 0},
    {"test_split": 0.5, "seed": 0},
    {"test_split": 0.999, "seed": 2**32 - 1},
]
SMALL: list[Call] = [
    *[("boston_housing.load_data", choice) for choice in CHOICES],
    *[("california_housing.load_data", choice) for choice in CHOICES],
    ("california_housing.load_data", {"version": "small"}),
    ("california_housing.load_data", {"path": "float32.npz"}),
]
MODULES = {"boston": boston_housing, "california": california_housing}


def table(rows: int, columns: int, dtype: str = "float64") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(rows)
    return {
        "x": rng.normal(size=(rows, columns)).astype(dtype),
        "y": rng.uniform(5, 50, rows).astype(dtype),
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "boston_housing.npz").write_bytes(as_npz(**table(53, 13)))
    (folder / "california_housing.npz").write_bytes(as_npz(**table(701, 8)))
    (folder / "float32.npz").write_bytes(as_npz(**table(50, 8, "float32")))
    return folder


@pytest.fixture(scope="module")
def theirs(small: Path) -> list[Any]:
    return keras_loads(small, SMALL)


@pytest.mark.parametrize("number", range(len(SMALL)), ids=lambda i: str(SMALL[i]))
def test_as_keras_does(
    small: Path, theirs: list[Any], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    assert_same(cornu_loads(SMALL[number]), theirs[number])


def test_the_real_boston(real_data: str, tmp_path: Path) -> None:
    from tests.datasets.test_words import in_keras_cache

    in_keras_cache(["boston_housing.npz"], tmp_path, real_data)
    calls: list[Call] = [("boston_housing.load_data", choice) for choice in CHOICES]
    for call, theirs in zip(calls, keras_loads(tmp_path, calls), strict=True):
        assert_same(cornu_loads(call), theirs)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    assert x_train.shape == (404, 13)
    assert x_test.shape == (102, 13)
    # As the book prints them.
    assert y_train[:5].tolist() == [15.2, 42.3, 50.0, 21.1, 17.7]
    assert y_test.dtype == x_test.dtype == np.float64


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"test_split": 1}, "test_split"),
        ({"test_split": -0.5}, "test_split"),
        ({"test_split": "a"}, "test_split"),
        ({"test_split": float("nan")}, "test_split"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
    ids=str,
)
def test_arguments_are_checked(
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    arguments: Any,
    named: str,
) -> None:
    monkeypatch.setenv("CORNU_DATA", str(small))
    with pytest.raises(ValueError) as raised:
        module.load_data(**arguments)
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert lines[0].endswith(f".load_data: {named} is {arguments[named]!r}.")


def test_the_version_is_checked() -> None:
    with pytest.raises(ValueError, match=r"version is 'middle'.\nExpected 'large'"):
        california_housing.load_data("middle")


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": np.ones(3)}, r"50 rows, 3 (prices|values)"),
        ({"x": np.ones((50, 7))}, r"x is float64 of shape \(50, 7\)"),
        ({"y": np.arange(50)}, "y is int64"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    change: Any,
    match: str,
) -> None:
    columns = 13 if module is boston_housing else 8
    content = as_npz(**{**table(50, columns), **change})
    (tmp_path / "x.npz").write_bytes(content)
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=match) as raised:
        module.load_data(path="x.npz")
    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_they_are_downloaded(
    server: Server,
    small: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
) -> None:
    file = module._FILE
    server.body = (small / file.name).read_bytes()
    checksum = hashlib.sha256(server.body).hexdigest()
    urls = (server.url("wrong/x"), server.url("good/x"))
    monkeypatch.setattr(module, "_FILE", file._replace(urls=urls, checksum=checksum))
    mine = module.load_data()
    assert (home / ".cornu" / "datasets" / file.name).read_bytes() == server.body
    monkeypatch.setenv("CORNU_DATA", str(small))
    assert_same(mine, module.load_data())
