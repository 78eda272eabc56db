"""Listings in the style of the books that use images, from 2017 on, on made ones."""

import os
import shutil
import zipfile

import numpy as np
import pytest

import cornu
from cornu.compat import hook

image_module = pytest.importorskip("PIL.Image")
pytest.importorskip("scipy")
KINDS = ("cat", "dog")


@pytest.fixture(autouse=True)
def hooked():
    """`keras` is Cornu in the listings; the same numbers, whichever test ran before."""
    cornu.utils.set_random_seed(0)
    hook.install()
    yield
    hook.uninstall()


def draw(kind, rng, size=(30, 26)):
    """Cats are dark above, dogs below; both are noisy."""
    values = rng.integers(90, 166, (*size, 3))
    half = slice(0, size[0] // 2) if kind == "cat" else slice(size[0] // 2, None)
    values[half] -= 80
    return image_module.fromarray(values.astype("uint8"))


@pytest.fixture
def original(tmp_path):
    """The folder with the images of the competition."""
    folder, rng = tmp_path / "kaggle_original_data", np.random.default_rng(1)
    folder.mkdir()
    for kind in KINDS:
        for i in range(40):
            draw(kind, rng).save(folder / f"{kind}.{i}.jpg")
    return folder


COPYING = """
import os, shutil

os.mkdir(base_dir)
for part, first, last in (('train', 0, 20), ('validation', 20, 30), ('test', 30, 40)):
    part_dir = os.path.join(base_dir, part)
    os.mkdir(part_dir)
    for kind in ('cat', 'dog'):
        kind_dir = os.path.join(part_dir, kind + 's')
        os.mkdir(kind_dir)
        fnames = ['{}.{}.jpg'.format(kind, i) for i in range(first, last)]
        for fname in fnames:
            src = os.path.join(original_dataset_dir, fname)
            dst = os.path.join(kind_dir, fname)
            shutil.copyfile(src, dst)
train_dir = os.path.join(base_dir, 'train')
validation_dir = os.path.join(base_dir, 'validation')
"""

NETWORK = """
from keras import layers
from keras import models
from keras import optimizers

model = models.Sequential()
model.add(layers.Conv2D(4, (3, 3), activation='relu', input_shape=(24, 24, 3)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(8, (3, 3), activation='relu'))
model.add(layers.Flatten())
model.add(layers.Dropout(0.2))
model.add(layers.Dense(16, activation='relu'))
model.add(layers.Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy',
              optimizer=optimizers.RMSprop(lr=1e-3),
              metrics=['acc'])
"""

FROM_FOLDERS = """
from keras.preprocessing.image import ImageDataGenerator

train_datagen = ImageDataGenerator(rescale=1./255)
test_datagen = ImageDataGenerator(rescale=1./255)
train_generator = train_datagen.flow_from_directory(
    train_dir, target_size=(24, 24), batch_size=10, class_mode='binary')
validation_generator = test_datagen.flow_from_directory(
    validation_dir, target_size=(24, 24), batch_size=10, class_mode='binary')
for data_batch, labels_batch in train_generator:
    shapes = data_batch.shape, labels_batch.shape
    break
history = model.fit_generator(
    train_generator, steps_per_epoch=4, epochs=8, verbose=0,
    validation_data=validation_generator, validation_steps=2)
model.save(os.path.join(base_dir, 'cats_and_dogs_small_1.h5'))
acc, val_acc = history.history['acc'], history.history['val_acc']
"""

AUGMENTED = """
from keras.preprocessing import image
from keras.preprocessing.image import ImageDataGenerator

datagen = ImageDataGenerator(
    rotation_range=40, width_shift_range=0.2, height_shift_range=0.2,
    shear_range=0.2, zoom_range=0.2, horizontal_flip=True, fill_mode='nearest')
fnames = [os.path.join(train_dir, 'cats', fname)
          for fname in sorted(os.listdir(os.path.join(train_dir, 'cats')))]
img_path = fnames[3]
img = image.load_img(img_path, target_size=(24, 24))
x = image.img_to_array(img)
x = x.reshape((1,) + x.shape)
shown = []
i = 0
for batch in datagen.flow(x, batch_size=1):
    shown.append(image.array_to_img(batch[0]))
    i += 1
    if i % 4 == 0:
        break

train_datagen = ImageDataGenerator(
    rescale=1./255, rotation_range=40, width_shift_range=0.2, height_shift_range=0.2,
    shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
test_datagen = ImageDataGenerator(rescale=1./255)
train_generator = train_datagen.flow_from_directory(
    train_dir, target_size=(24, 24), batch_size=16, class_mode='binary')
validation_generator = test_datagen.flow_from_directory(
    validation_dir, target_size=(24, 24), batch_size=16, class_mode='binary')
history = model.fit_generator(
    train_generator, steps_per_epoch=5, epochs=2, verbose=0,
    validation_data=validation_generator, validation_steps=3)
"""

FEATURES = """
import numpy as np
from keras.preprocessing.image import ImageDataGenerator

conv_base = models.Sequential([
    layers.Input((24, 24, 3)), layers.Conv2D(4, 3, activation='relu'),
    layers.AveragePooling2D(5)])
datagen = ImageDataGenerator(rescale=1./255)
batch_size = 8

def extract_features(directory, sample_count):
    features = np.zeros(shape=(sample_count, 4, 4, 4))
    labels = np.zeros(shape=(sample_count))
    generator = datagen.flow_from_directory(
        directory, target_size=(24, 24), batch_size=batch_size, class_mode='binary')
    i = 0
    for inputs_batch, labels_batch in generator:
        features_batch = conv_base.predict(inputs_batch)
        features[i * batch_size : (i + 1) * batch_size] = features_batch
        labels[i * batch_size : (i + 1) * batch_size] = labels_batch
        i += 1
        if i * batch_size >= sample_count:
            break
    return features, labels

train_features, train_labels = extract_features(train_dir, 40)
train_features = np.reshape(train_features, (40, 4 * 4 * 4))
model = models.Sequential()
model.add(layers.Dense(16, activation='relu', input_dim=4 * 4 * 4))
model.add(layers.Dense(1, activation='sigmoid'))
model.compile(optimizer=optimizers.RMSprop(lr=2e-2), loss='binary_crossentropy',
              metrics=['acc'])
history = model.fit(train_features, train_labels, epochs=40, batch_size=10, verbose=0)
"""


def run(original, tmp_path, *listings):
    found = {"original_dataset_dir": str(original), "base_dir": str(tmp_path / "small")}
    for listing in (COPYING, NETWORK, *listings):
        exec(listing, found)
    return found


def test_cats_and_dogs(original, tmp_path, capsys):
    found = run(original, tmp_path, FROM_FOLDERS)
    assert found["shapes"] == ((10, 24, 24, 3), (10,))
    assert found["train_generator"].class_indices == {"cats": 0, "dogs": 1}
    assert found["acc"][-1] > 0.9 > found["acc"][0]
    assert found["val_acc"][-1] > 0.9
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [
        "Found 40 images belonging to 2 classes.",
        "Found 20 images belonging to 2 classes.",
    ]
    again = cornu.models.load_model(tmp_path / "small" / "cats_and_dogs_small_1.h5")
    generator = found["validation_generator"]
    _, acc = again.evaluate_generator(generator, steps=2)
    assert acc == pytest.approx(found["val_acc"][-1])
    generator.shuffle = False
    generator.on_epoch_end()
    generator.reset()
    predicted = again.predict_generator(generator, steps=2)
    assert np.mean((predicted[:, 0] > 0.5) == generator.classes) == pytest.approx(acc)


def test_augmented_cats_and_dogs(original, tmp_path):
    found = run(original, tmp_path, AUGMENTED)
    shown = [np.asarray(picture) for picture in found["shown"]]
    assert {picture.shape for picture in shown} == {(24, 24, 3)}
    assert len({picture.tobytes() for picture in shown}) == 4
    history = found["history"].history
    assert len(history["val_acc"]) == 2
    assert np.all(np.isfinite(history["loss"]))


def test_features_of_cats_and_dogs(original, tmp_path):
    found = run(original, tmp_path, FEATURES)
    assert found["train_labels"].sum() == 20
    assert found["history"].history["acc"][-1] > 0.9


def test_today_fit_takes_them(original, tmp_path):
    found = run(original, tmp_path)
    generator = cornu.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255, validation_split=0.25, horizontal_flip=True
    )
    parts = {
        subset: generator.flow_from_directory(
            found["train_dir"], target_size=(24, 24), batch_size=7, subset=subset,
            class_mode="binary", seed=3,
        )
        for subset in ("training", "validation")
    }  # fmt: skip
    assert [part.samples for part in parts.values()] == [30, 10]
    history = found["model"].fit(
        parts["training"], epochs=5, verbose=0, validation_data=parts["validation"]
    )
    assert history.history["acc"][-1] > history.history["acc"][0]
    assert parts["training"].total_batches_seen == 5 * 5


DREAM = """
import scipy
from keras.preprocessing import image

def resize_img(img, size):
    img = np.copy(img)
    factors = (1, float(size[0]) / img.shape[1], float(size[1]) / img.shape[2], 1)
    return scipy.ndimage.zoom(img, factors, order=1)

def deprocess_image(x):
    x = x.reshape((x.shape[1], x.shape[2], 3))
    x /= 2.
    x += 0.5
    x *= 255.
    return np.clip(x, 0, 255).astype('uint8')

def preprocess_image(image_path):
    img = image.load_img(image_path)
    img = image.img_to_array(img)
    img = np.expand_dims(img, axis=0)
    return (img / 255 - 0.5) * 2

def save_img(img, fname):
    pil_img = deprocess_image(np.copy(img))
    image.save_img(fname, pil_img)

img = preprocess_image(base_image_path)
original_shape = img.shape[1:3]
successive_shapes = [original_shape]
for i in range(1, 3):
    shape = tuple([int(dim / (1.4 ** i)) for dim in original_shape])
    successive_shapes.append(shape)
successive_shapes = successive_shapes[::-1]
original_img = np.copy(img)
shrunk_original_img = resize_img(img, successive_shapes[0])
for shape in successive_shapes:
    img = resize_img(img, shape)
    upscaled_shrunk_original_img = resize_img(shrunk_original_img, shape)
    same_size_original = resize_img(original_img, shape)
    lost_detail = same_size_original - upscaled_shrunk_original_img
    img += lost_detail
    shrunk_original_img = resize_img(original_img, shape)
save_img(img, fname=final_path)

width, height = image.load_img(final_path).size
img_height = 40
img_width = int(width * img_height / height)
styled = image.img_to_array(
    image.load_img(final_path, target_size=(img_height, img_width)))
generated = image.array_to_img(styled, scale=False)
"""


def test_dreams(original, tmp_path):
    base, final = original / "cat.0.jpg", tmp_path / "final.png"
    found = {"np": np, "base_image_path": str(base), "final_path": str(final)}
    exec("import scipy.ndimage", found)
    exec(DREAM, found)
    load = cornu.utils.load_img
    assert load(final).size == load(base).size == (26, 30)
    # What was lost by shrinking is put back: here that is all.
    before, after = (np.asarray(load(path), "float64") for path in (base, final))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
    assert found["styled"].shape == (40, 34, 3)
    assert found["generated"].size == (34, 40)


HEATMAP = """
import keras
import numpy as np

img_path = keras.utils.get_file(fname='elephant.jpg', origin=origin)

def get_img_array(img_path, target_size):
    img = keras.utils.load_img(img_path, target_size=target_size)
    array = keras.utils.img_to_array(img)
    array = np.expand_dims(array, axis=0)
    return array

img_array = get_img_array(img_path, target_size=(15, 15))
img = keras.utils.load_img(img_path)
img = keras.utils.img_to_array(img)
jet_heatmap = keras.utils.array_to_img(np.random.rand(15, 15, 3))
jet_heatmap = jet_heatmap.resize((img.shape[1], img.shape[0]))
jet_heatmap = keras.utils.img_to_array(jet_heatmap)
superimposed_img = jet_heatmap * 0.4 + img
superimposed_img = keras.utils.array_to_img(superimposed_img)
superimposed_img.save(save_path)
keras.utils.save_img(save_path, img[:, :, :1])
mask = keras.utils.load_img(save_path, target_size=(20, 20), color_mode='grayscale')
"""


@pytest.mark.parametrize("name", ["keras", "tensorflow.keras"])
def test_heatmaps(original, tmp_path, monkeypatch, name):
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CORNU_DATA", raising=False)
    origin = (original / "dog.3.jpg").as_uri()
    found = {"origin": origin, "save_path": str(tmp_path / "elephant_cam.png")}
    listing = HEATMAP
    if name != "keras":
        listing = HEATMAP.replace("import keras", "from tensorflow import keras")
    exec(listing, found)
    assert found["img_path"] == str(tmp_path / "cache" / "datasets" / "elephant.jpg")
    assert found["img_array"].shape == (1, 15, 15, 3)
    assert found["superimposed_img"].size == (26, 30)
    assert (found["mask"].mode, found["mask"].size) == ("L", (20, 20))


PATHS = """
from keras.preprocessing import image
from keras.preprocessing.image import load_img, img_to_array, ImageDataGenerator
import keras.preprocessing.image as directly
from tensorflow.keras.preprocessing.image import ImageDataGenerator as of_tensorflow
from tensorflow.keras.utils import load_img as of_utils, save_img, get_file
from keras.utils.data_utils import get_file as of_the_past, Sequence
import keras
"""


def test_every_import_gives_the_same():
    found = {}
    exec(PATHS, found)
    assert found["image"] is found["directly"] is cornu.preprocessing.image
    assert found["ImageDataGenerator"] is found["of_tensorflow"]
    assert found["load_img"] is found["of_utils"] is cornu.utils.load_img
    keras = found["keras"]
    assert keras.preprocessing.image.load_img is found["load_img"]
    assert keras.utils.get_file is found["get_file"] is found["of_the_past"]
    assert issubclass(keras.preprocessing.image.Iterator, found["Sequence"])


def test_an_archive_of_images(original, tmp_path, monkeypatch):
    """The books' get_file(..., extract=True), and then a generator of what is in it."""
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cache"))
    for kind in KINDS:
        (original / f"{kind}s").mkdir()
        for path in original.glob(f"{kind}.*.jpg"):
            shutil.move(path, original / f"{kind}s" / path.name)
    packed = tmp_path / "pets.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in original.rglob("*.jpg"):
            archive.write(path, os.path.join("PetImages", path.relative_to(original)))
    found = cornu.utils.get_file("pets.zip", packed.as_uri(), extract=True)
    generator = cornu.preprocessing.image.ImageDataGenerator()
    flow = generator.flow_from_directory(os.path.join(found, "PetImages"))
    assert (flow.samples, flow.num_classes) == (80, 2)
    assert next(flow)[0].shape == (32, 256, 256, 3)
