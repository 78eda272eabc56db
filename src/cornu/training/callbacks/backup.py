"""BackupAndRestore: a training that was killed goes on as if nothing had happened."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cornu import files, processes
from cornu.graph.messages import warn_user
from cornu.training.callbacks import packing
from cornu.training.callbacks.base import RunCallback
from cornu.training.callbacks.checkpoint import checked_save_freq

_LATEST, _PREVIOUS = "training_state.npz", "training_state.previous.npz"


class BackupAndRestore(RunCallback):
    """Keeps the state of the training in a file, and goes on from it if there is one.

    When the process ends early, for whatever reason, start the same script again: it
    goes on from the last backup, and ends with the same weights, the same History and
    the same files, bit for bit, as it would have without the interruption. The file
    holds numbers: weights, optimizer, metrics, seeds (Python's and NumPy's, too), the
    place in the data, and what other callbacks count (`Callback.get_state`). Of what a
    metric of yours keeps in Python, numbers, text, arrays and tensors are kept, alone
    or in lists, tuples, dicts and sets.

    Args:
        backup_dir: the folder of the file; one for each call of `fit`. It is made if it
            is missing.
        save_freq: 'epoch', or a number of batches: then it goes on within the epoch.
        double_checkpoint: whether to keep the backup before the last one, too, for when
            the last cannot be read.
        delete_checkpoint: whether to remove the backup when the training is finished.

    Raises:
        ValueError: for an empty `backup_dir`, for another `save_freq`, and when there
            is a backup that is damaged, or of another training.
        NotADirectoryError: when there is a file of that name.

    Example:

    >>> backup = BackupAndRestore("backup", save_freq=500)
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError(
                "BackupAndRestore was given an empty backup_dir.\n"
                "Expected the name of a folder.\n"
                "Write BackupAndRestore('backup'), for example."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = checked_save_freq(save_freq, "BackupAndRestore")
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        folder = Path(self.backup_dir)
        self._latest, self._previous = folder / _LATEST, folder / _PREVIOUS
        self._batches = 0  # since the last backup

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0
        folder = Path(self.backup_dir)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(
                f"BackupAndRestore was given backup_dir={self.backup_dir!r}: a file.\n"
                "Expected a folder, or a name that is free.\n"
                "Choose another name."
            )
        folder.mkdir(parents=True, exist_ok=True)

    def restore(self, run: Any) -> None:
        state, path = self._found()
        if state is not None:
            run.set_state(state, f"The backup {os.fspath(path)!r}")
        else:  # so that files which are gone on with are known as they are now
            self._save(run)

    def _found(self) -> tuple[Any, Path]:
        """The last state that can be read, or None, and where it is."""
        try:
            if self._latest.exists():
                return packing.unpack(self._latest), self._latest
        except packing.Damaged as error:
            if not (self.double_checkpoint and self._previous.exists()):
                raise self._unreadable(self._latest, error) from error
            # What is kept next must not push the good one out in favour of this.
            self._latest.unlink()
            warn_user(
                f"The backup {os.fspath(self._latest)!r} cannot be read: {error}.\n"
                "Expected a whole file.\nTraining goes on from the one before it.",
                UserWarning,
            )
        # It is alone when the process was killed before the latest took its place.
        if self.double_checkpoint and self._previous.exists():
            try:
                return packing.unpack(self._previous), self._previous
            except packing.Damaged as error:
                raise self._unreadable(self._previous, error) from error
        return None, self._latest

    def _unreadable(self, path: Path, error: Exception) -> ValueError:
        return ValueError(
            f"The backup {os.fspath(path)!r} cannot be read: {error}.\n"
            "Expected a file that BackupAndRestore wrote.\n"
            "Delete it to train from the start, or choose another backup_dir."
        )

    @property
    def every_batch(self) -> bool:  # type: ignore[override]
        """Whether batches are counted."""
        return isinstance(self.save_freq, int)

    def keep(self, run: Any) -> None:
        if isinstance(self.save_freq, int):
            self._batches += bool(run.step)
            due = self._batches >= self.save_freq
        else:
            due = not run.step
        if due:
            self._batches = 0
            self._save(run)

    def _save(self, run: Any) -> None:
        state = run.get_state()  # which all of several processes make together
        if not processes.first():
            return
        content = packing.pack(state)
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._previous)
        files.write(self._latest, content)

    def finish(self, run: Any) -> None:
        if self.delete_checkpoint and processes.first():  # which may still be writing
            for path in (self._previous, self._latest):
                path.unlink(missing_ok=True)
                files.remove_leftovers(path)
            with suppress(OSError):  # the folder stays if there is more in it
                os.rmdir(self.backup_dir)
