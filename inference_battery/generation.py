"""Batched sampling with a key-value cache.

Prompts of different lengths share a batch without padding: the batch starts at its shortest
prompt, and where a longer prompt still has tokens they are fed instead of the drawn ones. Every
request has a random stream of its own, so a sample does not depend on its neighbours (up to the
rounding of the model's logits, which may vary with the batch size). A text longer than the context
goes on from the later half of what was read.

Shape legend: B sequences, T positions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference_battery.language_model import CacheT, LanguageModel
from state.progress import SILENT, Advance, Reporter
from state.seeds import generator

MAX_BATCH = 128


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model added to a prompt."""

    tokens: tuple[int, ...]
    """New tokens only, without the closing end-of-text."""
    ended: bool
    """The model drew end-of-text; otherwise the limit or the context cut it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One text to write."""

    prompt: tuple[int, ...]
    temperature: float
    """0 takes the most likely token."""
    stream: int
    """Names the random numbers of this request under the seed."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a request is answered; the same for all requests of a call."""

    max_new_tokens: int
    top_k: int
    """Tokens as likely as the k-th are all kept."""
    seed: int
    end_of_text_id: int
    banned_ids: tuple[int, ...] = ()
    """Control tokens that must never be drawn."""
    stop_ids: tuple[int, ...] = ()
    """Tokens that end a text as end-of-text does, such as the marker of the other speaker."""
    device: str = "cpu"


def generate(
    model: LanguageModel[CacheT],
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float,
    top_k: int = 40,
    seed: int,
    end_of_text_id: int,
    banned_ids: Sequence[int] = (),
    device: str = "cpu",
) -> list[Generated]:
    """Continue each prompt; the i-th uses the random stream (seed, i).

    Raises:
        ValueError: a setting is out of range, or the model's logits are not finite.
    """
    _check(max_new_tokens, temperature, top_k)
    requests = [Request(tuple(prompt), temperature, i) for i, prompt in enumerate(prompts)]
    sampling = Sampling(
        max_new_tokens, top_k, seed, end_of_text_id, tuple(banned_ids), device=device
    )
    return answer(model, requests, sampling)


def answer(
    model: LanguageModel[CacheT],
    requests: Sequence[Request],
    sampling: Sampling,
    progress: Reporter = SILENT,
) -> list[Generated]:
    """Answer requests of mixed temperatures, in their order.

    A prompt is cut from the left until half of the context, or `max_new_tokens` if that is less,
    is free. An empty prompt starts from end-of-text.
    """
    rows = [_Row(request, sampling, model.context_length) for request in requests]
    by_length = sorted(rows, key=lambda row: len(row.prompt))
    work = progress.work("asking the model", len(rows), "prompts")
    with torch.inference_mode(), work as advance:
        for first in range(0, len(by_length), MAX_BATCH):
            _write(model, by_length[first : first + MAX_BATCH], sampling, advance, first)
    return [Generated(tuple(row.tokens), row.ended) for row in rows]


def draw(logits_BV: Tensor, uniform_B: Tensor, temperature_B: Tensor, top_k: int) -> Tensor:
    """Token ids (B) by inverse CDF in float64, one uniform in [0, 1) a row.

    Raises:
        ValueError: a logit is NaN or +inf, or a row has no finite logit.
    """
    logits_BV = logits_BV.double()
    peak_B1 = logits_BV.amax(dim=-1, keepdim=True)
    if not bool(peak_B1.isfinite().all()):
        raise ValueError(
            "the model's logits are not finite and cannot be sampled; "
            "take an earlier checkpoint or lower the learning rate"
        )
    kth_B1 = logits_BV.topk(min(top_k, logits_BV.shape[-1])).values[:, -1:]
    kept_BV = logits_BV >= kth_B1
    heat_B1 = temperature_B.double().clamp(min=1e-6)[:, None]
    weight_BV = ((logits_BV - peak_B1) / heat_B1).exp() * kept_BV
    cdf_BV = weight_BV.cumsum(dim=-1)
    total_B1 = cdf_BV[:, -1:]
    below_B1 = torch.nextafter(total_B1, torch.zeros_like(total_B1))
    point_B1 = torch.minimum(uniform_B.double()[:, None] * total_B1, below_B1)
    sampled_B = torch.searchsorted(cdf_BV, point_B1, right=True)[:, 0]
    return torch.where(temperature_B > 0, sampled_B, logits_BV.argmax(dim=-1))


class _Row:
    """One sequence while it is written."""

    def __init__(self, request: Request, sampling: Sampling, context_length: int) -> None:
        room = max(1, min(sampling.max_new_tokens, context_length // 2))
        prompt = request.prompt or (sampling.end_of_text_id,)
        self.prompt = prompt[-(context_length - room) :]
        self.temperature = request.temperature
        self.uniforms = generator(sampling.seed, "sampling", request.stream).random(
            sampling.max_new_tokens
        )
        self.max_new_tokens = sampling.max_new_tokens
        self.stop_ids = {sampling.end_of_text_id, *sampling.stop_ids}
        self.tokens: list[int] = []
        self.ended = False

    @property
    def done(self) -> bool:
        return self.ended or len(self.tokens) >= self.max_new_tokens

    @property
    def uniform(self) -> float:
        return float(self.uniforms[min(len(self.tokens), len(self.uniforms) - 1)])

    def take(self, position: int, drawn: int) -> int:
        """The token to feed at `position`: the prompt's own, or else the drawn one."""
        if position < len(self.prompt):
            return self.prompt[position]
        if not self.done:
            self.ended = drawn in self.stop_ids
            if not self.ended:
                self.tokens.append(drawn)
        return drawn


def _write(
    model: LanguageModel[CacheT],
    rows: Sequence[_Row],
    sampling: Sampling,
    advance: Advance,
    before: int,
) -> None:
    """Write all rows; a full context goes on with its later half.

    The rows grow together, so each counts as done by the share of the longest that is written,
    on top of the `before` ones.
    """

    def tensor(values: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=sampling.device)

    first = position = min(len(row.prompt) for row in rows)
    last = max(len(row.prompt) + row.max_new_tokens for row in rows)
    read = [list(row.prompt[:position]) for row in rows]
    logits_BV, cache = model.start(tensor(read))
    temperature_B = torch.tensor([row.temperature for row in rows], dtype=torch.float64)
    temperature_B = temperature_B.to(logits_BV.device)
    while True:
        logits_BV = _without(logits_BV, sampling.banned_ids)
        uniform_B = torch.tensor([row.uniform for row in rows], dtype=torch.float64)
        drawn = draw(logits_BV, uniform_B.to(logits_BV.device), temperature_B, sampling.top_k)
        fed = [row.take(position, token) for row, token in zip(rows, drawn.tolist(), strict=True)]
        if all(row.done for row in rows):
            return
        position += 1
        advance(before + len(rows) * (position - first) / (last - first))
        for sequence, token in zip(read, fed, strict=True):
            sequence.append(token)
        if len(read[0]) <= model.context_length:
            logits_BV, cache = model.advance(tensor(fed), cache)
        else:
            read = [sequence[-(model.context_length // 2) :] for sequence in read]
            logits_BV, cache = model.start(tensor(read))


def _without(logits_BV: Tensor, banned_ids: Sequence[int]) -> Tensor:
    if not banned_ids:
        return logits_BV
    logits_BV = logits_BV.clone()
    logits_BV[:, list(banned_ids)] = -torch.inf
    return logits_BV


def _check(max_new_tokens: int, temperature: float, top_k: int) -> None:
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens {max_new_tokens} writes nothing; give at least 1")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature {temperature} is not a finite number >= 0; 0 is greedy")
    if top_k < 1:
        raise ValueError(f"top_k {top_k} leaves no token to draw; give at least 1")
