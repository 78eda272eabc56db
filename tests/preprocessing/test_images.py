"""Images beside real Keras: reading and writing, changes at random, batches."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cornu.preprocessing import image
from tests.preprocessing import asked_images

pytest.importorskip("PIL")
pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with small images."""
    made = tmp_path_factory.mktemp("made")
    asked_images.make(made)
    return made


@pytest.fixture(scope="module")
def keras(folder):
    """What real Keras answers: name -> array."""
    settings = {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "PYTHONWARNINGS": "ignore",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    command = [sys.executable, asked_images.__file__, folder, folder / "keras.npz"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | settings
    )
    if "No module named" in done.stderr:
        pytest.skip("real Keras on JAX cannot be imported")
    assert done.returncode == 0, done.stderr
    with np.load(folder / "keras.npz") as found:
        return {name.replace("|", "/"): found[name] for name in found.files}


def test_everything_is_as_in_keras(folder, keras, capsys):
    """Bit for bit, and in the order in which numbers are drawn."""
    mine = asked_images.answers(image, folder)
    assert set(mine) == set(keras) - {"signatures"}
    for name, found in mine.items():
        expected = keras[name]
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), name
        if name.startswith("resized"):  # sums in another order, of values up to 255
            np.testing.assert_allclose(found, expected, 1e-5, 255e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Found 11 images belonging to 2 classes."
    assert "Found 11 validated image filenames belonging to 3 classes." in said
    assert said[-1].startswith("Found 13 non-validated image filenames belonging")


def test_signatures_are_those_of_keras(keras):
    mine = asked_images.signatures(image)
    for name, expected in json.loads(str(keras["signatures"])).items():
        assert [list(p) for p in mine[name]] == expected, name


def test_the_images_tell_something(folder, keras):
    """The comparison above is of images that do change."""
    plain, book = keras["rescale next[0][0]"], keras["book next[0][0]"]
    assert np.abs(plain - book).max() > 0.3
    assert len({keras[f"book next[{i}][0]"].tobytes() for i in range(4)}) == 4
