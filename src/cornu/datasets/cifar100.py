"""CIFAR-100: small colour photographs of a hundred things."""

from __future__ import annotations

import os

import numpy as np

from cornu.datasets import cifar, lookup

__all__ = ["load_data"]

_FILE = lookup.RemoteFile(
    title="CIFAR-100",
    name="cifar-100-python.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
    checksum="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    others=("cifar-100-python-target_archive",),
    folders=("cifar-100-python-target", "cifar-100-python"),
)
_BATCHES = cifar.Batches(
    folder="cifar-100-python",
    train={"train": 50000},
    test={"test": 10000},
    classes={"fine_labels": 100, "coarse_labels": 20},
)


def load_data(
    label_mode: str = "fine", path: str | os.PathLike[str] | None = None
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Loads the CIFAR-100 dataset.

    60,000 colour photographs, 32 by 32 pixels, 600 of each of a hundred classes; a
    sixth of them are the test set. The classes form groups of five. Collected by Alex
    Krizhevsky, Vinod Nair and Geoffrey Hinton; see
    https://www.cs.toronto.edu/~kriz/cifar.html.

    The groups (`label_mode="coarse"`) are: 0 aquatic mammals, 1 fish, 2 flowers, 3 food
    containers, 4 fruit and vegetables, 5 household electrical devices, 6 household
    furniture, 7 insects, 8 large carnivores, 9 large man-made outdoor things, 10 large
    natural outdoor scenes, 11 large omnivores and herbivores, 12 medium-sized mammals,
    13 non-insect invertebrates, 14 people, 15 reptiles, 16 small mammals, 17 trees,
    18 vehicles 1, 19 vehicles 2.

    The classes (`label_mode="fine"`) are, in the order of the alphabet: 0 apple,
    1 aquarium fish, 2 baby, 3 bear, 4 beaver, 5 bed, 6 bee, 7 beetle, 8 bicycle,
    9 bottle, 10 bowl, 11 boy, 12 bridge, 13 bus, 14 butterfly, 15 camel, 16 can,
    17 castle, 18 caterpillar, 19 cattle, 20 chair, 21 chimpanzee, 22 clock, 23 cloud,
    24 cockroach, 25 couch, 26 crab, 27 crocodile, 28 cup, 29 dinosaur, 30 dolphin,
    31 elephant, 32 flatfish, 33 forest, 34 fox, 35 girl, 36 hamster, 37 house,
    38 kangaroo, 39 keyboard, 40 lamp, 41 lawn mower, 42 leopard, 43 lion, 44 lizard,
    45 lobster, 46 man, 47 maple tree, 48 motorcycle, 49 mountain, 50 mouse,
    51 mushroom, 52 oak tree, 53 orange, 54 orchid, 55 otter, 56 palm tree, 57 pear,
    58 pickup truck, 59 pine tree, 60 plain, 61 plate, 62 poppy, 63 porcupine,
    64 possum, 65 rabbit, 66 raccoon, 67 ray, 68 road, 69 rocket, 70 rose, 71 sea,
    72 seal, 73 shark, 74 shrew, 75 skunk, 76 skyscraper, 77 snail, 78 snake, 79 spider,
    80 squirrel, 81 streetcar, 82 sunflower, 83 sweet pepper, 84 table, 85 tank,
    86 telephone, 87 television, 88 tiger, 89 tractor, 90 train, 91 trout, 92 tulip,
    93 turtle, 94 wardrobe, 95 whale, 96 willow tree, 97 wolf, 98 woman, 99 worm.

    `cifar-100-python.tar.gz`, or the folder `cifar-100-python` that it unpacks to, is
    looked for in the folders of the environment variable `CORNU_DATA`, in Cornu's cache
    (`~/.cornu/datasets`) and in Keras's (`~/.keras/datasets`). If it is in none of
    them, the archive (169 MB) is downloaded into Cornu's cache. It is read without
    unpacking it, and without running what its pickles might ask for.

    Args:
        label_mode: "fine" for the classes, "coarse" for the groups.
        path: another name of the archive or folder; or the name of an .npz file with
            `x_train`, `y_train`, `x_test` and `y_test`, whose labels are of this mode.
            An absolute path is the only place then.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images, uint8 `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` with red, green and blue from 0 to 255, and labels, int64
        `(50000, 1)` and `(10000, 1)` from 0 to 99, or to 19.

    Raises:
        DatasetUnavailable: when the file is nowhere, and cannot be downloaded.
        ValueError: when the label mode is another, or the file that was found does not
            hold CIFAR-100.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = cornu.datasets.cifar100.load_data()
    ```

    License: none is stated. The authors ask to cite A. Krizhevsky, "Learning Multiple
    Layers of Features from Tiny Images", 2009.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f"cifar100.load_data: label_mode is {label_mode!r}.\n"
            "Expected 'fine' (100 classes) or 'coarse' (20 groups of them).\n"
            "Pass one of the two."
        )
    train, test = cifar.load(_FILE, path, _BATCHES, f"{label_mode}_labels")
    # These labels are a list in the file, and Keras has them as NumPy's usual integers.
    return (train[0], train[1].astype("int64")), (test[0], test[1].astype("int64"))
