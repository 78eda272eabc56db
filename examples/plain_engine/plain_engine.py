"""An engine in a package of its own: every operation by its definition, in NumPy.

It is the shortest engine that runs everything, and no fast one: it takes memory for
every result. Install it, and Cornu finds it:

    pip install ./examples/plain_engine
    cornu engines
    cornu train --engine plain
"""

import numpy as np

from cornu.engines.library import LibraryEngine
from cornu.graph import OPS


def by_definition(op):
    def lowering(engine, node, *arrays):
        with np.errstate(all="ignore"):  # inf and NaN are results like others
            found = op.numpy(*arrays, **node.params)
        return found if isinstance(found, tuple) else np.asarray(found)

    return lowering


class PlainEngine(LibraryEngine):
    """Runs a graph node by node, each as its record defines it."""

    name = "plain"
    package = "numpy"

    @property
    def lowerings(self):
        return {name: by_definition(op) for name, op in OPS.items() if op.numpy}

    def from_numpy(self, array):
        return np.array(array)

    def to_numpy(self, value):
        return np.array(value)
