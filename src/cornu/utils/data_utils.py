"""Where Keras 1 and 2 kept `get_file`: today it is `keras.utils` itself."""

from cornu.training.py_dataset import PyDataset as Sequence
from cornu.utils.downloads import get_file

__all__ = ["Sequence", "get_file"]
