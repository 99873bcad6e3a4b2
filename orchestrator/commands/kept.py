"""What a command keeps beside what it prints, in a folder that may be read-only."""

import errno
import sys

_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def not_kept(what: str, error: OSError) -> None:
    """Say that nothing may be written there, so that the command can go on.

    Raises:
        OSError: `error`, where it is another one.
    """
    if error.errno not in _READ_ONLY:
        raise error
    print(f"symbio-auto: {what} is not kept: {error.strerror}", file=sys.stderr)
