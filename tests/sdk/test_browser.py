"""The TypeScript client in a page of another origin: Debian's Chromium asks the server before it lets the page call."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

import peer_tools
from e2e.serving import Serving
from npm import PACKAGE, PATIENCE, RUNTIMES, run

from .walking import STEPS, Peer, given

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE)]


class Files(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(project: Path, tmp_path: Path) -> Iterator[str]:
    """A site with the walk and a bundle of what was packed, as any bundler makes it."""
    esbuild = PACKAGE / "node_modules/.bin/esbuild"
    entry = "node_modules/daimon-email/dist/esm/index.js"
    run(esbuild, entry, "--bundle", "--minify", "--format=esm", f"--outfile={tmp_path}/daimon.js", where=project)
    for script in ("walk.mjs", "page.mjs"):
        shutil.copy(RUNTIMES / script, tmp_path)
    (tmp_path / "index.html").write_text('<!doctype html><script type="module" src="page.mjs"></script>')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"  # another host than the API's, and another port
        server.shutdown()
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=peer_tools.program("chromium"), args=["--no-sandbox", "--headless"]
        )
        yield browser.new_page()
        browser.close()


def test_the_walk_in_a_page_of_another_origin(page: Page, site: str, served: Serving, answering: Peer) -> None:
    """Every kind of call, with headers that need the server's leave, and answers that need it to be read."""
    asked = set()
    page.on("request", lambda request: asked.add(request.method))
    page.goto(site)
    assert page.evaluate("given => window.take(given)", given(served, answering, "browser")) == STEPS
    assert {"GET", "POST"} <= asked


def test_a_page_cannot_read_what_people_open(page: Page, site: str, served: Serving) -> None:
    """A link to pay, and MCP."""
    page.goto(site)
    for path in ("/upgrade/x", "/mcp"):
        refused = page.evaluate("url => fetch(url).then(() => 'read', (error) => error.name)", served.api + path)
        assert refused == "TypeError"
    assert page.evaluate("url => fetch(url).then((got) => got.status)", served.api + "/v1/nothing") == 404
