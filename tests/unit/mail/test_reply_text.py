"""The new text of a reply, in the words of many mail programs."""

import pytest

from daimon.mail.reply_text import new_text

ATTRIBUTIONS = [
    "On Mon, Mar 16, 2026 at 10:30 AM Ada <ada@example.org> wrote:",
    "On Mon, Mar 16, 2026 at 10:30 AM Ada Augusta King\n<ada@example.org> wrote:",
    "On 16/03/2026 10:30, Ada wrote:",
    "Am 16.03.2026 um 10:30 schrieb Ada <ada@example.org>:",
    "Am Mo., 16. März 2026 um 10:30 Uhr schrieb Ada\n<ada@example.org>:",
    "Le lun. 16 mars 2026 à 10:30, Ada <ada@example.org> a écrit :",
    "El lun, 16 mar 2026 a las 10:30, Ada (<ada@example.org>) escribió:",
    "Il giorno lun 16 mar 2026 alle ore 10:30 Ada <ada@example.org> ha scritto:",
    "Em seg., 16 de mar. de 2026 às 10:30, Ada <ada@example.org> escreveu:",
    "Op ma 16 mrt 2026 om 10:30 schreef Ada <ada@example.org>:",
    "Den mån 16 mars 2026 kl 10:30 skrev Ada <ada@example.org>:",
    "man. 16. mar. 2026 kl. 10.30 skrev Ada <ada@example.org>:",
    "pon., 16 mar 2026 o 10:30 Ada <ada@example.org> napisał(a):",
    "po 16. 3. 2026 v 10:30 odesílatel Ada <ada@example.org> napsal:",
    "ma 16.3.2026 klo 10.30 Ada (ada@example.org) kirjoitti:",
    "16 Mar 2026 Pzt, 10:30 tarihinde Ada <ada@example.org> şunu yazdı:",
    "пн, 16 мар. 2026 г. в 10:30, Ada <ada@example.org>:",
    "16.03.2026 10:30, Ada пишет:",
    "2026年3月16日(月) 10:30 Ada <ada@example.org>:",
    "Ada <ada@example.org> 于2026年3月16日周一 10:30写道：",
    "2026년 3월 16일 (월) 오전 10:30, Ada <ada@example.org>님이 작성:",
]

OLD_MAILS = [
    "-----Original Message-----\nFrom: Ada\nSent: today\n\nold",
    "-----Ursprüngliche Nachricht-----\nVon: Ada\n\nold",
    "---------- Forwarded message ---------\nFrom: Ada <ada@example.org>\n\nold",
    "-------- Weitergeleitete Nachricht --------\nBetreff: x\n\nold",
    "Begin forwarded message:\n\nFrom: Ada\n\nold",
    "________________________________\nFrom: Ada <ada@example.org>\nSent: Monday\nTo: Bob\nSubject: x\n\nold",
    "From: Ada <ada@example.org>\nSent: Monday, March 16, 2026 10:30 AM\nTo: Bob\nSubject: x\n\nold",
    "*From:* Ada <ada@example.org>\n*Sent:* Monday\n*To:* Bob\n\nold",
    "De : Ada\nEnvoyé : lundi\nÀ : Bob\nObjet : x\n\nold",
    "De: Ada\nEnviado: lunes\nPara: Bob\nAsunto: x\n\nold",
    "Da: Ada\nInviato: lunedì\nA: Bob\nOggetto: x\n\nold",
    "Van: Ada\nVerzonden: maandag\nAan: Bob\nOnderwerp: x\n\nold",
    "От: Ada\nОтправлено: понедельник\nКому: Bob\nТема: x\n\nold",
    "发件人: Ada\n发送时间: 2026年3月16日\n收件人: Bob\n主题: x\n\nold",
    "差出人: Ada\n送信日時: 2026年3月16日\n宛先: Bob\n件名: x\n\nold",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_attribution_and_quote_are_taken_away(attribution: str) -> None:
    """A top-posted reply gives its own words alone."""
    assert new_text(f"Yes, please.\n\n{attribution}\n\n> Shall we?\n> Ada\n") == "Yes, please."


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_words_below_a_quote_stay(attribution: str) -> None:
    """A reply below or between the quotes keeps all of its own words."""
    assert new_text(f"{attribution}\n> Shall we?\n\nYes.\n\n> When?\n\nNow.\n") == "Yes.\n\nNow."


@pytest.mark.parametrize("old", OLD_MAILS)
def test_old_mail_below_is_taken_away(old: str) -> None:
    """Dividers and repeated header fields begin the older mail."""
    assert new_text(f"New words.\n\n{old}") == "New words."


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("Hello\n\n-- \nAda\nExample Ltd", "Hello"),
        ("Hello\n\n--\nAda", "Hello"),
        ("Hello\n\nSent from my iPhone", "Hello"),
        ("Hello\n\nVon meinem iPhone gesendet", "Hello"),
        ("Hello\n\nGet Outlook for iOS", "Hello"),
        ("Hello\n\niPhoneから送信", "Hello"),
        ("", ""),
        ("> all\n> quoted", ""),
    ],
)
def test_signatures_are_taken_away(text: str, new: str) -> None:
    """What stands after `-- ` and what a device adds is not new text."""
    assert new_text(text) == new


@pytest.mark.parametrize(
    "text",
    [
        "Please note:\nthe meeting is at 10:30.",
        "On Monday we wrote:\nnothing, in fact.",
        "From: here to eternity\nis a film.",
        "Prices:\n- 1 apple: 20\n- 2 apples: 30",
        "-- is how a line may begin",
        "My mail is ada@example.org:\nuse it.",
    ],
)
def test_plain_words_stay(text: str) -> None:
    """Words that only resemble an attribution or a header stay."""
    assert new_text(text) == text
