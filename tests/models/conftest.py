"""What real Keras says of the networks, asked once."""

import json
import os
import subprocess
import sys

import pytest

from tests.models import networks


@pytest.fixture(scope="session")
def of_keras():
    """Summaries of all networks, and signatures: see `networks`."""
    done = subprocess.run(
        [sys.executable, networks.__file__],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": "numpy", "COLUMNS": "200"},
    )
    return json.loads(done.stdout.splitlines()[-1])
