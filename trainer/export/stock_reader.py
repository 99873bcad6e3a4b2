"""GPT-2 and NanoChat in plain torch, written after transformers and not after our decoder.

It reads an exported folder as the world reads it, so that a slip in the names, the order or the
direction of a matrix shows where the folder is made, with transformers installed or not. Slow, and
without a cache: it exists to be compared with.

Shapes: B sequences, T positions, D model width, H heads, E width of a head.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.neurons import NamedTensors

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "silu": F.silu,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "linear": lambda x: x,
    "relu2": lambda x: F.relu(x) ** 2,
}


def gpt2_logits(config: dict[str, Any], weights: NamedTensors, tokens_BT: Tensor) -> Tensor:
    """Source: transformers, models/gpt2/modeling_gpt2.py."""
    root = "transformer"
    x = weights[f"{root}.wte.weight"][tokens_BT]
    x = x + weights[f"{root}.wpe.weight"][: tokens_BT.shape[1]]
    for layer in range(config["n_layer"]):
        block = f"{root}.h.{layer}"
        normed = _layer_norm(config, weights, f"{block}.ln_1", x)
        query, key, value = _conv1d(weights, f"{block}.attn.c_attn", normed).chunk(3, dim=-1)
        y = _attended(query, key, value, config["n_head"])
        x = x + _conv1d(weights, f"{block}.attn.c_proj", y)
        normed = _layer_norm(config, weights, f"{block}.ln_2", x)
        inner = ACTIVATIONS[config["activation_function"]](
            _conv1d(weights, f"{block}.mlp.c_fc", normed)
        )
        x = x + _conv1d(weights, f"{block}.mlp.c_proj", inner)
    x = _layer_norm(config, weights, f"{root}.ln_f", x)
    return x @ weights.get("lm_head.weight", weights[f"{root}.wte.weight"]).T


def nanochat_logits(config: dict[str, Any], weights: NamedTensors, tokens_BT: Tensor) -> Tensor:
    """Source: transformers, models/nanochat/modeling_nanochat.py."""
    eps, heads = config["rms_norm_eps"], config["num_attention_heads"]
    embedding = weights["model.embed_tokens.weight"]
    x = _rms_norm(embedding[tokens_BT], eps)
    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}"
        normed = _rms_norm(x, eps)
        query, key, value = (
            normed @ weights[f"{block}.self_attn.{name}_proj.weight"].T for name in "qkv"
        )
        theta = config["rope_parameters"]["rope_theta"]
        query, key = (_rms_norm(_rotated(one, heads, theta), eps) for one in (query, key))
        y = _attended(query.flatten(2), key.flatten(2), value, heads)
        x = x + y @ weights[f"{block}.self_attn.o_proj.weight"].T
        inner = ACTIVATIONS[config["hidden_act"]](
            _rms_norm(x, eps) @ weights[f"{block}.mlp.fc1.weight"].T
        )
        x = x + inner @ weights[f"{block}.mlp.fc2.weight"].T
    logits = _rms_norm(x, eps) @ weights.get("lm_head.weight", embedding).T
    cap = config["final_logit_softcapping"]
    return logits if cap is None else torch.tanh(logits / cap) * cap


def _attended(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Causal attention on [B, T, D]."""
    B, T, D = query.shape
    q, k, v = (one.view(B, T, heads, D // heads).transpose(1, 2) for one in (query, key, value))
    scores: Tensor = q @ k.transpose(2, 3) * (D // heads) ** -0.5
    later = torch.ones(T, T, dtype=torch.bool).triu(diagonal=1)
    y = scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ v
    return y.transpose(1, 2).reshape(B, T, D)


def _rotated(x_BTD: Tensor, heads: int, theta: float) -> Tensor:
    """Rotary positions on [B, T, H, E], in NanoChat's direction."""
    B, T, D = x_BTD.shape
    width = D // heads
    frequencies = theta ** -(torch.arange(0, width, 2).double() / width)
    angles = torch.outer(torch.arange(T).double(), frequencies)[:, None].repeat(1, 1, 2)
    x = x_BTD.view(B, T, heads, width)
    left, right = x.chunk(2, dim=-1)
    turned = torch.cat([right, -left], dim=-1)
    return x * angles.cos().to(x.dtype) + turned * angles.sin().to(x.dtype)


def _rms_norm(x: Tensor, eps: float) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + eps)


def _layer_norm(config: dict[str, Any], weights: NamedTensors, name: str, x: Tensor) -> Tensor:
    gain, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.layer_norm(x, gain.shape, gain, shift, config["layer_norm_epsilon"])


def _conv1d(weights: NamedTensors, name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]
