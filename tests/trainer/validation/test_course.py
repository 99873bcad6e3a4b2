"""Rows to stretches: means over what is finite, and the norms of the right pair."""

from math import sqrt

import pytest

from state.records import StepMetrics
from trainer.backbones.names import Backbone
from trainer.validation.course import compared_parts, course_of


def row(step: int, **fields: object) -> StepMetrics:
    """One step; a field that is not given is 1."""
    given = {
        "loss": 1.0,
        "grad_norm": 1.0,
        "grad_norm_attention": 1.0,
        "grad_norm_feed_forward": 1.0,
        **fields,
    }
    return StepMetrics.model_validate(
        {
            "phase": "abiogenesis",
            "generation": 0,
            "member_id": "m",
            "step": step,
            "learning_rate": 0.1,
            "clip_coef": 1.0,
            "clip_pct": 0.0,
            "skipped": False,
            "tokens_per_sec": 1.0,
            "ms_per_step": 1.0,
            **given,
        }
    )


def test_every_step_is_in_one_stretch() -> None:
    course = course_of([row(step, loss=float(step)) for step in range(25)], "gpt")
    assert [one.steps for one in course] == [10, 10, 5]
    assert [one.loss for one in course] == [4.5, 14.5, 22.0]
    assert course_of([], "gpt") == ()


def test_what_is_not_finite_counts_for_nothing() -> None:
    (one,) = course_of([row(0, loss=None), row(1, loss=3.0, grad_norm=None)], "gpt")
    assert (one.loss, one.grad_norm) == (3.0, 1.0)
    (none,) = course_of([row(0, loss=None, grad_norm=None)], "gpt")
    assert (none.loss, none.grad_norm) == (None, None)


def test_norms_are_roots_of_mean_squares() -> None:
    rows = [row(0, grad_norm_attention=3.0), row(1, grad_norm_attention=4.0)]
    (one,) = course_of(rows, "gpt")
    assert one.first == pytest.approx(sqrt(12.5))
    assert one.second == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("backbone", "parts"),
    [
        ("gpt", ("attention", "feed_forward")),
        ("gf-mh", ("rwkv6", "mamba2")),
        ("mamba2", ("mamba2", "feed_forward")),
    ],
)
def test_each_backbone_compares_its_own_parts(backbone: Backbone, parts: tuple[str, str]) -> None:
    assert compared_parts(backbone) == parts
