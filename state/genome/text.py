"""A genome and its formula: parse, format, and what a formula is called."""

from functools import lru_cache
from typing import assert_never

from state.fusions import joined
from state.genome.algebra import canonical
from state.genome.evaluation import varies
from state.genome.expression import Expression
from state.genome.formatting import format_expression
from state.genome.learnable import FAMILIES, LEARNED, FamilyName, LearnableKind, constants
from state.genome.names import DISPLAY_NAMES
from state.genome.parsing import parse_formula
from state.genome.tokens import shown
from state.records import Genome


@lru_cache(maxsize=8192)
def parse(text: str) -> Genome:
    """The genome of a formula such as `0.8*silu(x)*relu(x) + 0.2*x`, or of a name such as swiglu.

    Composition nests, `silu(gelu(x))`; `glu(f(x))` multiplies f of one projection with another.
    A name without an argument applies to x. Constants keep four significant digits. Learnable
    ones are `universal`, `blend`, `spline`, `rational` and `learned(f(x))`, alone or inside `glu`.
    `gelu @ hgf` names a fusion too.

    Raises:
        ValueError: one line with the fault, its column and a remedy; also for functions that do
            not vary with x, and for more than MAX_NODES nodes in canonical form.
    """
    typed = parse_formula(text)
    if typed.kind is not None and typed.kind != LEARNED:
        return family_genome(typed.kind, gated=typed.gated).fused(typed.fusion)
    genome = genome_of(typed.tree, gated=typed.gated, learned=typed.kind == LEARNED)
    if not varies(initial_expression(genome)):
        raise ValueError(f"{shown(text)} is constant; use an activation that varies with x")
    return genome.fused(typed.fusion)


def genome_of(tree: Expression, *, gated: bool = False, learned: bool = False) -> Genome:
    """The genome of an expression tree of any shape, canonical; `learned` trains its constants.

    Raises:
        ValueError: the tree is zero, a constant in it is out of range, or `learned` finds none.
    """
    form = canonical(tree)
    formula = format_expression(form)
    if learned and not constants(form):
        raise ValueError(
            f"{shown(f'{LEARNED}({formula})')} has no constant to train; write one, "
            f"such as {LEARNED}(0.9*silu(x))"
        )
    return _genome(f"{LEARNED}({formula})" if learned else formula, gated)


def family_genome(name: FamilyName, *, gated: bool = False) -> Genome:
    """The genome of a learnable family."""
    return _genome(f"{name}(x)", gated)


def with_gate_toggled(genome: Genome) -> Genome:
    """The same activation, gated if it was not."""
    kind, gated = learnable(genome), not is_gated(genome)
    if kind is None or kind == LEARNED:
        other = genome_of(initial_expression(genome), gated=gated, learned=kind == LEARNED)
    else:
        other = family_genome(kind, gated=gated)
    return other.fused(genome.fusion)


def _genome(formula: str, gated: bool) -> Genome:
    return Genome(formula=f"glu({formula})" if gated else formula)


def expression(genome: Genome) -> Expression:
    """The canonical tree; of a gated genome, that of the activation inside `glu`.

    Raises:
        ValueError: the genome is learnable: no tree says what it has become.
    """
    if learnable(genome) is not None:
        raise ValueError(
            f"{shown(genome.formula)} has trained coefficients, which no formula holds; "
            "use an activation without any, such as silu"
        )
    return initial_expression(genome)


@lru_cache(maxsize=8192)
def initial_expression(genome: Genome) -> Expression:
    """The canonical tree of the untrained activation; `spline` and `rational` are close to it."""
    return canonical(parse_formula(genome.formula).tree)


@lru_cache(maxsize=8192)
def learnable(genome: Genome) -> LearnableKind | None:
    """Which coefficients the activation trains; None for a plain one."""
    return parse_formula(genome.formula).kind


def initial_coefficients(genome: Genome) -> tuple[float, ...]:
    """Coefficients of the untrained activation, in the order of the kind; none of a plain one."""
    match learnable(genome):
        case None:
            return ()
        case "learned":
            return tuple(part.factor for part in constants(initial_expression(genome)))
        case "universal" | "blend" | "spline" | "rational" as family:
            return FAMILIES[family].start
        case kind:
            assert_never(kind)


def is_per_channel(genome: Genome) -> bool:
    """Whether every neuron has coefficients of its own; else a layer shares them."""
    kind = learnable(genome)
    return kind is not None and kind != LEARNED and FAMILIES[kind].per_channel


@lru_cache(maxsize=8192)
def is_gated(genome: Genome) -> bool:
    """Whether the feed-forward has a gate: act(x W_gate) * (x W_up)."""
    return parse_formula(genome.formula).gated


def display_name(genome: Genome) -> str:
    """`swiglu` for glu(silu(x)), `relu2` for relu(x)*relu(x); the formula where it has no name."""
    formula = genome.activation.formula
    return joined(DISPLAY_NAMES.get(formula, formula), genome.fusion)
