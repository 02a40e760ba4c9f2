"""The one door for URLs that users give us: what may be opened, and the client that opens it."""

from daimon.kit.safe_http.client import Reply, SafeHttp
from daimon.kit.safe_http.errors import Failed, Failure, UnsafeUrl
from daimon.kit.safe_http.url import SafeUrl, checked

__all__ = ["Failed", "Failure", "Reply", "SafeHttp", "SafeUrl", "UnsafeUrl", "checked"]
