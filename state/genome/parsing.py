"""Reads a formula by recursive descent over a closed grammar.

    genome  = formula ['@' fusion]
    formula = name of a gated activation | 'glu(' body ')' | body
    body    = name of a learnable family ['(x)'] | 'learned(' sum ')' | sum
    sum     = ['+' | '-'] product {('+' | '-') product}
    product = signed {'*' signed}
    signed  = {'+' | '-'} power
    power   = primary [('^' | '**') whole number]
    primary = number | name ['(' sum ')'] | '(' sum ')'

A name without an argument stands for the function of x. Constants may only multiply.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import TypeAlias, TypeVar

from state.fusions import FusionKind, parted
from state.genome.algebra import MAX_CONSTANT, MAX_NODES
from state.genome.expression import (
    LEAF_NAMES,
    Add,
    Compose,
    Expression,
    Leaf,
    Mul,
    Scale,
    X,
    num_nodes,
)
from state.genome.learnable import FAMILIES, FAMILY_NAMES, LEARNED, LearnableKind
from state.genome.names import ALIASES, GATED, POWERS
from state.genome.tokens import Token, fault, tokenize
from state.nearest import suggestion

MAX_NESTING = 40
MAX_EXPONENT = 8
MIN_CONSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class _Value:
    """A constant times an expression; without a body, a plain number."""

    factor: Fraction
    body: Expression | None = None

    def expression(self) -> Expression | None:
        if self.body is None or self.factor == 1:
            return self.body
        return Scale(float(self.factor), self.body)


@dataclass(frozen=True, slots=True)
class Formula:
    """What a formula says."""

    tree: Expression
    """As typed (not canonical); of a learnable family, what it starts as."""
    gated: bool
    kind: LearnableKind | None
    fusion: FusionKind | None = None


@lru_cache(maxsize=512)
def parse_formula(formula: str) -> Formula:
    """Reads a formula, or the name of an activation.

    Raises:
        ValueError: one line that names the token at fault, its column and a remedy.
    """
    text, fusion = parted(formula)
    return replace(_Parser(text).formula(), fusion=fusion)


_REMEDY = "is not expected here; join parts with + - or *"
_REMEDY_GATED = "is not expected here; put the whole formula inside glu(...)"
_REMEDY_LEARNABLE = "is not expected here; a learnable activation stands alone or inside glu(...)"
_T = TypeVar("_T")


_OF_X = _Value(Fraction(1), X)
_Body: TypeAlias = tuple[_Value, LearnableKind | None]


def _call(name: str, inner: Expression) -> Expression:
    for leaf in LEAF_NAMES:
        if leaf == name:
            return Leaf(leaf) if inner == X else Compose(leaf, inner)
    raise AssertionError(name)


class _Parser:
    def __init__(self, formula: str) -> None:
        self.text = formula
        self.tokens = tokenize(formula)
        self.index = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def accept(self, *texts: str) -> Token | None:
        if self.token.kind != "operator" or self.token.text not in texts:
            return None
        self.index += 1
        return self.tokens[self.index - 1]

    def formula(self) -> Formula:
        first = self.token
        gated = first.kind == "name" and (first.text == "glu" or first.text in GATED)
        if gated:
            self.index += 1
        value, kind = self.gate(first) if gated else self.body()
        if self.token.kind != "end":
            alone = _REMEDY_LEARNABLE if kind else _REMEDY
            raise self.fault(self.token, _REMEDY_GATED if gated else alone)
        expression = value.expression()
        if expression is None:
            raise self.fault(first, "makes a constant; use an activation that varies with x")
        return Formula(expression, gated, kind)

    def gate(self, name: Token) -> _Body:
        if name.text == "glu":
            return self.argument(name, "glu(silu(x))", self.body)
        if self.token.text == "(" and self.argument(name, f"{name.text}(x)", self.sum).body != X:
            raise self.fault(name, f"takes no argument but x; write glu({GATED[name.text]}(...))")
        return _Value(Fraction(1), Leaf(GATED[name.text])), None

    def body(self) -> _Body:
        name = self.token
        if ALIASES.get(name.text, name.text) == LEARNED:
            self.index += 1
            return self.argument(name, f"{LEARNED}(0.8*silu(x))", self.sum), LEARNED
        for family in FAMILY_NAMES:
            if name.text == family:
                self.index += 1
                self.nothing_but_x(name)
                return _Value(Fraction(1), FAMILIES[family].graph), family
        return self.sum(), None

    def nothing_but_x(self, name: Token) -> None:
        if self.token.text == "(" and self.argument(name, name.text, self.sum) != _OF_X:
            raise self.fault(name, f"takes no argument but x; write {name.text} alone")

    def argument(self, name: Token, example: str, inner: Callable[[], _T]) -> _T:
        if not self.accept("("):
            raise self.fault(name, f"has no argument; write one, such as {example}")
        return self.closed(inner)

    def sum(self) -> _Value:
        start = self.token
        parts = [self.product()]
        while sign := self.accept("+", "-"):
            part = self.product()
            parts.append(part if sign.text == "+" else _Value(-part.factor, part.body))
        if len(parts) == 1:
            return parts[0]
        if all(part.body is None for part in parts):
            return self.bounded(Fraction(sum(part.factor for part in parts)), None, start)
        if any(part.body is None and part.factor for part in parts):
            raise self.fault(
                start, "begins a sum with a constant term; constants may only multiply"
            )
        terms = [term for part in parts if (term := part.expression()) is not None]
        return _Value(Fraction(1), Add(tuple(terms)))

    def product(self) -> _Value:
        start = self.token
        parts = [self.signed()]
        while self.accept("*"):
            parts.append(self.signed())
        factor = Fraction(1)
        for part in parts:
            factor *= part.factor
        bodies = tuple(part.body for part in parts if part.body is not None)
        body = Mul(bodies) if len(bodies) > 1 else bodies[0] if bodies else None
        return self.bounded(factor, body, start)

    def signed(self) -> _Value:
        sign = 1
        while token := self.accept("+", "-"):
            sign = -sign if token.text == "-" else sign
        value = self.power()
        return _Value(sign * value.factor, value.body)

    def power(self) -> _Value:
        start = self.token
        value = self.primary()
        if not self.accept("^", "**"):
            return value
        token = self.token
        if not token.text.isdecimal() or not 1 <= len(token.text) <= 2:
            raise self.fault(token, f"is no exponent; use a whole number from 1 to {MAX_EXPONENT}")
        if not 1 <= (exponent := int(token.text)) <= MAX_EXPONENT:
            raise self.fault(token, f"is no exponent; use a whole number from 1 to {MAX_EXPONENT}")
        self.index += 1
        return self.raised(value, exponent, start)

    def raised(self, value: _Value, exponent: int, start: Token) -> _Value:
        body = value.body
        if body is not None and exponent > 1:
            body = Mul((body,) * exponent)
        return self.bounded(value.factor**exponent, body, start)

    def primary(self) -> _Value:
        token = self.token
        self.index += token.kind != "end"
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.call(token)
        if token.text != "(":
            raise self.fault(
                token, "stands where a number, x or a name such as silu should; add one"
            )
        return self.closed(self.sum)

    def number(self, token: Token) -> _Value:
        value = float(token.text)
        if value == inf:
            raise self.fault(token, "is too large; use 0.000001 to 1000000")
        return self.bounded(Fraction(str(value)), None, token)

    def closed(self, inner: Callable[[], _T]) -> _T:
        """What `inner` reads and the parenthesis that closes it."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.fault(
                self.token, f"is nested deeper than {MAX_NESTING}; simplify the formula"
            )
        value = inner()
        if not self.accept(")"):
            raise self.fault(self.token, "stands where ')' should; close the parenthesis")
        self.nesting -= 1
        return value

    def call(self, name: Token) -> _Value:
        outer = ALIASES.get(name.text, name.text)
        if outer == "x":
            return _OF_X
        if outer in LEAF_NAMES or outer in POWERS:
            return self.apply(name, outer)
        if outer == "glu" or outer in GATED:
            raise self.fault(
                name, "may only stand outermost; write glu(...) around the whole formula"
            )
        if outer in FAMILIES or outer == LEARNED:
            raise self.fault(
                name, "is learnable and no part of a formula; write it alone or inside glu(...)"
            )
        known = [*LEAF_NAMES, *POWERS, *GATED, *FAMILY_NAMES, LEARNED]
        leaves = f"use x or {', '.join(LEAF_NAMES)}"
        remedy = suggestion(name.text, known, otherwise=leaves)
        raise self.fault(name, f"is no activation; {remedy}")

    def apply(self, name: Token, outer: str) -> _Value:
        inner: Expression | None = X
        if self.accept("("):
            inner = self.closed(self.sum).expression()
        if inner is None:
            raise self.fault(name, "has a constant argument; let it depend on x")
        call = _call(POWERS.get(outer, outer), inner)
        return self.bounded(Fraction(1), Mul((call, call)) if outer in POWERS else call, name)

    def bounded(self, factor: Fraction, body: Expression | None, start: Token) -> _Value:
        if factor and not MIN_CONSTANT <= abs(factor) <= MAX_CONSTANT:
            raise self.fault(
                start, f"makes a constant of {float(factor):.3g}; use 0.000001 to 1000000"
            )
        if body is not None and num_nodes(body) > 2 * MAX_NODES:
            raise self.fault(start, f"makes more than {MAX_NODES} nodes; simplify the formula")
        return _Value(Fraction(str(float(factor))), body)

    def fault(self, token: Token, why: str) -> ValueError:
        return fault(self.text, token, why)
