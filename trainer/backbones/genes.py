"""What of the backbone the genome decides. Imports no torch."""

from state.records import Genome
from trainer.backbones.names import MIXINGS
from trainer.config import ModelConfig


def with_fusion(config: ModelConfig, genome: Genome) -> ModelConfig:
    """The configuration with the fusion that the genome names; as it is where the genome names
    none, or the kind that the backbone has anyway (a gate then begins where the backbone's does).

    Raises:
        ValueError: the backbone has nothing to fuse.
    """
    kind = genome.fusion
    if kind is None:
        return config
    own = MIXINGS[config.backbone].fusion
    if own is None:
        raise ValueError(
            f"{genome.formula} names a fusion, and backbone {config.backbone} has nothing to fuse; "
            "take one with two components, such as gf-mh"
        )
    return config if kind == own else config.model_copy(update={"backbone": kind})
