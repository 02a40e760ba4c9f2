"""Mails to test with: real-life ones in `mails/`, hostile ones made by `hostile`."""
