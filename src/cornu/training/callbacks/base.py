"""The base of callbacks, and the list that calls them."""

from __future__ import annotations

from collections.abc import Iterable
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
    """

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

    def wants_batches(self) -> bool:
        """Whether a batch hook is overridden: only then are batch logs computed."""
        return any(
            getattr(type(self), hook) is not getattr(Callback, hook)
            for hook in BATCH_HOOKS
        )


class CallbackList:
    """Calls every callback; `callbacks.on_epoch_end(...)` calls it on all.

    Args:
        callbacks: the callbacks, or one.
        model: what they are told of.
        params: what `fit` was called with.
        *own: callbacks that come after the user's.

    Raises:
        TypeError: for something that is no Callback.
    """

    def __init__(
        self, callbacks: Any, model: Any, params: dict[str, Any], *own: Callback
    ) -> None:
        if callbacks is None:
            callbacks = []
        if not isinstance(callbacks, Iterable):
            callbacks = [callbacks]
        self.callbacks = [*callbacks, *own]
        for each in self.callbacks:
            if not isinstance(each, Callback):
                raise TypeError(
                    f"callbacks= holds {each!r}.\n"
                    "Expected objects of classes derived from callbacks.Callback.\n"
                    "Pass an instance, not the class or a function."
                )
            each.set_model(model)
            each.set_params(params)
        self.wants_batches = any(c.wants_batches() for c in self.callbacks)

    def __getattr__(self, hook: str) -> Any:
        if not hook.startswith("on_"):
            raise AttributeError(hook)
        hooks = [getattr(c, hook) for c in self.callbacks]

        def call(*args: Any) -> None:
            for each in hooks:
                each(*args)

        return call
