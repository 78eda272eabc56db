"""The base of all callbacks."""

from __future__ import annotations

from typing import Any

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
)


class Callback:
    """Base class: override the hooks that you want to hear of.

    Attributes:
        model: the model that is trained.
        params: what `fit` was called with.
        validation_data: None, as in Keras 3.
        reports: whether it only tells of the training, to files or people: of several
            processes that train together the first one does.
    """

    reports: bool = False

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}
        self.validation_data: Any = None

    def set_model(self, model: Any) -> None:
        """Called once, before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once, before training."""
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        """Called before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """Called after the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called before each epoch, which counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called after each epoch with losses and metrics, also of the validation."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each training batch (the older name)."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each training batch (the older name)."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each training batch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each training batch, with losses and metrics so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Called before an evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """Called after an evaluation, with its results."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of an evaluation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of a prediction."""

    def get_state(self) -> dict[str, Any]:
        """What this callback has to know to go on with the training in a new process.

        It is asked for after `on_train_begin`, and after batches and epochs.

        Returns:
            Numbers, text, None, NumPy arrays, and lists and dicts of them, by name.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, after `on_train_begin`.

        Within an epoch it comes after that epoch's `on_epoch_begin`, too.
        """

    def wants_batches(self) -> bool:
        """Whether a batch hook is overridden: only then are batch logs computed."""
        return any(
            getattr(type(self), hook) is not getattr(Callback, hook)
            or hook in vars(self)
            for hook in BATCH_HOOKS
        )


class ThrottledCallback(Callback):
    """Base of callbacks that look at few batches: logs are computed only for those.

    Attributes:
        every_batch: whether it has to be asked after each one; otherwise it is asked
            now and then, as engines that take many steps at once allow.
    """

    every_batch: bool = True

    def due(self, mode: str, step: int) -> bool:
        """Whether to be told that this batch ended; asked after each one.

        Args:
            mode: 'train', 'test' or 'predict'.
            step: batches that are done.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say which batches it wants.\n"
            "Expected due(self, mode, step).\nWrite it in the class."
        )


class RunCallback(Callback):
    """Base of callbacks that keep the state of the whole training, or bring it back.

    What they are given is the `Run`, with `get_state()` and `set_state(state)`.

    Attributes:
        every_batch: whether it has to be called after each one.
    """

    every_batch: bool = True

    def restore(self, run: Any) -> None:
        """Called before the first epoch, after every `on_train_begin`."""

    def keep(self, run: Any) -> None:
        """Called when all callbacks have been told of a batch, or of an epoch.

        `run.epoch` and `run.step` say what comes next; after an epoch the step is 0.
        """

    def finish(self, run: Any) -> None:
        """Called when the training is finished, after every `on_train_end`."""
