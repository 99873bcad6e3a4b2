"""An untrained model on random ids: shape, finite values, entropy, control tokens, kernels.

Shapes: B sequences, T positions, D model width, V vocabulary, H heads, E width of a head.
"""

import torch
from torch import Tensor

from state.seeds import derive_seed
from state.validation import BuildReading, Kernel
from trainer.backbones import ssd_code, wkv6_code
from trainer.backbones.attention import compiled as attention_code
from trainer.backbones.gpt import GPT, Block
from trainer.evaluation import evaluation_mode
from trainer.tokenizer import Tokenizer

NUM_SEQUENCES = 2
MOST_POSITIONS = 128


def read_build(model: GPT, tokenizer: Tokenizer, seed: int) -> BuildReading:
    """Everything that G0, G1 and G2 ask. `seed` fixes the ids."""
    ids_BT = random_ids(model, tokenizer, seed)
    with evaluation_mode([model]):
        x_BTD = model.read(ids_BT, None)
        raw_BTV, logits_BTV = model.raw_logits(x_BTD), model.logits(x_BTD)
    return BuildReading(
        controls=len(tokenizer.control_ids),
        split_controls=split_controls(tokenizer, model.config.vocab_size),
        kernels=kernels_of(model),
        num_ids=ids_BT.numel(),
        shape=tuple(raw_BTV.shape),
        expected_shape=(*ids_BT.shape, tokenizer.vocab_size),
        not_finite=int((~raw_BTV.isfinite()).sum()),
        entropy=mean_entropy(logits_BTV),
        vocabulary=raw_BTV.shape[-1],
    )


def random_ids(model: GPT, tokenizer: Tokenizer, seed: int) -> Tensor:
    """Token ids [B, T], evenly drawn from what tokenizer and model both know."""
    known = min(model.config.vocab_size, tokenizer.vocab_size)
    stream = torch.Generator().manual_seed(derive_seed(seed, "validation ids"))
    shape = (NUM_SEQUENCES, min(model.config.block, MOST_POSITIONS))
    return torch.randint(known, shape, generator=stream).to(model.embedding.weight.device)


def mean_entropy(logits_BTV: Tensor) -> float | None:
    """Nats of the next-token distributions, mean over positions; None where one is not finite."""
    log_p_BTV = torch.log_softmax(logits_BTV.double(), dim=-1)
    mean = -(log_p_BTV.exp() * log_p_BTV).sum(dim=-1).mean()
    return float(mean) if bool(mean.isfinite()) else None


def split_controls(tokenizer: Tokenizer, vocab_size: int) -> tuple[str, ...]:
    """Markers that are not encoded as the one id that the tokenizer gives them, or that the model
    has no id for.
    """
    wrong = []
    for name, token in tokenizer.control_ids.items():
        marker = f"<|{name}|>"
        if tokenizer.encode(marker).tolist() != [token] or token >= vocab_size:
            wrong.append(marker)
    return tuple(wrong)


def kernels_of(model: GPT) -> tuple[Kernel, ...]:
    """What computes whole windows, part by part."""
    if not model.embedding.weight.is_cpu:
        return _on_an_accelerator(model)
    kernels, length = [], model.config.block
    if any(isinstance(block, Block) for block in model.own_blocks()):
        width = model.config.dim // model.config.heads
        # Attention is computed in float32 on the CPU whatever the dtype of the run.
        qk_BT2HE = torch.empty(1, length, 2, model.config.heads, width)
        kernels.append(_on_the_cpu("attention", attention_code.fits(qk_BT2HE)))
    for mixer in model.mixers()[:1]:
        if mixer.rwkv6 is not None:
            k_BTHE = torch.empty(1, length, 1, mixer.rwkv6.width)
            kernels.append(_on_the_cpu("rwkv6", wkv6_code.fits(k_BTHE, k_BTHE)))
        if mixer.mamba2 is not None:
            x_BTHP = torch.empty(1, length, 1, mixer.mamba2.width)
            kernels.append(_on_the_cpu("mamba2", ssd_code.fits(x_BTHP)))
    return tuple(kernels)


def _on_the_cpu(part: str, compiled: bool) -> Kernel:
    return Kernel(part=part, code="compiled" if compiled else "PyTorch", fallback=not compiled)


def _on_an_accelerator(model: GPT) -> tuple[Kernel, ...]:
    """PyTorch's attention is the fastest there is; chunks of RWKV-6 are not."""
    kernels = []
    if any(isinstance(block, Block) for block in model.own_blocks()):
        kernels.append(Kernel(part="attention", code="PyTorch"))
    if any(mixer.rwkv6 is not None for mixer in model.mixers()):
        kernels.append(Kernel(part="rwkv6", code="PyTorch", fallback=True))
    return tuple(kernels)
