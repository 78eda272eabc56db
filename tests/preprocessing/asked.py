"""What Cornu's and Keras's modules of texts and sequences are asked.

Run as a script, it asks real Keras, and writes the answers as JSON. Cornu is asked in
the process of the tests.
"""

import json
import random
import sys

import numpy as np

TEXTS = [
    "The cat sat on the mat.",
    "A dog, a cat;\tthe DOG!",
    "",
    "mat mat mat cat\nbird",
]
UNSEEN = ["the unknown dog sat", "nothing here", "BIRD on a mat"]
TOKENIZERS = {
    "plain": {},
    "few": {"num_words": 4},
    "oov": {"oov_token": "<unk>"},
    "few, oov": {"num_words": 4, "oov_token": "<unk>"},
    "characters": {"char_level": True},
    "as written": {"lower": False, "filters": ".", "split": " "},
    "analyzer": {"analyzer": lambda text: text.upper().split()},
}
PADDINGS = {
    "plain": {},
    "short": {"maxlen": 2},
    "long": {"maxlen": 6, "value": -1},
    "post": {"maxlen": 2, "padding": "post", "truncating": "post"},
    "mixed": {"maxlen": 3, "padding": "post", "dtype": "float32", "value": 0.5},
}
WINDOWS = {
    "plain": {},
    "strided": {"stride": 3, "sampling_rate": 2},
    "part": {"start_index": 2, "end_index": 15, "reverse": True},
    "shuffled": {"shuffle": True},
}
SKIPGRAMS = {
    "plain": {"seed": 3},
    "one window": {"window_size": 1, "negative_samples": 0.0, "shuffle": False},
    "categorical": {"categorical": True, "negative_samples": 2.5},
    "sampled": {"sampling_table": [0.5] * 8, "window_size": 2},
}


def unpacked(config):
    """A configuration, with what is JSON in it read: its order is not the same."""
    learned = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    return {k: json.loads(v) if k in learned else v for k, v in config.items()}


def of_texts(module):
    """Everything that a tokenizer says, for each of TOKENIZERS."""
    answers = {}
    for name, arguments in TOKENIZERS.items():
        made = module.Tokenizer(**arguments)
        made.fit_on_texts(TEXTS)
        made.fit_on_texts([["Listed", "the", "cat"]])
        sequences = made.texts_to_sequences(UNSEEN + TEXTS)
        answers[name] = {
            "config": unpacked(made.get_config()),
            "json": unpacked(json.loads(made.to_json())["config"]),
            "sequences": sequences,
            "texts": made.sequences_to_texts([*sequences, [99, 1]]),
            "matrices": {
                mode: made.texts_to_matrix(TEXTS, mode).tolist()
                for mode in ("binary", "count", "freq", "tfidf")
            },
        }
        again = module.tokenizer_from_json(made.to_json())
        answers[name]["again"] = unpacked(again.get_config())
        made.fit_on_sequences([[1, 2, 2], [2]])
        answers[name]["weights"] = made.sequences_to_matrix([[1, 2]], "tfidf").tolist()
    words = module.text_to_word_sequence
    answers["words"] = [words(text) for text in TEXTS]
    answers["cut"] = words("A-b-C", filters="", lower=False, split="-")
    answers["md5"] = module.hashing_trick(TEXTS[0], 50, hash_function="md5")
    answers["lengths"] = module.hashing_trick(TEXTS[0], 9, hash_function=len)
    return answers


def of_sequences(module, pad_sequences):
    """What is made of sequences, with the seeds of both generators set."""
    lists = [[1], [], [2, 3, 4], [5, 6, 7, 8]]
    pairs = [[[1, 2]], [[3, 4], [5, 6], [7, 8]]]
    answers = {"pairs": pad_sequences(pairs, maxlen=2).tolist()}
    for name, arguments in PADDINGS.items():
        padded = pad_sequences(lists, **arguments)
        answers[f"pad: {name}"] = [padded.tolist(), str(padded.dtype)]
    answers["words"] = pad_sequences(
        [["a"], ["b", "c"]], dtype=object, value=""
    ).tolist()
    for name, arguments in SKIPGRAMS.items():
        random.seed(7)
        answers[name] = module.skipgrams([1, 2, 0, 3, 4, 5, 6, 7], 8, **arguments)
    answers["table"] = module.make_sampling_table(20).tolist()
    data = np.arange(40.0).reshape(20, 2)
    for name, arguments in WINDOWS.items():
        np.random.seed(5)
        made = module.TimeseriesGenerator(
            data, data[:, 0], length=4, batch_size=3, **arguments
        )
        batches = [made[i] for i in range(len(made))]
        answers[f"windows: {name}"] = [[x.tolist(), y.tolist()] for x, y in batches]
    return answers


if __name__ == "__main__":
    from keras.src.legacy.preprocessing import sequence, text
    from keras.utils import pad_sequences

    found = {
        "texts": of_texts(text),
        "sequences": of_sequences(sequence, pad_sequences),
    }
    json.dump(found, sys.stdout)
