"""Taking a model elsewhere: into PyTorch, into JAX, into files that others run."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from cornu.training.forward import forward_graph
from cornu.training.loop import Trainer


class Portable(Trainer):
    """How a model is taken elsewhere; a part of `Model`."""

    def _tracer(self) -> Any:
        """A function of (nest, specs, training) to the graph of a forward pass.

        What is trainable is noted now.
        """
        noted = {layer: layer.trainable for layer in self._flatten_layers()}
        return partial(forward_graph, self, noted=noted)

    def _refuse_to_move(self, method: str) -> None:
        """Raise for a model that has no weights yet, or works on text."""
        if not self.built:
            raise ValueError(
                f"Model {self.name!r} is not built: it has no weights yet.\n"
                f"Expected a model that is built before {method}.\n"
                "Give it an Input, or call it on data first."
            )
        if self.takes_text:
            names = [x.name for x in self._flatten_layers() if x.on_host]
            raise ValueError(
                f"Model {self.name!r} has layers that work on text or look words up "
                f"({', '.join(map(repr, names))}), which are no part of its graph.\n"
                f"Expected numbers all the way through, for {method}.\n"
                "Take these layers out: call them on the data first, and make a model "
                "of the others."
            )

    def to_torch(self) -> Any:
        """The model as a `torch.nn.Module`.

        Its parameters lie in the memory of the model's weights: what optimizers of
        PyTorch make of them the model has at once, and what `fit`, `set_weights` or
        `load_weights` make of them the module has. (From then on the weights stay in
        NumPy's memory, so that another engine has to bring them there in each step.)
        What is not trained (moving averages, seeds) are buffers. The names in its
        `state_dict` are the paths of the weights: `dense.kernel`.

        `train()` and `eval()` switch `training=`. Gradients are Cornu's own, those of
        gradients too. One graph is made per signature of inputs. `module.to("cuda")`
        leaves the model's memory; `module.to_cornu()` brings weights back from there.

        Returns:
            The module; its `losses` hold what regularizers add to the loss in
            training.

        Raises:
            ImportError: when PyTorch is not installed.
            ValueError: when the model is not built, or works on text.
        """
        self._refuse_to_move("to_torch()")
        module = _room("torch.module", "PyTorch", "torch")
        return module.Module(self._tracer(), self.variables, f"Module of {self.name!r}")


def _room(name: str, library: str, extra: str) -> Any:
    """A module of an engine, or an error that says what is to be installed."""
    try:
        return importlib.import_module(f"cornu.engines.{name}")
    except ImportError as error:
        raise ImportError(
            f"{library} cannot be imported: {error}.\n"
            "Expected it for taking a model there.\n"
            f"Run `pip install 'cornu[{extra}]'`."
        ) from error
