"""Part B of the plan: full-length truth, short evaluations, replicates, the noise test."""

from itertools import product

from benchmarks.study.jobs import SEEDS, Job, Jobs, lineage
from benchmarks.study.nulls import Nulls
from benchmarks.study.specs import Shape, Spec
from benchmarks.study.trials import Trial

TRUTH_STEPS = 3000
MOTHER_STEPS = 1000
TRIAL_STEPS = (20, 35, 50, 100, 200)
REPLICATED_STEPS = (20, 50, 100)
PROXY_STEPS = (100, 200, 400)
LONG_PROXY_STEPS = (800, 1600)
LATE = ("gelu", "silu", "relu2", "swiglu", "geglu", "identity")
"""Activations that a gelu model changes to, to be trained to the end of a full length with them."""
NARROW = Shape(dim=24)
"""A quarter of the width."""
KNOWN = (
    *("gelu", "relu", "silu", "leaky_relu", "relu2", "leaky_relu2"),
    *("swiglu", "geglu", "reglu", "tanh", "identity", "sin(6*x)"),
)
"""Twelve known activations, the last one meant to be bad."""


def truth() -> Jobs:
    """B: the full-length results that short rankings are held against."""
    for seed in SEEDS:
        for activation in KNOWN:
            yield Job("truth", lineage("historic", TRUTH_STEPS, seed, 0, activation))


def rankings() -> Jobs:
    """B: the short evaluations, inherited and from scratch."""
    for seed in SEEDS:
        mother = Spec(steps=MOTHER_STEPS, seed=seed, decay_from=1.0)
        yield Job("mother", mother)
        for steps, activation, anneal in product(TRIAL_STEPS, KNOWN, (False, True)):
            trial = Trial(mother=mother, activation=activation, steps=steps, anneal=anneal)
            yield Job(f"inherit{' anneal' if anneal else ''} {steps}", trial)
        for steps, activation, shape in product(PROXY_STEPS, KNOWN, (NARROW, Shape())):
            name = "narrow" if shape == NARROW else "short"
            spec = Spec(steps=steps, seed=seed, activation=activation, shape=shape)
            yield Job(f"proxy {name} {steps}", spec)


def long_proxies() -> Jobs:
    """B: narrow models for longer; does the length limit the ranking, or the width?"""
    for seed, steps, activation in product(SEEDS[:2], LONG_PROXY_STEPS, KNOWN):
        spec = Spec(steps=steps, seed=seed, activation=activation, shape=NARROW)
        yield Job(f"proxy narrow {steps}", spec)


def replicates() -> Jobs:
    """B: what another order of the batches changes in a short evaluation."""
    mother = Spec(steps=MOTHER_STEPS, decay_from=1.0)
    for steps, activation, order in product(REPLICATED_STEPS, KNOWN, range(1, 5)):
        trial = Trial(mother=mother, activation=activation, steps=steps, order=order)
        yield Job(f"replicate {steps}", trial)


def late_changes() -> Jobs:
    """B: a model that changes its activation after a third of its life, trained to the end."""
    mother = Spec(steps=MOTHER_STEPS, decay_from=1.0)
    for activation in LATE:
        steps = TRUTH_STEPS - MOTHER_STEPS
        trial = Trial(mother=mother, activation=activation, steps=steps, anneal=True)
        yield Job(f"inherit anneal {steps}", trial)


def noise() -> Jobs:
    """B: the noise test on null challengers."""
    for seed in range(5):
        nulls = Nulls(seed=seed)
        yield Job("nulls", nulls.mother)
        yield Job("nulls", nulls)
