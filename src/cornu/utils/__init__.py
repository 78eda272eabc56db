"""Helpers for arrays, data and models, under the names that Keras gives them."""

from cornu.utils.numerical import normalize, to_categorical
from cornu.utils.session import clear_session, set_random_seed

__all__ = ["clear_session", "normalize", "set_random_seed", "to_categorical"]
