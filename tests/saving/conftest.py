"""The process with real Keras, started once per session (and per xdist worker)."""

import platform

import pytest

from tests.saving.both import Keras


@pytest.fixture(scope="session")
def keras(request):
    """Real Keras, asked of files; skips where it is not installed."""
    # Compiled code is of use on the machine that made it only.
    process = Keras(request.config.cache.mkdir(f"parity-{platform.node()}"))
    yield process
    process.close()
