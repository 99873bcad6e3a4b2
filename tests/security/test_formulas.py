"""The grammar of formulas is closed: nothing in it reaches Python."""

import pytest

from state.genome import LEAF_NAMES, parse
from state.genome.names import ALIASES, GATED, POWERS

ATTACKS = [
    "x.__class__",
    "x.real",
    "().__class__.__bases__[0]",
    "__import__('os').system('id')",
    "__builtins__",
    "eval(x)",
    "exec(x)",
    "open(x)",
    "print(x)",
    "lambda x: x",
    "x if x else x",
    "[x for x in x]",
    "x; import os",
    "import os",
    "globals()",
    "getattr(x, 'y')",
    "silu.__call__(x)",
    "silu(x)(x)",
    "silu(x, x)",
    "silu(x=x)",
    "f'{x}'",
    "x[0]",
    "{x}",
    "x := 1",
    "x @ x",
    "x / x",
    "x // x",
    "x % x",
    "x ** x",
    "x ** -1",
    "9 ** 9 ** 9 * x",
    "1e999 * x",
    "x < x",
    "not x",
    "~x",
    "x and x",
    "True * x",
    "'x'",
    "x\\\nx",
    "x # silu",
    "\uff58",
    "silu\u200b(x)",
    "\u0455ilu(x)",
    "\u0661*x",
    "0x1*x",
    "1_0*x",
    "1j*x",
    "(" * 450 + "x" + ")" * 450,
    "silu(" * 160 + "x" + ")" * 160,
    "(" * 999,
    "x" * 5000,
]


@pytest.mark.parametrize("formula", ATTACKS, ids=lambda text: ascii(text[:20]))
def test_what_is_not_in_the_grammar_is_refused_with_one_line(formula: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as refusal:
        parse(formula)
    line = str(refusal.value)
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 700


def test_every_other_name_is_refused() -> None:
    import builtins
    import keyword
    import math

    known = {*LEAF_NAMES, *ALIASES, *GATED, *POWERS, "x", "glu"}
    for name in {*dir(builtins), *keyword.kwlist, *dir(math), *dir(str)} - known:
        for formula in (name, f"{name}(x)", f"x*{name}"):
            with pytest.raises(ValueError, match=r"is no activation|is constant"):
                parse(formula)
