"""What each loss can mean by its targets, in one word per function.

- `numbers`: any numbers, of the shape of the outputs.
- `not_negative`: the same, from 0 on.
- `directions`: vectors along the last axis, of the shape of the outputs.
- `signs`: -1 and 1, or 0 and 1, of the shape of the outputs.
- `probabilities`: 0 and 1, or between, of the shape of the outputs.
- `one_hot`: one number per class, of the shape of the outputs.
- `indices`: the index of the class, of the shape of the outputs without their classes.
- `groups`: a whole number per sample, for outputs of shape (batch, size).
- `sequences`: rows of labels from 1 on, filled up with 0 or -1, for outputs of shape
  (batch, steps, classes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.losses import functions as f
from cornu.losses.classes import LossFunctionWrapper
from cornu.losses.ctc import ctc

KINDS: dict[Callable[..., Any], str] = {
    f.mean_squared_error: "numbers",
    f.mean_absolute_error: "numbers",
    f.mean_absolute_percentage_error: "numbers",
    f.huber: "numbers",
    f.log_cosh: "numbers",
    f.mean_squared_logarithmic_error: "not_negative",
    f.poisson: "not_negative",
    f.kl_divergence: "not_negative",
    f.cosine_similarity: "directions",
    f.hinge: "signs",
    f.squared_hinge: "signs",
    f.binary_crossentropy: "probabilities",
    f.binary_focal_crossentropy: "probabilities",
    f.dice: "probabilities",
    f.tversky: "probabilities",
    f.categorical_crossentropy: "one_hot",
    f.categorical_focal_crossentropy: "one_hot",
    f.categorical_hinge: "one_hot",
    f.sparse_categorical_crossentropy: "indices",
    f.categorical_generalized_cross_entropy: "indices",
    f.circle: "groups",
    ctc: "sequences",
}


def kind_of(loss: Any) -> str | None:
    """What a loss can mean by its targets; None for what we have not written.

    Args:
        loss: a function of this package, or a `Loss` object around one.

    Example:

    >>> from cornu import losses
    >>> kind_of(losses.Poisson()), kind_of(losses.hinge), kind_of(max)
    ('not_negative', 'signs', None)
    """
    if isinstance(loss, LossFunctionWrapper):
        if type(loss).call is not LossFunctionWrapper.call:
            return None  # a subclass of the user's computes something else
        loss = loss.fn
    return KINDS.get(loss)
