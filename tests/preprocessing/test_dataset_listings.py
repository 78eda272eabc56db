"""The book's listings that use data sets, on small data; and data sets in training."""

import threading

import numpy as np
import pytest
from PIL import Image

import cornu as keras
from cornu import layers
from cornu.utils import (
    Dataset,
    image_dataset_from_directory,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    keras.utils.set_random_seed(0)
    yield
    left = [t for t in threading.enumerate() if t.name.startswith("cornu.Dataset")]
    assert left == []


@pytest.fixture(scope="module")
def small_images(tmp_path_factory):
    """Dark cats and light dogs, of different sizes."""
    root = tmp_path_factory.mktemp("cats_vs_dogs_small")
    rng = np.random.default_rng(0)
    for subset, count in (("train", 12), ("validation", 6), ("test", 6)):
        for name, least in (("cat", 20), ("dog", 140)):
            folder = root / subset / name
            folder.mkdir(parents=True)
            for i in range(count):
                shape = (*rng.integers(18, 30, 2), 3)
                pixels = rng.integers(least, least + 90, shape).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{name}.{i}.jpg")
    return root


def subsets(root, **arguments):
    return [
        image_dataset_from_directory(
            root / name, image_size=(20, 20), batch_size=8, verbose=False, **arguments
        )
        for name in ("train", "validation", "test")
    ]


def convnet(*first):
    inputs = keras.Input(shape=(20, 20, 3))
    x = inputs
    for layer in first:
        x = layer(x)
    x = layers.Rescaling(1.0 / 255)(x)
    x = layers.Conv2D(filters=4, kernel_size=3, activation="relu")(x)
    x = layers.MaxPooling2D(pool_size=2)(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    model.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.RMSprop(0.003),
        metrics=["accuracy"],
    )
    return model


def test_images_of_chapter_8(small_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train_dataset, validation_dataset, test_dataset = subsets(small_images)
    for data_batch, labels_batch in train_dataset:
        assert data_batch.shape == (8, 20, 20, 3)
        assert labels_batch.shape == (8,)
        assert labels_batch.numpy().dtype == "int32"
        break
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            filepath="convnet_from_scratch.keras",
            save_best_only=True,
            monitor="val_loss",
        )
    ]
    history = convnet().fit(
        train_dataset,
        epochs=8,
        validation_data=validation_dataset,
        callbacks=callbacks,
        verbose=0,
    )
    assert len(history.history["val_accuracy"]) == 8
    test_model = keras.models.load_model("convnet_from_scratch.keras")
    _, test_acc = test_model.evaluate(test_dataset, verbose=0)
    assert test_acc == 1.0


def test_augmentation_of_chapter_8(small_images):
    train_dataset, validation_dataset, _ = subsets(small_images)
    data_augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.2),
        ]
    )
    for images, _ in train_dataset.take(1):
        for _ in range(3):
            augmented_images = data_augmentation(images, training=True)
            shown = augmented_images[0].numpy().astype("uint8")
            assert shown.shape == (20, 20, 3)
            assert not np.array_equal(shown, images[0].numpy().astype("uint8"))
    inside = convnet(data_augmentation)
    inside.fit(train_dataset, validation_data=validation_dataset, verbose=0)

    def augmented():
        keras.utils.set_random_seed(3)
        flip = layers.RandomFlip("horizontal", seed=1)
        dataset = subsets(small_images, seed=5)[0]
        dataset = dataset.map(lambda x, y: (flip(x, training=True), y)).prefetch(2)
        history = convnet().fit(dataset, epochs=2, verbose=0)
        return history.history["loss"]

    assert augmented() == augmented()


def test_features_of_chapter_8(small_images):
    datasets = subsets(small_images)
    conv_base = keras.Sequential(
        [layers.Input((20, 20, 3)), layers.Conv2D(2, 3), layers.MaxPooling2D(2)]
    )

    def get_features_and_labels(dataset):
        all_features = []
        all_labels = []
        for images, labels in dataset:
            preprocessed_images = images / 127.5 - 1
            features = conv_base.predict(preprocessed_images, verbose=0)
            all_features.append(features)
            all_labels.append(labels)
        return np.concatenate(all_features), np.concatenate(all_labels)

    features, labels = get_features_and_labels(datasets[0])
    assert features.shape == (24, 9, 9, 2)
    assert sorted(labels) == [0] * 12 + [1] * 12
    val_features, val_labels = get_features_and_labels(datasets[1])
    model = keras.Sequential([layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        features,
        labels,
        epochs=3,
        validation_data=(val_features, val_labels),
        verbose=0,
    )


def test_the_tour_of_data_sets_of_chapter_8():
    random_numbers = np.random.normal(size=(100, 16))
    dataset = Dataset.from_tensor_slices(random_numbers)
    for i, element in enumerate(dataset):
        assert element.shape == (16,)
        if i >= 2:
            break
    batched_dataset = dataset.batch(32)
    assert [element.shape for element in batched_dataset] == [(32, 16)] * 3 + [(4, 16)]
    reshaped_dataset = dataset.map(lambda x: keras.ops.reshape(x, (4, 4)))
    assert next(iter(reshaped_dataset)).shape == (4, 4)


def test_weather_of_chapter_10():
    rng = np.random.default_rng(1)
    hours = np.arange(1200)
    temperature = 10 + 8 * np.sin(hours * 2 * np.pi / 24) + rng.normal(size=1200)
    raw_data = np.stack([hours % 24 / 24, temperature, rng.normal(size=1200)], axis=1)
    num_train_samples, num_val_samples = 700, 250
    mean = raw_data[:num_train_samples].mean(axis=0)
    std = raw_data[:num_train_samples].std(axis=0)
    raw_data = (raw_data - mean) / std
    sampling_rate, sequence_length, batch_size = 2, 12, 64
    delay = sampling_rate * (sequence_length + 12 - 1)

    def windows(start, end):
        return timeseries_dataset_from_array(
            raw_data[:-delay],
            targets=temperature[delay:],
            sampling_rate=sampling_rate,
            sequence_length=sequence_length,
            shuffle=True,
            batch_size=batch_size,
            start_index=start,
            end_index=end,
        )

    train_dataset = windows(0, num_train_samples)
    val_dataset = windows(num_train_samples, num_train_samples + num_val_samples)
    for samples, targets in train_dataset:
        assert samples.shape == (64, 12, 3)
        assert targets.shape == (64,)
        break

    def evaluate_naive_method(dataset):
        total_abs_err = 0.0
        samples_seen = 0
        for samples, targets in dataset:
            preds = samples[:, -1, 1] * std[1] + mean[1]
            total_abs_err += np.sum(np.abs(preds - targets))
            samples_seen += samples.shape[0]
        return total_abs_err / samples_seen

    # By hand: the last step of a window is 24 steps before its target.
    firsts = np.arange(num_train_samples, num_train_samples + num_val_samples - 22)
    last = temperature[firsts + 22]
    by_hand = np.abs(last - temperature[firsts + delay]).mean()
    assert evaluate_naive_method(val_dataset) == pytest.approx(by_hand)

    inputs = keras.Input(shape=(sequence_length, raw_data.shape[-1]))
    dense = layers.Dense(16, activation="relu")(layers.Flatten()(inputs))
    for body in (dense, layers.LSTM(8)(inputs)):
        model = keras.Model(inputs, layers.Dense(1)(body))
        model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
        history = model.fit(
            train_dataset, epochs=2, validation_data=val_dataset, verbose=0
        )
        found = history.history["val_mae"][-1]
        evaluated = model.evaluate(val_dataset, verbose=0)[1]
        assert evaluated == pytest.approx(found, rel=1e-4)


GOOD = ["a lovely film", "what a joy", "lovely, moving and fun", "great fun"]
BAD = ["a dull film", "what a bore", "dull, slow and sad", "a sad mess"]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    root = tmp_path_factory.mktemp("aclImdb")
    for subset in ("train", "val", "test"):
        for name, texts in (("neg", BAD), ("pos", GOOD)):
            folder = root / subset / name
            folder.mkdir(parents=True)
            for i in range(16):
                (folder / f"{i}.txt").write_text(f"{texts[i % 4]} {texts[(i + 1) % 4]}")
    return root


def text_model(inputs, x):
    outputs = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.01),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.mark.parametrize(
    ("output_mode", "ngrams"), [("multi_hot", None), ("multi_hot", 2), ("tf_idf", 2)]
)
def test_bags_of_words_of_chapter_11(
    output_mode, ngrams, reviews, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    train_ds, val_ds, test_ds = (
        text_dataset_from_directory(reviews / name, batch_size=8, verbose=False)
        for name in ("train", "val", "test")
    )
    for inputs, targets in train_ds:
        assert inputs.shape == (8,)
        assert targets.dtype == "int32"
        assert any(inputs[0].startswith(text) for text in GOOD + BAD)
        break
    text_vectorization = layers.TextVectorization(
        ngrams=ngrams, max_tokens=60, output_mode=output_mode
    )
    text_only_train_ds = train_ds.map(lambda x, y: x)
    text_vectorization.adapt(text_only_train_ds)
    binary_train_ds, binary_val_ds, binary_test_ds = (
        ds.map(lambda x, y: (text_vectorization(x), y), num_parallel_calls=4)
        for ds in (train_ds, val_ds, test_ds)
    )
    size = text_vectorization.vocabulary_size()
    for inputs, _ in binary_train_ds:
        assert inputs.shape == (8, size)
        assert inputs.dtype == "float32"
        break
    inputs = keras.Input(shape=(size,))
    model = text_model(inputs, layers.Dense(8, activation="relu")(inputs))
    callbacks = [keras.callbacks.ModelCheckpoint("binary.keras", save_best_only=True)]
    model.fit(
        binary_train_ds.cache(),
        validation_data=binary_val_ds.cache(),
        epochs=6,
        callbacks=callbacks,
        verbose=0,
    )
    model = keras.models.load_model("binary.keras")
    assert model.evaluate(binary_test_ds, verbose=0)[1] == 1.0
    # The model for deployment takes raw text.
    raw = keras.Input(shape=(1,), dtype="string")
    inference_model = keras.Model(raw, model(text_vectorization(raw)))
    predictions = inference_model.predict(
        np.array([["lovely fun"], ["dull mess"]], object), verbose=0
    )
    assert predictions[0, 0] > 0.5 > predictions[1, 0]


def test_sequences_of_chapter_11(reviews):
    train_ds = text_dataset_from_directory(
        reviews / "train", batch_size=8, verbose=False
    )
    text_vectorization = layers.TextVectorization(
        max_tokens=40, output_mode="int", output_sequence_length=10
    )
    text_vectorization.adapt(train_ds.map(lambda x, y: x))
    int_train_ds = train_ds.map(
        lambda x, y: (text_vectorization(x), y), num_parallel_calls=4
    )
    inputs = keras.Input(shape=(None,), dtype="int64")
    embedded = layers.Embedding(input_dim=40, output_dim=4, mask_zero=True)(inputs)
    model = text_model(inputs, layers.Bidirectional(layers.LSTM(4))(embedded))
    history = model.fit(int_train_ds, validation_data=int_train_ds, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_pairs_of_sentences_of_chapter_11():
    text_pairs = [(eng, f"[start] {eng[::-1]} [end]") for eng in GOOD + BAD]
    source_vectorization = layers.TextVectorization(output_sequence_length=5)
    target_vectorization = layers.TextVectorization(
        output_sequence_length=6, standardize="lower"
    )
    source_vectorization.adapt([pair[0] for pair in text_pairs])
    target_vectorization.adapt([pair[1] for pair in text_pairs])

    def format_dataset(eng, spa):
        eng = source_vectorization(eng)
        spa = target_vectorization(spa)
        return (
            {"english": eng, "spanish": spa[:, :-1]},
            spa[:, 1:],
        )

    def make_dataset(pairs):
        eng_texts, spa_texts = zip(*pairs, strict=True)
        eng_texts = list(eng_texts)
        spa_texts = list(spa_texts)
        dataset = Dataset.from_tensor_slices((eng_texts, spa_texts))
        dataset = dataset.batch(4)
        dataset = dataset.map(format_dataset, num_parallel_calls=4)
        return dataset.shuffle(2048).prefetch(16).cache()

    train_ds = make_dataset(text_pairs)
    for inputs, targets in train_ds.take(1):
        assert inputs["english"].shape == (4, 5)
        assert inputs["spanish"].shape == (4, 5)
        assert targets.shape == (4, 5)
    english = keras.Input((5,), dtype="int64", name="english")
    spanish = keras.Input((5,), dtype="int64", name="spanish")
    x = layers.Embedding(60, 4)(english) + layers.Embedding(60, 4)(spanish)
    model = keras.Model([english, spanish], layers.Dense(60, activation="softmax")(x))
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    losses = model.fit(train_ds, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_faces_of_chapter_12(small_images):
    dataset = image_dataset_from_directory(
        small_images / "train",
        label_mode=None,
        image_size=(16, 16),
        batch_size=32,
        smart_resize=True,
        verbose=False,
    )
    dataset = dataset.map(lambda x: x / 255.0)
    for x in dataset:
        shown = (x.numpy() * 255).astype("int32")[0]
        assert shown.shape == (16, 16, 3)
        assert 0 <= shown.min() < shown.max() <= 255
        break


def test_lines_of_files_as_one_text_in_the_third_edition(tmp_path):
    sentence = "the cat sat on a mat and saw the dog run by it"
    words = sentence.split(" ")
    rng = np.random.default_rng(0)
    lines = [[" ".join(rng.choice(words, 9)) for _ in range(6)] for _ in range(5)]
    for i, text in enumerate(lines):
        (tmp_path / f"{i}.txt").write_text("\n".join(text))
    tokenizer = layers.TextVectorization()
    tokenizer.adapt([line for text in lines for line in text])
    sequence_length, suffix = 16, np.array([0])

    def read_file(filename):
        def text_lines():
            with open(filename) as file:
                yield from file

        ds = Dataset.from_generator(text_lines)
        ds = ds.map(tokenizer, num_parallel_calls=8)
        return ds.map(lambda x: keras.ops.concatenate([x, suffix], -1))

    files = sorted(str(file) for file in tmp_path.glob("*.txt"))
    ds = Dataset.from_tensor_slices(files)
    ds = ds.interleave(read_file, cycle_length=32, num_parallel_calls=32)
    ds = ds.rebatch(sequence_length + 1, drop_remainder=True)
    ds = ds.map(lambda x: (x[:-1], x[1:]))
    ds = ds.batch(4).prefetch(8)
    in_turns = [line for row in zip(*lines, strict=True) for line in row]
    tokens = np.concatenate([np.append(tokenizer(line), 0) for line in in_turns])
    rows = tokens[: len(tokens) // 17 * 17].reshape(-1, 17)
    assert np.array_equal(np.concatenate([x for x, _ in ds]), rows[:, :-1])
    assert np.array_equal(np.concatenate([y for _, y in ds]), rows[:, 1:])


# In training


def arrays():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    return x, (x.sum(axis=1, keepdims=True) > 0).astype("float32")


def small_model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_training_is_that_on_arrays():
    x, y = arrays()
    dataset = Dataset.from_tensor_slices((x, y)).batch(16)
    first, second = small_model(), small_model()
    more = {"epochs": 3, "verbose": 0}
    on_arrays = first.fit(
        x, y, batch_size=16, shuffle=False, validation_data=(x, y), **more
    )
    on_batches = second.fit(dataset, validation_data=dataset.prefetch(2), **more)
    # A validation weighs the batches of 32 and of 16 rows alike but for rounding.
    for name, values in on_arrays.history.items():
        np.testing.assert_allclose(on_batches.history[name], values, rtol=1e-5)
    np.testing.assert_allclose(
        first.predict(x, verbose=0), second.predict(x, verbose=0)
    )
    inputs = dataset.map(lambda x, y: x)
    np.testing.assert_array_equal(
        second.predict(inputs, verbose=0), second.predict(dataset, verbose=0)
    )
    assert second.evaluate(dataset, verbose=0) == pytest.approx(
        second.evaluate(x, y, batch_size=16, verbose=0)
    )


def test_weights_of_samples_come_with_them():
    x, y = arrays()
    weights = np.linspace(0, 1, 40).astype("float32")
    model = small_model()
    weighted = Dataset.from_tensor_slices((x, y, weights)).batch(16)
    assert model.evaluate(weighted, verbose=0)[0] == pytest.approx(
        model.evaluate(x, y, sample_weight=weights, batch_size=16, verbose=0)[0]
    )


def test_endless_data_needs_a_number_of_steps():
    dataset = Dataset.from_tensor_slices(arrays()).batch(16).repeat()
    model = small_model()
    history = model.fit(
        dataset,
        steps_per_epoch=4,
        epochs=2,
        validation_data=dataset,
        validation_steps=2,
        verbose=0,
    )
    assert len(history.history["val_loss"]) == 2
    assert len(model.predict(dataset, steps=2, verbose=0)) == 32
    for call, name in (
        (lambda: model.fit(dataset, verbose=0), "steps_per_epoch"),
        (lambda: model.evaluate(dataset, verbose=0), "steps"),
        (lambda: model.predict(dataset, verbose=0), "steps"),
    ):
        with pytest.raises(ValueError, match="its cardinality is -1") as caught:
            call()
        assert f"Pass {name}=" in str(caught.value)


@pytest.mark.parametrize("steps", [10, None])
def test_a_training_goes_on_where_it_was(steps, tmp_path):
    x, y = arrays()

    def fit(model, *callbacks):
        # Each pass has an order of its own, also the one that is broken off.
        data = Dataset.from_tensor_slices((x, y)).shuffle(40, seed=3).batch(8)
        model.fit(
            data.repeat() if steps else data,
            steps_per_epoch=steps,
            epochs=3,
            verbose=0,
            callbacks=list(callbacks),
        )

    class Stop(keras.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (1, 3):
                raise RuntimeError("the power is gone")

    whole = small_model()
    fit(whole)
    with pytest.raises(RuntimeError, match="power"):
        fit(
            small_model(),
            keras.callbacks.BackupAndRestore(tmp_path, save_freq=1),
            Stop(),
        )
    resumed = small_model()
    fit(resumed, keras.callbacks.BackupAndRestore(tmp_path, save_freq=1))
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# Layers that learn from data


@pytest.mark.parametrize("batched", [True, False])
def test_adapt(batched):
    numbers = np.random.default_rng(0).normal(3, 2, (50, 2)).astype("float32")
    words = np.array(["a", "b", "b", "c", "b", "a"] * 5, object)
    wholes = np.array([4, 4, 7, 1, 7, 7] * 5)

    def of(array):
        dataset = Dataset.from_tensor_slices(array)
        return dataset.batch(8) if batched else dataset

    if batched:
        layer, plain = layers.Normalization(), layers.Normalization()
        layer.adapt(of(numbers))
        plain.adapt(numbers)
        np.testing.assert_allclose(layer(numbers), plain(numbers), rtol=1e-5, atol=1e-6)
        layer, plain = (
            layers.Discretization(num_bins=3),
            layers.Discretization(num_bins=3),
        )
        layer.adapt(of(numbers[:, 0]))
        assert len(layer.bin_boundaries) == 2
        layer.adapt(Dataset.from_tensors(numbers[:, 0]))
        plain.adapt(numbers[:, 0])
        assert layer.bin_boundaries == plain.bin_boundaries
    for make, data in (
        (layers.StringLookup, words),
        (layers.IntegerLookup, wholes),
        (layers.TextVectorization, words),
    ):
        layer, plain = make(), make()
        layer.adapt(of(data))
        plain.adapt(data)
        assert layer.get_vocabulary() == plain.get_vocabulary()


def test_a_space_of_features():
    columns = {
        "age": np.array([20.0, 30, 40, 50], "float32"),
        "job": np.array(["a", "b", "a", "c"], object),
    }
    kinds = {"age": "float_normalized", "job": "string_categorical"}
    plain = keras.utils.FeatureSpace(kinds, output_mode="concat")
    plain.adapt(columns)
    expected = np.asarray(plain(columns))
    rows = Dataset.from_tensor_slices((columns, np.array([0, 1, 0, 1])))
    for dataset in (rows, rows.batch(3), rows.batch(3).prefetch(1)):
        space = keras.utils.FeatureSpace(kinds, output_mode="concat")
        space.adapt(dataset.map(lambda x, y: x))
        prepared = rows.batch(2).map(
            lambda x, y, space=space: (space(x), y), num_parallel_calls=2
        )
        found = np.concatenate([x for x, _ in prepared])
        np.testing.assert_allclose(found, expected, rtol=1e-6)
