"""Helpers for arrays, data and models, under the names that Keras gives them."""

from __future__ import annotations

import importlib
from typing import Any

from cornu.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from cornu.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from cornu.training.progress import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from cornu.training.py_dataset import PyDataset
from cornu.utils.configuration import Config
from cornu.utils.numerical import normalize, to_categorical
from cornu.utils.progbar import Progbar
from cornu.utils.session import clear_session, set_random_seed
from cornu.utils.symbols import get_source_inputs, is_keras_tensor, standardize_dtype

__all__ = [
    "Config",
    "CustomObjectScope",
    "Dataset",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "TextLineDataset",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

Sequence = PyDataset  # its name in Keras 2

# On first use: they need what most who want a helper do not need, models for instance.
_ON_FIRST_USE = {
    "Dataset": "cornu.preprocessing.dataset",
    "FeatureSpace": "cornu.models.feature_space",
    "TextLineDataset": "cornu.preprocessing.text_lines",
    "array_to_img": "cornu.preprocessing.image",
    "audio_dataset_from_directory": "cornu.preprocessing.audio_folders",
    "get_file": "cornu.utils.downloads",
    "image_dataset_from_directory": "cornu.preprocessing.image_folders",
    "img_to_array": "cornu.preprocessing.image",
    "load_img": "cornu.preprocessing.image",
    "model_to_dot": "cornu.models.drawing",
    "pad_sequences": "cornu.preprocessing.sequence",
    "plot_model": "cornu.models.drawing",
    "save_img": "cornu.preprocessing.image",
    "split_dataset": "cornu.preprocessing.splitting",
    "text_dataset_from_directory": "cornu.preprocessing.text_folders",
    "timeseries_dataset_from_array": "cornu.preprocessing.timeseries",
}
_OLD_MODULES = ("data_utils", "np_utils", "vis_utils")  # of Keras 1 and 2


def __getattr__(name: str) -> Any:
    if name in _ON_FIRST_USE:
        return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    if name in _OLD_MODULES:
        return importlib.import_module(f"cornu.utils.{name}")
    raise AttributeError(f"module 'cornu.utils' has no attribute {name!r}")
