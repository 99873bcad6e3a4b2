"""Runs of six pieces that stand in the train text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.text import pieces
from inference_battery.verbatim import RUN, Verbatim

TRAIN = "The captain lowered the sail, and then the pilot lit his lantern near the quay."
NUM_PIECES = len(pieces(TRAIN))


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("the captain lowered the sail, x y", 6 / 8),
        ("x the captain lowered the sail y", 0),
        ("x the captain lowered the sail, and y", 7 / 9),
        ("The captain lowered the sail , THEN the pilot lit his lantern", 12 / 12),
        ("<|user|> the captain <|assistant|> lowered the sail,", 1),
        ("the pilot lit his lantern", 0),
        ("", 0),
    ],
)
def test_pieces_in_a_run_of_six_are_copied(text: str, share: float) -> None:
    assert Verbatim(TRAIN).copied_share(text) == pytest.approx(share)


@given(st.integers(0, NUM_PIECES - RUN), st.integers(RUN, NUM_PIECES))
def test_every_stretch_of_the_train_text_is_copied_whole(start: int, length: int) -> None:
    stretch = pieces(TRAIN)[start : start + length]
    assert Verbatim(TRAIN).copied_share(" ".join(stretch)) == (1 if len(stretch) >= RUN else 0)


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_share_stays_in_its_range(train: str, text: str) -> None:
    assert 0 <= Verbatim(train).copied_share(text) <= 1


def test_an_empty_train_text_has_nothing_to_copy() -> None:
    assert Verbatim("").copied_share(TRAIN) == 0
