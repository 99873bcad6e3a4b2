"""How many members of each size this machine holds, by backbone, batch and block.

    python -m benchmarks.packing [--sizes tiny small] [--device cuda] [--patience 600] [--save]

Every row is measured: a member is trained for a few steps in a process of its own. Shapes that do
not fit are told, and tried with half the batch; then as many members as should fit are trained at
once, on the CPU no more than it has cores. `symbio-auto diagnose RUN --packing` does the same for
a run's model. Other sizes than the usual ones have a file of their own, packing-medium.json.
"""

import argparse

from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.analysis.diagnose.packing import packing_of, request_of
from orchestrator.analysis.diagnose.packing_record import Memory
from orchestrator.analysis.diagnose.packing_view import memory
from orchestrator.sizing import size_of
from state.genome import parse
from trainer.backbones.names import Backbone
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.diagnostics.member_memory import PATIENCE_SECONDS
from trainer.diagnostics.member_trial import MemberShape

BACKBONES = ("gpt", "gf-mh", "hy")
SIZES = ("tiny", "small")
VOCABULARY = 2048
"""About what a text of a megabyte gets."""


def main() -> None:
    """Measure, print, record if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbones", nargs="*", default=[*BACKBONES])
    parser.add_argument("--sizes", nargs="*", default=[*SIZES])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument(
        "--patience", type=float, default=PATIENCE_SECONDS, help="seconds for each shape"
    )
    parser.add_argument("--save", action="store_true", help="write results/packing*.json")
    asked = parser.parse_args()
    table: dict[str, JsonValue] = {}
    for size in asked.sizes:
        for backbone in asked.backbones:
            found = measured(asked, size, backbone)
            print(f"\n{size} {backbone}", *memory(found), sep="\n", flush=True)
            table[f"{size} {backbone}"] = found.model_dump(mode="json")
    if asked.save:
        others = "" if asked.sizes == [*SIZES] else f"-{'-'.join(asked.sizes)}"
        print(write_result(f"packing{others}", {"vocabulary": VOCABULARY, "models": table}))


def measured(asked: argparse.Namespace, size: str, backbone: Backbone) -> Memory:
    """The batch of that size, and twice as large."""
    shape = size_of(size, backbone)
    model = ModelConfig(
        size=size,
        backbone=backbone,
        dim=shape.dim,
        heads=shape.heads,
        layers=shape.layers,
        block=shape.block,
        vocab_size=VOCABULARY,
    )
    setup = WorkerSetup(
        run_folder="-",
        model=model,
        optimizer=OptimizerConfig(batch=shape.batch),
        device=asked.device,
        dtype=asked.dtype,
    )
    shapes = tuple(
        MemberShape(batch=batch, block=shape.block) for batch in (shape.batch, 2 * shape.batch)
    )
    request = request_of(setup, parse("gelu"), shapes)
    update = {"together": True, "patience_seconds": asked.patience}
    return packing_of(request.model_copy(update=update), anew=True)


if __name__ == "__main__":
    main()
