"""Unpacking: all files or none, and none elsewhere."""

import io
import os
import random
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from cornu.utils import archives
from tests.datasets.archives import FILES, as_tar, as_zip, everything, parts


@pytest.fixture
def place(tmp_path):
    """A folder with nothing else in it."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression(place, mode):
    (place / "a").write_bytes(as_tar(FILES, mode))
    archives.unpack(place / "a", place / "made")
    for name, content in FILES.items():
        assert (place / "made" / name).read_bytes() == content
    assert everything(place) == sorted(
        ["a", "made", *(f"made/{p}" for p in everything(place / "made"))]
    )
    assert stat.S_IMODE(os.stat(place / "made").st_mode) == stat.S_IMODE(
        os.stat(place / "made" / "aclImdb").st_mode
    )


UNSAFE = {
    "above": as_tar({"../x": b"x"}),
    "above, deep": as_tar({"a/../../x": b"x"}),
    "absolute": as_tar({"/tmp/cornu_x": b"x"}),
    "zip above": as_zip({"../x": b"x"}),
    "zip absolute": as_zip({"/tmp/cornu_x": b"x"}),
    "link": as_tar({}, l={"type": tarfile.SYMTYPE, "linkname": "../x"}),
    "absolute link": as_tar({}, l={"type": tarfile.SYMTYPE, "linkname": "/etc"}),
    "same": as_tar({}, l={"type": tarfile.LNKTYPE, "linkname": "../x"}),
    "device": as_tar({}, d={"type": tarfile.CHRTYPE, "devmajor": 1}),
    "pipe": as_tar({}, d={"type": tarfile.FIFOTYPE}),
    # Each link stays in the folder as a text; together they lead out.
    "chain": as_tar(
        {"t/f": b""},
        **{
            "a/b/c/l": {"type": tarfile.SYMTYPE, "linkname": "../../../t"},
            "a/b/c/m": {"type": tarfile.SYMTYPE, "linkname": "l/../../x"},
        },
    ),
    "zip link": as_zip(
        {"l": b"../x"},
        l={"create_system": 3, "external_attr": (stat.S_IFLNK | 0o777) << 16},
    ),
    "zip device": as_zip(
        {"d": b""},
        d={"create_system": 3, "external_attr": (stat.S_IFCHR | 0o666) << 16},
    ),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_nothing_is_written_elsewhere(place, name):
    content = UNSAFE[name]
    (place / "in").mkdir()
    (place / "a").write_bytes(content)
    with pytest.raises(ValueError, match="was not unpacked") as raised:
        archives.unpack(place / "a", place / "in" / "made")
    assert "Do not trust this archive" in parts(raised)
    assert everything(place) == ["a", "in"]
    assert not Path("/tmp/cornu_x").exists()


@pytest.mark.parametrize("kind", ["link", "file"])
@pytest.mark.parametrize("first", [True, False])
def test_nothing_is_written_through_a_link(place, kind, first):
    """A link, or a file, and a file below its name."""
    above, below = tarfile.TarInfo("l"), tarfile.TarInfo("l/x")
    if kind == "link":
        above.type, above.linkname = tarfile.SYMTYPE, "t"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as packed:
        for info in [above, below] if first else [below, above]:
            packed.addfile(info, io.BytesIO())
    (place / "a").write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="is a file or link, and a folder") as raised:
        archives.unpack(place / "a", place / "made")
    parts(raised)
    assert everything(place) == ["a"]


def test_damage_at_random(place):
    """All files are there, or none; whatever became of the archive."""
    chance = random.Random(7)
    link = {"type": tarfile.SYMTYPE, "linkname": "aclImdb/README"}
    whole = [as_tar(FILES, mode, l=link) for mode in ("w", "w:gz")] + [as_zip(FILES)]
    messages = []
    for _ in range(100):
        content = bytearray(chance.choice(whole))
        for _ in range(chance.choice([1, 3])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        (place / "a").write_bytes(content)
        try:
            archives.unpack(place / "a", place / "made")
        except (ValueError, OSError) as error:
            messages.append(str(error))
        else:
            assert (place / "made").is_dir()
            shutil.rmtree(place / "made")
        assert everything(place) == ["a"]
    assert 30 < len(messages) < 100
    assert {len(message.splitlines()) for message in messages} == {3}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_links_within_stay_links(place, kind):
    if kind == "tar":
        infos = {
            "d/l": {"type": tarfile.SYMTYPE, "linkname": "../f"},
            "d/same": {"type": tarfile.LNKTYPE, "linkname": "f"},
            "k": {"type": tarfile.SYMTYPE, "linkname": "d"},
        }
        content = as_tar({"f": b"content"}, **infos)
    else:
        link = {"create_system": 3, "external_attr": (stat.S_IFLNK | 0o777) << 16}
        content = as_zip(
            {"f": b"content", "d/l": b"../f", "k": b"d", "d/same": b"content"},
            **{"d/l": link, "k": link},
        )
    (place / "a").write_bytes(content)
    for _ in range(2):
        archives.unpack(place / "a", place / "made")
        assert (place / "made" / "k").is_symlink()
        assert os.readlink(place / "made" / "d" / "l") == "../f"
        for name in ("d/l", "d/same", "k/l"):
            assert (place / "made" / name).read_bytes() == b"content"
        (place / "made" / "f").unlink()  # so that it is unpacked again
    assert everything(place)[:2] == ["a", "made"]


def damaged():
    plain, packed = as_tar(FILES, "w"), as_zip(FILES)
    lying = bytearray(as_zip({"f": b"x" * 100}))
    start = lying.index(b"PK\1\2") + 24  # its size, in the table at the end
    lying[start : start + 4] = (50).to_bytes(4, "little")
    flipped = bytearray(packed)
    flipped[packed.index(b"good")] ^= 1
    return {
        "tar, cut off": plain[:700],
        "gz, cut off": as_tar(FILES)[:-30],
        "zip, another byte": bytes(flipped),
        "zip, lying about a size": bytes(lying),
        "no archive": b"<html>not found</html>",
        "same as nothing": as_tar({}, l={"type": tarfile.LNKTYPE, "linkname": "f"}),
    }


@pytest.mark.parametrize("name", damaged())
def test_damaged_archives_leave_nothing(place, name):
    (place / "a").write_bytes(damaged()[name])
    with pytest.raises(ValueError, match="cannot be unpacked") as raised:
        archives.unpack(place / "a", place / "made")
    parts(raised)
    assert everything(place) == ["a"]


@pytest.mark.parametrize("size", [2**62, 2**70, -512, -1536])
def test_impossible_sizes(place, size):
    first = tarfile.TarInfo("e").tobuf(tarfile.GNU_FORMAT)
    info = tarfile.TarInfo("f")
    info.size = size
    (place / "a").write_bytes(first + info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(ValueError, match="cannot be unpacked") as raised:
        archives.unpack(place / "a", place / "made")
    parts(raised)
    assert everything(place) == ["a"]


def test_what_has_no_room_is_not_begun(place):
    content = as_zip({"f": b"x"})
    huge = bytearray(content)
    for mark, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        start = content.index(mark) + offset
        huge[start : start + 4] = (2**32 - 2).to_bytes(4, "little")
    (place / "a").write_bytes(bytes(huge))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            archives.shutil, "disk_usage", lambda path: type("", (), {"free": 9})
        )
        with pytest.raises(OSError, match="have 4,294,967,294 bytes") as raised:
            archives.unpack(place / "a", place / "made")
    parts(raised)
    assert everything(place) == ["a"]


def test_an_interrupted_unpacking_leaves_nothing(place, monkeypatch):
    (place / "a").write_bytes(as_zip(FILES))

    def interrupted(*args):
        assert len(everything(place)) > 1
        raise KeyboardInterrupt

    monkeypatch.setattr(archives, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        archives.unpack(place / "a", place / "made")
    assert everything(place) == ["a"]
