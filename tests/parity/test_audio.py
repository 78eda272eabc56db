"""Spectrograms in mel beside real Keras, whose matrix of bands has 32 bits."""

import numpy as np
import pytest

import cornu
from tests.parity.reference import MINE

SOUND = np.random.default_rng(5).normal(size=(3, 300))
CONFIGS = [
    {"fft_length": 64, "sequence_stride": 20},
    {"fft_length": 64, "sequence_length": 40, "window": "hamming", "mag_exp": 1.0},
    {"fft_length": 128, "power_to_db": False, "max_freq": 5000, "min_freq": 50.0},
    {"fft_length": 128, "window": None, "top_db": 20.0, "ref_power": 0.5},
    {"fft_length": 64, "sampling_rate": 8000, "mag_exp": 3.0, "min_power": 0.5},
]
ROWS = [{"num_mel_bins": 12, "sequence_stride": 33, **each} for each in CONFIGS]


@pytest.mark.parametrize("config", ROWS)
def test_spectrograms(both, config):
    target = {"object": "layers.MelSpectrogram", "config": config}
    request = {"target": target, "inputs": [SOUND], "floatx": "float64"}
    mine, theirs = both.ask("every_layer", **request)
    np.testing.assert_allclose(mine["value"], theirs["value"], rtol=1e-4, atol=1e-4)
    for a, b in zip(
        mine["gradients"]["inputs"], theirs["gradients"]["inputs"], strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())
    assert mine["config"] == theirs["config"]
    assert mine["value"].dtype == theirs["value"].dtype


def test_the_matrix_of_the_bands():
    """The middle of a band counts 1, its edges and all outside it nothing."""
    layer = MINE.keras.layers.MelSpectrogram(64)
    hertz = np.arange(4001.0)
    weights = layer.linear_to_mel_weight_matrix(4, 4001, 8000, 100.0, 3800.0, "float64")
    edges = np.linspace(np.log1p(100.0 / 700), np.log1p(3800.0 / 700), 6)
    for band in range(4):
        low, middle, high = 700 * np.expm1(edges[band : band + 3])
        column = np.asarray(weights)[:, band]
        np.testing.assert_allclose(np.interp(middle, hertz, column), 1.0, atol=2e-3)
        assert not column[(hertz <= low) | (hertz >= high)].any()
        assert column[(hertz > low) & (hertz < high)].all()


def test_one_signal_in_a_program_and_in_a_file(tmp_path):
    layer = cornu.layers.MelSpectrogram(64, 32, num_mel_bins=10)
    x = SOUND.astype("float32")
    expected = np.asarray(layer(x))
    # One by one each has a largest value of its own.
    np.testing.assert_array_equal(layer(x[1]).shape, expected[1].shape)
    model = cornu.Sequential([cornu.Input((300,)), layer])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    model.save(tmp_path / "sound.keras")
    again = cornu.saving.load_model(tmp_path / "sound.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5)
