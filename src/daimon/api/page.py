"""Small HTML pages behind links that people get by mail. They need no script, and let none run."""

import base64
import hashlib
from html import escape

from daimon.api.answer import Headers, Octets

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.4rem}code{display:block;padding:1rem;background:#f2f4f6;border-radius:.4rem;"
    "overflow-wrap:anywhere}button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;"
    "background:#1b1f24;color:#fff;cursor:pointer}"
)
CONTENT_TYPE = "text/html; charset=utf-8"


def guards(style: str) -> Headers:
    """Return the headers of a page with one style sheet in it, which let nothing else load or run."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
    )


_GUARDS = guards(_STYLE)


def page(
    title: str, *paragraphs: str, button: str | None = None, secret: str | None = None, status: int = 200
) -> Octets:
    """Return a page. `button` posts to the page's own URL; `secret` is shown once, apart from the text."""
    said = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    shown = f"<code>{escape(secret)}</code>" if secret else ""
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{said}{shown}{form}</body></html>\n"
    )
    return Octets(html.encode(), CONTENT_TYPE, status, _GUARDS)
