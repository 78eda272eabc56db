"""The process with real Keras, started once per session (and per xdist worker)."""

import platform

import pytest

from tests.parity.reference import Pair, Reference


@pytest.fixture(scope="session")
def both(request):
    """Cornu and real Keras, asked the same; skips where Keras is not installed."""
    # Compiled code is of use on the machine that made it only.
    cache = request.config.cache.mkdir(f"parity-{platform.node()}")
    reference = Reference(cache)
    yield Pair(reference)
    reference.close()
