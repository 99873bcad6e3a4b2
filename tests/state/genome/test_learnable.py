"""Learnable activations as genomes: what is typed, what is refused, and what they start as."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import (
    FAMILY_NAMES,
    display_name,
    distance,
    expression,
    family_genome,
    fingerprint,
    genome_of,
    initial_coefficients,
    initial_expression,
    is_gated,
    is_known,
    is_per_channel,
    latex,
    learnable,
    parse,
    probation,
    same,
    size,
    slopes,
    static_cost,
    values,
)
from state.genome.expression import Leaf, Scale
from state.genome.learnable import SPLINE_START, constants
from state.genome.learnable_curves import NUM_PIECES, PIECE, pieces, rational

LEARNED = "learned(0.8*relu(x)*silu(x) + 0.2*x)"
KINDS = [*FAMILY_NAMES, LEARNED]
ALL = [formula for kind in KINDS for formula in (kind, f"glu({kind})")]

ACCEPTED = {
    "universal": "universal(x)",
    "blend(x)": "blend(x)",
    " glu( spline ) ": "glu(spline(x))",
    "glu(rational(x))": "glu(rational(x))",
    "learned(0.8*silu(x)*relu(x)+0.2*x)": LEARNED,
    "learned_constants(0.5*silu)": "learned(0.5*silu(x))",
    "glu(learned(2*silu(0.5*x)))": "glu(learned(2*silu(0.5*x)))",
    "learned(x - tanh)": "learned(-tanh(x) + x)",
}


@pytest.mark.parametrize(("typed", "formula"), ACCEPTED.items())
def test_what_is_typed_becomes_canonical_text(typed: str, formula: str) -> None:
    assert parse(typed).formula == formula
    assert parse(formula) == parse(typed)


REFUSED = {
    "0.5*universal": "'universal' at column 5 .* is learnable and no part of a formula; write it",
    "silu(spline(x))": "'spline' at column 6 .* is learnable and no part of a formula",
    "x + learned(0.5*silu)": "'learned' at column 5 .* is learnable and no part",
    "learned(universal)": "'universal' at column 9 .* is learnable and no part",
    "learned(learned(0.5*x))": "'learned' at column 9 .* is learnable and no part",
    "blend + x": r"'\+' at column 7 .* a learnable activation stands alone or inside glu",
    "learned(0.5*silu) + x": r"'\+' at column 19 .* a learnable activation stands alone",
    "glu(blend + x)": r"'\+' at column 11 .* stands where '\)' should; close",
    "glu(blend) + x": r"'\+' at column 12 .* put the whole formula inside glu",
    "universal(2*x)": "'universal' at column 1 .* takes no argument but x; write universal alone",
    "rational(silu(x))": "takes no argument but x; write rational alone",
    "swiglu(blend)": "'blend' at column 8 .* is learnable and no part of a formula",
    "learned": "'learned' at column 1 .* has no argument; write one, such as learned",
    "learned(silu(x))": r"'learned\(silu\(x\)\)' has no constant to train; write one, such as",
    "glu(learned(1*silu(x)))": "has no constant to train; write one",
    "learned(2)": "'learned' at column 1 .* makes a constant; use an activation",
    "learned(0.5*sigmoid(x) + 0.5*sigmoid(-x))": "is constant; use an activation that varies",
    "univresal": "is no activation; did you mean universal[?]",
    "learnd(0.5*x)": "is no activation; did you mean learned[?]",
}


@pytest.mark.parametrize(("typed", "message"), REFUSED.items())
def test_a_misplaced_learnable_is_refused_on_one_line(typed: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(typed)
    assert re.fullmatch(r"[ -~]+; [ -~]+", str(caught.value))
    assert len(str(caught.value)) < 250


PIECES = ["universal", "spline", "learned", "glu", "silu", "x", "(", ")", "+", "*", "0.5", " "]


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@settings(max_examples=600, deadline=None)
def test_any_text_is_a_genome_that_reads_back_or_one_line_of_error(text: str) -> None:
    try:
        genome = parse(text)
    except ValueError as error:
        message = str(error)
    else:
        message = "none; none"
        assert parse(genome.formula) == genome
    assert re.fullmatch(r"[^\n\r]+; [^\n\r]+", message)


@pytest.mark.parametrize("formula", ALL)
def test_every_question_about_a_genome_has_an_answer(formula: str) -> None:
    genome = parse(formula)
    assert probation(genome) is None
    assert probation(genome, "bfloat16") is None
    assert size(genome).nodes >= size(genome).depth > 1
    assert static_cost(genome).operations > 0
    assert np.isfinite(fingerprint(genome).values).all()
    assert latex(genome)
    assert is_gated(genome) == formula.startswith("glu")


def test_a_family_has_its_name_and_a_learned_graph_its_formula() -> None:
    assert [display_name(parse(name)) for name in FAMILY_NAMES] == list(FAMILY_NAMES)
    assert display_name(parse(LEARNED)) == LEARNED
    assert display_name(parse("glu(universal)")) == "glu(universal(x))"


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_family_is_made_by_name(name: str) -> None:
    genome = parse(name)
    kind = learnable(genome)
    assert kind == name
    assert kind != "learned"
    assert family_genome(kind) == genome
    assert family_genome(kind, gated=True) == parse(f"glu({name})")


def test_plain_genomes_train_no_coefficients() -> None:
    genome = parse("0.8*silu(x)*relu(x) + 0.2*x")
    assert learnable(genome) is None
    assert initial_coefficients(genome) == ()
    assert not is_per_channel(genome)


def test_neurons_have_coefficients_of_their_own_in_universal_and_blend_alone() -> None:
    assert [is_per_channel(parse(kind)) for kind in KINDS] == [True, True, False, False, False]
    sizes = [len(initial_coefficients(parse(kind))) for kind in KINDS]
    assert sizes == [2, 5, 16, 6, 2]


def test_a_learned_graph_starts_with_the_constants_of_its_formula() -> None:
    genome = parse("learned(0.3*tanh(-2*x) + 0.8*relu(x) - x)")
    assert genome.formula == "learned(0.8*relu(x) - 0.3*tanh(2*x) - x)"
    assert initial_coefficients(genome) == (0.8, -0.3, 2.0, -1.0)


def test_equal_parts_of_a_learned_graph_have_one_constant() -> None:
    genome = parse("learned(sin(0.5*x)*sin(0.5*x)*tanh(0.5*x))")
    assert constants(initial_expression(genome)) == (Scale(0.5, Leaf("identity")),)


def test_no_formula_says_what_a_learnable_has_become() -> None:
    for formula in ALL:
        with pytest.raises(ValueError, match="has trained coefficients, which no formula holds; "):
            expression(parse(formula))


def test_learning_needs_a_constant() -> None:
    with pytest.raises(ValueError, match="has no constant to train"):
        genome_of(Leaf("silu"), learned=True)


def test_universal_starts_as_silu_and_blend_between_silu_and_gelu() -> None:
    x = np.linspace(-8, 8, 101)
    assert np.array_equal(values(parse("universal"), x), values(parse("silu"), x))
    assert np.array_equal(values(parse("blend"), x), values(parse("0.5*silu + 0.5*gelu"), x))
    assert np.array_equal(values(parse(LEARNED), x), values(parse(LEARNED[8:-1]), x))


@pytest.mark.parametrize(
    ("name", "span", "error"),
    [
        ("spline", 6, 0.0019),
        ("spline", 40, 0.017),
        ("rational", 3, 0.0038),
        ("rational", 4, 0.072),
        ("rational", 6, 0.46),
    ],
)
def test_spline_and_rational_start_close_to_silu(name: str, span: int, error: float) -> None:
    x = np.linspace(-span, span, 20_001)
    off = np.abs(values(parse(name), x) - values(parse("silu"), x)).max()
    assert 0.95 * error < off < error


def test_the_start_of_the_spline_is_the_constrained_least_squares_fit() -> None:
    x = np.linspace(-6, 6, 4801)
    columns = []
    for row in np.eye(16):
        place = (x + 6) / PIECE
        index = np.minimum(place.astype(int), NUM_PIECES - 1)
        powers = (place - index)[:, None] ** np.arange(4)
        columns.append((pieces(tuple(row))[index] * powers).sum(axis=1))
    design, ends = np.stack(columns, axis=1), np.zeros((2, 16))
    ends[0, [0, 2]] = ends[1, [13, 15]] = -1, 1
    system = np.block([[design.T @ design, ends.T], [ends, np.zeros((2, 2))]])
    target = np.concatenate([design.T @ values(parse("silu"), x), [0, 2 * PIECE]])
    assert np.linalg.solve(system, target)[:16] == pytest.approx(SPLINE_START, abs=1e-6)


@pytest.mark.parametrize("formula", KINDS)
@pytest.mark.parametrize("x", [-9.0, -6.3, -2.2, -0.4, 0.3, 1.7, 5.9, 7.5])
def test_a_slope_is_the_limit_of_differences(formula: str, x: float) -> None:
    genome, step = parse(formula), 1e-6
    below, above = values(genome, np.array([x - step, x + step]))
    assert slopes(genome, np.array([x]))[0] == pytest.approx((above - below) / (2 * step), rel=1e-5)


@given(
    st.lists(st.floats(-3, 3), min_size=6, max_size=6).map(tuple),
    st.floats(-1e3, 1e3),
)
@settings(deadline=None)
def test_the_rational_function_has_no_pole(coefficients: tuple[float, ...], x: float) -> None:
    value, _ = rational(coefficients, np.array([x]))
    bound = sum(abs(a * x**k) for k, a in enumerate(coefficients[:4]))
    assert abs(value[0]) <= bound * (1 + 1e-12) + 1e-9


def test_the_spline_goes_on_as_a_line() -> None:
    x = np.array([-40.0, -20.0, 20.0, 40.0])
    assert slopes(parse("spline"), x) == pytest.approx([0, 0, 1, 1], abs=1e-6)
    left, _, right, far = values(parse("spline"), x)
    assert far - right == pytest.approx(20, rel=1e-6)
    assert left == pytest.approx(-0.0167, abs=1e-4)


def test_another_kind_is_another_genome_however_equal_the_curve() -> None:
    assert not same(parse("universal"), parse("silu"))
    assert not is_known(parse("silu"), [parse("universal")])
    assert distance(parse("universal"), parse("silu")) == 1
    assert distance(parse("glu(universal)"), parse("silu")) == 2
    assert same(parse("learned(0.5*x*sigmoid(x))"), parse("learned(0.5*silu(x))"))
    assert not same(parse("learned(0.5*silu(x))"), parse("0.5*silu(x)"))


def test_the_text_of_a_fingerprint_tells_kinds_apart_and_names_none_for_plain_ones() -> None:
    plain, universal = (repr(fingerprint(parse(name))) for name in ("silu", "universal"))
    assert "kind" not in plain
    assert universal.replace(", kind='universal'", "") == plain != universal


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("universal", "0.9*silu(x) + 0.1*x"),
        ("blend", "0.1*silu(x) + 0.2*relu(x) + 0.3*gelu(x) + 0.4*x + 0.5*x*x"),
        (LEARNED, LEARNED[8:-1]),
    ],
)
def test_a_learnable_has_the_size_and_cost_of_its_formula(name: str, formula: str) -> None:
    assert size(parse(name)) == size(parse(formula))
    assert static_cost(parse(name)) == static_cost(parse(formula))
    gate = static_cost(parse(f"glu({name})")).operations - static_cost(parse(name)).operations
    assert gate == 1


def test_latex_writes_the_coefficients_of_a_family() -> None:
    assert latex(parse("universal")) == (
        r"\alpha_{c}\,\operatorname{SiLU}\left(x\right) + \beta_{c}\,x"
    )
    assert latex(parse("glu(universal)")) == (
        r"\left(\alpha_{c}\,\operatorname{SiLU}\left(g\right) + \beta_{c}\,g\right) \odot u"
    )
    assert latex(parse("blend")).endswith(r" + w_{4,c}\,x + w_{5,c}\,x^{2}")
    assert latex(parse("spline")) == r"\sum_{i=1}^{16} p_{i}\,B_{i,3}\left(x\right)"
    assert latex(parse("rational")).startswith(r"\frac{a_{0} + a_{1}\,x")
    assert latex(parse("glu(learned(0.5*silu + x))")) == (
        r"\operatorname{learned}\left(0.5\,\operatorname{SiLU}\left(g\right) + g\right) \odot u"
    )
