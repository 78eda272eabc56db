"""Images: read, written, resized, and changed at random, as in Keras.

They need Pillow and SciPy: `pip install 'cornu[image]'`.
"""

from cornu.preprocessing.image.from_dataframe import DataFrameIterator
from cornu.preprocessing.image.from_files import BatchFromFilesMixin, DirectoryIterator
from cornu.preprocessing.image.generator import ImageDataGenerator
from cornu.preprocessing.image.iterators import Iterator, NumpyArrayIterator
from cornu.preprocessing.image.pictures import (
    array_to_img,
    img_to_array,
    load_img,
    save_img,
    smart_resize,
)
from cornu.preprocessing.image.transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "BatchFromFilesMixin",
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]
