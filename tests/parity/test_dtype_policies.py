"""Mixed precision: which dtypes come out of every layer, as in real Keras."""

import pytest

from tests.parity.layer_cases import CASES

# In Keras these call the layer inside past its own policy; and its FFT has no bfloat16.
OTHER = ("Bidirectional", "STFTSpectrogram", "TimeDistributed")
NAMES = [name for name in CASES if CASES[name] and name not in OTHER]

# One policy for each layer, and both for some.
ASKED = [
    (name, policy)
    for i, name in enumerate(NAMES)
    for policy in ("mixed_float16", "mixed_bfloat16")
    if "dtype" not in CASES[name][0].config
    if policy == "mixed_float16" or i % 3 == 0
]


@pytest.mark.parametrize(("name", "policy"), ASKED)
def test_the_dtypes_of_every_layer(both, name, policy):
    case = CASES[name][0]
    both.same(
        "precise_layer",
        "float32",
        target={
            "object": f"layers.{name}",
            "config": {**case.config, "dtype": policy},
        },
        inputs=case.inputs("float32"),
        how=case.how,
        call=case.call,
    )
