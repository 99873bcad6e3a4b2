"""A recurrent model without this program."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from state.genome import parse
from tests.trainer.backbones.builders import made, shape, tokens
from trainer.backbones.gpt import END_OF_TEXT
from trainer.backbones.names import Backbone, list_backbones
from trainer.checkpoint import Checkpoint, Description
from trainer.config import Recipe
from trainer.export import Source, huggingface_files
from trainer.export.comparison import module_of
from trainer.export.torch_folder import configuration, standalone_model


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("backbone", list_backbones())
def test_the_exported_code_gives_the_same_logits(
    backbone: Backbone, recipe: Recipe, tmp_path: Path
) -> None:
    every = 2 if backbone in {"gf", "mamba2"} else None
    config = shape(backbone, recipe=recipe, attention_every=every)
    model, x = made(config, "swiglu"), tokens(2, 12)
    description = Description(genome=parse("swiglu"), model=config, seed=0)
    (tmp_path / "config.json").write_text(json.dumps(configuration(description)))
    (tmp_path / "model.safetensors").write_bytes(save(model.state_dict()))
    (tmp_path / "model.py").write_bytes(standalone_model(description))
    module = module_of(tmp_path)
    exported = module.load(tmp_path)
    with torch.no_grad():
        expected = model(x)
        assert torch.allclose(exported(x), expected, atol=1e-4)
        cache = module.Cache()
        parts = [exported(part, cache) for part in torch.split(x, 5, dim=1)]
    assert torch.allclose(torch.cat(parts, dim=1), expected, atol=1e-4)
    assert cache.get_seq_length() == 12
    assert exported.generate(x, 30, seed=1).shape == (2, 42)


@pytest.mark.parametrize("backbone", ["gf", "rwkv6", "mamba2"])
@pytest.mark.parametrize("learned", [False, True])
def test_the_exported_code_forgets_where_a_document_begins_too(
    backbone: Backbone, learned: bool, tmp_path: Path
) -> None:
    config = shape(backbone, stateful=True, learned_state=learned, block=8)
    model, x = made(config), tokens(2, 24)
    x[0, [0, 3, 4, 11]] = x[1, [6, 22]] = END_OF_TEXT
    for parameter in (one for name, one in model.named_parameters() if "first_state" in name):
        with torch.no_grad():
            parameter.normal_(generator=torch.Generator().manual_seed(3))
    description = Description(genome=parse("gelu"), model=config, seed=0)
    (tmp_path / "config.json").write_text(json.dumps(configuration(description)))
    (tmp_path / "model.safetensors").write_bytes(save(model.state_dict()))
    (tmp_path / "model.py").write_bytes(standalone_model(description))
    module = module_of(tmp_path)
    exported = module.load(tmp_path)
    with torch.no_grad():
        expected, plain = model(x), x.clone()
        plain[plain == END_OF_TEXT] = END_OF_TEXT + 1
        assert torch.allclose(exported(x), expected, atol=1e-4)
        for size in (1, 5):
            cache = module.Cache()
            parts = [exported(part, cache) for part in torch.split(x, size, dim=1)]
            assert torch.allclose(torch.cat(parts, dim=1), expected, atol=1e-4)
        written = exported.generate(plain[:, :4], 20, temperature=0)
        follows = exported(written[:, :-1])[:, 3:].argmax(dim=-1)
    assert torch.equal(written[:, 4:], follows)


def test_transformers_has_no_place_for_states() -> None:
    config = shape("gf")
    description = Description(genome=parse("gelu"), model=config, seed=0)
    source = Source(Checkpoint(description, made(config).state_dict()), b"{}", "text")
    with pytest.raises(ValueError, match="backbone gf has no form for transformers"):
        huggingface_files(source)
