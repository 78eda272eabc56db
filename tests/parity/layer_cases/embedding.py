"""Vectors of whole numbers, masks of padding, and products written as equations."""

from hypothesis import strategies as st

from tests.parity.layer_cases import case

L2 = {"class_name": "L2", "config": {"l2": 0.1}}
CASES = {
    "Embedding": [
        case((2, 3), input_dim=5, output_dim=4, _ints=5),
        case((2, 3), input_dim=5, output_dim=2, mask_zero=True, _ints=3),
        case((4,), input_dim=3, output_dim=2, embeddings_regularizer=L2, _ints=3),
        case(
            (2, 2, 3),
            input_dim=3,
            output_dim=2,
            embeddings_constraint="non_neg",
            activity_regularizer="l1",
            _ints=3,
        ),
    ],
    "ReversibleEmbedding": [
        case((2, 3), input_dim=5, output_dim=4, mask_zero=True, _ints=3),
        case(
            (2, 3, 4),
            input_dim=5,
            output_dim=4,
            logit_soft_cap=2.0,
            _call={"reverse": True},
        ),
        case(
            (2, 4),
            input_dim=3,
            output_dim=4,
            tie_weights=False,
            reverse_dtype="float64",
            _call={"reverse": True},
            _gradient=False,
        ),
    ],
    "Masking": [
        case((3, 4, 1), _ints=2, _gradient=False),
        case((3, 4, 2), mask_value=1, _ints=2, _gradient=False),
        case((2, 3, 4), mask_value=0.5),
    ],
    "EinsumDense": [
        case((5, 3), equation="ab,bc->ac", output_shape=4),
        case(
            (2, 3, 4),
            equation="abc,cd->abd",
            output_shape=(3, 5),
            bias_axes="d",
            activation="relu",
        ),
        case(
            (2, 3, 4),
            equation="...x,xy->...y",
            output_shape=2,
            bias_axes="y",
            kernel_regularizer=L2,
            bias_regularizer="l1",
            activity_regularizer="l2",
        ),
        case((2, 3, 4), equation="ab...,bc->ac...", output_shape=5, bias_axes="c"),
        case(
            (2, 3, 4), equation="abc,cde->adeb", output_shape=(2, 5, 3), bias_axes="de"
        ),
    ],
}


@st.composite
def _equations(draw):
    free = draw(st.integers(1, 3))
    bound, new = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    sizes = draw(st.lists(st.integers(1, 3), min_size=8, max_size=8))
    kept, summed, made = "abc"[:free], "xy"[:bound], "uv"[:new]
    output = kept[0] + "".join(draw(st.permutations(kept[1:] + made)))
    kernel = "".join(draw(st.permutations(summed + made)))
    of = dict(zip(kept + summed + made, sizes, strict=False))
    names = kept + summed
    dots = draw(st.sampled_from(["", "left"])) if output[: len(kept)] == kept else ""
    partial = [of[k] for k in output[1:]]
    shape = tuple(of[k] for k in names)
    if dots:
        names, output = "..." + summed, "..." + output[len(kept) :]
        partial = [of[k] for k in output[3:]]
    bias = draw(st.sets(st.sampled_from(made))) if made else set()
    if dots and not made:
        output, names, dots = kept, kept + summed, ""
        partial = [of[k] for k in output[1:]]
    return case(
        shape,
        equation=f"{names},{kernel}->{output}",
        output_shape=tuple(partial),
        bias_axes="".join(sorted(bias)) or None,
        activation=draw(st.sampled_from([None, "tanh"])),
    )


DRAWN = {
    "Embedding": st.builds(
        lambda shape, words, **config: case(
            tuple(shape), input_dim=words, _ints=words, **config
        ),
        st.lists(st.integers(1, 4), min_size=1, max_size=3),
        st.integers(1, 5),
        output_dim=st.integers(1, 3),
        mask_zero=st.booleans(),
    ),
    "EinsumDense": _equations(),
}
