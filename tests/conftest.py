"""Settings common to all tests."""

import functools

import pytest
from hypothesis import settings

from cornu.graph import passes, verify

# The same examples each time, and no database beside the sources: a failure here is a
# failure everywhere.
settings.register_profile("cornu", deadline=None, derandomize=True, database=None)
settings.load_profile("cornu")

PASSES = (
    "drop_broadcasts",
    "drop_unread_stacks",
    "eliminate_dead_code",
    "expand",
    "fold_constants",
    "merge_common_subexpressions",
    "reduce_to_subset",
    "skip_identities",
    "with_bodies",
)


@pytest.fixture(scope="session", autouse=True)
def every_pass_is_verified():
    """Whatever graph a test compiles, it is well formed after each pass."""

    def verified(transform):
        @functools.wraps(transform)
        def function(graph, *args, **kwargs):
            return verify(transform(graph, *args, **kwargs))

        return function

    with pytest.MonkeyPatch.context() as patch:
        for name in PASSES:
            patch.setattr(passes, name, verified(getattr(passes, name)))
        yield
