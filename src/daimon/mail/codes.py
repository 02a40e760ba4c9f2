"""One-time codes: what a person would copy out of a mail to sign in, verify or reset.

A token that looks like a code counts only near a word that announces one, and not where numbers mean something else:
orders, phones, prices, years, vouchers. A missed code costs a look at the mail, a false one a wrong log-in.
"""

import re
from itertools import islice

from daimon.mail import bounds
from daimon.mail.parsed import Code
from daimon.mail.phrases import Phrases
from daimon.mail.words import Words

# The first sign is taken before anything is looked at around it: so the scan jumps from capital or digit to the next.
_CANDIDATE = re.compile(
    r"[A-Z0-9](?<![\w.,/@&=%+$€£¥₹#~|(-][A-Z0-9])(?<!\d [A-Z0-9])"
    r"(?:(?P<google>(?<=G)-\d{6,8})"
    r"|(?<=\d)(?:(?P<spaced>(?: \d){3,7})"
    r"|(?P<halves>\d{2}[ -]\d{3}|\d{3}[ -]\d{4}|\d[ -]\d{2}[ -]\d{2})"
    r"|(?P<digits>\d{3,7}))"
    r"|(?P<dashed>[A-Z0-9]{2,5}(?:-[A-Z0-9]{3,6}){1,3})"
    r"|(?P<mixed>[A-Z0-9]{3,9}))"
    r"(?![\w@%€£¥₹°+/=-]|[.,:]\d| ?(?:USD|EUR|GBP|CHF|%|€|£|kr|zł|₽|Mb|MB|GB|KB|km|kg|px)(?!\w)| ?[-/] ?\d| \d{2})"
)
_CANDIDATES = 300  # looked at
_BEFORE, _AFTER = 160, 48  # characters in which an announcing word counts
_NEAR = 60  # for words that announce other things too
_ALONE_BEFORE = 500  # for a token alone on its line

# They announce a one-time code and nothing else.
STRONG = (
    "verification code", "verification pin", "verification number", "security code", "confirmation code", "one-time",
    "one time", "onetime", "passcode", "pass code", "otp", "login code", "log-in code", "log in code", "sign-in code",
    "signin code", "sign in code", "access code", "authentication code", "auth code", "2fa", "two-factor", "two-step",
    "activation code", "reset code", "temporary code", "device code", "magic code", "verify your", "code is", "code:",
    "bestätigungscode", "verifizierungscode", "sicherheitscode", "einmalcode", "einmalpasswort", "anmeldecode",
    "zugangscode", "aktivierungscode", "prüfcode", "code lautet", "tan:",
    "code de vérification", "code de sécurité", "code de confirmation", "code d'accès", "code à usage unique",
    "code de connexion", "code d’accès", "votre code", "code temporaire",
    "código de verificación", "código de seguridad", "código de confirmación", "código de acceso", "tu código",
    "código único", "clave de acceso", "código de inicio",
    "código de verificação", "código de segurança", "código de confirmação", "código de acesso", "seu código",
    "codice di verifica", "codice di sicurezza", "codice di conferma", "codice di accesso", "il tuo codice",
    "codice monouso", "verificatiecode", "beveiligingscode", "bevestigingscode", "inlogcode", "eenmalige",
    "verifieringskod", "säkerhetskod", "engångskod", "bekräftelsekod", "verifikationskode", "bekræftelseskode",
    "engangskode", "sikkerhetskode", "bekreftelseskode", "sikkerhedskode", "vahvistuskoodi", "kertakäyttö",
    "kod weryfikacyjny", "kod potwierdzający", "kod bezpieczeństwa", "jednorazow", "twój kod", "ověřovací kód",
    "jednorázov", "bezpečnostní kód", "overovací kód", "megerősítő kód", "ellenőrző kód", "biztonsági kód",
    "cod de verificare", "codul de", "doğrulama kodu", "güvenlik kodu", "onay kodu", "tek kullanımlık",
    "κωδικός επαλήθευσης", "κωδικός", "код подтверждения", "код для входа", "код безопасности", "одноразов",
    "проверочный код", "код підтвердження", "ваш код", "код за потвърждение",
    "验证码", "驗證碼", "校验码", "动态码", "確認コード", "認証コード", "認証番号", "ワンタイム", "検証コード",
    "인증번호", "인증 번호", "인증코드",
    "인증 코드", "확인 코드", "رمز التحقق", "رمز التأكيد", "كود التحقق", "رمز", "קוד אימות", "קוד האימות", "קוד",
    "mã xác", "mã otp", "kode verifikasi", "รหัส", "सत्यापन कोड", "ओटीपी",
)  # fmt: skip
# They announce codes of many sorts.
WEAK = (
    "code",
    "pin",
    "código",
    "codice",
    "kode",
    "kod",
    "kód",
    "koodi",
    "token",
    "код",
    "コード",
    "코드",
    "代码",
    "mã ",
)
# One of these is in each word above: a mail without any is done with at once.
STEMS = (
    "cod", "kod", "koodi", "pin", "otp", "2fa", "token", "two-", "time", "verif", "passwort", "tan:", "clave",
    "eenmalig",
    "kertak", "jednora",
)  # fmt: skip
FOREIGN_STEMS = (
    "kód", "códi", "jednoráz", "kullanım", "κωδ", "код", "одноразов", "码", "碼", "コード", "番号", "ワンタ",
    "번호", "코드",
    "رمز", "كود", "קוד", "mã ", "รหัส", "कोड", "ओटी",
)  # fmt: skip
_ANNOUNCING, _STRONG, _WEAK = Phrases((*STEMS, *FOREIGN_STEMS)), Phrases(STRONG), Phrases(WEAK)
# Where such words, or the numbers themselves, mean something else.
_OTHER_CODES = Phrases((
    "promo", "discount", "coupon", "voucher", "gift", "referral", "zip", "postal", "postcode", "post code",
    "area code",
    "country code", "error code", "status code", "exit code", "source code", "code review", "qr", "barcode",
    "tracking",
    "dress code", "% off", "rabatt", "gutschein", "postleitzahl", "réduction", "promotion", "code postal",
    "descuento",
    "desconto", "sconto", "sort code", "swift", "booking", "reservation", "product code", "offer code", "shopping",
    "opinion", "spinning", "shipping", "pinned",
))  # fmt: skip
_NUMBERED = (
    "order", "invoice", "ticket", "case", "receipt", "booking", "reservation", "reference", "ref", "account", "acct",
    "card", "customer", "member", "phone", "tel", "telephone", "fax", "mobile", "call", "dial", "zip", "suite",
    "room", "flight", "version", "build", "port", "ending in", "ending", "ends with", "amount", "total", "price",
    "copyright", "since", "year", "rfc", "issue", "pull request", "policy", "iban", "isbn", "vat", "po box",
    "p.o. box", "serial", "model", "page", "bestellung", "bestellnummer", "rechnung", "rechnungsnummer",
    "kundennummer", "vorgang", "telefon", "commande", "facture", "téléphone", "pedido", "factura", "fatura",
    "teléfono", "ordine", "fattura", "telefono", "factuur", "bestelling", "zamówienie", "faktura", "заказ", "счет",
    "телефон", "订单", "訂單", "电话", "注文", "ご注文番号", "電話", "주문", "전화",
)  # fmt: skip
_ANY_NUMBERED = Phrases(_NUMBERED)
_NUMBERS = re.compile(
    rf"(?:{'|'.join(map(re.escape, _NUMBERED))})"
    r"(?:\s?(?:number|no|nr|id|code|num|nummer|numéro|número|numero|номер|号|番号|번호))?[\s.:#№°º-]{0,6}\Z"
)
_SENTENCE = re.compile(r"[.!?。]\s")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")
_DIRECT = re.compile(
    r"(?:code|pin|otp|passcode|kode|kod|kód|código|codice|koodi|код|κωδικός|コード|码|碼|번호|코드|رمز|קוד)"
    r"(?P<told>(?:\s(?:is|ist|lautet|est|es|é|è|jest|är|er|on|to))?\s?[:：=]?)\s{0,3}[*\"'「【“]{0,2}\Z"
)
_KIND_WORDS = (
    ("password_reset", ("reset", "forgot", "zurücksetzen", "réinitialis", "restablecer", "redefin", "reimpost",
                        "wachtwoord", "återställ", "сброс", "восстановлен", "重置密码", "パスワード再",
                        "비밀번호 재")),
    ("two_factor", ("two-factor", "two factor", "2fa", "two-step", "2-step", "authenticator", "zwei-faktor",
                    "deux facteurs", "dos factores", "dois fatores", "due fattori", "двухфактор", "二段階",
                    "两步", "2단계")),
    ("login", ("log in", "login", "log-in", "sign in", "sign-in", "signin", "anmeld", "einlogg", "connexion",
               "connecter", "iniciar sesión", "inicio de sesión", "entrar", "accesso", "accedi", "inlog", "logga in",
               "zaloguj", "logowani", "přihláš", "вход", "войти", "登录", "登入", "ログイン", "サインイン",
               "로그인", "giriş")),
)  # fmt: skip
_KINDS = tuple((kind, Phrases(said)) for kind, said in _KIND_WORDS)
_PIN = re.compile(r"(?i)\bpin\b")


def find(said: Words) -> tuple[Code, ...]:
    """Return the one-time codes of a mail, in order, each once."""
    if not _ANNOUNCING.are_in(said.lowered):
        return ()
    found: dict[str, Code] = {}
    for match in islice(_CANDIDATE.finditer(said.whole), _CANDIDATES):
        if _is_code(match, said) and (code := _value(match)) not in found:
            found[code] = Code(code, _kind(match.start(), said))
    return tuple(found.values())[: bounds.CODES]


def _is_code(match: re.Match[str], said: Words) -> bool:
    _, whole, lowered = said
    start, end = match.span()
    before, after = lowered[max(0, start - _BEFORE) : start], lowered[end : end + _AFTER]
    line = before[before.rfind("\n") + 1 :]
    announced = _DIRECT.search(line[-30:])
    direct = announced is not None
    token = match[0]
    if not direct and _YEAR.match(token):
        return False
    if not direct and _ANY_NUMBERED.are_in(line[-50:]) and _NUMBERS.search(line[-50:]):
        return False
    alone = _is_alone(whole, start, end)
    if (
        token.isalpha()
        and not alone
        and (announced is None or not announced["told"].strip() or whole[max(0, start - 30) : start].isupper())
    ):
        return False  # a word in capitals
    if _OTHER_CODES.are_in(line) or _OTHER_CODES.are_in(after.split("\n", 1)[0]):
        return False
    if alone:
        before = lowered[max(0, start - _ALONE_BEFORE) : start]
    numeric = bool(match["digits"] or match["halves"] or match["spaced"] or match["google"])
    if not (direct or alone or numeric):
        return False
    if _STRONG.are_in(before) or _STRONG.are_in(after):
        return True
    near = lowered[max(0, start - _NEAR) : start]
    if not alone:  # within one sentence
        near, after = _SENTENCE.split(near)[-1], _SENTENCE.split(after, maxsplit=1)[0]
    return _WEAK.are_in(near) or _WEAK.are_in(after)


def _is_alone(whole: str, start: int, end: int) -> bool:
    before = whole[max(0, start - 20) : start].rpartition("\n")[2]
    after = whole[end : end + 20].partition("\n")[0]
    return not before.strip(" \t*>\u00a0") and not after.strip(" \t*.\r\u00a0")


def _value(match: re.Match[str]) -> str:
    if match["google"]:
        return match[0][2:]
    if match["spaced"] or match["halves"]:
        return re.sub(r"\D", "", match[0])
    return match[0]


def _kind(start: int, said: Words) -> str:
    near = said.lowered[max(0, start - 2 * _BEFORE) : start + 2 * _AFTER]
    for place in (said.subject.lower(), near):
        for kind, phrases in _KINDS:
            if phrases.are_in(place):
                return kind
    return "pin" if _PIN.search(said.lowered[max(0, start - _NEAR) : start + _AFTER]) else "verification"
