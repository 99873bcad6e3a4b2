"""Who asks Google: the user's own application default credentials. No key is ever written."""

import os
from typing import NamedTuple
from urllib.parse import urlsplit

import google.auth
from google.auth import exceptions
from google.auth.credentials import AnonymousCredentials, Credentials

from deploy.cloud.faults import CloudError, no_credentials
from state.nearest import quoted

ENDPOINT_VARIABLE = "SYMBIO_COMPUTE_ENDPOINT"
"""Another address of the Compute API: a private endpoint (https), or a test (http)."""
SCOPES = ("https://www.googleapis.com/auth/compute",)


class Login(NamedTuple):
    """Credentials, the project that they belong to if they do, and whom to ask."""

    credentials: Credentials
    project: str | None
    endpoint: str | None


def login() -> Login:
    """
    Raises:
        CloudError: there is no login, or the endpoint is no address.
    """
    endpoint = os.environ.get(ENDPOINT_VARIABLE, "").strip() or None
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CloudError(
                f"{ENDPOINT_VARIABLE} {quoted(endpoint)} is no address; give one such as "
                "https://compute-x.p.googleapis.com, or unset it"
            )
        if parts.scheme == "http":
            # A token that goes over plain http is anybody's.
            return Login(AnonymousCredentials(), None, endpoint)  # type: ignore[no-untyped-call]
    try:
        credentials, project = google.auth.default(scopes=SCOPES)
    except exceptions.GoogleAuthError as error:
        raise no_credentials(error) from error
    return Login(credentials, project, endpoint)
