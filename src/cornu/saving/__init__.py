"""Files of models. A file never runs code, and is written whole or not at all."""

from cornu.saving.weights import load_weights, save_weights

__all__ = ["load_weights", "save_weights"]
