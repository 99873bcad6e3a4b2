"""Where `train --init-from` takes a model from: a run, one of its checkpoints, or an export."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.commits import restore
from orchestrator.run_state import best_model
from state.commit import load_commit
from state.objects import ObjectStore
from state.run_folder import RunFolder
from trainer.manifest import TOKENIZER_NAME, read_tokenizer

if TYPE_CHECKING:
    from trainer.initial_weights import Exported

WEIGHTS_NAME, CONFIGURATION_NAME = "model.safetensors", "config.json"


class Origin(NamedTuple):
    """A model on disk."""

    tokenizer: Path
    """The file of the tokenizer that its tokens are numbered by."""
    checkpoint: bytes | None
    """A member's; None for an export."""
    folder: Path
    """Of the export."""

    def source(self) -> "bytes | Exported":
        """What the weights are read from."""
        from trainer.initial_weights import Exported

        if self.checkpoint is not None:
            return self.checkpoint
        weights, configuration = self.folder / WEIGHTS_NAME, self.folder / CONFIGURATION_NAME
        return Exported(weights.read_bytes(), configuration.read_bytes())


def find_origin(path: Path) -> Origin:
    """The model that a user means.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    folder = path if path.is_dir() else path.parent
    if all((folder / name).is_file() for name in (WEIGHTS_NAME, CONFIGURATION_NAME)):
        return _exported(path, folder)
    run = RunFolder(path.parent.parent)
    if path.is_file() and path.parent == run.objects and _holds_run(run):
        return _of_run(run, path.stem)
    run = RunFolder(folder)
    if path in (run.root, run.state, run.state_previous) and _holds_run(run):
        run.require_no_links()
        return _of_run(run, best_model(restore(load_commit(run).record).run).checkpoint)
    raise ValueError(
        f"--init-from {path} is no model; give a run's folder or state.json, a checkpoint in "
        f"its objects/, or a folder with {WEIGHTS_NAME} and {CONFIGURATION_NAME}"
    )


def _holds_run(folder: RunFolder) -> bool:
    return folder.state.is_file() or folder.state_previous.is_file()


def _exported(path: Path, folder: Path) -> Origin:
    tokenizer = folder / TOKENIZER_NAME
    if not tokenizer.is_file():
        raise ValueError(
            f"--init-from {path} has no {TOKENIZER_NAME} beside it, and tokens mean nothing "
            "without; give the folder that it was exported to"
        )
    return Origin(tokenizer, None, folder)


def _of_run(run: RunFolder, sha: str) -> Origin:
    read_tokenizer(run.data)
    return Origin(run.data / TOKENIZER_NAME, ObjectStore(run.objects).read(sha), run.root)
