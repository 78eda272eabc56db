"""Keras, old and new."""
