"""Small HTML pages behind links that people get by mail. They need no script, and let none run."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from daimon.api.answer import Headers, Octets

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.4rem}code{display:block;padding:1rem;background:#f2f4f6;border-radius:.4rem;"
    "overflow-wrap:anywhere}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;"
    "background:#1b1f24;color:#fff;cursor:pointer}"
)
CONTENT_TYPE = "text/html; charset=utf-8"


def guards(style: str, leads_to: str | None = None) -> Headers:
    """Return the headers of a page with one style sheet in it, which let nothing else load or run.

    `leads_to` is where its form may lead, as a source of a Content-Security-Policy.
    """
    # A browser holds where a form leads by redirects against form-action, too.
    targets = f"'self' {leads_to}" if leads_to else "'self'"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action {targets}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return (
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
    )


def page(
    title: str,
    *paragraphs: str,
    facts: Sequence[str] = (),
    button: str | None = None,
    action: str | None = None,
    leads_to: str | None = None,
    link: tuple[str, str] | None = None,
    secret: str | None = None,
    refresh: int | None = None,
    status: int = 200,
) -> Octets:
    """Return a page.

    `facts` is a list below the text. `button` posts to `action`, or to the page's own URL, from where the browser may
    be led on to `leads_to` (a source of a Content-Security-Policy). `link` is its text and where it goes. `secret` is
    shown once, apart from the text. `refresh`: the page loads itself again after so many seconds.
    """
    said = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    listed = "<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in facts) + "</ul>" if facts else ""
    shown = f"<code>{escape(secret)}</code>" if secret else ""
    to = f' action="{escape(action)}"' if action else ""
    form = f'<form method="post"{to}><button>{escape(button)}</button></form>' if button else ""
    linked = f'<p><a href="{escape(link[1])}">{escape(link[0])}</a></p>' if link else ""
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">{again}'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{said}{listed}{shown}{form}{linked}</body></html>\n"
    )
    return Octets(html.encode(), CONTENT_TYPE, status, guards(_STYLE, leads_to))
