"""Images as files, as pictures of Pillow, and as arrays."""

from __future__ import annotations

import io
import operator
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cornu import files
from cornu.graph.config import floatx, standardize_data_format
from cornu.graph.messages import nearest, refuse_unknown, warn_user
from cornu.preprocessing.libraries import pillow

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
# The mode that a picture gets; and others that are let be.
_MODES = {"rgb": ("RGB",), "rgba": ("RGBA",), "grayscale": ("L", "I;16", "I")}


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
    **kwargs: Any,
) -> Any:
    """Reads an image file.

    Args:
        path: name of the file, or an `io.BytesIO` with its content.
        color_mode: 'rgb', 'rgba' or 'grayscale'. Gray of 16 or 32 bits stays as it is.
        target_size: (height, width) of the picture. By default, as in the file.
        interpolation: how another size is made: 'nearest', 'bilinear', 'bicubic',
            'hamming', 'box' or 'lanczos'.
        keep_aspect_ratio: whether nothing may be distorted. Then what is too much of
            height or width is cut off first, as much on both sides.
        **kwargs: `grayscale`, a flag that was in the place of `color_mode` in Keras 2.

    Returns:
        A picture of Pillow.

    Raises:
        FileNotFoundError: where there is no such file.
        OSError: where it is no image, or a damaged one.
        TypeError: where `path` is something else.
        ValueError: for another mode or interpolation.

    Example:

    >>> content = io.BytesIO()
    >>> array_to_img(np.zeros((4, 6, 3))).save(content, "png")
    >>> load_img(content, color_mode="grayscale", target_size=(8, 8)).size
    (8, 8)
    """
    gray = kwargs.pop("grayscale", color_mode if isinstance(color_mode, bool) else None)
    refuse_unknown("load_img", kwargs, ["color_mode", "target_size", "interpolation"])
    if gray is not None:
        color_mode = "grayscale" if gray else "rgb"
    check_choice("load_img", "color_mode", color_mode, _MODES)
    check_choice("load_img", "interpolation", interpolation, INTERPOLATIONS)
    size = None
    if target_size is not None:
        # An input_shape with channels does as well, as in Keras.
        height, width = check_size("load_img", "target_size", target_size[:2])
        size = width, height
    picture = _opened(path)
    try:
        if picture.mode not in _MODES[color_mode]:
            picture = picture.convert(_MODES[color_mode][0])
        if size is None or picture.size == size:
            picture.load()
            return picture
        box = _largest_box(picture.size, *size) if keep_aspect_ratio else None
        resample = pillow().Resampling[interpolation.upper()]
        return picture.resize(size, resample, box=box)
    except (OSError, SyntaxError) as error:  # Pillow says so of some broken PNGs
        raise OSError(
            f"{_name(path)} cannot be read as an image: {error}.\n"
            "Expected a whole file.\nCopy or download it again."
        ) from error


def _opened(path: Any) -> Any:
    """The picture in a file, whose pixels Pillow reads when they are asked for."""
    image = pillow()
    if isinstance(path, io.BytesIO):
        content: Any = path
    elif isinstance(path, (os.PathLike, bytes, str)):
        try:
            with open(path, "rb") as file:
                content = io.BytesIO(file.read())
        except FileNotFoundError:
            raise FileNotFoundError(
                f"There is no file {_name(path)}.\n"
                f"Expected an image there, seen from {os.getcwd()}.\n"
                "Check the name, or write the path from the root on."
            ) from None
    else:
        raise TypeError(
            f"load_img was given {type(path).__name__}.\n"
            "Expected the name of a file, or an io.BytesIO.\n"
            "Write load_img('images/cat.png')."
        )
    try:
        return image.open(content)
    except image.UnidentifiedImageError:
        raise image.UnidentifiedImageError(
            f"{_name(path)} is no image, or of a kind that Pillow does not know.\n"
            "Expected a PNG, JPEG, BMP, TIFF, ...\n"
            "Look at the file; a page with an error message is sometimes saved instead."
        ) from None


def _name(path: Any) -> str:
    """What a file is called in messages."""
    if isinstance(path, io.BytesIO):
        return "The io.BytesIO"
    return repr(os.fsdecode(path))


def _largest_box(size: tuple[int, int], width: int, height: int) -> list[int]:
    """The largest part in the middle that has the shape of a target.

    Args:
        size: (width, height) of the picture.
        width: of the target.
        height: of the target.

    Returns:
        Left, top, right, bottom.
    """
    across = max(min(size[0], (size[1] * width) // height), 1)
    down = max(min(size[1], (size[0] * height) // width), 1)
    left, top = (size[0] - across) // 2, (size[1] - down) // 2
    return [left, top, left + across, top + down]


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
    """A picture as an array.

    Args:
        img: picture of Pillow, or an array.
        data_format: 'channels_last' or 'channels_first'. By default what
            `cornu.config.image_data_format` says.
        dtype: dtype of the array. By default `cornu.config.floatx()`.

    Returns:
        An array of shape (height, width, channels), or (channels, height, width);
        values from 0 to 255 where the picture has 8 bits.

    Raises:
        ValueError: for arrays of other than 2 or 3 axes.

    Example:

    >>> img_to_array(array_to_img(np.zeros((4, 6, 3)))).shape
    (4, 6, 3)
    """
    first = standardize_data_format(data_format, "img_to_array") == "channels_first"
    x = np.asarray(img, dtype=dtype or floatx())
    if x.ndim == 2:
        return x[np.newaxis] if first else x[..., np.newaxis]
    if x.ndim != 3:
        raise ValueError(
            f"img_to_array was given something of shape {x.shape}.\n"
            "Expected one picture: height, width, and channels or none.\n"
            "Give pictures one by one."
        )
    return x.transpose(2, 0, 1) if first else x


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """An array as a picture.

    Args:
        x: array or tensor of shape (height, width, channels), or (channels, height,
            width); 1 (gray), 3 (RGB) or 4 (RGBA) channels.
        data_format: 'channels_last' or 'channels_first'. By default what
            `cornu.config.image_data_format` says.
        scale: whether the smallest value becomes 0 and the largest 255. Otherwise the
            values should lie there, and fractions are cut off.
        dtype: dtype to compute in. By default `cornu.config.floatx()`.

    Returns:
        A picture of Pillow, of 8 bits. Gray above 255 that is not scaled gets 32 bits.

    Raises:
        ValueError: for another shape.

    Example:

    >>> picture = array_to_img(np.arange(12.0).reshape(2, 2, 3))
    >>> picture.size, picture.mode, picture.getpixel((1, 1))
    ((2, 2), 'RGB', (208, 231, 255))
    """
    first = standardize_data_format(data_format, "array_to_img") == "channels_first"
    x = np.asarray(x, dtype=dtype or floatx())
    if x.ndim == 3 and first:
        x = x.transpose(1, 2, 0)
    if x.ndim != 3 or x.shape[-1] not in (1, 3, 4) or not x.size:
        raise ValueError(
            f"array_to_img was given an array of shape {x.shape}"
            f"{' (channels are last)' if x.ndim == 3 else ''}.\n"
            "Expected one picture: height, width, and 1, 3 or 4 channels.\n"
            "Take one of a batch (x[0]), add the axis of gray (x[..., np.newaxis]), or "
            "say data_format=."
        )
    if scale:
        x = x - np.min(x)
        largest = np.max(x)
        if largest != 0:
            x /= largest
        x *= 255
    if x.shape[-1] > 1:
        return pillow().fromarray(np.ascontiguousarray(x.astype("uint8")))
    more = np.max(x) > 255
    return pillow().fromarray(x[..., 0].astype("int32" if more else "uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file, which is there when it is whole.

    Args:
        path: name of the file, or an open one.
        x: array; see `array_to_img`.
        data_format: 'channels_last' or 'channels_first'. By default what
            `cornu.config.image_data_format` says.
        file_format: 'png', 'jpeg', ... By default what the end of the name says.
        scale: whether the smallest value becomes 0 and the largest 255.
        **kwargs: of `save` of Pillow's pictures, such as `quality`.

    Raises:
        ValueError: where nothing says the format, or Pillow does not know it.

    Example:

    >>> content = io.BytesIO()
    >>> save_img(content, np.zeros((4, 6, 3)), file_format="png")
    >>> content.getvalue()[1:4]
    b'PNG'
    """
    named = isinstance(path, (str, bytes, os.PathLike))
    kind = _file_format(path if named else None, file_format)
    picture = array_to_img(x, data_format=data_format, scale=scale)
    if picture.mode == "RGBA" and kind == "JPEG":
        warn_user(
            "A JPEG has no alpha channel: the fourth channel is left out.\n"
            "Expected a format that has one.\nWrite a '.png' to keep it.",
            UserWarning,
        )
        picture = picture.convert("RGB")
    if not named:
        picture.save(path, format=kind, **kwargs)
        return
    content = io.BytesIO()
    picture.save(content, format=kind, **kwargs)
    files.write(os.fsdecode(path), content.getbuffer())


def _file_format(path: Any, given: str | None) -> str:
    """Pillow's name of a format, from the end of the file's name if need be."""
    if given is None:
        given = "" if path is None else Path(os.fsdecode(path)).suffix[1:]
    image = pillow()
    endings = image.registered_extensions()
    found = endings.get(f".{given.lower()}", given.upper())
    if found not in image.SAVE:
        known = [ending[1:] for ending, kind in endings.items() if kind in image.SAVE]
        fix = nearest(given.lower(), known) if given else "Write 'picture.png'."
        raise ValueError(
            f"save_img: {given!r} is no format that Pillow can write.\n"
            "Expected 'png', 'jpeg', ... at the end of the name, or as file_format.\n"
            f"{fix}"
        )
    return found


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Images in another size, of which nothing is distorted.

    The largest part in the middle that has the shape of the target is cut out, and
    resized.

    Args:
        x: array or tensor of shape (height, width, channels), or with a batch before.
        size: (height, width) of the target.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        An array where `x` is one, else a tensor.

    Raises:
        ValueError: for another shape, size or interpolation.

    Example:

    >>> smart_resize(np.ones((340, 500, 3), "float32"), (200, 200)).shape
    (200, 200, 3)
    """
    from cornu import ops

    first = standardize_data_format(data_format, "smart_resize") == "channels_first"
    height, width = check_size("smart_resize", "size", size)
    images = ops.convert_to_tensor(x)
    if images.ndim not in (3, 4):
        raise ValueError(
            f"smart_resize was given something of shape {tuple(images.shape)}.\n"
            "Expected one image of three axes, or a batch of four.\n"
            "Add the axis of gray: x[..., np.newaxis]."
        )
    axis = images.ndim - (2 if first else 3)
    index: list[Any] = [slice(None)] * images.ndim
    index[axis], index[axis + 1] = _middle(
        images.shape[axis], images.shape[axis + 1], height, width
    )
    made = ops.image.resize(
        images[tuple(index)],
        (height, width),
        interpolation=interpolation,
        data_format="channels_first" if first else "channels_last",
    )
    return np.array(made) if isinstance(x, np.ndarray) else made


def _middle(height: int, width: int, rows: int, columns: int) -> tuple[slice, slice]:
    """The largest part in the middle that has the shape of a target, as Keras cuts it.

    Args:
        height: of the images.
        width: of the images.
        rows: height of the target.
        columns: width of the target.
    """
    down = max(min(height, int(width * rows / columns)), 1)
    across = max(min(width, int(height * columns / rows)), 1)
    top, left = (height - down) // 2, (width - across) // 2
    return slice(top, top + down), slice(left, left + across)


def check_choice(owner: str, name: str, value: Any, known: Iterable[str]) -> None:
    """Refuse a value that is not one of these.

    Raises:
        ValueError: in three parts.
    """
    known = list(known)
    if value not in known:
        raise ValueError(
            f"{owner}: {name} is {value!r}.\n"
            f"Expected one of {', '.join(map(repr, known))}.\n"
            f"{nearest(value, known)}"
        )


def check_size(owner: str, name: str, size: Any) -> tuple[int, int]:
    """(height, width) as whole numbers.

    Raises:
        ValueError: in three parts.
    """
    try:
        height, width = (operator.index(n) for n in size)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            f"{owner}: {name} is {size!r}.\n"
            "Expected height and width, two whole numbers from 1 on.\n"
            f"For example {name}=(150, 150)."
        )
    return height, width
