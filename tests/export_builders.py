"""Models to export, without a run around them."""

import tempfile
from pathlib import Path

import torch

from state.genome import parse
from trainer.backbones.gpt import GPT
from trainer.checkpoint import Checkpoint, Description
from trainer.config import Domain, ModelConfig, TokenizerKind
from trainer.export import Source
from trainer.tokenizer import train_tokenizer

BLOCK = 16
STOCK = (
    ("classic", "gelu", True),
    ("classic", "0.8*silu(x)", False),
    ("modern", "relu2", True),
    ("modern", "-0.5*x", False),
)
"""Recipe, formula and whether the head is tied, of models that transformers has itself."""
CUSTOM = (
    ("classic", "reglu", False),
    ("modern", "glu(0.8*silu(x)*relu(x) + 0.2*sin(tanh(x)))", True),
    ("modern", "universal", True),
    ("modern", "glu(blend(x))", True),
    ("classic", "spline", True),
    ("modern", "rational", False),
    ("modern", "learned(0.8*silu(x)*relu(x) + 0.2*x)", True),
)


def some_tokenizer(kind: TokenizerKind = "byte", text: str = "the sea was calm") -> bytes:
    """tokenizer.json of a tokenizer that was trained on the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        train_tokenizer(kind, [text], 280).save(path)
        return path.read_bytes()


def some_model(recipe: str, formula: str, *, tied: bool = True, vocab_size: int = 263) -> GPT:
    """A model with all its parameters moved at random, the curves of its activation among them."""
    shape = {"dim": 16, "heads": 2, "layers": 2, "block": BLOCK, "vocab_size": vocab_size}
    config = ModelConfig.model_validate({**shape, "recipe": recipe, "tied_head": tied})
    model = GPT(config, parse(formula))
    model.initialise(1)
    stream = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.2)
    return model.eval()


def source_of(model: GPT, tokenizer: bytes | None = None, domain: Domain = "text") -> Source:
    description = Description(genome=model.genome, model=model.config, seed=0)
    checkpoint = Checkpoint(description, dict(model.state_dict()))
    return Source(checkpoint, tokenizer or some_tokenizer(), domain)


def some_tokens(vocab_size: int = 263, num_windows: int = 3) -> torch.Tensor:
    """Windows of the whole context."""
    stream = torch.Generator().manual_seed(5)
    return torch.randint(vocab_size, (num_windows, BLOCK), generator=stream)
