"""CTC: sequences of labels whose places in the outputs are not known."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.graph.dispatch import edge
from cornu.losses.classes import Plain
from cornu.losses.loss import as_tensor


@edge
def ctc(y_true: Any, y_pred: Any) -> Any:
    """The negative log probability of label sequences (Graves et al., 2006).

    Args:
        y_true: labels of shape (batch, labels), from 1 on; filled up at the end with 0
            or -1, which count for nothing. Of each row, as many entries count from the
            left as there are labels in it; so a 0 between labels is one of them, and
            a label at the end is not. `fit` warns of such rows.
        y_pred: logits of shape (batch, steps, classes); class 0 stands for no label.

    Returns:
        Tensor of shape (batch,); infinite where a row has more labels than its steps
        can hold.

    Raises:
        ValueError: for other shapes; for data at hand also where a row has too few
            steps, or a label that is no class.
    """
    labels, logits = as_tensor(y_true), as_tensor(y_pred)
    if len(labels.shape) != 2 or len(logits.shape) != 3:
        raise ValueError(
            f"The CTC loss was given targets of shape {labels.shape} and outputs of "
            f"shape {logits.shape}.\n"
            "Expected (batch, labels) and (batch, steps, classes).\n"
            "Let the last layer give logits for each step."
        )
    lengths = ops.sum(ops.cast(ops.greater(labels, 0), "int32"), axis=-1)
    steps = ops.full(logits.shape[:1], logits.shape[1], "int32")
    return ops.ctc_loss(labels, logits, lengths, steps)


class CTC(Plain):
    """CTC of labels and logits; see `losses.ctc`.

    Args:
        reduction: see `Loss`.
        name: its name.
        dtype: dtype to compute in, floatx by default.

    Example:

    >>> import numpy as np
    >>> logits = np.zeros((1, 3, 4), "float32")
    >>> round(float(CTC()([[1, 2, -1]], logits)), 4)
    2.5494
    """

    function = staticmethod(ctc)
