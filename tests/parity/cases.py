"""Targets and outputs for losses and metrics, and the options that they have.

Whatever is registered and has no entry here is tried with numbers between 0 and 1 and
its default options, so that a new loss is compared as soon as it exists.
"""

from __future__ import annotations

import inspect
import zlib
from typing import Any

import numpy as np

# Options by class, beside the default ones; function of the same meaning share them.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "CosineSimilarity": [{"axis": 0}, {"axis": -2}],
    "Huber": [{"delta": 0.1}, {"delta": 3.0}],
    "BinaryCrossentropy": [
        {"from_logits": True},
        {"label_smoothing": 0.2},
        {"from_logits": True, "label_smoothing": 0.1, "axis": 0},
    ],
    "BinaryFocalCrossentropy": [
        {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5},
        {"from_logits": True, "label_smoothing": 0.1},
        {"apply_class_balancing": True, "axis": 0},
    ],
    "CategoricalCrossentropy": [
        {"from_logits": True},
        {"label_smoothing": 0.2},
        {"axis": 0},
    ],
    "CategoricalFocalCrossentropy": [
        {"alpha": 0.5, "gamma": 1.5},
        {"from_logits": True, "label_smoothing": 0.1},
        {"axis": 0},
    ],
    "SparseCategoricalCrossentropy": [
        {"from_logits": True},
        {"ignore_class": 1},
        {"ignore_class": -1, "from_logits": True},
    ],
    "Circle": [{"gamma": 8.0, "margin": 0.2}, {"remove_diagonal": False}],
    "CategoricalGeneralizedCrossEntropy": [{"q": 0.1}, {"q": 0.9}],
    "Dice": [{"axis": (1,)}, {"axis": -1}],
    "Tversky": [{"alpha": 0.2, "beta": 0.7}, {"axis": (0,)}],
    "BinaryAccuracy": [{"threshold": 0.3}],
    "TopKCategoricalAccuracy": [{"k": 1}, {"k": 2}],
    "SparseTopKCategoricalAccuracy": [{"k": 1}, {"k": 2}],
}
# Metrics that count decisions, and whole rows: tests/parity/test_decisions.py.
DECISIONS = {
    *("AUC", "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"),
    *("Precision", "Recall", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
    *("PrecisionAtRecall", "RecallAtPrecision", "FBetaScore", "F1Score", "R2Score"),
    *("IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
}
# Arguments that they cannot be made without.
NEEDED = {
    "SensitivityAtSpecificity": {"specificity": 0.4},
    "SpecificityAtSensitivity": {"sensitivity": 0.4},
    "PrecisionAtRecall": {"recall": 0.4},
    "RecallAtPrecision": {"precision": 0.4},
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
}
# Optimizers around others: what they are made of is no plain data.
WRAPPERS = ("LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")
LABELS = "SparseCategorical", "SparseTopK", "CategoricalGeneralized"
ONE_HOT = "Categorical", "TopKCategorical"
SIGNS = "Hinge", "SquaredHinge"
BINARY = ("Binary",)


def options_of(name: str, of: Any = None) -> list[dict[str, Any]]:
    """The options to try, the default ones first.

    Args:
        name: the class.
        of: the class itself, where it may lack some: metrics have fewer than losses.
    """
    every = [{}, *OPTIONS.get(name, [])]
    if of is None:
        return every
    known = inspect.signature(of).parameters
    return [options for options in every if set(options) <= set(known)]


def rng_of(*key: Any) -> np.random.Generator:
    """A generator of its own for each case."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Rows that sum to 1."""
    p = rng.uniform(0.05, 1.0, shape)
    return p / p.sum(-1, keepdims=True)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Rows with a single 1."""
    return np.eye(classes)[labels]


def data_for(
    name: str, shape: tuple[int, ...], options: dict[str, Any], dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """Targets and outputs of a shape that mean something to a loss or a metric.

    Args:
        name: its class.
        shape: shape of the outputs.
        options: its options.
        dtype: dtype of what is no class index.
    """
    rng = rng_of(name, shape, options)
    if name in ("CTC", "Ctc"):  # sequences of one or two labels, and steps enough
        target = rng.integers(1, 3, (shape[0], 2))
        target[:1, 1] = 0
        return target.astype(dtype), rng.normal(size=(shape[0], 5, 3)).astype(dtype)
    if name == "Circle":  # embeddings of length 1, each with a like and an unlike one
        outputs = rng.normal(size=(6, 4))
        outputs /= np.linalg.norm(outputs, axis=-1, keepdims=True)
        labels = np.array([0, 1, 0, 2, 1, 2], "int32")
        return labels, outputs.astype(dtype)
    logits = options.get("from_logits", False)
    outputs = rng.normal(size=shape) * 2 if logits else probabilities(rng, shape)
    labels = rng.integers(0, shape[-1], shape[:-1])
    if name.startswith(LABELS):
        if (ignored := options.get("ignore_class")) is not None and labels.size:
            labels.flat[0] = ignored
        return labels.astype("int32"), outputs.astype(dtype)
    if name.startswith(ONE_HOT):
        return one_hot(labels, shape[-1]).astype(dtype), outputs.astype(dtype)
    if name.startswith(SIGNS):
        signs = rng.choice([-1.0, 1.0], shape)
        return signs.astype(dtype), rng.normal(size=shape).astype(dtype)
    if not logits:
        outputs = rng.uniform(0.05, 0.95, shape)
    if name.startswith(BINARY):
        return rng.integers(0, 2, shape).astype(dtype), outputs.astype(dtype)
    return rng.uniform(0.05, 0.95, shape).astype(dtype), outputs.astype(dtype)


def edges_for(name: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Targets and outputs at the edges: certain, wrong, equal, nothing at all."""
    if name == "CTC":
        sure = np.eye(3)[[0, 1, 1, 2, 0]][None] * 50
        return [
            ("right", np.array([[1, 2]]), sure),
            ("wrong", np.array([[1, 1]]), sure),
        ]
    if name == "Circle":
        every = np.eye(4)
        return [
            ("none alike", np.arange(4), every),
            ("all alike", np.zeros(4, "int64"), every),
            ("equal ones", np.array([0, 0, 1, 1]), every[[0, 0, 1, 1]]),
            ("wrong", np.array([0, 1, 0, 1]), every[[0, 0, 1, 1]]),
        ]
    sure = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    wrong = sure[[1, 2, 0]]
    nothing = np.zeros((3, 3))
    if name.startswith(LABELS):
        labels = np.arange(3, dtype="int32")
        return [("right", labels, sure), ("wrong", labels, wrong)]
    cases = [
        ("right", sure, sure),
        ("wrong", sure, wrong),
        ("no target", nothing, sure),
    ]
    if not name.startswith("Categorical"):  # there 0 / 0 has no value
        cases += [("no output", sure, nothing), ("nothing", nothing, nothing)]
        cases.append(("large", sure * 1e4, wrong * 3e4))
    return cases
