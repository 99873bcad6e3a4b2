"""A checkpoint as a folder that runs without this program."""

from trainer.export.comparison import Difference, difference
from trainer.export.huggingface import huggingface_class, huggingface_files
from trainer.export.source import Source, read_source
from trainer.export.torch_folder import configuration, export_torch, torch_files

__all__ = [
    "Difference",
    "Source",
    "configuration",
    "difference",
    "export_torch",
    "huggingface_class",
    "huggingface_files",
    "read_source",
    "torch_files",
]
