"""What real Keras is asked about folders: which files, in which order, which labels.

Run as a script with a folder, it asks real Keras, and writes the answers as JSON. What
is asked here runs without TensorFlow, which makes Keras's data sets themselves.
"""

import json
import random
import sys

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
INDEXED = {
    "sorted": {"shuffle": False},
    "shuffled": {"seed": 7},
    "chosen": {"seed": 1, "class_names": ["two", "one"]},
    "no labels": {"labels": None, "seed": 3},
    "listed": {"labels": [0, 5, 2, 0, 0, 1, 2, 5], "seed": 4},
    "links": {"follow_links": True, "shuffle": False},
}
SPLITS = [(0.25, "training"), (0.25, "validation"), (0.6, "training")]
SIZES = [
    *[(0.5, None), (None, 0.3), (3, None), (None, 3), (0.3, 0.3), (2, 4), (0.66, 3)],
    *[(0, None), (10, None), (1.0, None), (0.7, 0.7), (8, 8), (0.01, None), ("a", 1)],
]


def arguments(given):
    """Arguments of Keras's index_directory."""
    return {"labels": "inferred", "formats": FORMATS, "verbose": False, **given}


def answers(folder):
    """What Keras says."""
    from keras.src.utils import dataset_utils as utils

    found = {"indexed": {}, "splits": [], "sizes": [], "order": list(range(9))}
    for name, given in INDEXED.items():
        paths, labels, classes = utils.index_directory(folder, **arguments(given))
        labels = None if labels is None else [int(label) for label in labels]
        found["indexed"][name] = [paths, labels, classes]
        if name == "shuffled":
            for split, subset in SPLITS:
                part = utils.get_training_or_validation_split(
                    paths, labels, split, subset
                )
                found["splits"].append(part)
    for left, right in SIZES:
        try:
            made = utils._rescale_dataset_split_sizes(left, right, 10)
        except (TypeError, ValueError) as error:
            made = type(error).__name__
        found["sizes"].append(made)
    random.seed(5)  # as Keras's split_dataset does
    random.shuffle(found["order"])
    return found


if __name__ == "__main__":
    output, sys.stdout = sys.stdout, sys.stderr
    json.dump(answers(sys.argv[1]), output)
