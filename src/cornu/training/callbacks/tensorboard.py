"""TensorBoard: losses, metrics and weights in the files that TensorBoard shows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from cornu import files
from cornu.graph import config
from cornu.graph.messages import described, nearest, warn_user
from cornu.layers import Embedding
from cornu.training.callbacks.base import BATCH_HOOKS, ThrottledCallback
from cornu.training.callbacks.event_file import EventFile
from cornu.training.callbacks.rates import rates_of

clock = time.perf_counter


class TensorBoard(ThrottledCallback):
    """Writes files that TensorBoard shows; `tensorboard --logdir=logs` starts it.

    The folder `train` gets `epoch_loss`, `epoch_accuracy`, ..., `epoch_learning_rate`,
    and the model's graph; `validation` gets `epoch_loss`, ..., and after each
    evaluation `evaluation_loss_vs_iterations`, ... The names are Keras's. TensorBoard
    itself need not be installed where the training runs.

    Args:
        log_dir: the folder; made if it is missing.
        histogram_freq: write histograms of all weights each so many epochs; 0: never.
        write_graph: whether to write the graph of a Sequential or functional model.
        write_images: whether to write the weights as images, too, with the histograms.
        write_steps_per_second: whether to write how many steps a second has.
        update_freq: 'epoch', or each how many batches `batch_loss`, ... are written,
            too; 'batch' is 1.
        profile_batch: only 0: there is no profiler.
        embeddings_freq: write the tables of Embedding layers for TensorBoard's
            projector each so many epochs; 0: never.
        embeddings_metadata: a file with a name per row of the table, relative to
            `log_dir`; or a dict from names of layers to such files.

    Raises:
        ValueError: for another `update_freq`, negative numbers, `profile_batch`,
            and for names of `embeddings_metadata` that no Embedding layer has.

    Example:

    >>> board = TensorBoard("logs/first", histogram_freq=1)
    """

    reports = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if profile_batch not in (0, "0", None, False):
            raise ValueError(
                f"TensorBoard was given profile_batch={profile_batch!r}.\n"
                "Expected 0: there is no profiler for it.\n"
                "Leave it away, and print(model.train_program) to see what a step does."
            )
        for name, value in (
            ("histogram_freq", histogram_freq),
            ("embeddings_freq", embeddings_freq),
        ):
            _check_number(name, value, least=0)
        if update_freq not in ("batch", "epoch"):
            _check_number("update_freq", update_freq, least=1)
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._folder = Path(self.log_dir)
        self._files: dict[str, EventFile] = {}
        self._batches = 0  # of this training
        self._batch_began = self._epoch_began = clock()
        self._done_before = 0  # updates before this epoch
        self._told: set[str] = set()

    # Where it writes

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._flush()
        # As it is now: the folder of the process may change.
        self._folder, self._files = Path(self.log_dir).absolute(), {}
        self._graph_written = not self.write_graph
        if self.embeddings_freq:
            self._configure_projector()

    def _file(self, name: str) -> EventFile:
        """The file of 'train' or of 'validation'."""
        if name not in self._files:
            self._files[name] = EventFile(self._folder / name)
        return self._files[name]

    def _flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def _scalars(self, where: str, named: dict[str, Any], step: int) -> None:
        for name, value in named.items():
            if np.ndim(value):
                if name not in self._told:
                    self._told.add(name)
                    warn_user(
                        f"TensorBoard leaves {name!r} out: it is {described(value)}.\n"
                        "Expected one number for a curve.\n"
                        "Compile with a metric that gives one.",
                        UserWarning,
                    )
                continue
            self._file(where).scalar(name, float(value), step)

    # Batches

    def wants_batches(self) -> bool:
        # To measure a batch is to hear of all; else `due` says which ones count.
        own = type(self)
        measures = self.update_freq != "epoch" and self.write_steps_per_second
        return measures or any(
            getattr(own, h) is not getattr(TensorBoard, h) for h in BATCH_HOOKS
        )

    @property
    def every_batch(self) -> bool:  # type: ignore[override]
        """Whether batches are counted."""
        return isinstance(self.update_freq, int)

    def due(self, mode: str, step: int) -> bool:
        """Whether to be told of the end of this batch; asked after each one."""
        del step
        if mode != "train":
            return False
        self._batches += 1
        return self._is_recorded()

    def _is_recorded(self) -> bool:
        every = self.update_freq
        return isinstance(every, int) and self._batches % every == 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        self._batch_began = clock()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._is_recorded():
            return
        found = {f"batch_{name}": value for name, value in (logs or {}).items()}
        if self.write_steps_per_second:
            seconds = clock() - self._batch_began
            found["batch_steps_per_second"] = 1 / max(seconds, 1e-9)
        self._scalars("train", found, self._batches)

    # Epochs and evaluations

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0
        self._write_graph()

    def get_state(self) -> dict[str, Any]:
        return {"batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        self._batches = state["batches"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._done_before = int(self.model.optimizer.iterations)
        self._epoch_began = clock()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        found = {k: v for k, v in logs.items() if not k.startswith("val_")}
        found.update(rates_of(self.model.optimizer))
        if self.write_steps_per_second:
            steps = int(self.model.optimizer.iterations) - self._done_before
            seconds = clock() - self._epoch_began
            found["steps_per_second"] = steps / max(seconds, 1e-9)
        self._scalars("train", {f"epoch_{k}": v for k, v in found.items()}, epoch)
        validated = {k[4:]: v for k, v in logs.items() if k.startswith("val_")}
        named = {f"epoch_{k}": v for k, v in validated.items()}
        self._scalars("validation", named, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        self._flush()

    def on_test_end(self, logs: Any = None) -> None:
        step = int(self.model.optimizer.iterations)
        named = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
        self._scalars("validation", named, step)
        self._flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._flush()

    # The model

    def _write_graph(self) -> None:
        """Write the model's configuration, of which TensorBoard draws the layers."""
        drawn = type(self.model).__name__ in ("Functional", "Sequential")
        if self._graph_written or not drawn:
            return
        self._graph_written = True
        try:
            text = self.model.to_json()
        except (TypeError, ValueError) as error:
            what = str(error).partition("\n")[0]
            warn_user(
                f"TensorBoard gets no graph of model {self.model.name!r}: {what}\n"
                "Expected a model that can be written to a file.\n"
                "Pass write_graph=False to do without it.",
                UserWarning,
            )
            return
        self._file("train").keras_model("keras", text)

    def _write_weights(self, epoch: int) -> None:
        file = self._file("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name, values = weight.path.replace(":", "_"), weight.numpy()
                file.histogram(f"{name}/histogram", values, epoch)
                images = as_images(values) if self.write_images else None
                if images is not None:
                    file.images(f"{name}/image", images, epoch)

    # The projector, a part of TensorBoard

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model.layers if isinstance(layer, Embedding)]

    def _configure_projector(self) -> None:
        names = [layer.name for layer in self._embeddings()]
        given = self.embeddings_metadata
        if not isinstance(given, dict):
            given = {} if given is None else dict.fromkeys(names, os.fspath(given))
        for name in given:
            if name not in names:
                raise ValueError(
                    f"TensorBoard was given embeddings_metadata for {name!r}.\n"
                    "Expected names of Embedding layers of the model.\n"
                    f"{nearest(name, names) if names else 'It has none.'}"
                )
        lines = []
        for name in names:
            lines += ["embeddings {", f'  tensor_name: "{name}"']
            lines.append(f'  tensor_path: "train/{name}.tsv"')
            if name in given:
                lines.append(f'  metadata_path: "{given[name]}"')
            lines.append("}")
        self._folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join([*lines, ""])
        files.write(self._folder / "projector_config.pbtxt", text.encode())

    def _write_embeddings(self) -> None:
        (self._folder / "train").mkdir(parents=True, exist_ok=True)
        for layer in self._embeddings():
            rows = ["\t".join(map(str, row)) for row in layer.weights[0].numpy()]
            text = "\n".join([*rows, ""])
            files.write(self._folder / "train" / f"{layer.name}.tsv", text.encode())


def as_images(weight: np.ndarray) -> np.ndarray | None:
    """A weight as images of shape (n, height, width, channels), as Keras draws it.

    Returns:
        A bias is one column, a matrix one grey image, wider than high, a kernel of
        three axes an image per channel; None for shapes that are no images.
    """
    image = np.squeeze(weight)
    if image.ndim == 1:
        image = image.reshape(1, -1, 1, 1)
    elif image.ndim == 2:
        image = image.T if image.shape[0] > image.shape[1] else image
        image = image[np.newaxis, :, :, np.newaxis]
    elif image.ndim == 3:
        if config.image_data_format() == "channels_last":
            image = image.transpose(2, 0, 1)
        image = image[..., np.newaxis]
    drawable = image.ndim == 4 and image.shape[-1] in (1, 3, 4) and image.size
    return image if drawable else None


def _check_number(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        also = ", 'epoch' or 'batch'" if least else ""
        raise ValueError(
            f"TensorBoard was given {name}={value!r}.\n"
            f"Expected a whole number from {least} on{also}.\n"
            f"For example {name}={least}."
        )
