"""What the validation gates of a run have said, and what they still gather."""

from state.base import Record
from state.validation import Balance, Stretch, Verdict


class ValidationState(Record):
    """Empty where no gate is asked."""

    verdicts: tuple[Verdict, ...] = ()
    """In the order in which they were given."""
    course: tuple[Stretch, ...] = ()
    """Of the first model, until G3 was judged."""
    balances: tuple[Balance, ...] = ()
    """A tally for each lineage that has trained a champion."""
    reference: tuple[tuple[int, float], ...] = ()
    """(steps, search bits per byte) of the control gelu on gpt; empty until it has trained."""
