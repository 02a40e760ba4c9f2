"""A report as a table of comma-separated values (RFC 4180), for spreadsheets and books."""

import csv
import io

from daimon.billing.splits.models import Line, Report

COLUMNS = (
    "period", "currency", "id", "name", "corrects", "received", "sent", "stored_bytes", "inbox_days", "share",
    "amount_cents", "markup_cents", "charge_cents",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(report: Report) -> str:
    """Return a line for each line of a report, below one that names the columns."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    table.writerows(_row(report, line) for line in report.lines)
    return written.getvalue()


def share_of(line: Line, total: int) -> float | None:
    """Return what part of the whole cost a line is, to six digits; None of nothing."""
    if total == 0:
        return None
    millionths, rest = divmod(abs(line.amount) * 1_000_000, abs(total))
    millionths += 2 * rest >= abs(total)
    return (millionths if line.amount * total >= 0 else -millionths) / 1_000_000


def _row(report: Report, line: Line) -> tuple[object, ...]:
    used = line.used
    return (
        f"{report.month:%Y-%m}", report.currency, _text(line.unit), _text(line.name or ""),
        f"{line.corrects:%Y-%m}" if line.corrects else "", used.received, used.sent, used.stored_bytes,
        used.inbox_days, share_of(line, report.total), line.amount, line.markup, line.amount + line.markup,
    )  # fmt: skip


def _text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: people chose it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
