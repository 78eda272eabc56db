"""Keras, old and new: `import keras` served by Cornu, and the functions of `K`."""

from cornu.compat import backend

__all__ = ["backend"]
