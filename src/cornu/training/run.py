"""A training under way: where it is, and all that it needs to go on from there."""

from __future__ import annotations

import random as python_random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cornu.graph.variable import Variable
from cornu.ops.random import global_seed_generator
from cornu.optimizers import Optimizer
from cornu.training.callbacks import Callback
from cornu.training.feed import Feed
from cornu.training.python_state import PythonState
from cornu.training.stream import StreamFeed


class Run:
    """One call of `fit`, between two batches.

    Args:
        model: what is trained.
        callbacks: who is told of it.
        feed: where its batches come from.
        epoch: the number of its first epoch.
        prepare: makes what a first step makes (weights, optimizer, metrics).

    Attributes:
        epoch: the epoch that is under way, or comes next.
        step: batches of it that are done.
        stopped: whether a callback ended the training.
        logs: what the model's own train_step gave for the last batch.
    """

    def __init__(
        self,
        model: Any,
        callbacks: Sequence[Callback],
        feed: Feed | StreamFeed,
        epoch: int,
        prepare: Callable[[], Any],
    ) -> None:
        self.model, self.callbacks, self.feed = model, callbacks, feed
        self.epoch, self.step = epoch, 0
        self._first = (epoch, 0)
        self.stopped = False
        self.logs: Any = None
        self.resident: Any = None  # what takes many steps at once; False: nothing does
        self.logs_of_epoch: Any = None  # the last that is over
        self._prepare = prepare
        self._again: dict[str, Any] | None = None
        self._metrics = PythonState(model)

    def begin_epoch(self) -> None:
        """Note that all callbacks have been told of the epoch.

        Where it was begun before, what they did now is undone: they did it then.
        """
        if self._again is not None:
            self._set(self._again)
            self._again = None

    def begin_steps(self) -> None:
        """Note that no batch of the epoch was taken yet, and that metrics are reset."""
        self._metrics.note()

    def end_epoch(self) -> None:
        """Note that all callbacks have been told that the epoch is over."""
        self.epoch, self.step, self.logs = self.epoch + 1, 0, None
        self.stopped = bool(self.model.stop_training)

    # All of it as numbers

    def get_state(self) -> dict[str, Any]:
        """All that training needs to go on from here, as if nothing had happened.

        Before the first batch that is what callbacks know, of files that they go on
        with. The rest is as the script makes it, or not made yet.

        Returns:
            Numbers, text, None, NumPy arrays, and lists and dicts of them.
        """
        begun = (self.epoch, self.step) != self._first
        return {
            "data": self.feed.description(),
            "model": self._description() if begun else None,
            "position": {
                "epoch": self.epoch,
                "step": self.step,
                "stopped": self.stopped,
                "logs": self.logs,
                "feed": self.feed.get_state(),
            },
            "variables": [v.numpy() for v in self._variables()] if begun else None,
            "metrics": self._metrics.get() if self.step else {},
            "random": _random_state(),
            "callbacks": {
                name: state
                for name, each in self._named_callbacks()
                if (state := each.get_state())
            },
        }

    def set_state(self, state: dict[str, Any], source: str = "The state") -> None:
        """Go on from what `get_state` gave, of this model or of one made like it.

        Args:
            state: what it gave.
            source: what messages call it.

        Raises:
            ValueError: when it is of another model, of other data or callbacks.
        """
        if state["variables"] is None:
            self._set_callbacks(state)
            return
        before = [(v, v.numpy()) for v in self._variables()]
        self._prepare()
        misfit = self._misfit(state)
        if misfit is not None:
            for variable, value in before:
                variable.assign(value)
            raise ValueError(
                f"{source} is of another training: {misfit}.\n"
                "Expected the same model, optimizer, data and callbacks as then.\n"
                "Go on with the script as it was, or delete the file to start anew."
            )
        self._set(state)
        self._again = state if self.step else None

    def _set(self, state: dict[str, Any]) -> None:
        position = state["position"]
        self.epoch, self.step = position["epoch"], position["step"]
        self.stopped = self.model.stop_training = position["stopped"]
        self.logs = position["logs"]
        self.feed.set_state(position["feed"])
        self._metrics.set(state.get("metrics", {}))
        for variable, value in zip(self._variables(), state["variables"], strict=True):
            variable.assign(value)
        _set_random_state(state["random"])
        self._set_callbacks(state)

    def _set_callbacks(self, state: dict[str, Any]) -> None:
        for name, each in self._named_callbacks():
            if name in state["callbacks"]:
                each.set_state(state["callbacks"][name])

    # What belongs to it

    def _variables(self) -> list[Variable]:
        """Weights, seeds, the optimizers' variables, the metrics', the global seed."""
        found = list(self.model.variables)
        for owner in (*self.model.metrics, *self._optimizers()):
            found += owner.variables
        found.append(global_seed_generator().state)
        return list({id(v): v for v in found}.values())

    def _optimizers(self) -> list[Optimizer]:
        """The model's optimizer, and others that it or its layers keep."""
        found: dict[int, Optimizer] = {}
        for layer in self.model._flatten_layers():
            for value in vars(layer).values():
                found.update({id(each): each for each in _optimizers_in(value)})
        return list(found.values())

    def _named_callbacks(self) -> Iterator[tuple[str, Callback]]:
        """Each callback by its class; a second of the same class is numbered."""
        used: dict[str, int] = {}
        for each in self.callbacks:
            name = type(each).__name__
            used[name] = used.get(name, 0) + 1
            yield name if used[name] == 1 else f"{name} {used[name]}", each

    def _description(self) -> dict[str, Any]:
        """What has to be the same where a state is to go on; names may differ."""
        return {
            "layers": [type(x).__name__ for x in self.model._flatten_layers()],
            "optimizers": [type(x).__name__ for x in self._optimizers()],
            "shapes": [[v.path, list(v.shape), v.dtype] for v in self._variables()],
        }

    def _misfit(self, state: dict[str, Any]) -> str | None:
        """How a state differs from what it should be of, in words."""
        for name, mine in self.feed.description().items():
            if state["data"][name] != mine:
                return f"its {name} was {state['data'][name]}, not {mine}"
        mine, then = self._description(), state["model"]
        for part in ("layers", "optimizers"):
            if then[part] != mine[part]:
                return (
                    f"its {part} were {_listed(then[part])}, not {_listed(mine[part])}"
                )
        if len(then["shapes"]) != len(mine["shapes"]):
            return f"it had {len(then['shapes'])} variables, not {len(mine['shapes'])}"
        for (path, *was), (_, *now) in zip(then["shapes"], mine["shapes"], strict=True):
            if was != now:
                (shape, dtype), (own_shape, own_dtype) = was, now
                return (
                    f"its variable {path!r} was {dtype} of shape {tuple(shape)}, not "
                    f"{own_dtype} of shape {tuple(own_shape)}"
                )
        return self._other_callbacks(state["callbacks"])

    def _other_callbacks(self, states: dict[str, Any]) -> str | None:
        named = dict(self._named_callbacks())
        for name in states:
            if name not in named:
                return f"it had a callback {name}, which is missing now"
        for name, each in named.items():
            if name not in states and each.get_state():
                return f"it had no callback {name}"
        return None


def _optimizers_in(value: Any) -> list[Optimizer]:
    if isinstance(value, Optimizer):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [found for each in value for found in _optimizers_in(each)]
    return []


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _random_state() -> dict[str, Any]:
    """Of Python's and NumPy's generators: callbacks and losses may draw from them."""
    version, words, gauss = python_random.getstate()
    return {
        "version": version,
        "words": np.array(words, np.uint32),
        "gauss": gauss,
        "numpy": np.random.get_state(legacy=False),
    }


def _set_random_state(state: dict[str, Any]) -> None:
    words = tuple(int(word) for word in state["words"])
    python_random.setstate((state["version"], words, state["gauss"]))
    np.random.set_state(state["numpy"])
