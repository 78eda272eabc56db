"""Callbacks: what is told of the course of training."""

from cornu.training.callbacks.base import Callback, CallbackList

__all__ = ["Callback", "CallbackList"]
