"""Callbacks: what is told of the course of training."""

from cornu.training.callbacks.base import Callback, CallbackList
from cornu.training.callbacks.monitor import MonitorCallback
from cornu.training.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from cornu.training.callbacks.records import CSVLogger, LambdaCallback
from cornu.training.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "MonitorCallback",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
