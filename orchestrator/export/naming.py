"""What an export is called where nobody says."""

from orchestrator.commits import Saved
from orchestrator.run_state import Dormant
from trainer.backbones.genes import with_fusion


def folder_name(saved: Saved, best: Dormant) -> str:
    """`ckpt_GF-MH_final` of a finished run, `ckpt_GF-MH_step1200` of one whose best model is 1,200
    steps old.
    """
    backbone = with_fusion(saved.config.model, best.genome).backbone.upper()
    finished = saved.run.status == "finished"
    return f"ckpt_{backbone}_{'final' if finished else f'step{best.age_steps}'}"
