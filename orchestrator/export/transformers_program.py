"""Loads an export through transformers, in a process of its own.

    python -m orchestrator.export.transformers_program FOLDER IN OUT

IN holds tokens [B, T] and the UTF-8 bytes of a text; OUT takes the logits [B, T, V] of the model
and the ids that the tokenizer makes of the text. Nothing of this program is imported.
"""

import sys

NOT_USABLE = 3
"""Exit code where transformers itself cannot be imported."""


def main() -> int:
    """Load, ask, write."""
    import torch
    from safetensors.torch import load_file, save_file

    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_USABLE
    folder, given, out = sys.argv[1:]
    asked = load_file(given)
    text = bytes(asked["text"].tolist()).decode()
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
    with torch.inference_mode():
        logits = model(asked["tokens"]).logits.float()
    ids = torch.tensor(tokenizer(text)["input_ids"])
    save_file({"logits": logits.contiguous(), "ids": ids}, out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
