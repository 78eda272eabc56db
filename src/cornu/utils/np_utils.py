"""Where Keras 1 and 2 kept `to_categorical`: today it is `keras.utils` itself."""

from cornu.utils.numerical import normalize, to_categorical

__all__ = ["normalize", "to_categorical"]
