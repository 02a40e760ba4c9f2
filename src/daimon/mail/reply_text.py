"""The new text of a reply alone: quotes, attribution lines, forwarded blocks and signatures taken away."""

import re

from daimon.mail import bounds
from daimon.mail.phrases import Phrases

# "-----Original Message-----" and "---------- Forwarded message ---------", in the words of many mail programs.
_DIVIDER = re.compile(
    r"(?i)[-_*=\s]{2,60}(?:original(?:nachricht| message| e-?mail)?|ursprüngliche nachricht|"
    r"weitergeleitete nachricht|"
    r"message d'origine|message original|message transféré|mensaje original|mensaje reenviado|mensagem original|"
    r"mensagem encaminhada|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht|"
    r"ursprungligt meddelande|vidarebefordrat meddelande|oprindelig meddelelse|videresendt besked|"
    r"opprinnelig melding|videresendt melding|alkuperäinen viesti|välitetty viesti|oryginalna wiadomość|"
    r"wiadomość oryginalna|wiadomość przekazana|původní zpráva|přeposlaná zpráva|eredeti üzenet|mesajul original|"
    r"özgün ileti|orijinal mesaj|исходное сообщение|пересланное сообщение|пересылаемое сообщение|"
    r"forwarded (?:message|by)|begin forwarded message|元のメッセージ|转发邮件|原始邮件|转发的邮件|원본 메시지|"
    r"전달된 메시지)"
)
_FORWARD = re.compile(
    r"(?i)(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du (?:message|courriel) "
    r"(?:transféré|réexpédié)|inizio messaggio inoltrato|inicio del mensaje reenviado|"
    r"início da mensagem (?:re)?encaminhada)"
    r"\s?:?\Z"
)
_FROM = re.compile(
    r"(?i)[*\s]{0,4}(?:from|von|de|da|van|från|fra|lähettäjä|od|feladó|kimden|от|від|发件人|寄件者|差出人|"
    r"보낸 ?사람|από|מאת|من)"
    r"\*{0,2}\s?[:：]\*{0,2}\s{0,4}\S"
)
_HEADER_LINE = re.compile(
    r"(?i)[*\s]{0,4}(?:sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|à|objet|enviado(?: el|"
    r" em)?|para|asunto|"
    r"assunto|fecha|data|inviato|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|lähetetty|"
    r"vastaanottaja|aihe|wysłano|do|temat|odesláno|komu|předmět|elküldve|címzett|tárgy|gönderildi|kime|konu|"
    r"отправлено|дата|кому|тема|发送时间|收件人|主题|日期|送信日時|宛先|件名|日付|보낸 날짜|받는 사람|"
    r"제목)\*{0,2}\s?[:：]"
)
_WROTE = Phrases((
    "wrote", "writes", "schrieb", "a écrit", "escribió", "escribio", "ha scritto", "escreveu", "schreef",
    "het volgende",
    "skrev", "napisał", "napisal", "pisze", "napsal", "napísal", "írta", "kirjoitti", "a scris", "yazdı",
    "şunu yazdı",
    "написал", "написала", "пишет", "писал", "написав", "пише", "написа", "έγραψε", "写道", "寫道", "のメール",
    "書きました",
    "작성", "כתב", "كتب", "đã viết", "menulis", "เขียน", "napisao", "je napisal", "va escriure", "skrifaði", "rašė",
))  # fmt: skip
_BEGINNING = re.compile(
    r"(?i)\W{0,3}(?:on|am|le|el|il|em|op|den|på|den|w dniu|dne|dňa|a\(z\)|ma|în|pe|tarihinde|в|у|на|στις|στις|"
    r"於|在|于|dnia|"
    r"pada|vào|ngày|בתאריך|في|lørdag|\d{1,4}[./年-])"
)
_DATED = re.compile(r"@|\d[:.]\d\d|(?:19|20)\d\d|年")
_SIGNED_BY_DEVICE = re.compile(
    r"(?i)(?:sent (?:from|via|with|using) (?:my |the )?[\w .'’-]{2,40}|get outlook for (?:ios|android|mac)\b.{0,60}|"
    r"von meinem [\w .-]{2,40} gesendet|gesendet (?:von|mit) [\w .-]{2,60}|envoyé (?:de|depuis) (?:mon|"
    r"ma) [\w .-]{2,40}|"
    r"enviado desde mi [\w .-]{2,40}|enviado do meu [\w .-]{2,40}|inviato da(?:l mio)? [\w .-]{2,40}|"
    r"verzonden vanaf mijn [\w .-]{2,40}|skickat från min [\w .-]{2,40}|sendt fra min [\w .-]{2,40}|"
    r"wysłane z [\w .-]{2,40}|отправлено с [\w .-]{2,40}|iphoneから送信|从我的.{1,20}发送|发自我的.{1,20}|"
    r"나의 .{1,20}에서 보냄)\.?\Z"
)
# Nothing old begins but with one of these signs or letters, or in a line with a colon.
_FIRST = frozenset(">—-_*=BbAaDdIi")
_MARK = re.compile(
    r"\n[^\S\n]*+(?:[>—_*=-]|[BbAaDdIi](?i:egin forwarded|nfang der|ébut d|nizio messaggio|nicio del|nício da))"
)
_MANY_LINES = re.compile(r"\n(?:[ \t]*+\n){2,}+")
_LONGEST_ATTRIBUTION = 400
_LABEL_CHARS = 24  # "From:" in any language


def new_text(text: str) -> str:
    """Return what the sender wrote now."""
    text = text[: bounds.EXTRACT_CHARS]
    if ":" not in text and "：" not in text and not _MARK.search(f"\n{text}"):
        return _without_device(text)
    return _without_device("\n".join(_new_lines(text.split("\n"))))


def _new_lines(lines: list[str]) -> list[str]:
    kept: list[str] = []
    done = 0
    for at in _looked_at(lines):
        kept += lines[done:at]
        done = at + 1
        line = lines[at]
        mark = line.strip()
        if mark.startswith(">"):
            continue
        if _begins_old(lines, at, mark):
            while kept and not kept[-1].strip(" \t\r_-=*"):  # the rule above a repeated header
                kept.pop()
            break
        if mark.endswith((":", "：")) and (wrapped := _attribution(lines, at, mark)) is not None:
            if wrapped:
                _drop_last(kept, wrapped)
            if not _quotes_follow(lines, at):
                break
            continue
        if mark in ("--", "—") and line.rstrip("\r") in ("-- ", "--", "—") and any(map(str.strip, kept)):
            break
        kept.append(line)
    else:
        kept += lines[done:]
    return kept


def _looked_at(lines: list[str]) -> list[int]:
    """Return the places of lines that may be, begin or end something old; few are, and the rest is kept unseen."""
    return [at for at, line in enumerate(lines) if ":" in line or "：" in line or line.lstrip()[:1] in _FIRST]


def _begins_old(lines: list[str], at: int, mark: str) -> bool:
    """Tell whether everything from this line on is an older mail."""
    if not mark:
        return False
    if mark[0] in "-_*=" and _DIVIDER.match(mark):
        return True
    if mark[0] in "BbAaDdIi" and len(mark) < 80 and _FORWARD.match(mark):
        return True
    if ":" not in mark[:_LABEL_CHARS] and "：" not in mark[:_LABEL_CHARS]:
        return False
    return _FROM.match(mark) is not None and _is_header_block(lines, at)


def _is_header_block(lines: list[str], at: int) -> bool:
    """Outlook and others repeat a few header fields, one a line, in their own language."""
    following = [line for line in lines[at + 1 : at + 8] if line.strip()][:4]
    return sum(_HEADER_LINE.match(line.strip()) is not None for line in following) >= 2


def _attribution(lines: list[str], at: int, mark: str) -> int | None:
    """Return how many lines before this one belong to an attribution line that ends here; None if none does."""
    joined = mark
    for wrapped in range(3):
        if len(joined) > _LONGEST_ATTRIBUTION:
            break
        if _BEGINNING.match(joined) and _attributes(joined) and (_DATED.search(joined) or _quotes_follow(lines, at)):
            return wrapped
        before = at - wrapped - 1
        if before < 0 or not lines[before].strip() or lines[before].lstrip().startswith(">"):
            break
        joined = f"{lines[before].strip()} {joined}"
    return 0 if len(mark) <= _LONGEST_ATTRIBUTION and _attributes(mark) and _quotes_follow(lines, at) else None


def _attributes(line: str) -> bool:
    """Tell whether a line says that someone wrote something at some time."""
    if not any(map(str.isdigit, line)):
        return "@" in line and _WROTE.are_in(line.lower())
    return ("@" in line and "<" in line) or _WROTE.are_in(line.lower())


def _quotes_follow(lines: list[str], at: int) -> bool:
    return next((line.lstrip().startswith(">") for line in lines[at + 1 : at + 6] if line.strip()), False)


def _drop_last(kept: list[str], count: int) -> None:
    del kept[max(0, len(kept) - count) :]


def _without_device(text: str) -> str:
    text = _MANY_LINES.sub("\n\n", text).strip()
    body, _, last = text.rpartition("\n")
    return body.rstrip() if len(last) < 120 and _SIGNED_BY_DEVICE.match(last.strip()) else text
