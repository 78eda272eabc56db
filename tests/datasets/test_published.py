"""All data sets that are found or downloaded: their addresses, arguments and help."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import pydoc
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cornu import datasets
from cornu.datasets import DatasetUnavailable, lookup

NAMES = [each for each in datasets.__all__ if each != "DatasetUnavailable"]
PUBLISHED = [name for name in NAMES if name != "synthetic_digits"]
every = pytest.mark.parametrize("name", PUBLISHED)


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"cornu.datasets.{name}")


def source_of_keras(name: str) -> str:
    spec = importlib.util.find_spec("keras")  # found, not imported
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).with_name("src") / "datasets" / f"{name}.py"
    return source.read_text(encoding="utf-8")


def files_of(name: str) -> list[lookup.RemoteFile]:
    found = []
    for value in vars(module_of(name)).values():
        if isinstance(value, lookup.RemoteFile):
            found.append(value)
        elif isinstance(value, tuple):
            found += [each for each in value if isinstance(each, lookup.RemoteFile)]
    return [file for file in found if file.urls]


def test_they_are_those_of_keras() -> None:
    folder = Path(importlib.util.find_spec("keras").origin).with_name("src")  # type: ignore
    theirs = {each.stem for each in (folder / "datasets").glob("[a-z]*.py")}
    helpers = {"cifar", "npz_utils", "npz_utils_test"}
    assert set(PUBLISHED) == theirs - helpers


@every
def test_addresses_and_checksums_are_those_of_keras(name: str) -> None:
    text = source_of_keras(name)
    files = files_of(name)
    assert files
    for file in files:
        folder, _, last = file.urls[0].rpartition("/")
        assert folder in text
        assert last in text
        if name == "fashion_mnist":  # Keras has no checksums of these
            assert len(file.checksum) == len("md5:") + 32
        else:
            assert file.checksum.removeprefix("md5:") in text
        assert last == file.name.rpartition("/")[2]
        for url in file.urls[1:]:
            assert url.partition("#")[0].endswith(f"/{last}")


@every
def test_arguments_are_those_of_keras(name: str) -> None:
    tree = ast.parse(source_of_keras(name))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        names = [each.arg for each in function.args.args]
        defaults = [ast.literal_eval(each) for each in function.args.defaults]
        mine = inspect.signature(getattr(module_of(name), function.name)).parameters
        positional = [p for p in mine.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert [p.name for p in positional[: len(names)]] == names
        assert [p.default for p in positional[: len(names)]] == defaults
        # What we have besides may be left out.
        assert all(p.default is None for p in positional[len(names) :])


@every
def test_help_tells_what_a_learner_asks(name: str) -> None:
    module: Any = module_of(name)
    text = pydoc.render_doc(module, renderer=pydoc.plaintext)
    assert f"cornu.datasets.{name} - " in text
    text = inspect.getdoc(module.load_data) or ""
    assert text.startswith("Loads the ")
    for words in (
        "(x_train, y_train), (x_test, y_test)",
        "http",
        "CORNU_DATA",
        "Args:",
        "Returns:",
        "Raises:",
        "DatasetUnavailable",
        "ValueError",
        "Example:",
        "License:",
    ):
        assert words in text, words
    assert any(dtype in text for dtype in ("uint8", "int64", "float"))
    assert f"{name}.load_data(" in text
    for parameter in inspect.signature(module.load_data).parameters.values():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            assert f"\n    {parameter.name}: " in text


@every
def test_without_a_network(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with socket.socket() as closed:  # a proxy that does not answer: no way out
        closed.bind(("127.0.0.1", 0))
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(DatasetUnavailable) as raised:
            module_of(name).load_data()
    lines = str(raised.value).splitlines()
    assert lines[0].endswith(" is not on this computer and could not be downloaded.")
    assert lines[1] == "Expected it in one of these places:"
    file = files_of(name)[0]
    for cache in (".cornu", ".keras"):
        assert any(str(home / cache / "datasets" / file.name) in s for s in lines)
    for url in file.urls:
        (line,) = (s for s in lines if url.partition("#")[0] in s)
        assert "the proxy on the way to" in line
    for word in (file.name, *file.others, *file.folders, "CORNU_DATA"):
        assert word in lines[-1]
    cache = home / ".cornu"
    assert not [each for each in cache.rglob("*") if each.is_file()]


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_of_importing(name: str) -> None:
    code = f"""
import sys, cornu
assert not any(m.startswith("cornu.datasets.") for m in sys.modules)
module = cornu.datasets.{name}
from cornu.datasets import {name}
assert module is {name}
import cornu.datasets.{name} as again
assert again is module
others = set({NAMES!r}) - {{{name!r}}}
assert not others & {{m.rpartition(".")[2] for m in sys.modules if "cornu" in m}}
"""
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr


def test_other_names_are_an_error() -> None:
    assert set(NAMES) <= set(dir(datasets))
    with pytest.raises(AttributeError, match=r"no 'imbd'.\n.*\nDid you mean 'imdb'\?"):
        _ = datasets.imbd
    with pytest.raises(ImportError, match="imbd"):
        from cornu.datasets import imbd  # type: ignore  # noqa: F401
