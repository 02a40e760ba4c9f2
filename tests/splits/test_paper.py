"""The statement on paper: a real browser prints it, without script and without asking anybody for anything."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

import peer_tools
from daimon.billing.splits.models import Cost, Days, Line, Quantities, Report, Split
from daimon.billing.splits.statement import statement

NOVEMBER = date(2026, 11, 1)
LINE = Line("pod_1", "Anna & Söhne <b>", None, Quantities(1_234, 56, 7 << 20, 90), 123_456, 6_544)
REPORT = Report(NOVEMBER, "usd", Split(), [Cost("c", "", 999_999, "usd", Days.of_month(NOVEMBER))], [LINE])


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium that runs no script."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=peer_tools.program("chromium"), args=["--no-sandbox", "--headless"]
        )
        yield browser.new_page(java_script_enabled=False)
        browser.close()


def test_it_is_one_sheet_with_what_is_owed(page: Page, tmp_path: Path) -> None:
    """Use, amount and sum as one reads them; a correction has its row; nothing is loaded; it fits on A4."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    late = replace(LINE, corrects=date(2026, 9, 1), used=Quantities(sent=-3), amount=-500, markup=-100)
    page.set_content(statement(REPORT, [LINE, late], issuer="Platform Inc."))
    shown = page.inner_text("body")
    for each in ("Platform Inc.", "Statement November 2026", "Anna & Söhne <b>", "1,234", "7.0 MiB", "USD 1,300.00"):
        assert each in shown
    assert "Correction of September 2026" in shown
    assert "USD -6.00" in shown
    assert page.inner_text("tfoot").split()[-1] == "1,294.00"
    assert "may still change" in shown
    assert "9,999.99" not in shown  # the account's own cost
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    printed = page.pdf(path=tmp_path / "statement.pdf", format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1
    assert asked == []


def test_a_closed_month_is_final(page: Page) -> None:
    """Nothing on it says that it may change."""
    page.set_content(statement(replace(REPORT, closed_at=datetime(2026, 12, 2, tzinfo=UTC)), [LINE]))
    assert "change" not in page.inner_text("body")
