"""What can be wrong with a pod."""

from daimon.kit.errors import NotFound


class PodNotFound(NotFound):
    """There is no such pod within the reach of this key."""

    error = "POD_NOT_FOUND"
