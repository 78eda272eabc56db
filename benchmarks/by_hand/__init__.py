"""The networks of `benchmarks.engines`, as one writes them by hand in each library.

Each module has a function per network: it takes the data, and gives what trains an
epoch.
"""
