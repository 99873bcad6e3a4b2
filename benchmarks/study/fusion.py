"""Lineages of one initialisation that are drawn to their mean while they train.

Source: A. Jolicoeur-Martineau et al., "PopulAtion Parameter Averaging" (2023).
"""

import time

import torch
from pydantic import JsonValue

from benchmarks.study.specs import Spec
from benchmarks.study.training import Run
from benchmarks.study.workplace import Workplace
from state.durable import write_atomically
from trainer.checkpoint import encode
from trainer.execution import reproducible

EVERY = 50
STRENGTH = 0.1


def train_fused(spec: Spec, workplace: Workplace) -> dict[str, JsonValue]:
    """Every member takes `spec.steps` steps with a data order of its own."""
    runs = [Run(_member(spec, index), workplace) for index in range(spec.fused)]
    started = time.monotonic()
    with reproducible(1, "cpu"):
        for run in runs:
            run.student.model.set_dropout(spec.dropout)
        for step in range(1, spec.steps + 1):
            for run in runs:
                run.step(step)
            if step % EVERY == 0:
                draw_together(runs)
        bits = [run.bits_per_byte(run.student.model) for run in runs]
    for index, run in enumerate(runs):
        write_atomically(workplace.checkpoint(spec, index), encode(run.student.checkpoint()))
    return {
        "spec": spec.model_dump(mode="json"),
        "bits_per_byte": min(bits),
        "members": list(bits),
        "cost": spec.fused * spec.steps,
        "seconds": time.monotonic() - started,
    }


@torch.no_grad()
def draw_together(runs: list[Run]) -> None:
    """Move every member by STRENGTH to the mean of all."""
    for parameters in zip(*(run.student.model.parameters() for run in runs), strict=True):
        mean = torch.stack(parameters).mean(dim=0)
        torch._foreach_lerp_(list(parameters), [mean] * len(parameters), STRENGTH)


def _member(spec: Spec, index: int) -> Spec:
    return spec.model_copy(update={"fused": 1, "lineage": index, "init": 0})
