"""Many devices and processes give the numbers of one."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("jax")

from cornu import distribution

COMMON = """
import json, os, sys
import numpy as np
import keras
from keras import layers, distribution

keras.config.set_floatx("float64")
R = np.random.default_rng(0)
x, y = R.normal(size=(80, 12)), R.integers(0, 4, 80)


def tell(value):
    process = os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID", "0")
    with open(f"told-{process}.json", "a") as file:
        print(json.dumps(value), file=file)


def train(**how):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12,))
    z = layers.Dense(16, "relu", name="big")(inputs)
    z = layers.BatchNormalization()(layers.Dropout(0.2)(z))
    model = keras.Model(inputs, layers.Dense(4, "softmax")(z))
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    how = {"batch_size": 16, "epochs": 4, "validation_split": 0.2, "verbose": 0, **how}
    history = model.fit(x, y, **how).history
    weights = [w.tolist() for w in model.get_weights()]
    return {**history, "predicted": model.predict(x[:6], verbose=0).tolist()}, weights
"""


def run(folder, code, *command, devices=1, **more):
    """What the script tells, process by process."""
    (folder / "script.py").write_text(COMMON + textwrap.dedent(code))
    flags = f"--xla_force_host_platform_device_count={devices}"
    done = subprocess.run(
        [sys.executable, "-m", "cornu", *(command or ["run"]), "script.py"],
        cwd=folder,
        env={**os.environ, "CORNU_ENGINE": "jax", "XLA_FLAGS": flags, **more},
        capture_output=True,
        text=True,
    )
    # A file per process: what two of them print may run into each other.
    told = sorted(folder.glob("told-*.json"))
    lines = [line for path in told for line in path.read_text().splitlines()]
    for path in told:
        path.unlink()
    return done, [json.loads(line) for line in lines]


def close(a, b):
    import numpy as np

    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list) and a and isinstance(a[0], (list, dict)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            close(one, other)
    else:
        np.testing.assert_allclose(a, b, 1e-9, 1e-12)


def test_devices_give_the_numbers_of_one(tmp_path):
    done, found = run(
        tmp_path,
        """
        tell(train())
        distribution.set_distribution(distribution.DataParallel())
        tell(train())
        tell(train(batch_size=14))  # which four devices cannot divide
        distribution.set_distribution(None)
        tell(train(batch_size=14))
        mesh = distribution.DeviceMesh((2, 2), ("batch", "model"))
        layouts = distribution.LayoutMap(mesh)
        layouts[".*big/kernel"] = (None, "model")
        layouts[".*big/bias"] = ("model",)
        with distribution.ModelParallel(layout_map=layouts).scope():
            tell(train())
        """,
        devices=4,
    )
    assert len(found) == 5, done.stderr
    close(found[0], found[1])
    close(found[3], found[2])
    close(found[0], found[4])


def test_a_variable_lies_as_its_layout_says(tmp_path):
    done, found = run(
        tmp_path,
        """
        mesh = distribution.DeviceMesh((1, 4), ("batch", "model"))
        layouts = distribution.LayoutMap(mesh)
        layouts["d/kernel"] = (None, "model")
        distribution.set_distribution(distribution.ModelParallel(layout_map=layouts))
        layer = layers.Dense(8, name="d")
        model = keras.Sequential([keras.Input((12,)), layer])
        model.compile("adam", "mse")
        model.fit(x, x[:, :8], verbose=0)
        engine = keras.engines.current()
        own = [v for v in model.optimizer.variables if v.shape == (12, 8)]
        tell([
            v.native(engine).addressable_shards[0].data.shape
            for v in [layer.kernel, layer.bias, *own]
        ])
        layouts["bad/kernel"] = ("model", None)
        bad = keras.Sequential([keras.Input((6,)), layers.Dense(2, name="bad")])
        try:
            bad.predict(x[:, :6], verbose=0)
        except ValueError as error:
            tell([str(error)])
        """,
        devices=4,
    )
    assert found[0] == [[12, 2], [8], [12, 2], [12, 2]], done.stderr
    assert "'bad/kernel' of shape (6, 2) cannot be divided" in found[1][0]


TOGETHER = """
distribution.initialize()
distribution.set_distribution(distribution.DataParallel())
"""


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    _, alone = run(tmp_path, "tell(train())")
    keep = 'callbacks=[keras.callbacks.ModelCheckpoint("m.keras")]'
    code = f"{TOGETHER}tell(train({keep}))"
    done, found = run(tmp_path, code, "launch", "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert len(found) == 2
    for each in found:
        close(alone[0], each)
    assert (tmp_path / "m.keras").exists()


@pytest.mark.slow
def test_a_lost_process_ends_the_run_which_can_go_on(tmp_path):
    code = """
    class Lost(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2 and not os.path.exists("lost"):
                if os.environ["KERAS_DISTRIBUTION_PROCESS_ID"] == "1":
                    open("lost", "w").close()
                    os._exit(7)

    backup = keras.callbacks.BackupAndRestore("backup")
    tell(train(callbacks=[Lost(), backup])[1])
    """
    code = TOGETHER + textwrap.dedent(code)
    done, _ = run(tmp_path, code, "launch", "--processes", "2")
    assert done.returncode != 0
    assert "process 1 with status 7" in done.stdout
    assert (tmp_path / "backup").exists()
    done, found = run(tmp_path, code, "launch", "--processes", "2")
    assert done.returncode == 0, done.stderr
    _, alone = run(tmp_path, "tell(train()[1])")
    close(alone[0], found[0])
    close(found[0], found[1])


@pytest.mark.slow
def test_an_exception_in_one_process_ends_the_run_at_once(tmp_path):
    code = """
    if os.environ["KERAS_DISTRIBUTION_PROCESS_ID"] == "1":
        raise ArithmeticError("only here")
    tell(train())
    """
    code = TOGETHER + textwrap.dedent(code)
    done, found = run(tmp_path, code, "launch", "--processes", "2")
    assert done.returncode == 1
    assert "ArithmeticError: only here" in done.stderr
    assert "process 1 with status 1" in done.stdout
    assert "barrier" not in done.stderr  # where they would wait for each other
    assert not found


# Without JAX at work


def test_a_mesh_that_does_not_fit():
    with pytest.raises(ValueError, match="name for each axis"):
        distribution.DeviceMesh((2, 2), ("batch",), ["cpu:0"] * 4)
    with pytest.raises(ValueError, match="for 6 devices, and there are 4"):
        distribution.DeviceMesh((3, 2), ("a", "b"), ["cpu:0"] * 4)


def test_layouts():
    mesh = distribution.DeviceMesh((2, 2), ("batch", "model"), ["cpu:0"] * 4)
    layouts = distribution.LayoutMap(mesh)
    layouts[".*kernel"] = (None, "model")
    layouts["exact/bias"] = distribution.TensorLayout(("model",))
    assert layouts["a/kernel"].axes == (None, "model")
    assert layouts["exact/bias"].device_mesh is mesh
    assert layouts["other"] is None
    assert len(layouts) == 2
    for make in (
        lambda: layouts.__setitem__(".*kernel", ("model",)),
        lambda: layouts.__setitem__("new", "model"),
        lambda: layouts.__setitem__("new", ("modell",)),
        lambda: setattr(layouts["a/kernel"], "device_mesh", mesh),
        lambda: distribution.ModelParallel(),
        lambda: distribution.DataParallel(mesh, auto_shard_dataset=False),
        lambda: distribution.distribute_tensor(1, "x"),
        lambda: distribution.initialize(num_processes=2),
    ):
        with pytest.raises(ValueError) as error:
            make()
        assert len(str(error.value).splitlines()) == 3
    layouts["exact/.*"] = (None,)
    layouts["exact/b.*"] = (None,)
    with pytest.raises(ValueError, match="fits several keys"):
        layouts["exact/b"]
    assert distribution.distribution() is None
