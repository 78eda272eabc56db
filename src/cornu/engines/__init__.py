"""Engines: each turns a Graph into something that runs."""
