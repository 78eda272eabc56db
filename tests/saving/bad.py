"""What the tests of bad files share."""

import json
import tracemalloc
import zipfile

import pytest

import cornu
from cornu import layers
from cornu.saving import load_model
from cornu.saving.checks import NoSuchFile
from cornu.serialization import WrongArguments

MEGABYTE = 2**20


def small():
    model = cornu.Sequential([cornu.Input((3,)), layers.Dense(2, name="out")])
    model.compile("sgd", "mse")
    return model


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, parts, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def rewrite(path, change):
    """Write a small model whose description is changed."""
    small().save(path)
    parts = parts_of(path)
    config = json.loads(parts["config.json"])
    parts["config.json"] = json.dumps(change(config) or config)
    pack(path, parts)


def refused(path, match=None, function=load_model, kind=ValueError):
    tracemalloc.start()
    with pytest.raises(kind, match=match) as caught:
        function(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * MEGABYTE
    # One that is not told of as itself would be told of by chance.
    assert type(caught.value) in (kind, NoSuchFile, WrongArguments)
    assert isinstance(caught.value, kind)
    text = str(caught.value)
    assert len(text.splitlines()) == 3, text
    assert all(text.splitlines()), text
    assert len(text) < 3000
    return text
