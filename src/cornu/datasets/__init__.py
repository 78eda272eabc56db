"""Data sets to learn on: found on this computer, downloaded once, or drawn."""

from cornu.datasets import mnist, synthetic_digits
from cornu.datasets.lookup import DatasetUnavailable

__all__ = ["DatasetUnavailable", "mnist", "synthetic_digits"]
