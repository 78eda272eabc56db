"""Callbacks, under the name that Keras gives the module."""

from cornu.training.callbacks import Callback, CallbackList
from cornu.training.history import History

__all__ = ["Callback", "CallbackList", "History"]
