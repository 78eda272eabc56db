"""Noise, outside training (within it each library has its own), and penalties."""

from tests.parity.layer_cases import case

CASES = {
    "GaussianNoise": [case((3, 4), stddev=0.1, seed=3), case((2, 3, 2), stddev=0.0)],
    "GaussianDropout": [case((3, 4), rate=0.3), case((3, 4), rate=0.0, _training=True)],
    "AlphaDropout": [case((3, 4), rate=0.3, noise_shape=(None, 1), _mask="some")],
    "SpatialDropout1D": [case((2, 3, 4), rate=0.5, seed=7, _mask="post")],
    "SpatialDropout2D": [case((2, 3, 4, 2), rate=0.5, name="mine")],
    "SpatialDropout3D": [case((2, 2, 2, 2, 3), rate=0.0, data_format="channels_first")],
    "ActivityRegularization": [case((3, 4), l1=0.1, l2=0.2, _mask="some")],
}
