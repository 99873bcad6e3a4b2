"""A slip of the finger is answered with the name that was meant."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.cli import COMMANDS
from orchestrator.config import KINDS
from orchestrator.flags import FLAGS
from orchestrator.setting_names import setting_paths
from orchestrator.sizing import SIZES
from orchestrator.train_flags import TRAIN_FLAGS
from state.detector_names import DETECTOR_NAMES
from state.genome.names import GATED
from state.nearest import MAX_SHOWN, nearest, quoted, suggestion

LISTS = (
    tuple(COMMANDS),
    tuple(flag.name for flag in FLAGS),
    tuple(flag.name for flag in TRAIN_FLAGS),
    tuple(name for name, _ in KINDS),
    ("auto", *SIZES),
    tuple(GATED),
    DETECTOR_NAMES,
    setting_paths(),
)
"""What a person chooses from."""

LETTERS = st.sampled_from(string.ascii_lowercase + "-_.")


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str, tuple[str, ...]]:
    """A name, what became of it by one slip, and the list that it stands in."""
    known = draw(st.sampled_from(LISTS))
    name = draw(st.sampled_from([one for one in known if len(one.lstrip("-")) >= 4]))
    start = len(name) - len(name.lstrip("-"))
    place = draw(st.integers(start, len(name) - 1))
    before, here, after = name[:place], name[place], name[place + 1 :]
    return (
        name,
        draw(
            st.one_of(
                st.just(before + after),
                LETTERS.map(lambda letter: before + letter + here + after),
                LETTERS.map(lambda letter: before + letter + after),
                st.just(before + after[:1] + here + after[1:]),
            )
        ),
        known,
    )


@settings(max_examples=400, deadline=None)
@given(slips())
def test_one_slip_in_any_name_leads_back_to_it(slip: tuple[str, str, tuple[str, ...]]) -> None:
    name, typed, known = slip
    if typed not in known:
        assert name in nearest(typed, known), typed


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("--bugdet", ("--budget", "--batch", "--beta2"), ("--budget",)),
        ("stauts", ("status", "stop", "train"), ("status",)),
        ("swigul", ("swiglu", "silu", "geglu"), ("swiglu",)),
        ("--tok", ("--tokenizer", "--to"), ("--to",)),
        ("--toke", ("--tokenizer", "--to"), ("--tokenizer",)),
        ("eglu", ("gelu", "geglu", "reglu", "swiglu"), ("gelu", "geglu", "reglu")),
        ("lr", ("optimizer.lr", "optimizer.muon_lr", "seed"), ("optimizer.lr",)),
        ("eval_interval", ("host.eval_interval", "seed"), ("host.eval_interval",)),
        ("optimizer.rate", ("optimizer.batch", "optimizer.lr"), ()),
        ("SMALL", ("small", "large"), ("small",)),
        ("weight-decay", ("optimizer.weight_decay",), ("optimizer.weight_decay",)),
        ("giant", ("tiny", "small", "large"), ()),
        ("x", ("xl", "lr"), ()),
        ("", ("xl", "lr"), ()),
    ],
)
def test_what_is_near_is_shown_and_nothing_else(
    typed: str, known: tuple[str, ...], meant: tuple[str, ...]
) -> None:
    assert nearest(typed, known) == meant


def test_a_short_list_follows_the_guess_and_a_long_one_does_not() -> None:
    short, long = ("ray", "inline"), [f"setting{number}" for number in range(40)]
    assert suggestion("inlien", short) == "did you mean inline? choose one of ray, inline"
    assert suggestion("slurm", short) == "choose one of ray, inline"
    assert suggestion("seting7", long, otherwise="see the manual") == "did you mean setting7?"
    assert suggestion("other", long, otherwise="see the manual") == "see the manual"


@given(st.text(max_size=80) | st.just("x" * 1_000_000))
def test_a_hostile_name_is_quoted_short_and_on_one_line(name: str) -> None:
    shown = quoted(name)
    assert shown.isprintable()
    assert len(shown) <= 10 * MAX_SHOWN + 2
    assert shown
    assert len(suggestion(name, SIZES)) < 100
