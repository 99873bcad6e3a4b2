"""What can be said of a new run before anything is read or loaded for it."""

from pathlib import Path

from orchestrator.config import RunConfig
from orchestrator.resolve import Resolution, corpus_bytes, resolve_shape
from state.pasted import pasted
from state.run_folder import RunFolder


def first_look(config: RunConfig) -> Resolution:
    """The configuration as far as it follows from the machine and the size of the text.

    Raises:
        ValueError: the folder is taken, the text is not there, or the shape is impossible.
    """
    folder = RunFolder(Path(config.run_dir))
    if folder.state.exists():
        raise ValueError(
            f"run folder {folder.root} already holds a run; go on with --resume "
            f"{pasted(folder.state)} or choose another --run-dir"
        )
    return resolve_shape(config, corpus_bytes(config.data.paths))
