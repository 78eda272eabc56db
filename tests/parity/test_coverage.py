"""docs/coverage.md says what is so."""

from tests.parity.coverage import PAGE, page


def test_the_page_is_up_to_date(both):
    assert PAGE.read_text() == page(both), "run python -m tests.parity.coverage"
