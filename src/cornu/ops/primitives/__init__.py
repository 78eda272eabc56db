"""The primitives: one record per operation, by family."""
