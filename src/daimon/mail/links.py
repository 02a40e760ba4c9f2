"""The links of a mail, and those among them that ask to be clicked."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from daimon.mail import bounds, charset, words
from daimon.mail.parsed import Link

_URL = re.compile(r"(?i)\bhttps?://[^\s<>\"{}|\\^`\u201c\u201d\u00ab\u00bb]{1,4096}")
_TRAILING = ".,;:!?'*_~…\u3002\uff0c"
_PAIRS = {")": "(", "]": "["}

# What a person would click to go on, by the words of the link in lower case …
_ACTION = re.compile(
    r"\b(?:verif(?:y|ied|ication)|confirm(?:ation)?|activat(?:e|ion)|reset|accept|sign[\s-]?in|log[\s-]?in|"
    r"magic link|set (?:up )?(?:a |your )?(?:new )?password|change (?:your |my )?password|join|get started|"
    r"complete (?:your |the )?(?:registration|sign[\s-]?up|setup)|finish (?:signing|setting)|approve|authori[sz]e|"
    r"bestätigen|bestätige|verifizieren|aktivieren|zurücksetzen|annehmen|anmelden|einloggen|"
    r"confirmer|confirmez|vérifier|vérifiez|activer|activez|réinitialiser|réinitialisez|accepter|"
    r"se connecter|connectez|"
    r"confirmar|confirma|confirme|verificar|verifica|verifique|activar|activa|restablecer|aceptar|iniciar sesión|"
    r"ativar|ative|redefinir|aceitar|entrar|acessar|conferma|confermare|verificare|attiva|reimposta|accetta|accedi|"
    r"bevestig(?:en)?|verifi[eë]ren|activeren|accepteren|inloggen|aanmelden|bekräfta|verifiera|aktivera|återställ|"
    r"acceptera|logga in|bekræft|aktivér|nulstil|accepter|log ind|bekreft|aktiver|tilbakestill|logg inn|vahvista|"
    r"potwierdź|zweryfikuj|aktywuj|zresetuj|zaakceptuj|zaloguj|potvrdit|ověřit|aktivovat|obnovit|přijmout|přihlásit|"
    r"doğrula|onayla|etkinleştir|sıfırla|kabul et|giriş yap|"
    r"подтвердить|подтвердите|подтверждение|активировать|сбросить|принять|войти|підтвердити|увійти)(?!\w)"
    r"|確認|認証|有効化|リセット|承認|ログイン|サインイン|验证|驗證|确认|確認|激活|重置|接受|登录|登入|"
    r"인증|확인|활성화|재설정|수락|로그인|تأكيد|تحقق|تفعيل|تسجيل الدخول|אימות|אישור|התחבר"
)
# … or by its target, unless the words are a sentence about something else.
_SHORT_TEXT = 60
_ACTION_URL = re.compile(
    r"[/?&=_.](?:verify|verification|confirm|confirmation|activate|activation|reset|reset-password|"
    r"password-reset|accept|invite|invitation|magic|magic-link|signin|sign-in|login|log-in|callback)(?![a-z])"
)
_FOOTER = re.compile(
    r"unsubscribe|opt[\s-]?out|preferences|privacy|terms|view (?:this )?(?:e-?mail )?in (?:your )?browser|"
    r"abmelden|abbestellen|désabonner|désinscrire|darse de baja|cancelar suscripción|descadastrar|disiscriviti|"
    r"uitschrijven|avregistrera|отписаться|配信停止|退订"
)


def of_html(found: Iterable[Link]) -> tuple[Link, ...]:
    """Return the web links among a page's anchors, each target once, the first with words winning."""
    by_url: dict[str, Link] = {}
    for link in found:
        url = link.url.strip()
        if url.startswith("//"):
            url = f"https:{url}"
        if not url.lower().startswith(("http://", "https://")):
            continue
        seen = by_url.get(url)
        if seen is None or (not seen.text and link.text):
            by_url[url] = Link(url, link.text)
        if len(by_url) == bounds.LINKS:
            break
    return tuple(by_url.values())


def of_text(text: str) -> tuple[Link, ...]:
    """Return the links in plain text; the words of each are those before it on its line, or on the line above."""
    by_url: dict[str, Link] = {}
    if "://" not in text:
        return ()
    for match in _URL.finditer(text[: bounds.EXTRACT_CHARS]):
        url = _trimmed(match[0])
        if url not in by_url:
            by_url[url] = Link(url, _words_before(text, match.start()))
        if len(by_url) == bounds.LINKS:
            break
    return tuple(by_url.values())


def calls_to_action(links: Iterable[Link]) -> tuple[Link, ...]:
    """Return the links a person would click to verify, confirm, reset, accept or sign in."""
    return tuple(link for link in links if _calls(link))


def _calls(link: Link) -> bool:
    text, url = words.lower(link.text), words.lower(link.url)
    if _FOOTER.search(text) or _FOOTER.search(url):
        return False
    if _ACTION.search(text):
        return True
    return len(text) <= _SHORT_TEXT and _ACTION_URL.search(unquote(url).lower() if "%" in url else url) is not None


def _trimmed(url: str) -> str:
    """Return a URL without the sentence's own signs after it."""
    while url:
        last = url[-1]
        if last in _TRAILING or (last in _PAIRS and url.count(last) > url.count(_PAIRS[last])):
            url = url[:-1]
        else:
            break
    return charset.clean(url)


def _words_before(text: str, at: int) -> str:
    above = text[max(0, at - 2 * bounds.LINK_TEXT_CHARS) : at].rsplit("\n", 3)
    for line in reversed(above):
        words = _URL.sub("", line).strip(" \t\r<([*->:•")
        if words:
            return words[-bounds.LINK_TEXT_CHARS :]
    return ""
