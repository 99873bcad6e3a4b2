"""Several models as one: the mean of their distributions, and the mean of their weights."""

import torch
from pydantic import JsonValue

from benchmarks.study.specs import Panel, Spec
from benchmarks.study.training import model_of
from benchmarks.study.workplace import Workplace
from trainer.backbones.gpt import GPT
from trainer.evaluation import evaluate, evaluate_ensemble
from trainer.execution import reproducible


def measure_panel(panel: Panel, workplace: Workplace) -> dict[str, JsonValue]:
    """What averaging is worth on the whole search split."""
    first = panel.members[0]
    dataset = workplace.dataset(first.corpus, first.shape)
    models = [model for spec in panel.members for model in models_of(workplace, spec)]
    with reproducible(1, "cpu"):
        ensemble, members, disagreement = evaluate_ensemble(models, dataset, "search")
        same = len({one.activation for one in panel.members}) == 1
        merged = evaluate(mean_of_weights(models), dataset, "search", 8) if same else None
    return {
        "panel": [one.key for one in panel.members],
        "bits_per_byte": ensemble.bits_per_byte,
        "members": [one.bits_per_byte for one in members],
        "disagreement": disagreement,
        "mean_weights_bits_per_byte": merged.bits_per_byte if merged else None,
    }


def models_of(workplace: Workplace, spec: Spec) -> list[GPT]:
    """The model of a run, or the members of a fused one."""
    return [model_of(workplace.checkpoint(spec, member), spec) for member in range(spec.fused)]


@torch.no_grad()
def mean_of_weights(models: list[GPT]) -> GPT:
    """One model with the mean of the weights of models of one shape."""
    merged = GPT(models[0].config, models[0].genome)
    merged.load_state_dict(models[0].state_dict())
    for name, parameter in merged.named_parameters():
        stacked = torch.stack([dict(one.named_parameters())[name] for one in models])
        parameter.copy_(stacked.mean(dim=0))
    return merged.eval()
