"""`symbio-auto demo-data`: a synthetic corpus for a first run without any data."""

import argparse


def run(arguments: argparse.Namespace) -> int:
    """Write the corpus."""
    from trainer.demo_corpus import write_demo_corpus

    write_demo_corpus(arguments.out, arguments.chars, arguments.seed)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes of synthetic dialogue")
    return 0
