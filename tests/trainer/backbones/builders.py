"""Small models of every backbone."""

import torch
from torch import Tensor

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.backbones.names import Backbone, list_backbones
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.member import Batch, Member, StepSettings

RECURRENT: tuple[Backbone, ...] = tuple(name for name in list_backbones() if name != "gpt")
BOTH: tuple[Backbone, ...] = tuple(n for n in RECURRENT if n not in {"rwkv6", "mamba2"})
VOCABULARY = 40


def shape(backbone: Backbone, **changes: object) -> ModelConfig:
    given = {"dim": 16, "heads": 2, "layers": 2, "block": 16, "vocab_size": VOCABULARY, **changes}
    return ModelConfig.model_validate({"backbone": backbone, **given})


def setup(config: ModelConfig, **optimizer: float) -> WorkerSetup:
    return WorkerSetup(
        run_folder="-", model=config, optimizer=OptimizerConfig.model_validate(optimizer)
    )


def made(config: ModelConfig, formula: str = "gelu") -> GPT:
    """Every weight moved, so that all of them matter."""
    model = GPT(config, parse(formula))
    model.initialise(1)
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.1)
    return model.eval()


def tokens(num_sequences: int, length: int, seed: int = 9) -> Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (num_sequences, length), generator=stream)


def batch(step: int) -> Batch:
    """Sequences that count upwards, which can be learnt."""
    starts = tokens(4, 1, seed=step)
    counted = (starts + torch.arange(17)) % VOCABULARY
    return Batch(counted[:, :-1], counted[:, 1:])


def trained(member: Member, steps: int, first: int = 0) -> list[float]:
    """The losses."""
    settings = StepSettings()
    return [member.train_step(batch(first + n), settings).loss for n in range(steps)]
