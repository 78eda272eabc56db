"""Where Keras 1 and 2 kept `plot_model`: today it is `keras.utils` itself."""

from cornu.models.drawing import model_to_dot, plot_model

__all__ = ["model_to_dot", "plot_model"]
