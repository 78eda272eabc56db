"""Vocabularies and hashes: published values, and those of Keras on TensorFlow."""

import numpy as np
import pytest

from cornu.graph import Tensor
from cornu.layers import HashedCrossing, Hashing, IntegerLookup, StringLookup
from cornu.layers.preprocessing.fingerprints import farmhash64, siphash64

WORDS = ["one", "two", "three"]
ROWS = [["one", "two", "four", "two"]]
BASIC = {"max_tokens": 7, "mask_token": "", "oov_token": "[OOV]"}


def array(value):
    return np.asarray(value)


# The values in these tests are those of Keras's own tests and documentation.


def test_a_vocabulary_is_learned_or_given():
    layer = StringLookup(**BASIC)
    layer.adapt(["one", "one", "one", "two", "two", "three"])
    given = StringLookup(**BASIC, vocabulary=WORDS)
    special = StringLookup(**BASIC, vocabulary=["", "[OOV]", *WORDS])
    later = StringLookup(**BASIC)
    later.set_vocabulary(WORDS)
    for each in (layer, given, special, later):
        assert each.get_vocabulary() == ["", "[OOV]", *WORDS]
        assert each.get_vocabulary(include_special_tokens=False) == WORDS
        assert each.vocabulary_size() == 5
        found = each(["one", "two", "four"])
        assert isinstance(found, Tensor)
        assert found.dtype == "int64"
        assert found.tolist() == [2, 3, 1]
        assert each(np.array([["", "three"]])).tolist() == [[0, 4]]


@pytest.mark.parametrize(
    ("mode", "single", "batch"),
    [
        ("int", [2, 3, 1], [[2, 3, 1, 3]]),
        ("multi_hot", [1, 1, 1, 0], [[1, 1, 1, 0]]),
        ("count", [1, 1, 1, 0], [[1, 1, 2, 0]]),
        ("tf_idf", [0.2, 0.1, 0.2, 0.0], [[0.2, 0.1, 0.4, 0.0]]),
        ("one_hot", [[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]],
         [[[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]]]),
    ],
)  # fmt: skip
def test_output_modes(mode, single, batch):
    weights = [0.1, 0.2, 0.3] if mode == "tf_idf" else None
    layer = StringLookup(
        **BASIC, vocabulary=WORDS, output_mode=mode, idf_weights=weights
    )
    np.testing.assert_allclose(layer(ROWS[0][:3]), single, rtol=1e-6)
    found = layer(ROWS)
    np.testing.assert_allclose(found, batch, rtol=1e-6)
    assert found.dtype == ("int64" if mode == "int" else "float32")
    assert layer.compute_output_shape((1, 4)) == tuple(found.shape)


def test_ties_and_limits_of_learning():
    layer = IntegerLookup(max_tokens=4, mask_token=0)
    layer.adapt([1, 1, 1, 2, 2, 3])
    assert layer.get_vocabulary() == [0, -1, 1, 2]
    assert layer([1, 2, 3, 4]).tolist() == [2, 3, 1, 1]
    layer = StringLookup()
    layer.adapt(np.array([["a", "b"], ["b", "c"], ["[UNK]", "c"]]))
    assert layer.get_vocabulary() == ["[UNK]", "c", "b", "a"]  # of equals the last one
    again = StringLookup()
    again.adapt(iter([np.array(["a", "b"]), np.array([b"b", b"c"]), ["c"]]))
    assert again.get_vocabulary() == layer.get_vocabulary()
    some = StringLookup()
    some.adapt(([w] for w in "abc"), steps=2)
    assert some.get_vocabulary() == ["[UNK]", "b", "a"]
    again.adapt(["z"])  # learns anew
    assert again.get_vocabulary() == ["[UNK]", "z"]


def test_inverse_document_frequencies():
    layer = StringLookup(**BASIC, output_mode="tf_idf")
    layer.adapt([["one", "one"], ["one", "two"], ["two", "three"]])
    idf = np.log(1 + 3 / (1 + np.array([2, 2, 1])))
    assert layer.get_vocabulary() == ["[OOV]", "one", "two", "three"]
    np.testing.assert_allclose(layer.idf_weights, [idf.mean(), *idf], rtol=1e-6)
    np.testing.assert_allclose(
        layer([["one", "two"], ["two", "four"]]),
        [[0, idf[0], idf[1], 0], [idf.mean(), 0, idf[1], 0]],
        rtol=1e-6,
    )
    padded = IntegerLookup(
        vocabulary=[12, 36], idf_weights=[0.25, 0.75], output_mode="tf_idf",
        max_tokens=5, pad_to_max_tokens=True,
    )  # fmt: skip
    np.testing.assert_allclose(padded([[12, 7, 12]]), [[0.5, 0.5, 0, 0, 0]])


def test_indices_become_words_again():
    words = StringLookup(vocabulary=["a", "b"], mask_token="", invert=True)
    found = words([[0, 1, 2], [3, 4, -1]])
    assert found.tolist() == [["", "[UNK]", "a"], ["b", "[UNK]", "[UNK]"]]
    numbers = IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True)
    found = numbers([[1, 3, 4], [4, 0, 2]])
    assert found.tolist() == [[12, 1138, 42], [42, -1, 36]]
    assert found.dtype == "int64"


def test_unknown_words_are_shared_out_among_indices():
    """Of several, as in TensorFlow: FarmHash64, SipHash64 or the remainder."""
    words = ["zz", "yy", "xx", "ww"]
    plain = StringLookup(vocabulary=["a"], num_oov_indices=3)
    salted = StringLookup(vocabulary=["a"], num_oov_indices=3, salt=[7, 9])
    assert plain(["a"]).tolist() == [3]
    assert plain(words).tolist() == [farmhash64(w.encode()) % 3 for w in words]
    expected = [siphash64(w.encode(), (7, 9)) % 3 for w in words]
    assert salted(words).tolist() == expected
    rest = IntegerLookup(vocabulary=[5], num_oov_indices=2, mask_token=0)
    assert rest([5, 0, 6, 7, -3]).tolist() == [3, 0, 1, 2, 2]
    hashed = IntegerLookup(vocabulary=[5], num_oov_indices=2, oov_method="farmhash")
    expected = [farmhash64(b"6") % 2, farmhash64(b"-3") % 2]
    assert hashed([6, -3]).tolist() == expected
    with pytest.raises(ValueError, match="num_oov_indices is 0"):
        StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "b"])


def test_a_vocabulary_lies_in_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\r\n\u2028c d\n", encoding="utf-8")
    layer = StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "\u2028c d"]
    assert layer.get_config()["vocabulary"] is None
    path.write_text("3\n-4\n")
    assert IntegerLookup(vocabulary=path)([[-4, 3, 7]]).tolist() == [[2, 1, 0]]
    # A description may not name one: who reads it has not chosen it.
    config = {**layer.get_config(), "vocabulary": str(path)}
    with pytest.raises(ValueError, match="no file is read that a file names"):
        StringLookup.from_config(config)


@pytest.mark.parametrize(
    "layer",
    [
        StringLookup(vocabulary=["a", "b"], mask_token="m", salt=3),
        IntegerLookup(vocabulary=np.array([4, 5]), max_tokens=9),
        StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[0.5]),
    ],
)
def test_a_config_makes_the_layer_again(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.get_vocabulary() == layer.get_vocabulary()


# Hashes

LONG = bytes(range(40, 140))
# Of TensorFlow's tf.strings.to_hash_bucket_fast and to_hash_bucket_strong.
BUCKETS = 2**62 + 57
HASHES = [
    (b"", 3), (b"abc", 3), (LONG[:4], 4), (LONG[:8], 5), (LONG[:16], 6),
    (LONG[:17], 7), (LONG[:32], 8), (LONG[:33], 9), (LONG[:64], 10), (LONG[:65], 11),
    (LONG, 12),
]  # fmt: skip


def test_fingerprints_are_bigquerys():
    """From the documentation of FARM_FINGERPRINT, as signed numbers."""
    for text, expected in (
        ("1footrue", -1541654101129638711),
        ("2applefalse", 2794438866806483259),
        ("3true", -4880158226897771312),
    ):
        assert farmhash64(text.encode()) == expected % 2**64


def test_siphash_is_its_authors():
    """The first vectors of the reference implementation: key 00 01 ... 0f."""
    key = tuple(int.from_bytes(bytes(range(i, i + 8)), "little") for i in (0, 8))
    for n, expected in ((0, "310e0edd47db6f72"), (1, "fd67dc93c539f874"),
                        (8, "6224939a79f5f593"), (15, "e545be4961ca29a1")):  # fmt: skip
        found = siphash64(bytes(range(n)), key).to_bytes(8, "little").hex()
        assert found == expected


@pytest.mark.parametrize(
    ("config", "values", "expected"),
    [
        ({"num_bins": 3}, ["A", "B", "C", "D", "E"], [1, 0, 1, 1, 2]),
        ({"num_bins": 3, "mask_value": ""}, ["A", "B", "", "C", "D"], [1, 1, 0, 2, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, list("ABCDE"), [1, 2, 1, 0, 2]),
        ({"num_bins": 3, "salt": 133}, list("ABCDE"), [0, 0, 2, 1, 0]),
        ({"num_bins": 3}, [0, 1, 2, 3, 4], [1, 0, 1, 0, 2]),
        ({"num_bins": 3, "salt": [133, 137]}, [0, 1, 2, 3, 4], [1, 1, 2, 0, 1]),
        ({"num_bins": 1}, ["A", "B"], [0, 0]),
        ({"num_bins": 2}, ["omar", "stringer", "marlo", "wire", "skywalker"],
         [0, 0, 1, 0, 0]),
        ({"num_bins": 3, "mask_value": "omar"},
         ["omar", "stringer", "marlo", "wire", "skywalker"], [0, 1, 2, 1, 1]),
        ({"num_bins": 2, "salt": [211, 137]},
         ["omar", "stringer", "marlo", "wire", "skywalker"], [1, 0, 1, 0, 1]),
    ],
)  # fmt: skip
def test_hashing(config, values, expected):
    layer = Hashing(**config)
    assert layer(values).tolist() == expected
    assert layer(np.array(values)[:, None]).tolist() == [[n] for n in expected]
    assert Hashing.from_config(layer.get_config()).get_config() == layer.get_config()


def test_hashing_in_other_modes():
    numbers = np.array([[0, 1, 2, 3, 4]])
    assert Hashing(3, output_mode="count")(numbers).tolist() == [[2.0, 2.0, 1.0]]
    assert Hashing(3, output_mode="multi_hot")(numbers).tolist() == [[1.0, 1.0, 1.0]]
    found = Hashing(3, output_mode="one_hot")(numbers.T)
    assert found.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert found.dtype == "float32"
    assert Hashing(3, dtype="int32")(numbers).dtype == "int32"


def test_hashed_crossing():
    first, second = list("ABABA"), [101, 101, 101, 102, 102]
    layer = HashedCrossing(num_bins=5)
    assert layer((first, second)).tolist() == [1, 4, 1, 1, 3]
    columns = np.array(first)[:, None], np.array(second)[:, None]
    assert layer(columns).tolist() == [[1], [4], [1], [1], [3]]
    hot = HashedCrossing(5, output_mode="one_hot")((first, second))
    np.testing.assert_array_equal(hot, np.eye(5)[[1, 4, 1, 1, 3]])
    assert HashedCrossing(10)([np.array("A"), np.array(101)]).tolist() == 1
