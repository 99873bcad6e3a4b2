"""Documents that carry the sha256 of their own content."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from state.sealed import seal, unseal

NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "sha256"), VALUES)


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS)
def test_a_document_is_the_same_in_one_line_and_in_many(document: dict[str, JsonValue]) -> None:
    one, many = seal(document), seal(document, in_lines=True)
    assert unseal(one) == unseal(many) == document
    assert len(one.splitlines()) == 1
    assert len(many.splitlines()) == len(document) + 3
    assert json.loads(one) == json.loads(many)
