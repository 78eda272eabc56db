"""Taking a model elsewhere: into PyTorch, into JAX, into files that others run."""

from __future__ import annotations

import importlib
import os
from functools import partial
from typing import Any

from cornu.graph.messages import nearest, refuse_unknown
from cornu.saving.numpy_script import save_numpy
from cornu.saving.onnx_file import save_onnx
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
        return module.Module(self, self._tracer())

    def to_jax(self, stateful: bool = False) -> tuple[Any, ...]:
        """The model as a pure function for JAX, and its parameters.

        The function can be differentiated (`jax.grad`, as often as you like), compiled
        (`jax.jit`) and mapped (`jax.vmap`). Its gradients are Cornu's own, backwards:
        JAX refuses `jax.jvp` and `jax.jacfwd`. The parameters are what the weights are
        now, in the same memory where JAX can read it; whatever becomes of the one or
        of the other, they do not change each other. `set_state_tree` brings them back.

        Args:
            stateful: whether to get what is not trained, too (moving averages, seeds),
                and a function that computes it anew; else it is held.

        Returns:
            `(apply, params)`: `apply(params, x)` is what `predict` gives. With
            `stateful=True`, `(apply, params, state)`: `apply(params, state, x,
            training=False, return_losses=False)` is the outputs and the state after
            the call (and what regularizers and `add_loss` add to the loss). `params`
            and `state` are nested dicts, by the parts of the variables' paths.

        Raises:
            ImportError: when JAX is not installed.
            ValueError: when the model is not built, or works on text.
        """
        self._refuse_to_move("to_jax()")
        room = _room("jax.function", "JAX", "jax")
        groups = {
            "params": self.trainable_variables,
            "state": self.non_trainable_variables,
        }
        function = room.Function(self._tracer(), groups, f"Model {self.name!r}")
        params, held = function.values("params"), function.values("state")
        if not stateful:
            return lambda params, x: function(params, held, x, False)[0], params

        def apply(
            params: Any,
            state: Any,
            x: Any,
            training: bool = False,
            return_losses: bool = False,
        ) -> tuple[Any, ...]:
            outputs, after, losses = function(params, state, x, bool(training))
            return (outputs, after, losses) if return_losses else (outputs, after)

        return apply, params, held

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the forward pass to a file that other programs run.

        What is written gives what `predict` gives; it is tried on made inputs before.
        'onnx' is a file for ONNX Runtime and others, with the weights inside. 'numpy'
        is a Python file that needs NumPy alone, with the weights in an `.npz` beside
        it; its `predict` takes arrays.

        Args:
            filepath: the file, such as 'model.onnx' or 'model.py'. It is written whole
                or not at all.
            format: 'onnx' or 'numpy'. The other formats of Keras's are refused, and
                the error says what to do instead.
            verbose: whether to print what was written; True by default.
            input_signature: what has shape and dtype (`cornu.layers.InputSpec`), nested
                as the inputs are, where they are not those of the Inputs. A first size
                of None leaves the batch open, which is so by default; where the model
                does not allow that, a warning says so, and tells the batch.
            **kwargs: `opset_version` of ONNX, of which only the written one is taken.

        Raises:
            ImportError: when onnx or ONNX Runtime is not installed.
            NotImplementedError: when ONNX lacks an operation of the model.
            ValueError: for other formats, for models that work on text or change when
                they predict, and when what would be written computes something else.

        Example:

        >>> import cornu, tempfile
        >>> model = cornu.Sequential([cornu.Input((4,)), cornu.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.export(f"{folder}/model.py", format="numpy", verbose=False)
        ...     sorted(os.listdir(folder))
        ['model.npz', 'model.py']
        """
        opset = kwargs.pop("opset_version", None)
        known = ["format", "verbose", "input_signature"]
        refuse_unknown("export", kwargs, [*known, "opset_version"])
        if format not in _WRITTEN:
            raise ValueError(
                f"export was given format={format!r}.\n"
                f"Expected one of {', '.join(map(repr, _WRITTEN))}.\n"
                f"{_INSTEAD.get(format, nearest(format, list(_WRITTEN)))}"
            )
        self._refuse_to_move("export()")
        trace = self._tracer()
        if format == "onnx":
            said = save_onnx(self, trace, filepath, input_signature, opset)
        elif opset is None:
            said = save_numpy(self, trace, filepath, input_signature)
        else:
            raise ValueError(
                f"export was given opset_version={opset} with format={format!r}.\n"
                "Expected it with format='onnx' alone.\nLeave it away."
            )
        if verbose is None or verbose:
            print(f"Saved artifact at {os.fspath(filepath)!r} ({said}).")


_WRITTEN = ("onnx", "numpy")
_INSTEAD = {
    "tf_saved_model": "Write format='onnx', which ONNX Runtime serves.",
    "litert": "Write format='onnx', which ONNX Runtime runs on mobile devices too.",
    "openvino": "Write format='onnx', which OpenVINO reads.",
    "torch": "Call model.to_torch(), which is a module of PyTorch's.",
}


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
