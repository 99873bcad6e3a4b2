"""What Google says when it does not do what it is asked for, in one line with a remedy."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from state.nearest import quoted

LOGIN = "run: gcloud auth application-default login"


class CloudError(ValueError):
    """Google refused; the line says what can be done."""


class NotThere(CloudError):  # noqa: N818
    """What was asked for does not exist."""


class NameTaken(CloudError):  # noqa: N818
    """A machine of that name exists."""


class NotRunning(CloudError):  # noqa: N818
    """The machine is stopped, or gone."""


class Busy(CloudError):  # noqa: N818
    """The machine works on something else."""


class NoCapacity(CloudError):  # noqa: N818
    """The zone has no such machine just now; later it may."""


class NotAllowed(CloudError):  # noqa: N818
    """Who asks may not do that; another try changes nothing."""


class Unreachable(ConnectionError):  # noqa: N818
    """Nobody answers at the other end."""


class Said(NamedTuple):
    """An error, whether an answer or an operation brought it."""

    status: int
    code: str
    """Google's own word, such as quotaExceeded."""
    message: str


def refusal(said: Said, what: str, project: str) -> CloudError:
    """The error for a user who wanted to do `what`, as in "create symbio-train"."""
    for codes, status, kind, remedy in _KNOWN:
        if _plain(said.code) in codes or (status is not None and status == said.status):
            return kind(f"cannot {what}: {_short(said)}; {remedy.format(project=project)}")
    return CloudError(
        f"cannot {what}: {_short(said)} ({said.code or said.status}); "
        "see whether the flags are what you meant"
    )


def no_credentials(error: Exception) -> CloudError:
    """Of google-auth, before anything was asked."""
    match type(error).__name__:
        case "DefaultCredentialsError":
            return NotAllowed(f"there is no login for Google Cloud on this machine; {LOGIN}")
        case "RefreshError":
            return NotAllowed(f"your login at Google has expired ({_first(error)}); {LOGIN}")
        case _:
            return NotAllowed(f"Google does not take your login ({_first(error)}); {LOGIN}")


def _codes(*names: str) -> frozenset[str]:
    return frozenset(map(_plain, names))


def _plain(code: str) -> str:
    """`quotaExceeded` and `QUOTA_EXCEEDED` are one."""
    return re.sub(r"[^a-z]", "", code.lower())


_QUOTA = "ask for more at console.cloud.google.com/iam-admin/quotas?project={project}, or choose "
_QUOTA += "another --zone or --machine-type"

_KNOWN: Sequence[tuple[frozenset[str], int | None, type[CloudError], str]] = (
    (
        _codes("quotaExceeded", "limitExceeded", "QUOTA_EXCEEDED", "LIMIT_EXCEEDED"),
        None,
        CloudError,
        _QUOTA,
    ),
    (
        _codes(
            "ZONE_RESOURCE_POOL_EXHAUSTED",
            "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
            "resourceNotAvailable",
            "STOCKOUT",
            "RESOURCE_POOL_EXHAUSTED",
        ),
        None,
        NoCapacity,
        "try another --zone, another --machine-type, or later",
    ),
    (
        _codes("alreadyExists", "RESOURCE_ALREADY_EXISTS"),
        409,
        NameTaken,
        "choose another --name, or delete the machine that has this one",
    ),
    (
        _codes("accessNotConfigured", "SERVICE_DISABLED"),
        None,
        CloudError,
        "turn the Compute Engine API on: gcloud services enable compute.googleapis.com "
        "--project {project}",
    ),
    (
        _codes("billingNotEnabled", "BILLING_DISABLED", "UREQ_PROJECT_BILLING_NOT_FOUND"),
        None,
        CloudError,
        "link a billing account to project {project}",
    ),
    (
        _codes("rateLimitExceeded", "userRateLimitExceeded"),
        429,
        CloudError,
        "wait a minute and do it again",
    ),
    (_codes("authError", "CREDENTIALS_MISSING"), 401, NotAllowed, LOGIN),
    (
        _codes("notFound", "RESOURCE_NOT_FOUND"),
        404,
        NotThere,
        "see --project, --zone, --name and --image",
    ),
    (
        _codes("forbidden", "required", "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"),
        403,
        NotAllowed,
        "ask for the role Compute Instance Admin (roles/compute.instanceAdmin.v1) in {project}",
    ),
)
"""Google's words, HTTP status, our error, remedy: the first that fits."""


def _short(said: Said) -> str:
    """Google's sentence, without what stands around it."""
    text = " ".join(said.message.split()).rstrip(". ")
    text = re.sub(r"^\d{3} (GET|POST|DELETE|PATCH) \S+: ", "", text)
    return text[:300] or quoted(said.code)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120].strip("('\" ,")
