"""Callbacks beside real Keras: the same made-up courses of training, the same acts."""

import numpy as np
import pytest

from tests.parity.cases import rng_of
from tests.parity.reference import compare
from tests.parity.test_training import optimizer, run

COURSES = 8  # of each configuration


def made_up(name, seed, monitor):
    """Logs of 15 epochs: a walk in steps of 0.1, so that equal values come, too."""
    rng = rng_of("course", name, seed)
    walk = np.round(np.cumsum(rng.integers(-2, 3, 15)) * 0.1 + 2, 1)
    if seed % 4 == 3:
        walk[rng.integers(15)] = np.nan
    return [{"loss": float(v), monitor: float(v)} for v in walk]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("EarlyStopping", {}),
        ("EarlyStopping", {"patience": 2}),
        ("EarlyStopping", {"patience": 3, "min_delta": 0.25}),
        ("EarlyStopping", {"patience": 2, "min_delta": -0.15, "mode": "max"}),
        ("EarlyStopping", {"patience": 3, "baseline": 1.75}),
        ("EarlyStopping", {"patience": 2, "start_from_epoch": 5}),
        ("EarlyStopping", {"patience": 2, "restore_best_weights": True}),
        (
            "EarlyStopping",
            {
                "patience": 1,
                "restore_best_weights": True,
                "start_from_epoch": 3,
                "baseline": 1.0,
                "mode": "min",
            },
        ),
        ("EarlyStopping", {"monitor": "val_accuracy", "patience": 2}),
        ("ReduceLROnPlateau", {"patience": 1}),
        ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5, "cooldown": 2}),
        ("ReduceLROnPlateau", {"patience": 0, "cooldown": 1, "min_lr": 0.003}),
        ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5, "min_lr": 0.1}),
        ("ReduceLROnPlateau", {"patience": 1, "min_delta": 0.25, "mode": "max"}),
        ("ReduceLROnPlateau", {"monitor": "val_accuracy", "patience": 2}),
        ("ReduceLROnPlateau", {"patience": 3, "factor": 0.0, "cooldown": 1}),
    ],
)
def test_made_up_courses(both, name, config):
    monitor = config.get("monitor", "val_loss")
    for seed in range(COURSES):
        mine, theirs = both.ask(
            "course",
            callback={"object": f"callbacks.{name}", "config": config},
            logs=made_up(name, seed, monitor),
        )
        compare(mine, theirs, 1e-6, 1e-9)


PLAIN = [{"loss": 0.5, "accuracy": 0.25}, {"loss": 1 / 3, "accuracy": 1.0}]
HELD_OUT = [{**logs, "val_loss": 2.0, "val_accuracy": 0.125} for logs in PLAIN]
RUNS = {
    "without validation": [PLAIN],
    "with validation": [HELD_OUT],
    "validation later": [[PLAIN[0], HELD_OUT[1]]],
    "validation at first": [[HELD_OUT[0], PLAIN[1]]],
    "two trainings": [HELD_OUT, PLAIN],
    "no epoch": [[]],
    "no numbers": [[{}, {}]],
    "other values": [
        [{"rate": 1e-9, "word": "a,b;c", "pair": (1, 2.5), "nan": float("nan")}],
        [{"rate": np.float64(3), "word": 'a "b"', "pair": np.ones(3), "nan": 7}],
    ],
}


@pytest.mark.parametrize("name", RUNS)
def test_csv_files_are_the_same_to_the_byte(both, name):
    """But where one goes on with a file of other columns, which are kept here."""
    for separator in (",", ";", "\t"):
        for append, before in (
            *((False, None), (False, ""), (False, "something,else\n")),
            *((True, None), (True, "")),
        ):
            config = {"separator": separator, "append": append}
            request = {"config": config, "runs": RUNS[name], "before": before}
            mine, theirs = both.ask("csv", **request)
            assert mine == theirs, request


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_stand_in_during_validation(both, swap_on_epoch):
    swap = {
        "object": "callbacks.SwapEMAWeights",
        "config": {"swap_on_epoch": swap_on_epoch},
    }
    from tests.parity.test_training import made_data

    loss = "categorical_crossentropy"
    run(
        both,
        loss,
        optimizer("SGD", learning_rate=0.3, use_ema=True, ema_momentum=0.9),
        metrics=["accuracy"],
        fit={
            "epochs": 3,
            "steps_per_epoch": 20,
            "callbacks": [swap],
            "validation_data": made_data(loss, "float64", 45),
        },
        x=None,  # afterwards Keras on JAX cannot be asked: see test_training.py
    )
