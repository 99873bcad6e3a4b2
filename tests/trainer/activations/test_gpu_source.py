"""The text of GPU kernels, run as Python over tensors, and where the kernels are used."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from state.genome import expression, parse
from state.records import Genome
from tests.trainer.activations.test_compiled import FORMULAS, X, eager, error, pulled
from tests.trainer.test_activations import GENOMES
from trainer.activations.cpu.structure import structure
from trainer.activations.gpu import available, blend, program, usable_on, why_absent
from trainer.activations.gpu.kernels import LOOPS, kernel_source
from trainer.activations.gpu.source import Lines, emit
from trainer.activations.gpu.written import written_module

EPSILON = float(torch.finfo(torch.float32).eps)
TL = SimpleNamespace(where=torch.where, exp=torch.exp, abs=torch.abs, floor=torch.floor)


def evaluated(genome: Genome, x: Tensor) -> tuple[Tensor, Tensor]:
    """Value and slope by the lines that a kernel has, in float32."""
    formula, constants = structure(expression(genome))
    lines = Lines()
    dual = emit(lines, formula, {})
    given_names = [f"k{index} = {value!r}" for index, value in enumerate(constants)]
    body = "".join(f"    {line}\n" for line in (*given_names, *lines.written))
    text = f"def f(x, tl):\n{body}    return {dual.value}, {dual.slope}\n"
    value, slope = written_module(text).f(x, TL)
    return value, torch.as_tensor(slope).expand_as(x)


def exact(genome: Genome, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.double().requires_grad_()
    y = eager(genome)(leaf)
    return y.detach(), torch.autograd.grad(y.sum(), leaf)[0]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_lines_are_as_exact_as_eager_pytorch(formula: str) -> None:
    genome = parse(formula)
    truths = exact(genome, X)
    rivals = pulled(eager(genome), X)[0], exact(genome, X)[1].float()
    for found, truth, rival in zip(evaluated(genome, X), truths, rivals, strict=True):
        assert error(found, truth) <= 12 * EPSILON + 2 * error(rival, truth)


@settings(max_examples=40, deadline=None)
@given(GENOMES)
def test_any_formula_agrees_with_float64(genome: Genome) -> None:
    x = torch.linspace(-4, 4, 64)
    for found, truth in zip(evaluated(genome, x), exact(genome, x), strict=True):
        size = truth.abs().clamp(min=1)
        assert ((found.double() - truth).abs() / size).median() <= 1e-5


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_is_no_number_is_not_hidden(formula: str) -> None:
    value, _ = evaluated(parse(formula), torch.tensor([1.0, float("nan")]))
    assert value.isnan().tolist() == [False, True]


def test_equal_parts_are_computed_once() -> None:
    lines = Lines()
    emit(lines, structure(expression(parse("silu(x)*silu(x) + 0.5*silu(x)")))[0], {})
    assert sum("tl.exp" in line for line in lines.written) == 1


def test_constants_are_no_part_of_the_text() -> None:
    texts = {
        kernel_source("pull", [structure(expression(parse(formula)))[0]])
        for formula in ("0.31*silu(x) + 0.17*x", "0.62*silu(x) + 0.34*x")
    }
    assert len(texts) == 1


def test_every_kernel_is_python_with_a_branch_a_structure() -> None:
    formulas = [structure(expression(parse(formula)))[0] for formula in ("gelu", "relu2")]
    for name in LOOPS:
        text = kernel_source(name, formulas)
        compile(text, name, "exec")
        assert [f"if program == {number}:" in text for number in (0, 1, 2)] == [True, True, False]


def test_a_blend_has_one_structure_whatever_its_share() -> None:
    old, new = (program(expression(parse(formula))) for formula in ("0.5*silu(x)", "0.5*sin(x)"))
    assert len({blend(old, new, t).structure for t in (0.0, 0.5, 1.0)}) == 1
    assert blend(old, new, 0.25).constants == (0.75, 0.5, 0.25, 0.5)


def test_tensors_of_the_cpu_do_not_go_to_the_gpu() -> None:
    assert not usable_on(torch.zeros(3))


def test_without_triton_the_reason_and_the_remedy_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    why_absent.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(available, "import_module", absent)
        reason = why_absent()
    why_absent.cache_clear()
    assert reason == (
        "Triton cannot be imported (No module named 'triton'); "
        "install triton for this version of torch"
    )
