"""What an import loads, and what not: the install is small and starts at once."""

import json
import subprocess
import sys

import pytest

HEAVY = ("h5py", "jax", "keras", "matplotlib", "pooch", "requests", "rich", "scipy")
HEAVY += ("PIL", "pandas", "tensorflow", "torch", "typer")


def loaded_by(code):
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}, done.stdout


def test_importing_cornu_loads_nothing():
    modules, text = loaded_by("import cornu")
    assert "numpy" not in modules
    assert '"cornu.' not in text


@pytest.mark.parametrize(
    "code",
    [
        "import cornu; cornu.Sequential; cornu.layers.Dense; cornu.Model",
        "from cornu import models, layers, optimizers, losses, metrics, callbacks",
        "from cornu.datasets import mnist, synthetic_digits",
        "from cornu.utils import to_categorical; from cornu import backend as K",
        "from cornu.compat import keras; keras.layers.Dense",
        "from cornu.utils import *; from cornu.preprocessing import Dataset",
        "from cornu.preprocessing.image import ImageDataGenerator, load_img",
        "from cornu.utils import get_file, img_to_array",
        "import cornu.lab",
    ],
)
def test_the_framework_needs_numpy_alone(code):
    modules, _ = loaded_by(code)
    assert not modules & set(HEAVY)


def test_training_loads_no_more():
    modules, _ = loaded_by(
        "import numpy as np, cornu\n"
        "m = cornu.Sequential([cornu.layers.Dense(2, input_shape=(3,))])\n"
        "m.compile('adam', 'mse')\n"
        "m.fit(np.zeros((4, 3)), np.zeros((4, 2)), verbose=0)\n"
    )
    assert not modules & set(HEAVY)


def test_every_public_name_is_there():
    import cornu

    for name in cornu.__all__:
        assert getattr(cornu, name) is not None, name
    assert set(cornu.__all__) <= set(dir(cornu))
