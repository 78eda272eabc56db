"""Pictures of models: `plot_model` and `model_to_dot`. No Graphviz is needed."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from cornu import files
from cornu.graph.messages import described, refuse_unknown
from cornu.layers.layer import Layer
from cornu.models.diagram import Frame, Shown, arrows, cards, diagram, dot_text
from cornu.models.painting import picture

_PICTURES = ("png", "svg", "pdf")
_TEXTS = ("dot", "gv", "raw")
_SPLINES = ("ortho", "polyline", "curved", "spline", "line")
_RANKDIRS = ("TB", "LR")


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """Draw a model and write the picture to a file.

    Args:
        model: a model that is built.
        to_file: the file; its ending says what it becomes: `.png`, `.svg` or `.pdf`, or
            `.dot` for the text that Graphviz reads. PNG without an ending.
        show_shapes: whether boxes tell the shapes of inputs and outputs.
        show_dtype: whether they tell the dtype of the outputs.
        show_layer_names: whether they tell the names of layers beside their classes.
        rankdir: 'TB' from top to bottom, or 'LR' from left to right.
        expand_nested: whether the layers of nested models are drawn, in a frame.
        dpi: dots per inch of a PNG; the others have no dots.
        show_layer_activations: whether boxes tell the activation.
        show_trainable: whether they tell if their weights are trained.
        splines: how arrows go: 'ortho' at right angles, 'polyline' straight from layer
            to layer, 'spline' and 'curved' in curves, 'line' straight, over boxes too.

    Returns:
        The drawing, which notebooks show.

    Raises:
        TypeError: for something that is no model, and for unknown arguments.
        ValueError: for a model that is not built, and values that there are not.
        ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
    """
    _refuse("plot_model", plot_model, kwargs)
    drawing = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
    )
    drawing.write(to_file, format=Path(to_file).suffix[1:].lower() or "png")
    return drawing


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Drawing:
    """A model as a drawing: text in the language DOT, or a picture.

    Args:
        model: see `plot_model`, as for all that is not listed here.
        show_shapes: see there.
        show_dtype: see there.
        show_layer_names: see there.
        rankdir: see there.
        expand_nested: see there.
        dpi: see there.
        subgraph: whether the model is drawn in a frame, and its text is a cluster to be
            put in another graph.
        show_layer_activations: see there.
        show_trainable: see there.
        splines: see there.

    Returns:
        A `Drawing`, with the methods of a `pydot.Dot` that are used: `to_string()`,
        `write(path, format="raw")`, `create(format="svg")`.

    Raises:
        TypeError: for something that is no model, and for unknown arguments.
        ValueError: for a model that is not built, and values that there are not.

    Example:

    >>> import cornu
    >>> model = cornu.Sequential([cornu.layers.Dense(10, input_shape=(784,))])
    >>> model_to_dot(model, show_shapes=True)
    <Drawing of 'sequential': 1 box, 0 arrows>
    """
    _refuse("model_to_dot", model_to_dot, kwargs)
    _check_model(model)
    _check("rankdir", rankdir, _RANKDIRS)
    _check("splines", splines, _SPLINES)
    if isinstance(dpi, bool) or not isinstance(dpi, (int, float)) or not dpi > 0:
        raise ValueError(
            f"plot_model was given dpi={dpi!r}.\nExpected a positive number, the dots "
            "per inch.\n200 is usual, 300 for print."
        )
    shown = Shown(
        show_shapes,
        show_dtype,
        show_layer_names,
        show_layer_activations,
        show_trainable,
        expand_nested,
    )
    frame = diagram(model, shown, nested=subgraph)
    return Drawing(frame, rankdir, dpi, splines, subgraph)


def _refuse(owner: str, function: Any, given: dict[str, Any]) -> None:
    """Raise for arguments that there are not."""
    if given.pop("layer_range", None) is not None:
        raise ValueError(
            f"{owner}(layer_range=...) is not supported.\nExpected a whole model.\n"
            "Make a model of the part: Model(model.input, model.get_layer(...).output)."
        )
    known = [n for n in inspect.signature(function).parameters if n != "kwargs"]
    refuse_unknown(owner, given, known)


def _check_model(model: Any) -> None:
    if not isinstance(model, Layer) or not hasattr(model, "layers"):
        raise TypeError(
            f"plot_model was given {described(model)}.\nExpected a model.\n"
            "Put layers into one: Sequential([...]) or Model(inputs, outputs)."
        )
    if not model.built:
        raise ValueError(
            f"plot_model was given {type(model).__name__} {model.name!r}, which is not "
            "built.\nExpected a model whose layers know their shapes.\n"
            "Call model.build(input_shape), or the model on data, before."
        )


def _check(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(
            f"plot_model was given {name}={value!r}.\n"
            f"Expected one of {', '.join(map(repr, known))}.\n"
            f"Leave it away for {known[0]!r}."
        )


class Drawing:
    """The picture of a model, and its text in the language DOT.

    Made by `model_to_dot` and `plot_model`. Notebooks show it.
    """

    def __init__(
        self, frame: Frame, rankdir: str, dpi: float, splines: str, subgraph: bool
    ) -> None:
        self._frame = frame
        self._subgraph = subgraph
        self.rankdir, self.dpi, self.splines = rankdir, dpi, splines

    def to_string(self) -> str:
        """The text in the language DOT, for the programs of Graphviz."""
        settings = {
            "rankdir": self.rankdir,
            "dpi": self.dpi,
            "splines": self.splines,
        }
        return dot_text(self._frame, settings, self._subgraph)

    def create(self, prog: str | None = None, format: str = "svg") -> bytes:
        """The content of a picture file.

        Args:
            prog: only 'dot' or None: the layout is the one of Cornu in either case.
            format: 'svg', 'png' or 'pdf'; 'dot' or 'raw' for the text.

        Raises:
            ValueError: for other formats and programs.
            ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
        """
        _check("prog", prog, (None, "dot"))  # pyright: ignore[reportArgumentType]
        _check("the file format", format, (*_PICTURES, *_TEXTS))
        if format in _TEXTS:
            return self.to_string().encode()
        how = (self.rankdir, self.dpi, self.splines, self._subgraph)
        return picture(self._frame, format, *how)

    def write(
        self,
        path: str | os.PathLike[str],
        prog: str | None = None,
        format: str = "raw",
    ) -> bool:
        """Write the text, or a picture, to a file.

        Args:
            path: the file.
            prog: see `create`.
            format: see `create`; the text by default.

        Returns:
            True.

        Raises:
            ValueError: for other formats and programs.
            ModuleNotFoundError: without matplotlib, which the extra `lab` brings.
        """
        files.write(path, self.create(prog, format))
        return True

    def __str__(self) -> str:
        return self.to_string()

    def __repr__(self) -> str:
        boxes, edges = len(list(cards(self._frame))), len(arrows(self._frame))
        texts = [
            f"{n} {what}{'' if n == 1 else more}"
            for n, what, more in ((boxes, "box", "es"), (edges, "arrow", "s"))
        ]
        return f"<Drawing of {self._frame.title!r}: {', '.join(texts)}>"

    def _repr_svg_(self) -> str | None:
        try:
            return self.create(format="svg").decode()
        except ModuleNotFoundError:
            return None  # the notebook shows the repr
