"""The list that calls the callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cornu.training.callbacks.base import Callback, RunCallback
from cornu.training.callbacks.progbar import ProgbarLogger


class CallbackList:
    """Calls every callback; `callbacks.on_train_begin(...)` calls it on all.

    As a context it leaves no unfinished line behind, whatever happens in it.

    Args:
        callbacks: the callbacks, or one.
        add_history: whether a History comes along, if there is none.
        add_progbar: whether a ProgbarLogger comes along, if there is none.
        model: what they are told of.
        **params: what `fit` was called with: verbose, epochs, steps.

    Attributes:
        callbacks: all of them, in the order in which they are called.
        history: the History among them, or None.

    Raises:
        TypeError: for something that is no Callback.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        from cornu.training.history import History

        if callbacks is None:
            callbacks = []
        if not isinstance(callbacks, Iterable) or isinstance(callbacks, str):
            callbacks = [callbacks]
        self.callbacks: list[Callback] = list(callbacks)
        for each in self.callbacks:
            if not isinstance(each, Callback):
                raise TypeError(
                    f"callbacks= holds {each!r}.\n"
                    "Expected objects of classes derived from callbacks.Callback.\n"
                    "Pass an instance, not the class or a function."
                )
        found = [c for c in self.callbacks if isinstance(c, History)]
        if add_history and not found:
            found = [History()]
            self.callbacks += found
        self.history = found[-1] if found else None
        if add_progbar and not self._bars():
            self.callbacks.append(ProgbarLogger())  # last, so that it shows all logs
        for each in self.callbacks:
            if model is not None:
                each.set_model(model)
            each.set_params(params)
        self._hearing = [c for c in self.callbacks if c.wants_batches()]
        self._throttled = [b for b in self._bars() if b not in self._hearing]
        self.keepers = [c for c in self.callbacks if isinstance(c, RunCallback)]

    def _bars(self) -> list[ProgbarLogger]:
        return [c for c in self.callbacks if isinstance(c, ProgbarLogger)]

    def __enter__(self) -> CallbackList:
        return self

    def __exit__(self, *exc: Any) -> None:
        for bar in self._bars():
            bar.leave()

    # Batches: told only to those who listen, and logs are computed only for them.

    def begin_batch(self, mode: str, step: int) -> None:
        """Tell that a batch begins, in 'train', 'test' or 'predict'."""
        for each in self._hearing:
            getattr(each, f"on_{mode}_batch_begin")(step, {})

    def end_batch(
        self, mode: str, step: int, read: Callable[[Any], Any], result: Any
    ) -> None:
        """Tell that a batch ended; `read(result)` gives the logs, if anybody asks."""
        told = self._hearing
        for each in self._throttled:
            if each.due(mode, step + 1):
                told = [*told, each]
        if told:
            logs = read(result)
            for each in told:
                getattr(each, f"on_{mode}_batch_end")(step, logs)

    def end_batches(self, mode: str, steps: int, logs: dict[str, Any]) -> None:
        """Tell who shows them of the logs of the last batch."""
        for bar in self._bars():
            bar.ended(mode, steps, logs)

    # All the rest is told to all.

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Call it on all, after making room for what they print."""
        for bar in self._bars():
            bar.hide()
        for each in self.callbacks:
            each.on_epoch_end(epoch, logs)

    def __getattr__(self, hook: str) -> Any:
        if not hook.startswith("on_"):
            raise AttributeError(hook)
        hooks = [getattr(c, hook) for c in self.callbacks]

        def call(*args: Any) -> None:
            # As in Keras, logs are a dict also where there is nothing to tell.
            args = tuple({} if arg is None else arg for arg in args)
            for each in hooks:
                each(*args)

        return call
