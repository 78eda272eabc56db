"""Callbacks: what is told of the course of training."""

from cornu.training.callbacks.averages import SwapEMAWeights
from cornu.training.callbacks.backup import BackupAndRestore
from cornu.training.callbacks.base import Callback, RunCallback
from cornu.training.callbacks.checkpoint import ModelCheckpoint
from cornu.training.callbacks.container import CallbackList
from cornu.training.callbacks.monitor import MonitorCallback
from cornu.training.callbacks.progbar import ProgbarLogger
from cornu.training.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from cornu.training.callbacks.records import CSVLogger, LambdaCallback
from cornu.training.callbacks.remote import RemoteMonitor
from cornu.training.callbacks.stopping import EarlyStopping, TerminateOnNaN
from cornu.training.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "RunCallback",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
