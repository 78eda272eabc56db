"""FeatureSpace: columns of a table, each prepared in its own way, as one vector."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from cornu import layers
from cornu.graph.messages import described, nearest
from cornu.graph.spec import is_float
from cornu.graph.tree import flatten
from cornu.layers import (
    CategoryEncoding,
    Concatenate,
    Discretization,
    HashedCrossing,
    Hashing,
    Input,
    IntegerLookup,
    Layer,
    Normalization,
    Rescaling,
    StringLookup,
    TextVectorization,
)
from cornu.layers.host import host_array
from cornu.registry import Registry, auto_name
from cornu.saving import save_model
from cornu.serialization import deserialize_keras_object, serialize_keras_object

_KINDS = (
    "float", "float_normalized", "float_rescaled", "float_discretized",
    "integer_categorical", "integer_hashed", "string_categorical", "string_hashed",
)  # fmt: skip
_BATCH = 32  # rows of which the layers learn at a time, as in Keras


class Unchanged(Layer):
    """Gives what it is given; a part of `FeatureSpace`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Cross:
    """Several features of a `FeatureSpace` taken together, as one category.

    Args:
        feature_names: which ones.
        crossing_dim: number of categories that their combinations are hashed into.
        output_mode: 'one_hot' or 'int'.
    """

    def __init__(
        self,
        feature_names: Iterable[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> None:
        _check_mode(output_mode, ("int", "one_hot"), "The cross of a FeatureSpace")
        self.feature_names = tuple(feature_names)
        self.crossing_dim, self.output_mode = crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names of its features, with _X_ between them."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """The cross of a `get_config` dictionary."""
        return cls(**config)


class Feature:
    """One feature of a `FeatureSpace`: what it is, and the layer that prepares it.

    Args:
        dtype: 'float32', 'int32' or 'string'; what the column holds.
        preprocessor: the layer.
        output_mode: 'float' for numbers; 'one_hot' or 'int' for categories.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        _check_mode(output_mode, ("int", "one_hot", "float"), "A feature")
        if isinstance(preprocessor, dict):
            preprocessor = deserialize_keras_object(preprocessor)
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = preprocessor

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """The feature of a `get_config` dictionary."""
        return cls(**config)


class FeatureSpace(Layer):
    """Prepares the columns of a table, each as its kind needs, and joins them.

    A feature is given by the name of its kind or, with arguments, by the function of
    this class of the same name: 'float', 'float_normalized', 'float_rescaled',
    'float_discretized', 'integer_categorical', 'integer_hashed', 'string_categorical',
    'string_hashed'; or by `FeatureSpace.feature`, with any layer. Categories become
    one-hot vectors, unless `output_mode='int'`.

    It is called on a dict of columns, arrays or lists with a row each; or on a dict of
    single values. In a functional model it is `get_inputs()` and
    `get_encoded_features()`.

    Args:
        features: name of a column -> its kind.
        output_mode: 'concat' for one vector of all features in the order of their
            names, crosses last; 'dict' for a dict of them.
        crosses: groups of names whose features are taken together, too, as one
            category; or what `FeatureSpace.cross` gives.
        crossing_dim: number of categories of a cross that does not say it.
        hashing_dim: the same of hashed features.
        num_discretization_bins: the same of 'float_discretized'.
        name: its name.

    Raises:
        ValueError: for unknown kinds and names; when it is called on columns that do
            not fit, or before `adapt`, if there is something to learn; and when a
            category that is not encoded is to be joined with others.

    Example:

    >>> space = FeatureSpace({"age": "float_rescaled", "job": "string_categorical"})
    >>> space.adapt({"age": [20.0, 40.0, 60.0], "job": ["cook", "smith", "cook"]})
    >>> space({"age": [30.0], "job": ["cook"]}).numpy()
    array([[30.,  0.,  1.,  0.]], dtype=float32)
    """

    _untracked = Layer._untracked | {"encoded_features", "inputs"}

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError(
                "FeatureSpace was given no features.\n"
                "Expected a dict from names of columns to their kinds.\n"
                "For example FeatureSpace({'age': 'float_normalized'})."
            )
        _check_mode(output_mode, ("concat", "dict"), "FeatureSpace")
        self.output_mode = output_mode
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {n: self._feature(n, each) for n, each in features.items()}
        self.crosses = [self._cross(each) for each in crosses or ()]
        self.preprocessors = {n: f.preprocessor for n, f in self.features.items()}
        self.crossers = {
            c.name: HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses
        }
        self.inputs = {
            n: Input(shape=(1,), dtype=f.dtype, name=n)
            for n, f in self.features.items()
        }
        self.encoded_features: Any = None
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self._adapted = False

    # The kinds of features

    @classmethod
    def cross(
        cls,
        feature_names: Iterable[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> Cross:
        """Several features taken together; see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature that is prepared by a layer of yours; see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        layer = Unchanged(dtype="float32", name=_layer_name("float", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times `scale`, plus `offset`."""
        name = _layer_name("float_rescaled", name)
        layer = Rescaling(scale=scale, offset=offset, name=name)
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers less their mean, by their standard deviation."""
        layer = Normalization(axis=-1, name=_layer_name("float_normalized", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Numbers as categories: the bins that they are in."""
        layer = Discretization(
            num_bins=num_bins,
            bin_boundaries=bin_boundaries,
            name=_layer_name("float_discretized", name),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Whole numbers as categories."""
        layer = IntegerLookup(
            name=_layer_name("integer_categorical", name),
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Words as categories."""
        layer = StringLookup(
            name=_layer_name("string_categorical", name),
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Words as categories, hashed into `num_bins` of them."""
        layer = Hashing(num_bins=num_bins, name=_layer_name("string_hashed", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Whole numbers as categories, hashed into `num_bins` of them."""
        layer = Hashing(num_bins=num_bins, name=_layer_name("integer_hashed", name))
        return Feature("int32", layer, output_mode)

    def _feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, Feature):
            return given
        if isinstance(given, dict):
            return deserialize_keras_object(given)
        if given not in _KINDS:
            raise ValueError(
                f"FeatureSpace was given the kind {given!r} for {name!r}.\n"
                f"Expected one of {', '.join(_KINDS)}.\n{nearest(given, _KINDS)}"
            )
        sizes = {"float_discretized": self.num_discretization_bins}
        sizes |= dict.fromkeys(("integer_hashed", "string_hashed"), self.hashing_dim)
        first = [sizes[given]] if given in sizes else []
        return getattr(self, given)(*first, name=name)

    def _cross(self, given: Any) -> Cross:
        if isinstance(given, dict):
            given = deserialize_keras_object(given)
        if not isinstance(given, Cross):
            given = Cross(given, crossing_dim=self.crossing_dim)
        for name in given.feature_names:
            if name not in self.features:
                raise ValueError(
                    f"FeatureSpace was given a cross of {name!r}, which is no feature."
                    f"\nExpected names among {', '.join(self.features)}.\n"
                    f"{nearest(name, self.features)}"
                )
        return given

    # Learning

    def _adaptable(self) -> list[str]:
        """The features whose layers learn from data."""
        found = []
        for name, layer in self.preprocessors.items():
            given = isinstance(layer, Normalization) and layer.input_mean is not None
            given |= isinstance(layer, Discretization) and layer.num_bins is None
            given |= (
                isinstance(layer, TextVectorization)
                and len(layer.get_vocabulary(False)) > 0
            )
            if hasattr(layer, "adapt") and not given:
                found.append(name)
        return found

    def adapt(self, dataset: Any) -> None:
        """Let the layers learn vocabularies, means, bins, ... from data.

        Args:
            dataset: a dict of columns, or an iterable of dicts: batches, or rows. Of
                tuples such as (dict, targets) the first part counts.

        Raises:
            ValueError: for anything else, and when a column is missing.
        """
        whole = isinstance(dataset, dict)
        if not whole and not isinstance(dataset, Iterable):
            raise ValueError(
                f"FeatureSpace: adapt was given {described(dataset)}.\n"
                "Expected a dict of columns, or an iterable of such dicts.\n"
                "For example space.adapt({'age': ages, 'job': jobs})."
            )
        if not whole and iter(dataset) is dataset:  # it can be read once
            dataset = list(dataset)
        for name in self._adaptable():
            batches = (
                self._rows(dataset, name) if whole else self._column(dataset, name)
            )
            self.preprocessors[name].adapt(batches)
        self._adapted = True
        self.encoded_features, self.one_hot_encoders = None, {}
        self.get_encoded_features()

    def _rows(self, columns: Any, name: str) -> Iterator[np.ndarray]:
        column = self._array(columns, name)
        column = column[:, np.newaxis] if column.ndim == 1 else column
        for start in range(0, len(column), _BATCH):
            yield column[start : start + _BATCH]

    def _column(self, dataset: Iterable[Any], name: str) -> Iterator[np.ndarray]:
        waiting: list[np.ndarray] = []  # rows that come one by one
        for part in dataset:
            columns = part[0] if isinstance(part, (tuple, list)) else part
            array = self._array(columns, name)
            if array.ndim:
                yield array[:, np.newaxis] if array.ndim == 1 else array
                continue
            waiting.append(array.reshape(1, 1))
            if len(waiting) == _BATCH:
                yield np.concatenate(waiting)
                waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def _array(self, columns: Any, name: str) -> np.ndarray:
        """A column as an array of what its feature is."""
        if not isinstance(columns, dict) or name not in columns:
            has = described(columns)
            if isinstance(columns, dict):
                has = f"the columns {', '.join(map(str, columns))}"
            raise ValueError(
                f"FeatureSpace {self.name!r} was given {has}.\n"
                f"Expected a dict with the columns {', '.join(self.features)}.\n"
                "Pass one array or list for each feature, under its name."
            )
        array = host_array(columns[name], f"The feature {name!r}")
        dtype = self.features[name].dtype
        return array if dtype == "string" else array.astype(dtype)

    # Preparing

    def get_inputs(self) -> dict[str, Any]:
        """The symbolic inputs of the features, for a functional model."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What a functional model makes of `get_inputs()`: one tensor, or a dict."""
        if self.encoded_features is None:
            self._check_adapted()
            self.encoded_features = self._prepared(self.inputs)
            self.built = True
        return self.encoded_features

    def _check_adapted(self) -> None:
        if not self._adapted and self._adaptable():
            raise ValueError(
                f"FeatureSpace {self.name!r} has not learned anything yet.\n"
                "Expected adapt(data) before it is used: the features "
                f"{', '.join(self._adaptable())} learn from data.\n"
                "Call space.adapt(columns) with the columns of the training data."
            )

    def __call__(self, data: Any) -> Any:  # pyright: ignore
        """Prepare columns, or a single row.

        Args:
            data: name -> array or list with a value per row; or one value each.

        Returns:
            A float32 tensor of shape (rows, width), or a dict of tensors; without the
            first axis where a single row was given.
        """
        self.get_encoded_features()
        columns = {name: self._array(data, name) for name in self.features}
        unknown = [name for name in data if name not in columns]
        if unknown:
            raise ValueError(
                f"FeatureSpace {self.name!r} was given a column {unknown[0]!r}.\n"
                f"Expected the columns {', '.join(self.features)}.\n"
                "Leave the others away."
            )
        single = any(column.ndim == 0 for column in columns.values())
        columns = {
            name: c.reshape(1, 1) if c.ndim == 0 else c[:, None] if c.ndim == 1 else c
            for name, c in columns.items()
        }
        found = self._prepared(columns)
        if not single:
            return found
        if isinstance(found, dict):
            return {name: each[0] for name, each in found.items()}
        return found[0]

    def _prepared(self, columns: dict[str, Any]) -> Any:
        """Encoded features of columns, which may be symbolic."""
        made = {n: layer(columns[n]) for n, layer in self.preprocessors.items()}
        modes = {n: f.output_mode for n, f in self.features.items()}
        names = sorted(made)
        for cross in self.crosses:
            parts = [made[n] for n in cross.feature_names]
            made[cross.name] = self.crossers[cross.name](parts)
            modes[cross.name] = cross.output_mode
        names += sorted(c.name for c in self.crosses)
        encoded = {
            n: self._one_hot(n, made[n]) if modes[n] == "one_hot" else made[n]
            for n in names
        }
        if self.output_mode == "dict":
            return encoded
        for name, each in encoded.items():
            if not is_float(str(each.dtype)):
                raise ValueError(
                    f"The feature {name!r} is not encoded ({each.dtype}), and is to be "
                    "joined with others.\n"
                    "Expected output_mode='one_hot' of it, or numbers.\n"
                    "Encode it, or make the FeatureSpace with output_mode='dict'."
                )
        if len(encoded) == 1:
            return next(iter(encoded.values()))
        return Concatenate(axis=-1)(list(encoded.values()))

    def _one_hot(self, name: str, value: Any) -> Any:
        if name not in self.one_hot_encoders:
            size = self._number_of_categories(name, value)
            self.one_hot_encoders[name] = CategoryEncoding(size, "multi_hot")
        return self.one_hot_encoders[name](value)

    def _number_of_categories(self, name: str, value: Any) -> int:
        layer: Any = self.preprocessors.get(name) or self.crossers.get(name)
        whole = not is_float(str(flatten(value)[0].dtype))
        if whole and isinstance(layer, (IntegerLookup, StringLookup)):
            return layer.vocabulary_size()
        if whole and isinstance(layer, Discretization):
            return len(layer.bin_boundaries or ()) + 1
        if whole and isinstance(layer, (Hashing, HashedCrossing)):
            return layer.num_bins
        raise ValueError(
            f"The feature {name!r} has output_mode='one_hot', and is made by "
            f"{type(layer).__name__}.\n"
            "Expected a layer that gives whole numbers, and says how many there are.\n"
            "Pass output_mode='int' or 'float' for it."
        )

    # Files

    def get_config(self) -> dict[str, Any]:
        return {
            "features": serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    def get_build_config(self) -> dict[str, Any]:
        """What the layers of the features were built for, by name."""
        return {n: layer.get_build_config() for n, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layers of the features, of a file."""
        for name, each in config.items():
            layer = self.preprocessors[name]
            if each and not layer.built:
                layer.build_from_config(each)
        self._adapted = self.built = True

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write it to a `.keras` file, which `load_model` reads.

        Args:
            filepath: the file.

        Raises:
            ValueError: for another name, and before `adapt`.
        """
        self.get_encoded_features()
        save_model(self, filepath)


def _layer_name(kind: str, name: str | None) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _check_mode(mode: Any, allowed: tuple[str, ...], owner: str) -> None:
    if mode not in allowed:
        raise ValueError(
            f"{owner} was given output_mode={mode!r}.\n"
            f"Expected one of {', '.join(map(repr, allowed))}.\n"
            f"{nearest(mode, allowed)}"
        )


# Where files find them, as Keras writes them.
REGISTRY = Registry("feature space", "keras.utils")
REGISTRY.enter(FeatureSpace)
PARTS = Registry("part of a FeatureSpace", "keras.layers.preprocessing")
PARTS.objects |= layers.REGISTRY.objects  # files name that room for layers, too
PARTS.enter(Cross, Feature, Unchanged, TFDIdentity=Unchanged)
PARTS.names["Unchanged"] = "TFDIdentity"
PARTS.modules |= dict.fromkeys(
    ("Cross", "Feature", "Unchanged"), "keras.src.layers.preprocessing.feature_space"
)
