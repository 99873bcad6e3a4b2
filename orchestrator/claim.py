"""A run's folder while the run is made ready: whose it is, and what a refusal takes away again."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from state.run_folder import RunFolder
from state.run_lock import InUse, RunLock, live_holder


class Claim:
    """A folder that this process makes a run in; given up once the run has its lock.

    It is not the lock of the run, whose holder is sent the signals of `stop` and `pause`.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Take the folder, which is there.

        Raises:
            InUse: another process makes a run in it, or works on one.
            ValueError: nothing can be written there.
        """
        self._path, self._held = folder.claim, ExitStack()
        self._held.enter_context(RunLock(folder.claim))
        if live_holder(folder.lock) is not None or folder.state.exists():
            self.give_up()
            raise InUse(
                f"run folder {folder.root} was taken by another process meanwhile; choose "
                "another --run-dir"
            )

    def give_up(self) -> None:
        """Once more does nothing."""
        self._path.unlink(missing_ok=True)
        self._held.close()


def is_taken(folder: RunFolder) -> bool:
    """Whether a run stands there, works there, or is made ready there."""
    held = (folder.claim, folder.lock)
    return folder.state.exists() or any(live_holder(path) is not None for path in held)


@contextmanager
def claimed(folder: RunFolder) -> Iterator[Claim]:
    """The folders of a new run, claimed beyond the block too.

    What an error leaves half made is taken away again, with the folders made above it. A folder
    that was there before loses only what was made in it.

    Raises:
        InUse: another process was quicker; nothing of what it made is touched.
        ValueError: the folder cannot be written, or there are links in it.
    """
    with ExitStack() as undoing:
        for path in (*reversed(folder.root.parents), folder.root):
            if not path.exists():
                undoing.callback(_remove_empty, path)
        parts = (folder.root, folder.data, folder.objects, folder.configs)
        made = [path for path in parts if not path.exists()]
        folder.create_root()
        claim = Claim(folder)
        undoing.callback(claim.give_up)
        for path in made:
            undoing.callback(shutil.rmtree, path, ignore_errors=True)
        folder.create()
        yield claim
        undoing.pop_all()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
