"""Which objects a commit names: every string of its state that is a sha256, and nothing else."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from orchestrator.commits import sha256s_in

SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
NEARLY = st.builds("".join, st.tuples(st.text('"\\:a0, ', max_size=3), SHA256, st.text('"\\:a0')))
TEXTS = st.text(max_size=5) | SHA256 | NEARLY
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


def strings(value: JsonValue) -> Iterator[str]:
    """Every string but the names of entries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@settings(deadline=None)
@given(VALUES)
def test_they_are_found_wherever_they_stand(value: JsonValue) -> None:
    found = {
        text for text in strings(value) if len(text) == 64 and not text.strip("0123456789abcdef")
    }
    assert sha256s_in(value) == found
