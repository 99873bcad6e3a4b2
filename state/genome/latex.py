r"""LaTeX of a genome, and of everything that its formula names.

Only commands of LaTeX itself and of amsmath are used, and every command stands where MathJax and
KaTeX understand it too. A tree of any shape is written so that it reads back as the same function.
"""

from itertools import groupby
from typing import assert_never

from state.genome.evaluation import LEAKY_SLOPE
from state.genome.expression import (
    LEAF_NAMES,
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Scale,
    subtrees,
)
from state.genome.formatting import coefficient, format_constant, joined
from state.genome.learnable import FamilyName, constants
from state.genome.text import initial_expression, is_gated, learnable
from state.records import Genome


def latex(genome: Genome) -> str:
    """LaTeX without delimiters; gated genomes multiply by the up projection u."""
    if not is_gated(genome):
        return _inner(genome, "x")
    gate, kind = _inner(genome, "g"), learnable(genome)
    is_sum = kind in ("universal", "blend") or (
        kind is None and isinstance(_unwrapped(initial_expression(genome)), Add)
    )
    return rf"\left({gate}\right) \odot u" if is_sum else rf"{gate} \odot u"


def activation_latex(genome: Genome) -> str:
    """The activation alone, of g where there is a gate and of x where there is none; what training
    moves has a name: c_1, c_2, ... for the constants of `learned`.
    """
    variable = "g" if is_gated(genome) else "x"
    if learnable(genome) != "learned":
        return _inner(genome, variable)
    tree = initial_expression(genome)
    return latex_expression(tree, variable, constants(tree))


def functions(genome: Genome) -> tuple[LeafName, ...]:
    """The named functions that the formula is made of."""
    match learnable(genome):
        case "universal":
            named: set[LeafName] = {"silu"}
        case "blend":
            named = {"silu", "relu", "gelu"}
        case "spline" | "rational":
            named = set()
        case "learned" | None:
            tree = initial_expression(genome)
            named = {name for _, node in subtrees(tree) if (name := _outer(node)) is not None}
        case kind:
            assert_never(kind)
    return tuple(name for name in LEAF_NAMES if name in named)


def definitions(genome: Genome) -> tuple[str, ...]:
    """What each function that LaTeX has no command for is, as equations in z."""
    own = _SPLINE if learnable(genome) == "spline" else ()
    return own + tuple(_DEFINITIONS[name] for name in functions(genome) if name in _DEFINITIONS)


def layer(genome: Genome) -> str:
    """The feed-forward layer around the activation, of h; biases are left out."""
    if is_gated(genome):
        return (
            r"\operatorname{FFN}\left(h\right) = W_{\text{out}}\,\left(f\left(g\right) \odot "
            r"u\right), \quad g = W_{\text{in}}\,h, \quad u = W_{\text{up}}\,h"
        )
    return (
        r"\operatorname{FFN}\left(h\right) = W_{\text{out}}\,f\left(x\right), "
        r"\quad x = W_{\text{in}}\,h"
    )


def latex_expression(
    expression: Expression, variable: str = "x", trained: tuple[Scale, ...] = ()
) -> str:
    """LaTeX of an expression in `variable`; repeated factors become powers.

    The factors of `trained` parts are written c_1, c_2, ... in their order.
    """
    match expression:
        case Leaf(name):
            return _call(name, variable)
        case Scale(factor, inner):
            known = expression in trained
            number = rf"c_{{{trained.index(expression) + 1}}}\," if known else ""
            return (number or coefficient(factor, r"\,")) + _factor(inner, variable, trained)
        case Add(terms):
            return joined([latex_expression(term, variable, trained) for term in terms])
        case Mul(factors):
            runs = [(factor, len(list(run))) for factor, run in groupby(factors)]
            return r"\,".join(_power(factor, count, variable, trained) for factor, count in runs)
        case Compose(outer, inner):
            return _call(outer, latex_expression(inner, variable, trained))
        case _:
            assert_never(expression)


def _inner(genome: Genome, variable: str) -> str:
    match learnable(genome):
        case None:
            return latex_expression(initial_expression(genome), variable)
        case "learned":
            inner = latex_expression(initial_expression(genome), variable)
            return rf"\operatorname{{learned}}\left({inner}\right)"
        case "universal" | "blend" | "spline" | "rational" as family:
            return _family(family, variable)
        case kind:
            assert_never(kind)


def _family(name: FamilyName, variable: str) -> str:
    """A learnable family; c is the neuron where it has coefficients of its own."""
    x = variable
    match name:
        case "universal":
            return rf"\alpha_{{c}}\,{_call('silu', x)} + \beta_{{c}}\,{x}"
        case "blend":
            leaves = [_call(leaf, x) for leaf in ("silu", "relu", "gelu")]
            parts = enumerate([*leaves, x, f"{x}^{{2}}"], 1)
            return " + ".join(rf"w_{{{index},c}}\,{part}" for index, part in parts)
        case "spline":
            return rf"\sum_{{i=1}}^{{16}} p_{{i}}\,B_{{i,3}}\left({x}\right)"
        case "rational":
            above = rf"a_{{0}} + a_{{1}}\,{x} + a_{{2}}\,{x}^{{2}} + a_{{3}}\,{x}^{{3}}"
            below = rf"1 + \left|b_{{1}}\,{x} + b_{{2}}\,{x}^{{2}}\right|"
            return rf"\frac{{{above}}}{{{below}}}"
        case _:
            assert_never(name)


def _unwrapped(expression: Expression) -> Expression:
    """Without the identities around it, which LaTeX does not show."""
    while isinstance(expression, Compose) and expression.outer == "identity":
        expression = expression.inner
    return expression


def _power(factor: Expression, exponent: int, variable: str, trained: tuple[Scale, ...]) -> str:
    if exponent == 1:
        return _factor(factor, variable, trained)
    bare = _unwrapped(factor)
    if isinstance(bare, Mul) or _outer(bare) == "square":
        base = _bracketed(latex_expression(bare, variable, trained))
    else:
        base = _factor(bare, variable, trained)
    return f"{base}^{{{exponent}}}"


def _factor(expression: Expression, variable: str, trained: tuple[Scale, ...]) -> str:
    bare = _unwrapped(expression)
    text = latex_expression(bare, variable, trained)
    return _bracketed(text) if isinstance(bare, Add | Scale) else text


def _outer(expression: Expression) -> LeafName | None:
    match expression:
        case Leaf(name) | Compose(name, _):
            return name
        case _:
            return None


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)"


def _call(name: LeafName, argument: str) -> str:
    match name:
        case "identity":
            return argument
        case "square":
            return f"{_bracketed(argument)}^{{2}}"
        case "abs":
            return rf"\left|{argument}\right|"
        case "sigmoid":
            return rf"\sigma{_bracketed(argument)}"
        case "tanh" | "sin":
            return rf"\{name}{_bracketed(argument)}"
        case "silu" | "gelu" | "relu" | "leaky_relu":
            return rf"\operatorname{{{_NAMES[name]}}}{_bracketed(argument)}"
        case _:
            assert_never(name)


_NAMES = {"silu": "SiLU", "gelu": "GELU", "relu": "ReLU", "leaky_relu": "LeakyReLU"}
_DEFINITIONS: dict[LeafName, str] = {
    "silu": r"\operatorname{SiLU}\left(z\right) = \frac{z}{1 + e^{-z}}",
    "gelu": (
        r"\operatorname{GELU}\left(z\right) = "
        r"\frac{z}{2}\,\left(1 + \operatorname{erf}\left(\frac{z}{\sqrt{2}}\right)\right)"
    ),
    "relu": r"\operatorname{ReLU}\left(z\right) = \max\left(0, z\right)",
    "leaky_relu": (
        r"\operatorname{LeakyReLU}\left(z\right) = "
        rf"\max\left(z, {format_constant(LEAKY_SLOPE)}\,z\right)"
    ),
    "sigmoid": r"\sigma\left(z\right) = \frac{1}{1 + e^{-z}}",
}
_SPLINE = (
    r"B_{i,3}\left(z\right) = \beta\left(\frac{13}{12}\,\left(z + 6\right) - i + 2\right) "
    r"\quad \text{for } \left|z\right| \le 6 \text{, straight lines beyond}",
    r"\beta\left(t\right) = \frac{1}{6}\,\left(\max\left(0, 2 - \left|t\right|\right)^{3} "
    r"- 4\,\max\left(0, 1 - \left|t\right|\right)^{3}\right)",
)
