"""`symbio-auto models`: the sizes and what they cost."""

import argparse
import json

from orchestrator.sizing import ALIASES, SIZES
from state.genome import parse
from trainer.config import ModelConfig

# The vocabulary that a half-megabyte text gets; the table names it.
VOCABULARY = 1024


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from trainer.widths import num_parameters

    rows = []
    for name, size in SIZES.items():
        shape = size.model_dump(exclude={"batch"})
        config = ModelConfig(size=name, vocab_size=VOCABULARY, **shape)
        aliases = [alias for alias, target in ALIASES.items() if target == name]
        rows.append(
            {
                "name": name,
                "aliases": aliases,
                "backbone": config.backbone,
                "parameters": num_parameters(config, parse("gelu")),
                **size.model_dump(),
            }
        )
    if arguments.json:
        print(json.dumps(rows))
        return 0
    print(
        f"{'size':10}{'backbone':10}{'parameters':>12}{'dim':>6}{'heads':>7}{'layers':>8}"
        f"{'block':>7}{'batch':>7}  recipe   also"
    )
    for row in rows:
        print(
            f"{row['name']:10}{row['backbone']:10}{row['parameters']:>12,}{row['dim']:>6}"
            f"{row['heads']:>7}{row['layers']:>8}{row['block']:>7}{row['batch']:>7}"
            f"  {row['recipe']:8} {' '.join(row['aliases'])}"
        )
    print(f"parameters with a vocabulary of {VOCABULARY} and gelu")
    return 0
