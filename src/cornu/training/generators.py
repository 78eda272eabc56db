"""The names under which Keras 1 and 2 took generators; `fit` and its kin do now."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cornu.training.feed import new_key, shuffled
from cornu.training.history import History
from cornu.training.py_dataset import PyDataset


class GeneratorMethods:
    """`fit_generator`, `evaluate_generator`, `predict_generator`; a part of `Model`."""

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        class_weight: dict[int, float] | None = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        shuffle: bool = True,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> History:
        """`fit` on batches, as Keras 1 and 2 called it.

        Of a `PyDataset` with a number of steps, passes follow each other without an
        end, as they did then: an epoch may have more steps than it has batches.

        Args:
            generator: gives (x, y) or (x, y, sample_weight).
            steps_per_epoch: batches per epoch; none where the generator knows its end.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a bar, 2 one line per epoch.
            callbacks: list of callbacks.
            validation_data: arrays, or a generator.
            validation_steps: batches of each validation.
            validation_freq: validate each so many epochs.
            class_weight: weight by class index.
            max_queue_size: of a `PyDataset`: the most batches that wait.
            workers: of a `PyDataset`: how many batches are made at the same time. A
                generator can only be drawn by one, which is the training.
            use_multiprocessing: of a `PyDataset`: whether workers are processes.
            shuffle: of a `PyDataset`: whether its batches come in a new order.
            initial_epoch: number of epochs that are done already.

        Returns:
            The History.
        """
        if "nb_epoch" in kwargs:
            epochs = kwargs.pop("nb_epoch")
        _refuse_keras_1("fit_generator", kwargs)
        _set_workers(generator, max_queue_size, workers, use_multiprocessing)
        generator = _passes(generator, steps_per_epoch, shuffle)
        validation_data = _more(validation_data, validation_steps)
        return self.fit(  # type: ignore[attr-defined]
            generator,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_freq=validation_freq,
        )

    def evaluate_generator(
        self,
        generator: Any,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: Any = 0,
        **kwargs: Any,
    ) -> Any:
        """`evaluate` on batches, as Keras 1 and 2 called it; see `fit_generator`."""
        _refuse_keras_1("evaluate_generator", kwargs)
        _set_workers(generator, max_queue_size, workers, use_multiprocessing)
        return self.evaluate(  # type: ignore[attr-defined]
            _more(generator, steps), steps=steps, callbacks=callbacks, verbose=verbose
        )

    def predict_generator(
        self,
        generator: Any,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: Any = 0,
        **kwargs: Any,
    ) -> Any:
        """`predict` on batches, as Keras 1 and 2 called it; see `fit_generator`."""
        _refuse_keras_1("predict_generator", kwargs)
        _set_workers(generator, max_queue_size, workers, use_multiprocessing)
        return self.predict(  # type: ignore[attr-defined]
            _more(generator, steps), steps=steps, callbacks=callbacks, verbose=verbose
        )


_KERAS_1 = {
    "samples_per_epoch": "steps_per_epoch, a number of batches",
    "nb_val_samples": "validation_steps, a number of batches",
    "val_samples": "steps, a number of batches",
    "max_q_size": "max_queue_size",
    "nb_worker": "workers",
    "pickle_safe": "use_multiprocessing",
}


def _refuse_keras_1(method: str, kwargs: dict[str, Any]) -> None:
    for name in kwargs:
        fix = _KERAS_1.get(name)
        raise TypeError(
            f"{method} was given {name}={kwargs[name]!r}.\n"
            + (
                f"Expected its name of Keras 2: {fix}.\n"
                if fix
                else "Expected arguments of Keras 2's method of that name.\n"
            )
            + f"Call model.{method.partition('_')[0]}(generator, ...), which does the "
            "same today."
        )


def _set_workers(generator: Any, size: int, workers: int, processes: bool) -> None:
    """What today is said in the constructor of a `PyDataset`."""
    if isinstance(generator, PyDataset) and (size, workers, processes) != (10, 1, 0):
        generator.max_queue_size, generator.workers = size, workers
        generator.use_multiprocessing = processes


class Passes(PyDataset):
    """The batches of a `PyDataset`, again and again, without an end.

    Args:
        data: what is passed through. It is told of the end of each pass.
        shuffle: whether its batches come in a new order in each pass.
    """

    def __init__(self, data: PyDataset, shuffle: bool) -> None:
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.count = data, int(data.num_batches or 0)
        self.key = new_key() if shuffle else None

    @property
    def num_batches(self) -> None:
        """There is no end."""
        return None

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`, counted over all passes."""
        number, place = divmod(index, self.count)
        if number and not place:
            self.data.on_epoch_end()
        if self.key is not None:
            place = int(_order(self.count, tuple(self.key), number)[place])
        return self.data[place]

    def on_epoch_begin(self) -> None:
        """Tell the data of the training's epochs."""
        self.data.on_epoch_begin()


@functools.lru_cache(maxsize=4)
def _order(count: int, key: tuple[int, ...], number: int) -> np.ndarray:
    """The order of the batches in a pass."""
    *others, last = key
    return shuffled(count, np.array([*others, last + number], dtype="uint32"))


def _passes(data: Any, steps: int | None, shuffle: bool = False) -> Any:
    """What to train on, where these steps are no single pass."""
    if steps is None or not isinstance(data, PyDataset):
        return data
    return data if data.num_batches in (None, 0, steps) else Passes(data, shuffle)


def _more(data: Any, steps: int | None) -> Any:
    """What to evaluate on, where there are fewer batches than steps."""
    known = (isinstance(data, PyDataset) and data.num_batches) or None
    return _passes(data, steps) if steps and known and steps > known else data
