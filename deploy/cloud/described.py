"""A machine in Google's words, turned into ours."""

from datetime import UTC, datetime

from google.cloud import compute_v1

from deploy.cloud.instance import Instance


def instance_of(found: compute_v1.Instance) -> Instance:
    """What we ask of it. Addresses of resources are cut to their last part."""
    cap = found.scheduling.max_run_duration.seconds
    return Instance(
        id=found.id,
        name=found.name,
        zone=_last(found.zone),
        status=found.status,
        machine_type=_last(found.machine_type),
        labels=dict(found.labels),
        address=_address(found),
        created_at=moment(found.creation_timestamp),
        started_at=_moment(found.last_start_timestamp),
        stopped_at=_moment(found.last_stop_timestamp),
        spot=found.scheduling.provisioning_model == "SPOT",
        cap_seconds=float(cap) if cap else None,
    )


def moment(text: str) -> datetime:
    """RFC 3339."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _moment(text: str) -> datetime | None:
    return moment(text) if text else None


def _address(found: compute_v1.Instance) -> str | None:
    for interface in found.network_interfaces:
        for access in interface.access_configs:
            if access.nat_i_p:
                return str(access.nat_i_p)
    return None


def _last(path: str) -> str:
    return path.rpartition("/")[2]
