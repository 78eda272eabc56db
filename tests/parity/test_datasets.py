"""Data sets of folders beside real Keras: which files, which order, which labels.

Keras makes its data sets themselves with TensorFlow; what is asked here runs without.
"""

import os
import random

import numpy as np
import pytest
from PIL import Image

import cornu
from cornu.utils import image_dataset_from_directory, split_dataset

NAMES = ["one/a.png", "one/B.PNG", "one/deep/c.jpg", "two/d.bmp", "two/e.gif",
         "two/deep/er/f.jpeg", "three/g.png", "three/h.png"]  # fmt: skip
FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
INDEXED = {
    "sorted": {"shuffle": False},
    "shuffled": {"seed": 7},
    "chosen": {"seed": 1, "class_names": ["two", "one"]},
    "no labels": {"labels": None, "seed": 3},
    "listed": {"labels": [0, 5, 2, 0, 0, 1, 2, 5], "seed": 4},
    "links": {"follow_links": True, "shuffle": False},
}
SIZES = [
    *[(0.5, None), (None, 0.3), (3, None), (None, 3), (0.3, 0.3), (2, 4), (0.66, 3)],
    *[(0, None), (10, None), (1.0, None), (0.7, 0.7), (8, 8), (0.01, None), ("a", 1)],
]
FUNCTIONS = [
    "utils.audio_dataset_from_directory",
    "utils.image_dataset_from_directory",
    "utils.split_dataset",
    "utils.text_dataset_from_directory",
    "utils.timeseries_dataset_from_array",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight images; each has a level of gray of its own, 10 i + 5."""
    root = tmp_path_factory.mktemp("images")
    for i, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8, 3), 10 * i + 5, "uint8")).save(path)
    os.symlink(root / "three", root / "one" / "linked", target_is_directory=True)
    return str(root)


def theirs(both, function, *args, **kwargs):
    """What a function of Keras's dataset_utils returns."""
    target = {"object": f"src.utils.dataset_utils.{function}"}
    request = {"do": "call", "target": target, "args": args, "kwargs": kwargs}
    return both.reference.answer(request)


def indexed(both, folder, **given):
    given = {"labels": "inferred", "formats": FORMATS, "verbose": False, **given}
    return theirs(both, "index_directory", folder, **given)["value"]


def images(folder, **given):
    given = {"image_size": (4, 5), "verbose": False, **given}
    return image_dataset_from_directory(folder, **given)


@pytest.mark.parametrize("path", FUNCTIONS)
def test_signatures(both, path):
    mine, keras = both.ask("describe", path=path)
    assert mine["parameters"] == keras["parameters"]


@pytest.mark.parametrize("name", INDEXED)
def test_files_and_labels(both, name, folder):
    paths, labels, classes = indexed(both, folder, **INDEXED[name])
    dataset = images(folder, **INDEXED[name])
    assert dataset.file_paths == paths
    assert dataset.class_names == classes
    if labels is None:
        return
    # The level of gray shows which file a label goes with.
    found = {}
    for batch, numbers in dataset:
        for image, label in zip(batch.numpy(), numbers.numpy(), strict=True):
            found[NAMES[round(float(image.mean()) / 10 - 0.5)]] = int(label)
    real = [os.path.relpath(os.path.realpath(path), folder) for path in paths]
    assert found == dict(zip(real, np.asarray(labels).tolist(), strict=True))


@pytest.mark.parametrize(
    ("split", "subset"), [(0.25, "training"), (0.25, "validation"), (0.6, "training")]
)
def test_splits(both, split, subset, folder):
    paths, labels, _ = indexed(both, folder, seed=7)
    paths, labels = theirs(
        both, "get_training_or_validation_split", paths, labels, split, subset
    )["value"]
    chosen = {"validation_split": split, "seed": 7}
    dataset = images(folder, subset=subset, **chosen)
    assert dataset.file_paths == paths
    assert sorted(np.concatenate([y for _, y in dataset])) == sorted(labels)
    two = images(folder, subset="both", **chosen)
    assert two[subset == "validation"].file_paths == paths


@pytest.mark.parametrize(("left", "right"), SIZES)
def test_sizes_of_two_parts(both, left, right):
    found = theirs(both, "_rescale_dataset_split_sizes", left, right, 10)
    if "error" in found:
        with pytest.raises((TypeError, ValueError)) as caught:
            split_dataset(np.arange(10), left, right)
        assert type(caught.value).__name__ == found["error"]
        assert str(caught.value).count("\n") == 2
    else:
        parts = split_dataset(np.arange(10), left, right)
        assert tuple(len(part) for part in parts) == tuple(found["value"])


def test_order_of_two_parts():
    order = list(range(9))
    random.seed(5)  # as Keras's split_dataset does
    random.shuffle(order)
    left, right = split_dataset(np.arange(9), left_size=6, shuffle=True, seed=5)
    assert [int(x) for x in (*left, *right)] == order


def test_they_are_where_keras_has_them(both):
    mine, keras = both.ask("names", module="preprocessing")
    functions = {name for name in keras if "_dataset_from_" in name}
    assert functions
    assert functions <= {*mine, *cornu.preprocessing.__all__}
    for name in functions:
        assert getattr(cornu.preprocessing, name) is getattr(cornu.utils, name)
