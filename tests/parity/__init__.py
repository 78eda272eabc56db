"""Cornu beside real Keras, which runs in a process of its own."""
