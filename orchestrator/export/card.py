"""README.md of an export: the model card. A pure function of the facts."""

import json
from typing import Literal

from orchestrator.export.facts import Facts
from orchestrator.export.formula_files import LATEX, PNG, TEXT
from orchestrator.report.escape import code, inline, table
from orchestrator.report.quantities import bpb
from state.genome import display_name, is_gated, learnable

Format = Literal["torch", "hf"]


def card(facts: Facts, form: Format, model_class: str, *, drawn: bool) -> str:
    """The whole card; `model_class` is what loads it, `drawn` says that there is a picture."""
    sections = [
        ("How good it is", _quality(facts)),
        ("How to use it", _use(facts, form, model_class)),
        ("The activation", _activation(facts, drawn=drawn)),
        ("What it was trained on", _data(facts)),
        ("Limits", _limits(facts, form, model_class)),
        ("Licence", _LICENCE),
    ]
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"{_front_matter(facts, form, model_class)}{_head(facts, model_class)}\n\n{body}\n"


def _front_matter(facts: Facts, form: Format, model_class: str) -> str:
    """What a model hub reads. It names no licence: that is for who publishes."""
    if form == "torch":
        return ""
    tags = ["symbio-auto", *(["custom_code"] if _has_code(model_class) else [])]
    tags += ["conversational"] if facts.domain == "chat" else []
    lines = [
        "library_name: transformers",
        "pipeline_tag: text-generation",
        f"tags: {json.dumps(tags)}",
    ]
    return "---\n" + "\n".join(lines) + "\n---\n\n"


def _head(facts: Facts, model_class: str) -> str:
    model = facts.model
    kind = "of dialogue" if facts.domain == "chat" else "of running text"
    gate = "gated" if is_gated(facts.genome) else "not gated"
    rows = [
        ["parameters", f"{facts.parameters:,}"],
        ["class", code(model_class)],
        ["layers, width, heads", f"{model.layers}, {model.dim}, {model.heads}"],
        ["context", f"{model.block:,} tokens"],
        ["tokenizer", f"{facts.tokenizer}, {model.vocab_size:,} tokens"],
        ["recipe", model.recipe],
        ["activation", f"{code(facts.genome.formula)}, {gate}"],
    ]
    return (
        f"# {inline(facts.run_id)}\n\n"
        f"A small language model {kind}, trained by symbio-auto on "
        f"{_names(facts)}.\n\n{table(['', ''], rows)}"
    )


def _quality(facts: Facts) -> str:
    ours = facts.loss.bits_per_byte
    rows = [["**this model**", f"**{bpb(ours)}**"]]
    rows += [[inline(one.name), bpb(one.bits_per_byte)] for one in facts.references]
    lines = [f"{_interval(facts)} {_standing(facts)}"]
    if facts.references:
        lines.append(table(["model", f"{facts.split} bits per byte"], rows))
    return "\n\n".join(lines)


def _interval(facts: Facts) -> str:
    what = f"**{bpb(facts.loss.bits_per_byte)} bits per byte** on the {facts.split} split"
    found = facts.loss.interval
    if found is None:
        return f"{what}; the text is too short for an interval."
    return (
        f"{what} ({100 * found.level:.0f} % interval {bpb(found.low)} to {bpb(found.high)}, over "
        "stretches of the text: it is about other text of the same kind, not about other seeds)."
    )


def _standing(facts: Facts) -> str:
    if facts.split != "test":
        why = "no text was held out for a test" if facts.references else "the run was going on"
        return f"By this split the model was chosen, so the figure flatters it: {why}."
    if facts.test_openings > 1:
        return f"The split was read {facts.test_openings} times, so the figure is no clean one."
    return "No decision of the run saw this text."


def _use(facts: Facts, form: Format, model_class: str) -> str:
    if form == "torch":
        return _torch_use(facts)
    remote = ", trust_remote_code=True" if _has_code(model_class) else ""
    needs = (
        "The activation has no class in transformers, so the folder brings its own code: read "
        "`model.py` and `modeling_symbio.py`, then allow them with `trust_remote_code=True`."
        if remote
        else f"`{model_class}` is a class of transformers; no code of this folder is run."
    )
    asked = _CHAT_INPUT if facts.domain == "chat" else _TEXT_INPUT
    lines = [
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'folder = "."  # where this file lies',
        f"tokenizer = AutoTokenizer.from_pretrained(folder{remote})",
        f"model = AutoModelForCausalLM.from_pretrained(folder{remote})",
        *asked,
        "written = model.generate(**inputs)",
        "print(tokenizer.decode(written[0]))",
    ]
    text = "\n".join(lines)
    return f"With transformers 5 or later:\n\n```python\n{text}\n```\n\n{needs}"


def _torch_use(facts: Facts) -> str:
    asked = "How are you this morning?" if facts.domain == "chat" else "Once upon a time"
    marked = f"<|user|> {asked} <|assistant|>" if facts.domain == "chat" else asked
    program = f"""\
import torch
from model import load, load_tokenizer

model, tokenizer = load(), load_tokenizer()
tokens = torch.tensor([tokenizer.encode("{marked}")])
written = model.generate(tokens, 100, temperature=0.8, top_k=40)
print(tokenizer.decode(written[0].tolist()))"""
    packages = "torch, safetensors and tokenizers" if facts.tokenizer == "bpe" else _TORCH_PACKAGES
    command = f'python model.py --prompt "{asked}" --tokens 100'
    return f"With {packages}:\n\n```\n{command}\n```\n\n```python\n{program}\n```"


def _activation(facts: Facts, *, drawn: bool) -> str:
    name = display_name(facts.genome)
    known = "" if name == facts.genome.formula else f", known as {inline(name)}"
    text = f"{code(facts.genome.formula)}{known}: in words in `{TEXT}`, as LaTeX in `{LATEX}`."
    if learnable(facts.genome) is not None:
        text += " Its coefficients were trained; the files say what became of them."
    return f"{text}\n\n![the curve of the activation]({PNG})" if drawn else text


def _data(facts: Facts) -> str:
    return (
        f"{_names(facts)}: {facts.data_bytes:,} bytes with its markers, sha256 "
        f"{code(facts.data_sha256)}. Part of it was held out.\n\n"
        f"Run {code(facts.run_id)}, seed {facts.seed}, {facts.steps:,} optimizer steps of all "
        f"members together; checkpoint {code(facts.checkpoint)}."
    )


def _limits(facts: Facts, form: Format, model_class: str) -> str:
    block = facts.model.block
    beyond = (
        f"It has {block:,} positions: a prompt and what is written must fit them together."
        if facts.model.recipe == "classic"
        else f"It was trained on {block:,} positions. More are computed and written worse."
    )
    if form == "torch":
        beyond += " `generate` goes on from the later half of what it has read."
    elif _has_code(model_class):
        beyond += " Attention weights and hidden states are not returned."
    return "\n".join(
        f"- {line}"
        for line in (
            "It knows the text that it was trained on and nothing else. What it says is not to "
            "be relied on, and it may repeat passages of that text word for word.",
            "Nothing was done to keep it from writing what offends or misleads.",
            beyond,
            "`<|user|>` and its like are control tokens wherever they stand, also in what a user "
            "types: remove them from what you do not trust.",
        )
    )


def _names(facts: Facts) -> str:
    return ", ".join(code(name) for name in facts.data_names)


def _has_code(model_class: str) -> bool:
    return model_class == "SymbioForCausalLM"


_TORCH_PACKAGES = "torch and safetensors"
_TEXT_INPUT = ('inputs = tokenizer("Once upon a time", return_tensors="pt")',)
_CHAT_INPUT = (
    'messages = [{"role": "user", "content": "How are you this morning?"}]',
    "inputs = tokenizer.apply_chat_template(",
    '    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"',
    ")",
)
_LICENCE = """\
None is given here. Whoever publishes the model chooses one, and has to look at the licence of the
text that it was trained on."""
