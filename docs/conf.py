"""How `make docs` makes a site of these pages, by Sphinx. They are written for GitHub: none has a directive in it."""

from pathlib import Path

from sphinx.application import Sphinx

project = "daimon"
html_title = "daimon"
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
extensions = ["myst_parser"]
exclude_patterns = ["conf.py", "_search.js"]
myst_heading_anchors = 4  # named as GitHub names them, so that links to headings work in both places
suppress_warnings = ["misc.highlighting_failure"]  # samples of JSON leave things out: {…}

html_search_scorer = str(Path(__file__).with_name("_search.js"))

# How-tos in the order in which somebody needs them, by who that is. One that is not named here fails the build.
READERS = {
    "How to write an agent": (
        "send-mail",
        "work-through-an-inbox",
        "have-a-person-approve",
        "follow-events",
        "receive-webhooks",
        "connect-a-model-by-mcp",
        "hand-an-inbox-to-a-framework",
        "use-the-command-line",
        "call-from-a-browser",
        "send-by-smtp",
        "test-mail-with-pytest",
        "migrate-from-agentmail",
    ),
    "How to run a platform": ("saas-on-one-account", "use-your-own-domain", "allow-and-block", "split-the-bill"),
    "How to run the server": (
        "run-in-production",
        "receive-mail",
        "operate",
        "charge-with-stripe",
        "read-parked-mail",
    ),
}
FOLDERS = {
    "concepts": "Concepts",
    "explanation": "Explanation",
    "reference": "Reference",
    "decisions": "Decisions",
}


def add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Give the index what the side bar is made of: every page, by reader or by folder."""
    if page != "index":
        return
    source[0] += "\n\n```{toctree}\n:hidden:\n\nquick-start\n```\n"
    for caption, pages in READERS.items():
        named = "\n".join(f"how-to/{name}" for name in pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{named}\n```\n"
    for folder, caption in FOLDERS.items():
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{folder}/*\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True}
