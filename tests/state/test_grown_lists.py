"""Lists that are encoded as they grow give the JSON that encoding them whole gives."""

import json
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from state.grown_lists import GrownLists, Values
from state.records import Genome
from state.sealed import Document, Text

Steps = list[tuple[int, list[object]]]
ELEMENTS = st.sampled_from(
    [0.0, -0.0, 1, 1.0, True, None, 1e-7, (1, 2.5), (0.0, -0.0), Genome(formula='silu(x) "é"')]
)
STEPS: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.integers(0, 3), st.lists(ELEMENTS, max_size=3)), max_size=6
)
"""How many elements go at the beginning, and which come at the end."""


def whole(values: Values) -> JsonValue:
    found = [one.model_dump() if isinstance(one, Genome) else one for one in values]
    return cast("JsonValue", found)


def document(first: JsonValue, second: JsonValue) -> Document:
    return {"first": first, "rest": [{"name": "a", "second": second}], "sha": "0" * 64}


@settings(max_examples=100, deadline=None)
@given(STEPS, STEPS)
def test_the_text_is_that_of_the_whole(first: Steps, second: Steps) -> None:
    writer = GrownLists()
    lists: list[Values] = [(), ()]
    for changes in zip(first, second, strict=False):
        lists = [(*old[gone:], *new) for old, (gone, new) in zip(lists, changes, strict=True)]
        places = {("first",): lists[0], ("rest", 0, "second"): lists[1]}
        text, rest = writer.encode(document(None, None), places)
        assert text == Text.of(document(whole(lists[0]), whole(lists[1])))
        assert "silu" not in rest.plain
        assert "0" * 64 in rest.plain


def test_an_equal_element_that_is_written_otherwise_is_encoded_anew() -> None:
    writer = GrownLists()
    for value in (1, 1.0, True, -0.0, 0.0):
        text, _ = writer.encode({}, {("list",): (value,)})
        assert text.plain == json.dumps({"list": [value]})


def test_what_is_known_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    writer, encoded = GrownLists(), list[JsonValue]()
    values: Values = tuple(float(number) for number in range(50))
    writer.encode({}, {("list",): values})
    encode = Text.of

    def seen(value: JsonValue) -> Text:
        encoded.append(value)
        return encode(value)

    monkeypatch.setattr(Text, "of", seen)
    writer.encode({}, {("list",): (*values[3:], 50.0, 51.0)})
    assert encoded[:2] == [50.0, 51.0]
    assert len(encoded) == 3  # the document around it


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        GrownLists().encode({}, {("list",): (float("nan"),)})
