"""A page for paper: what one pod, team or cost centre owes for a month, to be handed to whoever that is.

It shows what was used and what is charged. The account's own cost and its mark-up are not on it.
"""

from collections.abc import Sequence
from html import escape

from daimon.billing.money import written
from daimon.billing.splits.models import Line, Report

STYLE = (
    "body{font:11pt/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.5rem;margin:0}p{margin:.2rem 0}table{width:100%;border-collapse:collapse;margin:2rem 0}"
    "th,td{text-align:left;padding:.45rem .3rem;border-bottom:1px solid #d0d7de;vertical-align:top}"
    "td:not(:first-child),th:not(:first-child){text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "thead{display:table-header-group}tr{break-inside:avoid}tfoot th{border-bottom:0;border-top:2px solid #1b1f24}"
    "small{color:#57606a}@page{margin:20mm}@media print{body{margin:0;max-width:none}}"
)
_HEAD = ("", "Received", "Sent", "Stored", "Inbox-days", "Amount")


def statement(report: Report, lines: Sequence[Line], *, issuer: str | None = None) -> str:
    """Return the page of one unit's lines: of the month, and of closed months that it corrects."""
    first = lines[0]
    title = f"Statement {report.month:%B %Y}"
    total = sum(line.amount + line.markup for line in lines)
    rows = "".join(_row(report, line) for line in lines)
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    note = "" if report.closed_at else "<p><small>The month is not closed: these figures may still change.</small></p>"
    by = f"<p>{escape(issuer)}</p>" if issuer else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{title}: {escape(first.name or first.unit)}</title>'
        f"<style>{STYLE}</style></head><body>{by}<h1>{title}</h1><p>{escape(first.name or first.unit)}</p>"
        f"<p><small>{escape(first.unit)}</small></p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f'<tfoot><tr><th scope="row" colspan="5">Total</th><th>{written(total, report.currency)}</th></tr></tfoot>'
        f"</table>{note}</body></html>\n"
    )


def _row(report: Report, line: Line) -> str:
    month = line.corrects or report.month
    named = f"Correction of {month:%B %Y}" if line.corrects else f"E-mail, {month:%B %Y}"
    used = line.used
    cells = (f"{used.received:,}", f"{used.sent:,}", _size(used.stored_bytes), f"{used.inbox_days:,}")
    amount = written(line.amount + line.markup, report.currency)
    return f'<tr><th scope="row">{named}</th>{"".join(f"<td>{cell}</td>" for cell in (*cells, amount))}</tr>'


def _size(octets: int) -> str:
    """Return a number of octets in the largest unit of which there is one at least."""
    size, unit = float(octets), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024:
            break
        size, unit = size / 1024, larger
    return f"{octets:,} B" if unit == "B" else f"{size:,.1f} {unit}"
