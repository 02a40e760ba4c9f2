"""Mail from the server itself to a person: invitations, links, warnings."""
