"""How `make docs` makes a site of these pages, by Sphinx. They are written for GitHub: none has a directive in it."""

from sphinx.application import Sphinx

project = "daimon"
html_title = "daimon"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
extensions = ["myst_parser"]
exclude_patterns = ["conf.py"]
myst_heading_anchors = 4  # named as GitHub names them, so that links to headings work in both places
suppress_warnings = ["misc.highlighting_failure"]  # samples of JSON leave things out: {…}

FOLDERS = {
    "how-to": "How to",
    "concepts": "Concepts",
    "explanation": "Explanation",
    "reference": "Reference",
    "decisions": "Decisions",
}


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Give the index what the side bar is made of: every page, by folder."""
    if page != "index":
        return
    source[0] += "\n\n```{toctree}\n:hidden:\n\nquick-start\n```\n"
    for folder, caption in FOLDERS.items():
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{folder}/*\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True}
