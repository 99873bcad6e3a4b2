"""How one member learns: data, tokenizer, model, optimizer, checkpoints. Imports torch and state.

`trainer.config` alone imports no torch, so that the command line can validate without it.
"""
