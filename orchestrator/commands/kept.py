"""What a command keeps beside what it prints, in a folder that may be read-only."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def kept_if_writable(what: str) -> Iterator[None]:
    """Where nothing may be written there, that is said, and the command goes on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        print(f"symbio-auto: {what} is not kept: {error.strerror}", file=sys.stderr)
