"""Archives for the tests, whole and evil ones, and what is left of unpacking them."""

import io
import tarfile
import zipfile

FILES = {"aclImdb/train/pos/1.txt": b"good", "aclImdb/README": b"read me"}


def as_zip(files, **info):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, data in files.items():
            one = zipfile.ZipInfo(name)
            vars_of = info.get(name, {})
            for key, value in vars_of.items():
                setattr(one, key, value)
            packed.writestr(one, data)
    return content.getvalue()


def as_tar(files, mode="w:gz", **infos):
    """A tar of files; of each name in `infos`, attributes of its TarInfo."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
        for name, attributes in infos.items():
            info = tarfile.TarInfo(name)
            for key, value in attributes.items():
                setattr(info, key, value)
            packed.addfile(info)
    return content.getvalue()


def everything(folder):
    """The names of all that is in a folder, and below it."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def parts(raised):
    """The message, which has to have its three parts."""
    message = str(raised.value)
    assert len(message.splitlines()) >= 3, message
    return message
