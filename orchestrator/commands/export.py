"""`symbio-auto export RUN --to DIR`: the model as files that need nothing of ours."""

import argparse

from orchestrator.commits import restore
from orchestrator.run_state import best_model
from state.commit import load_commit
from state.objects import ObjectStore
from state.run_folder import RunFolder


def run(arguments: argparse.Namespace) -> int:
    """Write model.safetensors, config.json, tokenizer.json and a standalone model.py."""
    folder = RunFolder.from_argument(arguments.run)
    best = best_model(restore(load_commit(folder).record).run)
    from trainer.export import export_torch

    export_torch(
        ObjectStore(folder.objects), best.checkpoint, arguments.to, folder.data / "tokenizer.json"
    )
    print(f"{best.genome.formula} exported to {arguments.to}")
    return 0
