"""Models: layers that can be trained."""

from cornu.models.cloning import clone_model, model_from_json
from cornu.models.model import Functional, Model
from cornu.models.sequential import Sequential
from cornu.registry import Registry
from cornu.saving import load_model, save_model

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]

REGISTRY = Registry("model", "keras")
REGISTRY.enter(Model, Sequential, Functional)
REGISTRY.modules["Functional"] = "keras.src.models.functional"
