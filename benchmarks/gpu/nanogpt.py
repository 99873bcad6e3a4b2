"""nanoGPT on the device as its users have it: compiled, bfloat16, fused AdamW, gelu.

Nothing of nanoGPT is here: its `model.py` is imported from a checkout. Batches are random tokens
that lie on the device, which is no slower than its loader.
"""

import time
from pathlib import Path

import torch

from benchmarks.gpu.place import Place, Row
from benchmarks.gpu.trainees import Shape
from benchmarks.peers.nanogpt import BETAS, CLIP, RATE, WEIGHT_DECAY, model_source

WARM_STEPS = 5


def peer_row(place: Place, shape: Shape) -> Row:
    """Tokens a second of its training step."""
    assert place.nanogpt is not None
    trainee = Peer(place, place.nanogpt.resolve(), shape)
    begun = time.perf_counter()
    trainee.step()
    place.wait()
    first = time.perf_counter() - begun
    for _ in range(WARM_STEPS):
        trainee.step()
    seconds = place.seconds(trainee.step, 2 if place.toy else 8)
    return {
        "tokens_per_second": shape.tokens / seconds,
        "ms_per_step": 1000 * seconds,
        "peak_gigabytes": place.peak_gigabytes(),
        "first_step_seconds": first,
    }


class Peer:
    """Its model and optimizer."""

    def __init__(self, place: Place, checkout: Path, shape: Shape) -> None:
        source = model_source(checkout)
        config = source.GPTConfig(
            n_layer=shape.layers,
            n_head=shape.heads,
            n_embd=shape.dim,
            block_size=shape.block,
            vocab_size=shape.vocabulary,
            dropout=shape.dropout,
            bias=False,
        )
        torch.set_float32_matmul_precision("high")
        self.device, model = place.device, source.GPT(config).to(place.device)
        self.model = model
        self.optimizer = model.configure_optimizers(WEIGHT_DECAY, RATE, BETAS, place.device)
        self.called = model if place.toy else torch.compile(model)
        size = (shape.batch, shape.block + 1)
        self.windows = torch.randint(shape.vocabulary, size, device=place.device)

    def step(self) -> None:
        """An update; the loss stays on the device."""
        with torch.autocast(self.device, dtype=torch.bfloat16):
            _, loss = self.called(self.windows[:, :-1], self.windows[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
