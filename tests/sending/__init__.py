"""Sending: over HTTP, through the queue, to inboxes here, to the simulator and to other servers."""
