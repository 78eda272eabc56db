"""Layers that prepare data: numbers, categories, text and images."""

from cornu.layers.preprocessing.audio import MelSpectrogram, STFTSpectrogram
from cornu.layers.preprocessing.boxes import MaxNumBoundingBoxes
from cornu.layers.preprocessing.colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomPosterization,
    RandomSaturation,
)
from cornu.layers.preprocessing.distortions import (
    RandomElasticTransform,
    RandomPerspective,
)
from cornu.layers.preprocessing.effects import (
    RandomErasing,
    RandomGaussianBlur,
    RandomInvert,
    RandomSharpness,
    Solarization,
)
from cornu.layers.preprocessing.geometry import (
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from cornu.layers.preprocessing.hashing import HashedCrossing, Hashing
from cornu.layers.preprocessing.images import (
    AutoContrast,
    CenterCrop,
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
    Resizing,
)
from cornu.layers.preprocessing.lookup import IntegerLookup, StringLookup
from cornu.layers.preprocessing.mixing import (
    AugMix,
    CutMix,
    MixUp,
    Pipeline,
    RandAugment,
)
from cornu.layers.preprocessing.numbers import (
    CategoryEncoding,
    Discretization,
    Normalization,
    Rescaling,
)
from cornu.layers.preprocessing.text import TextVectorization

__all__ = [
    "AugMix",
    "AutoContrast",
    "CategoryEncoding",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Discretization",
    "Equalization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "MaxNumBoundingBoxes",
    "MelSpectrogram",
    "MixUp",
    "Normalization",
    "Pipeline",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Resizing",
    "STFTSpectrogram",
    "Solarization",
    "StringLookup",
    "TextVectorization",
]
