"""A process that trains with nanoGPT's model and optimizer.

python -m benchmarks.peers.nanogpt RECORD

Nothing of nanoGPT is here: its `model.py` is imported from a checkout. An iteration is that of its
`train.py` at `log_interval` 1, evaluations left out: the rate is set, the loss of the batch at hand
is computed, the next batch is drawn, then come the gradients, their clipping, the update, and the
loss as a number. Settings are those of its script for characters; bias and autocast on a CPU as
told (its own script has neither).
"""

import importlib
import sys
from contextlib import AbstractContextManager, nullcontext
from math import cos, pi
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.serving import Take, serve
from benchmarks.speed.shapes import Precision, Shape
from state.base import Record

RATE, LEAST_RATE, WARMUP, DECAY_STEPS = 1e-3, 1e-4, 100, 2000
WEIGHT_DECAY, BETAS, CLIP = 0.1, (0.9, 0.99), 1.0


class Peer(Record):
    """What a process trains."""

    folder: str
    """The checkout."""
    tokens: str
    """File of uint16 tokens."""
    vocab_size: int
    shape: Shape
    compiled: bool = False
    dtype: Precision = "float32"
    threads: int = 1
    bias: bool = False
    seed: int = 1337


def main(record: str) -> None:
    """Serve until the input ends."""
    peer = Peer.model_validate_json(record)
    torch.set_num_threads(peer.threads)
    torch.manual_seed(peer.seed)
    serve(lambda: trained(peer))


def trained(peer: Peer) -> tuple[Take, int]:
    """What takes the steps of a new model, and the parameters of it."""
    shape, source = peer.shape, model_source(Path(peer.folder))
    config = source.GPTConfig(
        n_layer=shape.layers,
        n_head=shape.heads,
        n_embd=shape.dim,
        block_size=shape.block,
        vocab_size=peer.vocab_size,
        dropout=0.0,
        bias=peer.bias,
    )
    model = source.GPT(config)
    optimizer = model.configure_optimizers(WEIGHT_DECAY, RATE, BETAS, "cpu")
    called = torch.compile(model) if peer.compiled else model
    step, batch = 0, drawn(peer)

    def take(steps: int) -> float:
        nonlocal step, batch
        loss = float("nan")
        for _ in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
            with precision(peer):
                _, objective = called(*batch)
            batch = drawn(peer)
            objective.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss = objective.item()
            step += 1
        return loss

    return take, sum(parameter.numel() for parameter in model.parameters())


def model_source(folder: Path) -> ModuleType:
    """The checkout's `model.py`."""
    sys.path.insert(0, str(folder))
    return importlib.import_module("model")


def precision(peer: Peer) -> AbstractContextManager[object]:
    """The context of a forward pass."""
    if peer.dtype == "float32":
        return nullcontext()
    return torch.autocast("cpu", dtype=torch.bfloat16)


def drawn(peer: Peer) -> tuple[Tensor, Tensor]:
    """Inputs and targets [B, T]: random windows of a file that is mapped anew for each batch."""
    shape = peer.shape
    tokens = np.memmap(peer.tokens, dtype=np.uint16, mode="r")
    starts = torch.randint(len(tokens) - shape.block, (shape.batch,)).tolist()

    def windows(offset: int) -> Tensor:
        rows = [tokens[start + offset :][: shape.block].astype(np.int64) for start in starts]
        return torch.stack([torch.from_numpy(row) for row in rows])

    return windows(0), windows(1)


def rate(step: int) -> float:
    """Warm-up, then half a cosine down to a tenth."""
    if step < WARMUP:
        return RATE * (step + 1) / (WARMUP + 1)
    way = min(1.0, (step - WARMUP) / (DECAY_STEPS - WARMUP))
    return LEAST_RATE + (RATE - LEAST_RATE) * (1 + cos(pi * way)) / 2


if __name__ == "__main__":
    main(sys.argv[1])
