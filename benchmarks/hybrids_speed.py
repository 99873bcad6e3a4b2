"""Tokens a second of every backbone beside gpt, one thread, in turn.

    python -m benchmarks.hybrids_speed [--blocks 64 256] [--rounds 7] [--save]

Shape `small` (8 layers of 128), 2,048 tokens a step. Each round takes a step of every backbone, so
that what else the machine does falls on all alike; told are the medians of the ratios to the gpt
step of the same round. A backbone with two components has twice gpt's parameters there, so gpt
with 192 channels, which has as many, stands beside them.
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

import torch
from pydantic import JsonValue

from benchmarks.recording import write_result
from state.genome import parse
from trainer.backbones.names import Backbone, list_backbones
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.member import Batch, Member, StepSettings

TOKENS, VOCABULARY, LAYERS, DIM, WIDE_DIM = 2048, 256, 8, 128, 192


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", nargs="*", type=int, default=[64, 256])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--backbones", nargs="*", default=[*list_backbones()])
    parser.add_argument("--save", action="store_true", help="write results/hybrids-speed.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    tables: dict[str, JsonValue] = {
        str(block): table(block, asked.rounds, asked.backbones) for block in asked.blocks
    }
    if asked.save:
        print(write_result("hybrids-speed", {"tokens": TOKENS, "rounds": asked.rounds, **tables}))


def table(block: int, rounds: int, backbones: Sequence[Backbone]) -> dict[str, JsonValue]:
    """Of one block length, by name."""
    wide = "gpt, 192 wide"
    members = {"gpt": member("gpt", block, DIM), wide: member("gpt", block, WIDE_DIM)}
    members |= {name: member(name, block, DIM) for name in backbones if name != "gpt"}
    seconds: dict[str, list[float]] = {name: [] for name in members}
    for turn in range(rounds + 1):
        for name, one in members.items():
            lap = step_seconds(one, block, turn)
            if turn:
                seconds[name].append(lap)
    found: dict[str, JsonValue] = {}
    for name, taken in seconds.items():
        ratios = [one / gpt for one, gpt in zip(taken, seconds["gpt"], strict=True)]
        rate = TOKENS / median(taken)
        found[name] = {
            "tokens_per_second": rate,
            "times_gpt": median(ratios),
            "range": [min(ratios), max(ratios)],
            "parameters": sum(one.numel() for one in members[name].model.parameters()),
        }
        print(
            f"block {block:4} {name:14} {rate:9,.0f} tokens/s, {median(ratios):.2f} times gpt's "
            f"step ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )
    return found


def member(backbone: Backbone, block: int, dim: int) -> Member:
    """Untrained."""
    model = ModelConfig(
        dim=dim,
        heads=dim // 32,
        layers=LAYERS,
        block=block,
        vocab_size=VOCABULARY,
        backbone=backbone,
    )
    setup = WorkerSetup(run_folder="-", model=model, optimizer=OptimizerConfig())
    return Member.create(setup, parse("gelu"), seed=0)


def step_seconds(one: Member, block: int, turn: int) -> float:
    """CPU time of one step."""
    stream = torch.Generator().manual_seed(turn)
    tokens = torch.randint(VOCABULARY, (TOKENS // block, block + 1), generator=stream)
    began = time.process_time()
    one.train_step(Batch(tokens[:, :-1], tokens[:, 1:]), StepSettings())
    return time.process_time() - began


if __name__ == "__main__":
    main()
