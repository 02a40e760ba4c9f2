"""One-time codes: found in many languages, and not where numbers mean something else."""

import pytest

from daimon.mail import codes, words

FOUND = [
    ("", "Your verification code is 482913.", "482913", "verification"),
    ("", "482913 is your Example verification code.", "482913", "verification"),
    ("", "Use G-482913 as your Example code.", "482913", "verification"),
    ("", "Your one-time passcode: 4829 1375", "48291375", "verification"),
    ("Your login code", "Hi Sam,\n\n834 201\n\nIt expires in 10 minutes.", "834201", "login"),
    ("", "To sign in, enter this code:\n\n    XKCD-QP42\n\nThanks", "XKCD-QP42", "login"),
    ("", "Enter the code below to reset your password.\n\n**739204**\n", "739204", "password_reset"),
    ("", "Your two-factor authentication code: 55 02 19", "550219", "two_factor"),
    ("", "Your PIN is 4821.", "4821", "pin"),
    ("", "Your code is 2024.", "2024", "verification"),
    ("", "Your confirmation code: AB12CD", "AB12CD", "verification"),
    ("", "Code: 1 2 3 4 5 6", "123456", "verification"),
    ("", "Ihr Bestätigungscode lautet 482913.", "482913", "verification"),
    ("", "Ihr Code zur Anmeldung: 48291", "48291", "login"),
    ("", "Votre code de vérification est le 482913", "482913", "verification"),
    ("", "Voici votre code : 482913", "482913", "verification"),
    ("", "Tu código de verificación es 482913", "482913", "verification"),
    ("", "O seu código de segurança é 482913", "482913", "verification"),
    ("", "Il tuo codice di verifica è 482913", "482913", "verification"),
    ("", "Je verificatiecode is 482913", "482913", "verification"),
    ("", "Din verifieringskod är 482913", "482913", "verification"),
    ("", "Din bekræftelseskode er 482913", "482913", "verification"),
    ("", "Vahvistuskoodi: 482913", "482913", "verification"),
    ("", "Twój kod weryfikacyjny: 482913", "482913", "verification"),
    ("", "Váš ověřovací kód je 482913", "482913", "verification"),
    ("", "Doğrulama kodu: 482913", "482913", "verification"),
    ("", "Ваш код подтверждения: 482913", "482913", "verification"),
    ("", "Код для входа: 482913", "482913", "login"),
    ("", "Ваш код підтвердження 482913", "482913", "verification"),
    ("", "Ο κωδικός επαλήθευσης είναι 482913", "482913", "verification"),
    ("", "您的验证码是 482913，5分钟内有效。", "482913", "verification"),
    ("", "【Example】驗證碼：482913", "482913", "verification"),
    ("", "認証コード: 482913", "482913", "verification"),
    ("", "인증번호 [482913]를 입력해 주세요", "482913", "verification"),
    ("", "رمز التحقق: 482913", "482913", "verification"),
    ("", "קוד האימות שלך הוא 482913", "482913", "verification"),
    ("", "Mã xác minh của bạn là 482913", "482913", "verification"),
    ("", "İYİ GÜNLER, DOĞRULAMA KODU: 482913", "482913", "verification"),
]

NOT_FOUND = [
    ("", "Our meeting is in 2026 in room 4213."),
    ("Order 482913 confirmed", "Your order number 482913 has shipped. Verification is complete."),
    ("", "Invoice no. 2026001 is due. The total is $4829.00 or 4829 EUR."),
    ("", "Call us at 555 123 4567 or +49 30 1234567 with the code word."),
    ("", "Use promo code SAVE20 or voucher code SPRING24 for 20% off."),
    ("", "ZIP code 90210, country code 4930."),
    ("", "The build failed with error code 137001."),
    ("", "Code review for PR 48291 is done in the repository."),
    ("", "Your verification was done on 2026-03-16 at 10:30:25."),
    ("", "Nothing but 482913 numbers 1234 here."),
    ("", "We open sourced the code in 2019 and rewrote it in 2024."),
    ("", "Your card ending in 4242 was charged. Never share your PIN."),
    ("", "https://example.org/verify?code=482913"),
    ("", "The code expires in 10 minutes. Copyright 2026 Example Inc, 94103 San Francisco."),
    ("WELCOME TO EXAMPLE", "PLEASE VERIFY YOUR ACCOUNT. YOUR CODE WILL COME BY POST."),
]


@pytest.mark.parametrize(("subject", "text", "code", "kind"), FOUND)
def test_code_is_found(subject: str, text: str, code: str, kind: str) -> None:
    """The one code is found, with what it is for."""
    assert [(found.code, found.kind) for found in codes.find(words.of(subject, text))] == [(code, kind)]


@pytest.mark.parametrize(("subject", "text"), NOT_FOUND)
def test_other_numbers_are_no_codes(subject: str, text: str) -> None:
    """Years, orders, phones, prices and vouchers are no one-time codes."""
    assert codes.find(words.of(subject, text)) == ()


def test_every_announcing_word_has_a_stem() -> None:
    """The quick look for stems passes over no word that announces a code."""
    for word in (*codes.STRONG, *codes.WEAK):
        assert any(stem in word for stem in (*codes.STEMS, *codes.FOREIGN_STEMS)), word
