"""The peers: what each one needs, and who runs it.

A peer's module has `make(work, x, y)`, which gives a function that does the work once
and returns its loss (None where there is none), or None where the work was not written
for it.
"""

from __future__ import annotations

import importlib.util
from typing import NamedTuple


class Peer(NamedTuple):
    """Somebody who does the works.

    Attributes:
        title: its name on the page.
        module: in this package.
        needs: packages, as they are imported.
        environment: what its process has in its environment.
        imports: what a script that uses it imports first.
        distributions: what has to be installed for it.
    """

    title: str
    module: str
    needs: tuple[str, ...]
    environment: dict[str, str] = {}
    imports: str = ""
    distributions: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is Cornu."""
        return "cornu" in self.needs

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed here."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


_CORNU = "import cornu; cornu.Model; cornu.layers.Dense"
_KERAS = "import keras; keras.Model; keras.layers.Dense"


def _keras(backend: str, distribution: str) -> Peer:
    return Peer(
        f"Keras on {backend}",
        "keras_api",
        ("keras", backend),
        {"KERAS_BACKEND": backend},
        _KERAS,
        ("keras", distribution),
    )


PEERS = {
    "cornu": Peer("Cornu", "keras_api", ("cornu",), {}, _CORNU, ("cornu",)),
    "cornu-pure": Peer(
        "Cornu, pure NumPy",
        "keras_api",
        ("cornu",),
        {"CORNU_KERNELS": "off"},
    ),
    "cornu-jax": Peer(
        "Cornu on jax",
        "keras_api",
        ("cornu", "jax"),
        {"CORNU_ENGINE": "jax"},
    ),
    "numpy": Peer(
        "NumPy by hand", "numpy_by_hand", ("numpy",), {}, "import numpy", ("numpy",)
    ),
    "torch": Peer("PyTorch", "raw_torch", ("torch",), {}, "import torch", ("torch",)),
    "torch-last": Peer(
        "PyTorch, channels last", "raw_torch", ("torch",), {"CHANNELS_LAST": "1"}
    ),
    "jax": Peer("JAX", "raw_jax", ("jax",), {}, "import jax, jax.numpy", ("jax",)),
    "keras-jax": _keras("jax", "jax"),
    "keras-tensorflow": _keras("tensorflow", "tensorflow-cpu"),
    "keras-torch": _keras("torch", "torch"),
}
# It takes part as a peer does, so that it meets the same machine.
FLOOR = Peer("floor", "floor", ("cornu",))
