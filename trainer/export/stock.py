"""A model as one that transformers has itself, where one computes exactly the same.

`classic` with an ungated activation that transformers knows is GPT-2. `modern` with one is
NanoChat: RMSNorm without gains, also on the embedding, rotary positions, normalised queries and
keys, no biases, capped logits. NanoChat turns queries and keys the other way round, which is ours
with the halves of every head exchanged, and normalises after turning, which changes no length. A
constant before the activation moves into the matrix behind it.

A gated or any other activation has no such class.
"""

from typing import NamedTuple

import torch
from pydantic import JsonValue
from torch import Tensor

from trainer.checkpoint import Checkpoint
from trainer.config import ModelConfig
from trainer.export.activation import known_activation
from trainer.neurons import NamedTensors
from trainer.widths import inner_width


class HuggingFaceModel(NamedTuple):
    """A model in the names of transformers."""

    config: dict[str, JsonValue]
    weights: NamedTensors
    code: dict[str, bytes]
    """Files with code of its own; none for a class of transformers."""


def stock_model(checkpoint: Checkpoint) -> HuggingFaceModel | None:
    """The model as one of transformers' own; None where none computes the same."""
    model, genome = checkpoint.description.model, checkpoint.description.genome
    known = known_activation(genome)
    if known is None:
        return None
    name, factor = known
    width, weights = inner_width(model, genome), checkpoint.weights
    if model.recipe == "classic":
        return HuggingFaceModel(_gpt2_config(model, width, name), _gpt2(model, weights, factor), {})
    config = _nanochat_config(model, width, name)
    return HuggingFaceModel(config, _nanochat(model, weights, factor), {})


def _gpt2_config(model: ModelConfig, width: int, activation: str) -> dict[str, JsonValue]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": model.vocab_size,
        "n_positions": model.block,
        "n_embd": model.dim,
        "n_layer": model.layers,
        "n_head": model.heads,
        "n_inner": width,
        "activation_function": activation,
        "layer_norm_epsilon": 1e-5,
        "resid_pdrop": model.dropout,
        "embd_pdrop": model.dropout,
        "attn_pdrop": 0.0,
        "tie_word_embeddings": model.tied_head,
    }


def _gpt2(model: ModelConfig, weights: NamedTensors, factor: float) -> NamedTensors:
    """GPT-2 stores its matrices [in, out]."""
    named = {
        "transformer.wte.weight": weights["embedding.weight"],
        "transformer.wpe.weight": weights["positions.weight"],
        **_both("transformer.ln_f", weights, "norm"),
        **_head(weights),
    }
    for layer in range(model.layers):
        ours, theirs = f"blocks.{layer}", f"transformer.h.{layer}"
        named |= _both(f"{theirs}.ln_1", weights, f"{ours}.attention_norm")
        named |= _both(f"{theirs}.ln_2", weights, f"{ours}.ffn_norm")
        named |= _turned(f"{theirs}.attn.c_attn", weights, f"{ours}.attention.qkv")
        named |= _turned(f"{theirs}.attn.c_proj", weights, f"{ours}.attention.out")
        named |= _turned(f"{theirs}.mlp.c_fc", weights, f"{ours}.ffn.w_in")
        named |= _turned(f"{theirs}.mlp.c_proj", weights, f"{ours}.ffn.w_out", factor)
    return named


def _nanochat_config(model: ModelConfig, width: int, activation: str) -> dict[str, JsonValue]:
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "vocab_size": model.vocab_size,
        "max_position_embeddings": model.block,
        "hidden_size": model.dim,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.heads,
        "intermediate_size": width,
        "hidden_act": activation,
        # What torch takes where no epsilon is given.
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "final_logit_softcapping": model.logit_softcap,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": model.tied_head,
    }


def _nanochat(model: ModelConfig, weights: NamedTensors, factor: float) -> NamedTensors:
    named = {"model.embed_tokens.weight": weights["embedding.weight"], **_head(weights)}
    for layer in range(model.layers):
        ours, theirs = f"blocks.{layer}", f"model.layers.{layer}"
        query, key, value = weights[f"{ours}.attention.qkv.weight"].chunk(3)
        named[f"{theirs}.self_attn.q_proj.weight"] = _halves_exchanged(query, model.heads)
        named[f"{theirs}.self_attn.k_proj.weight"] = _halves_exchanged(key, model.heads)
        named[f"{theirs}.self_attn.v_proj.weight"] = value.clone()
        named[f"{theirs}.self_attn.o_proj.weight"] = weights[f"{ours}.attention.out.weight"]
        named[f"{theirs}.mlp.fc1.weight"] = weights[f"{ours}.ffn.w_in.weight"]
        named[f"{theirs}.mlp.fc2.weight"] = weights[f"{ours}.ffn.w_out.weight"] * factor
    return named


def _halves_exchanged(rows: Tensor, heads: int) -> Tensor:
    """The rows of a projection with the two halves of every head the other way round."""
    dim = rows.shape[1]
    return rows.view(heads, 2, -1, dim).flip(1).reshape(-1, dim)


def _head(weights: NamedTensors) -> NamedTensors:
    return {"lm_head.weight": weights["head.weight"]} if "head.weight" in weights else {}


def _both(theirs: str, weights: NamedTensors, ours: str) -> NamedTensors:
    return {f"{theirs}.{kind}": weights[f"{ours}.{kind}"] for kind in ("weight", "bias")}


def _turned(theirs: str, weights: NamedTensors, ours: str, factor: float = 1.0) -> NamedTensors:
    """A matrix [in, out] and its bias."""
    matrix = (weights[f"{ours}.weight"] * factor).T.contiguous()
    return {f"{theirs}.weight": matrix, f"{theirs}.bias": weights[f"{ours}.bias"]}
