"""Cornu beside its peers, on the same work, in turn; `python -m benchmarks`."""
