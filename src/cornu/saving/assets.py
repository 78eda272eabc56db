"""Files that layers keep beside their weights, such as vocabularies, in `.keras` files.

As in Keras they lie under `assets/`, each layer's at the path of its weights. A layer
that has some writes them with `save_assets(folder)` and reads them with `load_assets`.
"""

from __future__ import annotations

import os
import tempfile
import zipfile

from cornu.layers.layer import Layer
from cornu.saving.layout import owners
from cornu.saving.parts import ASSETS, Archive, Folder

# Words shrink no more than this, and a few bytes of them may be one word.
_MOST_SHRUNK, _ALWAYS_ALLOWED = 20, 2**22


def assets_of(model: Layer) -> dict[str, bytes]:
    """The files of all layers, by their names in an archive."""
    found: dict[str, bytes] = {}
    for where, owner in owners(model):
        if not hasattr(owner, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            owner.save_assets(folder)
            for name in sorted(os.listdir(folder)):
                with open(os.path.join(folder, name), "rb") as file:
                    found[f"{ASSETS}{where}/{name}"] = file.read()
    return found


def load_assets(model: Layer, parts: Archive | Folder) -> None:
    """Let all layers read their files.

    Args:
        model: a model made of the same layers.
        parts: what is in a `.keras` file.

    Raises:
        ValueError: when a file is not what its layer wrote.
    """
    sizes = parts.sizes()
    names = [name for name in sizes if name.startswith(f"{ASSETS}/")]
    total = sum(sizes[name] for name in names)
    if total > parts.nbytes * _MOST_SHRUNK + _ALWAYS_ALLOWED:
        raise zipfile.BadZipFile(f"its assets say that they have {total} bytes")
    for where, owner in owners(model):
        start = f"{ASSETS}{where}/"
        # Only files that lie there themselves: no name leads out of the folder.
        mine = [n for n in names if n.startswith(start) and _plain(n[len(start) :])]
        if not mine or not hasattr(owner, "load_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in mine:
                path = os.path.join(folder, name[len(start) :])
                with open(path, "wb") as file:
                    file.write(parts.read(name))
            owner.load_assets(folder)


def _plain(name: str) -> bool:
    return bool(name) and name == os.path.basename(name) and "\\" not in name


def refuse_assets(model: Layer, suffix: str) -> None:
    """Raise for a format that would lose the vocabularies of a model."""
    if assets_of(model):
        raise ValueError(
            f"Model {model.name!r} has layers with vocabularies of their own, which "
            f"files in the format of {suffix!r} do not hold.\n"
            "Expected a name that ends in '.keras'.\n"
            "Save it under such a name, or give the layers vocabulary=."
        )
