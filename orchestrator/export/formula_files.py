"""The activation for people: as text, as LaTeX and as a drawing."""

from typing import assert_never

from state.genome import display_name, initial_expression, is_gated, is_per_channel, learnable
from state.genome.expression import LeafName
from state.genome.formatting import format_expression
from state.genome.latex import activation_latex, definitions, functions, layer
from state.genome.learnable import LearnableKind, constants
from state.records import Genome
from trainer.export.source import Coefficients

TEXT, LATEX, PNG, SVG = "activation.txt", "activation.tex", "activation.png", "activation.svg"


def formula_files(genome: Genome, coefficients: Coefficients) -> dict[str, bytes]:
    """activation.txt and activation.tex; `coefficients` are what each layer has learnt, none of
    a plain activation.
    """
    return {
        TEXT: formula_text(genome, coefficients).encode(),
        LATEX: formula_latex(genome, coefficients).encode(),
    }


def drawings(genome: Genome) -> dict[str, bytes]:
    """activation.png and activation.svg. Loads matplotlib, which takes a while."""
    from orchestrator.figures.activation import activation_figure
    from orchestrator.figures.style import png, svg

    name = display_name(genome)
    title = name if learnable(genome) is None else f"{name}, before training"
    figure = activation_figure([(title, genome)])
    vector = svg(figure, "activation", f"The activation {title}")
    return {SVG: f"{vector}\n".encode(), PNG: png(figure)}


def formula_text(genome: Genome, coefficients: Coefficients) -> str:
    """The formula on the first line, as `--activation` takes it; then what it means."""
    name, kind = display_name(genome), learnable(genome)
    lines = [genome.formula, ""]
    if name != genome.formula:
        lines += [f"Known as {name}."]
    if is_gated(genome):
        lines += [
            "A feed-forward layer is W_out (f(W_in h) * W_up h), f what stands in glu(); "
            "biases are left out."
        ]
    else:
        lines += ["A feed-forward layer is W_out f(W_in h), f the formula; biases are left out."]
    known = [_DEFINITIONS[one] for one in functions(genome) if one in _DEFINITIONS]
    if kind is not None:
        known = [_learnable_text(genome, kind), *known]
    if known:
        lines += ["", *known]
    if kind is not None:
        lines += ["", *_trained(genome, coefficients)]
    return "\n".join(lines) + "\n"


def formula_latex(genome: Genome, coefficients: Coefficients) -> str:
    r"""For \input; needs amsmath. What was trained stands in comments at the end."""
    variable = "g" if is_gated(genome) else "x"
    equations = [
        layer(genome),
        rf"f\left({variable}\right) = {activation_latex(genome)}",
        *definitions(genome),
    ]
    aligned = " \\\\\n".join("  " + text.replace(" = ", " &= ", 1) for text in equations)
    lines = [f"% {genome.formula}", r"% needs \usepackage{amsmath}"]
    lines += [r"\begin{align*}", aligned, r"\end{align*}"]
    if learnable(genome) is not None:
        lines += [f"% {line}" for line in _trained(genome, coefficients)]
    return "\n".join(lines) + "\n"


def _learnable_text(genome: Genome, kind: LearnableKind) -> str:
    match kind:
        case "universal":
            return "universal(z) = c1*silu(z) + c2*z"
        case "blend":
            return "blend(z) = c1*silu(z) + c2*relu(z) + c3*gelu(z) + c4*z + c5*z*z"
        case "spline":
            return (
                "spline(z): the uniform cubic B-spline with control points c1 to c16 over 13 "
                "pieces of [-6, 6], straight lines beyond"
            )
        case "rational":
            return "rational(z) = (c1 + c2*z + c3*z^2 + c4*z^3) / (1 + |c5*z + c6*z^2|)"
        case "learned":
            parts = constants(initial_expression(genome))
            shown = [f"c{n} in {format_expression(part)}" for n, part in enumerate(parts, 1)]
            return f"learned(f): f with trained constants, {', '.join(shown)}"
        case _:
            assert_never(kind)


def _trained(genome: Genome, coefficients: Coefficients) -> list[str]:
    what = "each layer's coefficients in the order of the formula, as trained"
    if is_per_channel(genome):
        what += " (every neuron has its own; these are their means)"
    rows = (" ".join(f"{value:.6g}" for value in values) for values in coefficients)
    return [f"{what}:", *(f"layer {number}: {row}" for number, row in enumerate(rows, 1))]


_DEFINITIONS: dict[LeafName, str] = {
    "silu": "silu(z) = z / (1 + exp(-z))",
    "gelu": "gelu(z) = z/2 * (1 + erf(z / sqrt(2)))",
    "relu": "relu(z) = max(0, z)",
    "leaky_relu": "leaky_relu(z) = max(z, 0.01*z)",
    "sigmoid": "sigmoid(z) = 1 / (1 + exp(-z))",
}
