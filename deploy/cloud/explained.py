"""Every way in which a call to Google can fail, turned into the one line that a user sees."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from deploy.cloud.faults import Said, Unreachable, no_credentials, refusal

TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.GatewayTimeout,
    exceptions.TooManyRequests,
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
"""What another try may mend. Every request that changes something carries an id, so that Google
does it once however often it is sent.
"""


@contextmanager
def explained(what: str, project: str) -> Iterator[None]:
    """Of an attempt to do `what`, as in "create symbio-train".

    Raises:
        CloudError: Google refused.
        Unreachable: nobody answered.
    """
    try:
        yield
    except exceptions.RetryError as error:
        raise _lost(what, error.cause or error) from error
    except exceptions.GoogleAPICallError as error:
        if isinstance(error, TRANSIENT) and not isinstance(error, exceptions.TooManyRequests):
            raise _lost(what, error) from error
        raise refusal(_said(error), what, project) from error
    except auth_exceptions.TransportError as error:
        raise _lost(what, error) from error
    except auth_exceptions.GoogleAuthError as error:
        raise no_credentials(error) from error
    except requests.exceptions.RequestException as error:
        raise _lost(what, error) from error


def _said(error: exceptions.GoogleAPICallError) -> Said:
    first = error.errors[0] if error.errors else {}
    code = str(first.get("reason", "")) if isinstance(first, dict) else ""
    # The newer form of the same answer has its word beside the list.
    code = str(error.reason or code) if not code or code == "forbidden" else code
    message = str(first.get("message", "")) if isinstance(first, dict) else ""
    return Said(int(error.code or 0), code, message or str(error.message))


def _lost(what: str, error: BaseException) -> Unreachable:
    reason = " ".join(str(error).split())[:160]
    return Unreachable(f"cannot {what}: no usable answer from Google ({reason}); do it again")
