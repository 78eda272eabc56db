"""Cornu."""
