"""What Cornu's and Keras's modules of images are asked.

Run as a script, with a folder of images and the name of a file, it asks real Keras, and
writes the answers into that file. Cornu is asked in the process of the tests.
"""

import io
import json
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

FUNCTIONS = ("array_to_img", "img_to_array", "load_img", "save_img", "smart_resize")
OF_THE_PAST = (
    *("apply_affine_transform", "apply_brightness_shift", "apply_channel_shift"),
    *("random_brightness", "random_channel_shift", "random_rotation", "random_shear"),
    *("random_shift", "random_zoom"),
    *("BatchFromFilesMixin", "DataFrameIterator", "DirectoryIterator"),
    *("ImageDataGenerator", "Iterator", "NumpyArrayIterator"),
)
METHODS = (
    *("BatchFromFilesMixin.set_processing_attrs", "ImageDataGenerator.apply_transform"),
    *("ImageDataGenerator.fit", "ImageDataGenerator.flow"),
    *("ImageDataGenerator.flow_from_dataframe", "ImageDataGenerator.random_transform"),
    *("ImageDataGenerator.flow_from_directory", "ImageDataGenerator.standardize"),
    *("ImageDataGenerator.get_random_transform", "Iterator.reset"),
)
MODES = ("RGB", "RGBA", "L", "LA", "P", "I", "I;16", "CMYK", "1")
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}

# name: keyword arguments
LOADED = {
    "plain": {},
    "gray": {"color_mode": "grayscale"},
    "rgba": {"color_mode": "rgba"},
    "sized": {"target_size": (9, 14)},
    "list": {"target_size": [9, 14], "color_mode": "grayscale"},
    "shape of an input": {"target_size": (9, 14, 3)},
    **{
        f"{kind} {keep}": {
            "target_size": (30, 11),
            "interpolation": kind,
            "keep_aspect_ratio": keep,
        }
        for kind in ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
        for keep in (False, True)
    },
}
RESIZED = {
    "wide": ((20, 31, 3), (8, 8), "bilinear", "channels_last"),
    "wider": ((20, 31, 3), (3, 17), "bicubic", "channels_last"),
    "high": ((2, 31, 20, 1), (25, 40), "bilinear", "channels_last"),
    "nearest": ((2, 31, 20, 1), (7, 5), "nearest", "channels_last"),
    "first": ((3, 20, 31), (8, 9), "bilinear", "channels_first"),
    "first batch": ((2, 1, 20, 9), (5, 17), "nearest", "channels_first"),
}
TRANSFORMED = {
    "none": {},
    "theta": {"theta": 33.0},
    "shift": {"tx": 2.5, "ty": -1},
    "shear": {"shear": 20},
    "zoom": {"zx": 0.7, "zy": 1.3},
    "all": {"theta": -70, "tx": 1, "ty": 2, "shear": 8, "zx": 1.1, "zy": 0.9},
    **{
        f"fill {mode}": {"theta": 40, "tx": 3, "fill_mode": mode, "cval": 7.0}
        for mode in ("nearest", "constant", "reflect", "wrap")
    },
    **{f"order {n}": {"theta": 40, "order": n} for n in (0, 2, 3)},
}
BOOK = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.2,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}
GENERATORS = {
    "rescale": {"rescale": 1.0 / 255},
    "book": {"rescale": 1.0 / 255, **BOOK},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "pixels": {"width_shift_range": 3, "height_shift_range": 4},
    "floats above 1": {"width_shift_range": 3.0, "height_shift_range": 1.0},
    "lists": {"width_shift_range": [-4, 2], "height_shift_range": [0.1, 0.3]},
    "tuples": {"width_shift_range": (1, 2, 3), "height_shift_range": (0, 0)},
    "negative": {"width_shift_range": -3, "height_shift_range": -0.2},
    "brightness": {"brightness_range": (0.4, 1.7), "rescale": 0.5},
    "shear and zoom": {"shear_range": 30, "zoom_range": [0.5, 1.5]},
    "no zoom": {"zoom_range": [1, 1], "rotation_range": 5},
    "channels": {"channel_shift_range": 60.0, "brightness_range": [0.5, 1]},
    "constant": {"rotation_range": 90, "fill_mode": "constant", "cval": 200},
    "wrap": {"rotation_range": 90, "fill_mode": "wrap", "interpolation_order": 0},
    "reflect": {"zoom_range": (1.5, 3), "fill_mode": "reflect"},
    "samplewise": {
        "samplewise_center": True,
        "samplewise_std_normalization": True,
        "rotation_range": 10,
    },
    "featurewise": {
        "featurewise_center": True,
        "featurewise_std_normalization": True,
        "rescale": 0.1,
    },
    "centred": {"featurewise_center": True, "horizontal_flip": True},
    "whitened": {"zca_whitening": True, "featurewise_center": True},
    "function": {"preprocessing_function": lambda x: 255 - x, "rescale": 2},
    "float64": {**BOOK, "dtype": "float64"},
}
FROM_FOLDERS = {
    "binary": {"class_mode": "binary", "batch_size": 2},
    "categorical": {"batch_size": 3, "shuffle": False},
    "sparse": {"class_mode": "sparse", "color_mode": "grayscale"},
    "input": {"class_mode": "input", "color_mode": "rgba", "batch_size": 4},
    "no labels": {"class_mode": None, "batch_size": 4},
    "classes": {"classes": ["dogs", "cats"], "batch_size": 4},
    "sized": {"interpolation": "bilinear", "keep_aspect_ratio": True},
    "training": {"subset": "training", "batch_size": 3},
    "validation": {"subset": "validation", "batch_size": 3},
}
FROM_TABLES = {
    "categorical": {"y_col": "kind", "batch_size": 3},
    "binary": {"y_col": "kind", "class_mode": "binary"},
    "sparse": {"y_col": "kind", "class_mode": "sparse", "weight_col": "weight"},
    "classes": {"y_col": "kind", "classes": ["dogs"], "shuffle": False},
    "several": {"y_col": "kinds", "batch_size": 4},
    "some": {"y_col": "kinds", "classes": ["b", "c"], "batch_size": 4},
    "raw": {"y_col": "weight", "class_mode": "raw", "batch_size": 3},
    "raw columns": {"y_col": ["weight", "number"], "class_mode": "raw"},
    "outputs": {"y_col": ["weight", "number"], "class_mode": "multi_output"},
    "input": {"class_mode": "input", "batch_size": 2},
    "no labels": {"class_mode": None, "subset": "training"},
    "validation": {"y_col": "kind", "subset": "validation", "batch_size": 2},
    "all rows": {"y_col": "kind", "validate_filenames": False, "directory": None},
}


def make(folder):
    """Make the images: small ones of two classes, and one of each mode of Pillow."""
    from PIL import Image

    rng = np.random.default_rng(5)
    for kind, count in (("cats", 5), ("dogs", 6)):
        (folder / "images" / kind / "more").mkdir(parents=True)
        for i in range(count):
            size = (12, 16, 3) if i % 2 else (20, 18, 3)
            values = rng.integers(0, 256, size, "uint8")
            name = f"more/{kind}.{i}.PNG" if i == 3 else f"{kind}.{i}.png"
            Image.fromarray(values).save(folder / "images" / kind / name)
        (folder / "images" / kind / "notes.txt").write_text("no image")
    (folder / "images" / "readme.txt").write_text("no class")
    (folder / "modes").mkdir()
    values = rng.integers(0, 256, (13, 17, 3), "uint8")
    for mode in MODES:
        ending = "tif" if mode in ("CMYK", "I", "I;16") else "png"
        picture = Image.fromarray(values)
        if mode == "I;16":
            picture = Image.fromarray(values[..., 0].astype("uint16") * 200)
        elif mode == "I":
            picture = Image.fromarray(values[..., 0].astype("int32") * 70000)
        else:
            picture = picture.convert(mode)
        picture.save(folder / "modes" / f"{mode.replace(';', '')}.{ending}")


def leaves(name, value):
    """(name, array) of everything in a nested answer."""
    if isinstance(value, (tuple, list)) and not all(map(np.isscalar, value)):
        for i, each in enumerate(value):
            yield from leaves(f"{name}[{i}]", each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(f"{name}[{key!r}]", each)
    else:
        yield name, np.asarray(value)


def pixels(picture):
    return {"pixels": np.array(picture), "mode": picture.mode}


def of_pictures(image, folder):
    """Reading, writing and converting."""
    for path in sorted((folder / "modes").iterdir()):
        for name, arguments in LOADED.items():
            yield f"load {path.name} {name}", pixels(image.load_img(path, **arguments))
    path = folder / "modes" / "RGB.png"
    forms = (path, str(path), bytes(path), io.BytesIO(path.read_bytes()))
    yield "forms", [np.array(image.load_img(form)) for form in forms]
    for mode in ("RGB", "L", "RGBA"):
        picture = image.load_img(folder / "modes" / f"{mode}.png", "rgba")
        picture = picture.convert(mode)
        for form in ("channels_last", "channels_first", None):
            for dtype in ("float64", "uint8", None):
                array = image.img_to_array(picture, form, dtype)
                yield f"array {mode} {form} {dtype}", [array, str(array.dtype)]
    rng = np.random.default_rng(3)
    for channels in (1, 3, 4):
        x = rng.normal(size=(5, 6, channels)) * 90 + 100
        for scale in (True, False):
            made = image.array_to_img(x.clip(0, 255), scale=scale)
            yield f"picture {channels} {scale}", pixels(made)
    yield "picture constant", pixels(image.array_to_img(np.full((2, 2, 3), 7.0)))
    large = np.arange(8.0).reshape(2, 4, 1) * 1000
    yield "picture large", pixels(image.array_to_img(large, scale=False))
    first = image.array_to_img(x.transpose(2, 0, 1), "channels_first", dtype="float64")
    yield "picture first", pixels(first)
    for ending in ("png", "bmp", "jpg"):
        for form, array in (("", x[..., :3]), ("first", x[..., :3].transpose(2, 0, 1))):
            path = folder / f"{image.__name__}{form}.{ending}"
            image.save_img(path, array, f"channels_{form}" if form else None)
            yield f"saved {ending} {form}", np.array(image.load_img(path))
    content = io.BytesIO()
    image.save_img(content, x, file_format="png", scale=False)
    yield "saved content", np.array(image.load_img(content, "rgba"))


def of_resizing(image):
    """smart_resize."""
    rng = np.random.default_rng(4)
    for name, (shape, size, kind, form) in RESIZED.items():
        x = rng.uniform(0, 255, shape).astype("float32")
        found = image.smart_resize(x, size, interpolation=kind, data_format=form)
        yield f"resized {name}", found


def of_transforms(image):
    """Affine transforms, and the random functions."""
    rng = np.random.default_rng(6)
    wide = rng.uniform(0, 255, (9, 14, 3)).astype("float32")
    for name, given in TRANSFORMED.items():
        yield f"affine {name}", image.apply_affine_transform(wide, **given, **LAST)
        x = wide.transpose(2, 0, 1).astype("float64")
        yield f"affine first {name}", image.apply_affine_transform(x, **given)
        swapped = {"row_axis": 1, "col_axis": 0, "channel_axis": 2}
        yield (
            f"affine swapped {name}",
            image.apply_affine_transform(wide, **given, **swapped),
        )
    for name, x in (("", wide), (" beyond", wide * 2 - 100)):
        for axis in (0, 2):
            found = image.apply_channel_shift(x, 30.0, axis)
            yield f"channel shift {axis}{name}", found
        for scale in (True, False):
            found = image.apply_brightness_shift(x, 1.4, scale)
            yield f"brightness {scale}{name}", found
    np.random.seed(11)
    filled = {**LAST, "fill_mode": "wrap", "interpolation_order": 2}
    yield "random rotation", image.random_rotation(wide, 30, **LAST)
    yield "random shift", image.random_shift(wide, 0.3, 0.2, **filled)
    yield "random shear", image.random_shear(wide, 25, **LAST)
    yield "random zoom", image.random_zoom(wide, (0.5, 1.5), **filled)
    yield "random no zoom", image.random_zoom(wide, (1, 1), **LAST)
    yield "random channels", image.random_channel_shift(wide, 50, 2)
    yield "random brightness", image.random_brightness(wide, (0.2, 2))
    yield "random light", image.random_brightness(wide, [0.2, 2], scale=False)
    yield "drawn after all", np.random.random()


def of_generators(image):
    """ImageDataGenerator on arrays."""
    rng = np.random.default_rng(8)
    images = rng.uniform(0, 255, (7, 8, 12, 3))
    labels, weights = np.arange(7) * 10, np.linspace(0, 1, 7)
    for name, options in GENERATORS.items():
        generator = image.ImageDataGenerator(**options)
        generator.fit(images)
        flow = generator.flow(images, labels, batch_size=3, seed=4)
        yield f"{name} next", [next(flow) for _ in range(4)]
        flow.reset()
        yield f"{name} reset", next(flow)
        flow = generator.flow(
            images, labels, batch_size=3, sample_weight=weights, shuffle=False, seed=1
        )
        yield f"{name} by number", [len(flow), flow[2], flow[0]]
        flow.on_epoch_end()
        yield f"{name} end of epoch", flow[1]
        yield f"{name} drawn after", np.random.random()
        drawn = generator.get_random_transform((8, 12, 3), seed=2)
        yield f"{name} drawn", {k: float(v or 0) for k, v in drawn.items()}
        x = images[0].astype("float32")
        yield f"{name} random", generator.random_transform(x, seed=5)
        yield f"{name} standard", generator.standardize(x.copy())
        yield f"{name} nothing", generator.apply_transform(x, {})
        generator.fit(images, augment=True, rounds=2, seed=9)
        learned = (generator.mean, generator.std, generator.zca_whitening_matrix)
        yield f"{name} learned", [a for a in learned if a is not None]
    first = image.ImageDataGenerator(data_format="channels_first", **BOOK)
    given = images.transpose(0, 3, 1, 2)
    yield "first", [next(first.flow(given, batch_size=4, seed=1)) for _ in range(2)]
    np.random.seed(3)  # without a seed, what is drawn goes on from there
    flow = image.ImageDataGenerator(**BOOK).flow(images, batch_size=4)
    yield "no seed", [next(flow) for _ in range(3)]
    yield "no seed, by number", [flow[1], flow[0]]
    more = [images, [labels, weights]]
    flow = image.ImageDataGenerator().flow(more, labels, batch_size=4, seed=2)
    yield "more arrays", [next(flow), flow[0]]
    split = image.ImageDataGenerator(validation_split=0.3)
    for subset in ("training", "validation"):
        flow = split.flow(
            images, labels, subset=subset, ignore_class_split=True, seed=1
        )
        yield f"subset {subset}", [flow.n, next(flow)]


def of_folders(image, folder):
    """ImageDataGenerator on files."""
    options = {"rescale": 1 / 255, "validation_split": 0.4, **BOOK}
    generator = image.ImageDataGenerator(**options)
    for name, given in FROM_FOLDERS.items():
        flow = generator.flow_from_directory(
            folder / "images", **{"target_size": (10, 14), "seed": 3, **given}
        )
        yield f"folder {name} next", [next(flow) for _ in range(3)]
        yield f"folder {name} by number", [len(flow), flow[len(flow) - 1]]
        names = [f.replace("\\", "/") for f in flow.filenames]
        yield f"folder {name}", [flow.samples, flow.num_classes, flow.image_shape]
        yield f"folder {name} files", [names, flow.classes, flow.class_indices]
        yield f"folder {name} drawn after", np.random.random()
    for where in ("directory", "array"):
        saved = folder / f"{image.__name__} saved {where}"
        saved.mkdir()
        given = {"save_to_dir": saved, "save_prefix": "a", "seed": 1}
        if where == "directory":
            flow = generator.flow_from_directory(
                str(folder / "images"), target_size=(6, 6), save_format="bmp", **given
            )
        else:
            images = np.random.default_rng(1).uniform(0, 255, (3, 6, 6, 3))
            flow = generator.flow(images, **given)
        next(flow)
        files = sorted(saved.iterdir())
        yield f"saved {where}", [f.name for f in files]
        yield f"saved {where} pixels", [np.array(image.load_img(f)) for f in files]


def of_tables(image, folder):
    """ImageDataGenerator on tables."""
    import pandas

    paths = sorted(p for p in (folder / "images").rglob("*.[pP]*") if p.is_file())
    names = [p.relative_to(folder / "images").as_posix() for p in paths]
    kinds = [["a"], ["a", "b"], ("c",), ["b", "c", "a"]]
    table = pandas.DataFrame(
        {
            "filename": [*names, "gone.png", "images.txt"],
            "whole": [*map(str, paths), str(paths[0]), str(paths[1])],
            "kind": [n.split("/")[0] for n in names] + ["dogs", "cats"],
            "kinds": [kinds[i % 4] for i in range(len(names) + 2)],
            "weight": np.linspace(0.5, 2, len(names) + 2),
            "number": np.arange(len(names) + 2),
        }
    )
    generator = image.ImageDataGenerator(validation_split=0.4, **BOOK)
    for name, given in FROM_TABLES.items():
        given = {"directory": str(folder / "images"), "target_size": (6, 8), **given}
        given["x_col"] = "filename" if given["directory"] else "whole"
        flow = generator.flow_from_dataframe(table, seed=6, **given)
        yield f"table {name} next", [next(flow) for _ in range(3)]
        yield f"table {name} by number", [len(flow), flow[len(flow) - 1]]
        yield f"table {name} files", [flow.samples, flow.filenames]
        if hasattr(flow, "class_indices"):
            yield f"table {name} classes", [flow.class_indices, flow.classes]


def answers(image, folder):
    """Everything: name -> array."""
    parts = (
        of_pictures(image, folder),
        of_resizing(image),
        of_transforms(image),
        of_generators(image),
        of_folders(image, folder),
        of_tables(image, folder),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(
            leaf for part in parts for name, value in part
            for leaf in leaves(name, value)
        )  # fmt: skip


def signatures(image):
    """Parameters and their defaults, by the name of a function or method."""
    import inspect

    found = {}
    for name in (*FUNCTIONS, *OF_THE_PAST, *METHODS):
        each = image
        for part in name.split("."):
            each = getattr(each, part)
        found[name] = [
            (p.name, "required" if p.default is p.empty else repr(p.default))
            for p in inspect.signature(each).parameters.values()
            if p.kind != p.VAR_KEYWORD
        ]
    return found


def main():
    import keras
    from keras.src.legacy.preprocessing import image as past

    present = keras.preprocessing.image
    both = {name: getattr(present, name) for name in FUNCTIONS}
    both |= {name: getattr(past, name) for name in OF_THE_PAST}
    image = SimpleNamespace(__name__="keras", **both)
    folder, file = map(Path, sys.argv[1:])
    found = answers(image, folder)
    found["signatures"] = np.array(json.dumps(signatures(image)))
    np.savez(file, **{name.replace("/", "|"): array for name, array in found.items()})


if __name__ == "__main__":
    main()
