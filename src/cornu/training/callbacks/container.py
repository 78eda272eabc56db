"""The list that calls the callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cornu import processes
from cornu.training.callbacks.base import Callback, RunCallback, ThrottledCallback
from cornu.training.callbacks.progbar import ProgbarLogger


class CallbackList:
    """Calls every callback; `callbacks.on_train_begin(...)` calls it on all.

    As a context it leaves no unfinished line behind, whatever happens in it.

    Args:
        callbacks: the callbacks, or one, or lists of them, or another such list.
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

        self.callbacks: list[Callback] = list(_each(callbacks))
        if not processes.first():
            self.callbacks = [c for c in self.callbacks if not c.reports]
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
        self._last_logs: dict[str, Any] | None = None  # of an epoch
        if model is not None:
            self.set_model(model)
        self.set_params(params)
        self._hearing = [c for c in self.callbacks if c.wants_batches()]
        self._throttled = [
            c
            for c in self.callbacks
            if isinstance(c, ThrottledCallback) and c not in self._hearing
        ]
        self.keepers = [c for c in self.callbacks if isinstance(c, RunCallback)]

    @property
    def need_every_batch(self) -> bool:
        """Whether somebody has to be called after each batch."""
        asked = [*self._throttled, *self.keepers]
        return bool(self._hearing) or any(each.every_batch for each in asked)

    def set_model(self, model: Any) -> None:
        """Tell all of the model."""
        for each in self.callbacks:
            each.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all what `fit` was called with."""
        self.params = params
        for each in self.callbacks:
            each.set_params(params)

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
        self._last_logs = {} if logs is None else logs
        for each in self.callbacks:
            each.on_epoch_end(epoch, self._last_logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Call it on all, with the logs of the last epoch."""
        logs = (self._last_logs or {}) if logs is None else logs
        for each in self.callbacks:
            each.on_train_end(logs)

    def __getattr__(self, hook: str) -> Any:
        if not hook.startswith("on_"):
            raise AttributeError(hook)
        hooks = [getattr(c, hook) for c in self.callbacks]

        def call(*args: Any, logs: Any = None) -> None:
            # Logs come last, and are a dict even where there is nothing to tell.
            if args and (args[-1] is None or isinstance(args[-1], dict)):
                args, logs = args[:-1], args[-1]
            for each in hooks:
                each(*args, {} if logs is None else logs)

        return call


def _each(callbacks: Any) -> Iterator[Any]:
    """The callbacks in nested lists, one after the other."""
    if isinstance(callbacks, CallbackList):
        callbacks = callbacks.callbacks
    if callbacks is None:
        return
    if isinstance(callbacks, Iterable) and not isinstance(callbacks, (str, Callback)):
        for each in callbacks:
            yield from _each(each)
    else:
        yield callbacks
