"""ModelCheckpoint: writes the model, or its weights, to files while it trains."""

from __future__ import annotations

import os
import string
from pathlib import Path
from typing import Any

from cornu.training.callbacks.base import BATCH_HOOKS
from cornu.training.callbacks.monitor import MonitorCallback
from cornu.training.progress import tell


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights alone, after epochs or batches.

    Args:
        filepath: the file. `{epoch}`, `{batch}` and the names of the logs are replaced:
            "{epoch:02d}-{val_loss:.2f}.keras". It ends in ".keras" or ".h5", or in
            ".weights.h5" for weights alone. Folders are made where they are missing.
        monitor: the number that says which model is best.
        verbose: whether to tell of each file.
        save_best_only: whether only a model is saved that is better than all before.
        save_weights_only: whether to save the weights and the optimizer's state alone.
        mode: 'min', 'max', or 'auto': as the metric says.
        save_freq: 'epoch', or a number of batches.
        initial_value_threshold: with `save_best_only`, what the first saved model has
            to be better than.

    Raises:
        ValueError: for a file name that does not fit, for another `save_freq` or
            `mode`, and when `monitor` or a name in `filepath` is not measured.
        IsADirectoryError: when there is a folder of this name.

    Example:

    >>> best = ModelCheckpoint("best.weights.h5", save_best_only=True,
    ...                        save_weights_only=True)
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = checked_save_freq(save_freq, "ModelCheckpoint")
        self.best = initial_value_threshold
        self._check_name()
        self._epoch = self._batches = 0  # under way; seen since the last file

    def _check_name(self) -> None:
        whole = (".keras", ".h5", ".hdf5")
        suffixes = (".weights.h5",) if self.save_weights_only else whole
        if not self.filepath.endswith(suffixes):
            bare = self.filepath.removesuffix(".keras").removesuffix(".hdf5")
            bare = bare.removesuffix(".h5").removesuffix(".weights")
            what = "weights alone" if self.save_weights_only else "the whole model"
            raise ValueError(
                f"ModelCheckpoint is to write {what} to {self.filepath!r}.\n"
                f"Expected a name that ends in {' or '.join(map(repr, suffixes))}.\n"
                f"Write {bare + suffixes[0]!r}, or save_weights_only="
                f"{not self.save_weights_only}."
            )
        try:
            fields = [name for _, name, _, _ in string.Formatter().parse(self.filepath)]
        except ValueError as error:
            raise self._bad_format(str(error)) from None
        if any(name is not None and not name.isidentifier() for name in fields):
            raise self._bad_format("there are braces without a name in it")

    def _bad_format(self, problem: str) -> ValueError:
        return ValueError(
            f"The file name {self.filepath!r} of ModelCheckpoint cannot be filled in: "
            f"{problem}.\nExpected names in braces, with a format if need be.\n"
            "For example '{epoch:02d}-{val_loss:.2f}.keras'; '{{' stands for a brace."
        )

    def wants_batches(self) -> bool:
        # Batches are heard only where files are written between them.
        own = type(self)
        return self.save_freq != "epoch" or any(
            getattr(own, h) is not getattr(ModelCheckpoint, h) for h in BATCH_HOOKS
        )

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "epoch": self._epoch, "batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
        self._epoch, self._batches = state["epoch"], state["batches"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not isinstance(self.save_freq, int):
            return
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, {"batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, {}, logs or {})

    def _save(self, epoch: int, numbers: dict[str, Any], logs: dict[str, Any]) -> None:
        best = self._found_best(epoch, logs, numbers) if self.save_best_only else ""
        if best is None:
            return
        path = self._path({"epoch": epoch + 1, **numbers}, logs)
        if self.verbose:
            tell(f"Epoch {epoch + 1}: {best}saving model to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(str(path), overwrite=True)
        if self.verbose:
            tell(f"Epoch {epoch + 1}: finished saving model to {path}")

    def _found_best(
        self, epoch: int, logs: dict[str, Any], numbers: dict[str, Any]
    ) -> str | None:
        """What to say of the best model until now; None if this is not the best."""
        current = self.monitored(logs)
        if current is None and numbers:
            raise ValueError(
                f"ModelCheckpoint watches {self.monitor!r} every {self.save_freq} "
                "batches, but it is measured after an epoch.\n"
                f"Expected one of: {', '.join(logs)}.\n"
                "Write monitor='loss', or save_freq='epoch'."
            )
        if current is None:
            return None
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self.improves(current, self.best):
            if self.verbose:
                tell(f"Epoch {epoch + 1}: {self.monitor} did not improve from {before}")
            return None
        self.best = current
        return f"{self.monitor} improved from {before} to {current:.5f}, "

    def _path(self, numbers: dict[str, Any], logs: dict[str, Any]) -> Path:
        from cornu.training.history import Logs

        known = Logs({**logs, **numbers})
        try:
            name = self.filepath.format_map(known)
        except (KeyError, ValueError, TypeError) as error:
            missing = isinstance(error, KeyError)
            raise ValueError(
                f"The file name {self.filepath!r} of ModelCheckpoint cannot be filled "
                f"in: {'a name in it is not measured' if missing else error}.\n"
                f"Expected some of: {', '.join(sorted(known))}.\n"
                + self._way_out(logs, numbers)
            ) from None
        path = Path(name)
        if path.is_dir():
            raise IsADirectoryError(
                f"ModelCheckpoint is to write {name!r}, which is a folder.\n"
                "Expected the name of a file.\n"
                "Choose another name, or remove the folder."
            )
        return path

    def _way_out(self, logs: dict[str, Any], numbers: dict[str, Any]) -> str:
        if "{batch" in self.filepath and "batch" not in numbers:
            return "Leave {batch} away, or write between batches: save_freq=100."
        if "{val_" in self.filepath and not any(n.startswith("val_") for n in logs):
            if "batch" in numbers:
                return "Use save_freq='epoch': a validation comes after the epoch."
            return "Pass validation_data= or validation_split= to fit, each epoch."
        return "Write one of these in the braces, or compile with the metric."


def checked_save_freq(value: Any, owner: str) -> str | int:
    """'epoch' or a number of batches.

    Raises:
        ValueError: for anything else.
    """
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value != "epoch" and not whole:
        raise ValueError(
            f"{owner} was given save_freq={value!r}.\n"
            "Expected 'epoch', or a whole number of batches from 1 on.\n"
            "Write save_freq='epoch' to save after each epoch."
        )
    return value
