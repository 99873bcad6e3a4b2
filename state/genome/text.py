"""A genome and its formula: parse, format, and what a formula is called."""

from functools import lru_cache

from state.genome.algebra import canonical
from state.genome.evaluation import varies
from state.genome.expression import Add, Expression
from state.genome.formatting import format_expression, latex_expression
from state.genome.names import DISPLAY_NAMES
from state.genome.parsing import parse_formula
from state.genome.tokens import shown
from state.records import Genome


@lru_cache(maxsize=8192)
def parse(text: str) -> Genome:
    """The genome of a formula such as `0.8*silu(x)*relu(x) + 0.2*x`, or of a name such as swiglu.

    Composition nests, `silu(gelu(x))`; `glu(f(x))` multiplies f of one projection with another.
    A name without an argument applies to x. Constants keep four significant digits.

    Raises:
        ValueError: one line with the fault, its column and a remedy; also for functions that do
            not vary with x, and for more than MAX_NODES nodes in canonical form.
    """
    typed, gated = parse_formula(text)
    genome = genome_of(typed, gated=gated)
    if not varies(expression(genome)):
        raise ValueError(f"{shown(text)} is constant; use an activation that varies with x")
    return genome


def genome_of(tree: Expression, *, gated: bool = False) -> Genome:
    """The genome of an expression tree of any shape, canonical.

    Raises:
        ValueError: the tree is zero, or a constant in it is out of range.
    """
    formula = format_expression(canonical(tree))
    return Genome(formula=f"glu({formula})" if gated else formula)


@lru_cache(maxsize=8192)
def expression(genome: Genome) -> Expression:
    """The canonical tree; of a gated genome, that of the activation inside `glu`."""
    tree, _ = parse_formula(genome.formula)
    return canonical(tree)


@lru_cache(maxsize=8192)
def is_gated(genome: Genome) -> bool:
    """Whether the feed-forward has a gate: act(x W_gate) * (x W_up)."""
    return parse_formula(genome.formula)[1]


def display_name(genome: Genome) -> str:
    """`swiglu` for glu(silu(x)), `relu2` for relu(x)*relu(x); the formula where it has no name."""
    return DISPLAY_NAMES.get(genome.formula, genome.formula)


def latex(genome: Genome) -> str:
    """LaTeX without delimiters; gated genomes multiply by the up projection u."""
    tree = expression(genome)
    if not is_gated(genome):
        return latex_expression(tree)
    gate = latex_expression(tree, "g")
    return rf"\left({gate}\right) \odot u" if isinstance(tree, Add) else rf"{gate} \odot u"
