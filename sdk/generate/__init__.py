"""Writes what both SDKs can say from `openapi.json`: resources, models and error classes.

`read` understands the document, `names` gives the names, `python` and `typescript` write. After each change of the API:

    make sdk                         # write
    python -m sdk.generate --check   # fail if a file is not what would be written
"""
