"""What can be wrong with a pod."""

from collections.abc import Sequence

from daimon.kit.errors import Conflict, Detail, Forbidden, NotFound, StateConflict


class PodNotFound(NotFound):
    """There is no such pod within the reach of this key."""

    error = "POD_NOT_FOUND"
    next_steps = ("GET /v1/pods lists the pods of the account.",)


class PodSuspended(Forbidden):
    """The pod is suspended: it receives and can be read, and makes and sends nothing."""

    error = "POD_SUSPENDED"
    next_steps = ('An account key resumes it: PATCH /v1/pods/{pod_id} {"status": "active"}.',)


class PodNotEmpty(Conflict):
    """The pod holds inboxes."""

    error = "POD_NOT_EMPTY"
    next_steps = (
        "Keep its inboxes in the account: DELETE /v1/pods/{pod_id}?inboxes=move.",
        "Or delete them with it: DELETE /v1/pods/{pod_id}?inboxes=delete.",
    )


class SubdomainInUse(StateConflict):
    """Inboxes have addresses under the pod's subdomain, so it cannot change."""

    next_steps = ("Delete the inboxes with these addresses first, or leave the subdomain as it is.",)


class SubdomainTaken(Conflict):
    """Another pod has this subdomain."""

    error = "SUBDOMAIN_TAKEN"
    next_steps = ("Choose another subdomain.",)

    @classmethod
    def suggesting(cls, subdomain: str, free: Sequence[str]) -> "SubdomainTaken":
        """Return the error with subdomains that are free."""
        return cls(
            f"The subdomain {subdomain} is taken.",
            details=[Detail("subdomain", name) for name in free],
            next_steps=[f'Send the request again with "subdomain": "{name}".' for name in free] or None,
        )
