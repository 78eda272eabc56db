"""Models: layers that can be trained."""

from cornu.models.model import Model
from cornu.models.sequential import Sequential

__all__ = ["Model", "Sequential"]
