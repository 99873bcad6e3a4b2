"""A tokenizer for transformers that gives our tokens, and our text, for every string.

All three kinds become byte-level BPE. That of bytes has no merges. That of characters has none
either: each character beyond ASCII stands alone, is taken whole where it is a token and falls to
its bytes where it is not.
"""

import json

from pydantic import JsonValue
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as HuggingFaceTokenizer

from trainer.byte_symbols import BYTE_SYMBOLS
from trainer.config import Domain
from trainer.export.torch_folder import json_bytes
from trainer.tokenizer import CONTROL_MARKERS

END_OF_TEXT, PAD = "<|end_of_text|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] -%}"
    "{{- raise_exception('this model knows the roles system, user and assistant alone') -}}"
    "{%- endif -%}"
    "{{- '<|' + message['role'] + '|> ' + message['content'] -}}"
    "{%- if message['role'] != 'assistant' -%}{{- ' ' -}}"
    "{%- elif not loop.last -%}{{- '\\n' -}}"
    "{%- elif not add_generation_prompt -%}{{- ' <|end_of_text|>' -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
"""A user's turn becomes `<|user|> ... <|assistant|>`, as everywhere in this program."""


def tokenizer_files(ours: bytes, domain: Domain, block: int) -> dict[str, bytes]:
    """tokenizer.json and tokenizer_config.json for the tokenizer in our tokenizer.json."""
    content = json.loads(ours)
    characters = content.get("characters")
    theirs = ours if characters is None else (_by_character(characters).to_str() + "\n").encode()
    config: dict[str, JsonValue] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": PAD,
        "additional_special_tokens": [
            marker for marker in CONTROL_MARKERS if marker not in (END_OF_TEXT, PAD)
        ],
        "model_max_length": block,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
    }
    if domain == "chat":
        config["chat_template"] = CHAT_TEMPLATE
    return {"tokenizer.json": theirs, "tokenizer_config.json": json_bytes(config)}


def _by_character(characters: str) -> HuggingFaceTokenizer:
    """Bytes, and these characters beyond ASCII."""
    words = [*CONTROL_MARKERS, *BYTE_SYMBOLS]
    words += ["".join(BYTE_SYMBOLS[value] for value in one.encode()) for one in characters]
    vocabulary = {word: token for token, word in enumerate(words)}
    tokenizer = HuggingFaceTokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[^\x00-\x7F]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(marker, special=True, normalized=False) for marker in CONTROL_MARKERS]
    )
    return tokenizer
