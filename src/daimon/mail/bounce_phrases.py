"""How bounces say what they are, in the words of many mail systems and languages."""

from daimon.mail.phrases import Phrases

FAILURES = Phrases(
    (
        "undelivered mail", "undeliverable", "undelivered message", "delivery status notification",
        "failure notice", "delivery failure", "delivery failed", "mail delivery failed", "mail delivery problem",
        "returned mail", "delivery notification", "delivery report", "message delivery", "returned to sender",
        "non delivery", "mail system error", "could not be delivered", "couldn't be delivered", "was not delivered",
        "wasn't delivered", "unable to deliver", "cannot be delivered", "can't be delivered", "not able to deliver",
        "failed to deliver", "undeliver", "user unknown", "unknown user", "no such user", "could not send message",
        "delivery attempt", "permanent error", "permanent fatal error", "i wasn't able to deliver", "i'm afraid",
        "message delayed", "delivery delayed", "delayed mail", "delivery incomplete", "warning: could not send",
        "has not been delivered", "not yet been delivered", "failed permanently", "bounced",
        "rejected your message", "message was rejected", "message blocked", "message rejected", "has been rejected",
        "unzustellbar", "nicht zugestellt", "zustellung fehlgeschlagen", "unzustellbare", "zurückgewiesen",
        "non remis", "échec de la remise", "n'a pas pu être", "non distribu", "impossible de remettre",
        "no se ha podido entregar", "no se puede entregar", "no se pudo entregar", "no entregado", "devuelto",
        "impossibile recapitare", "mancato recapito", "non recapitabile", "consegna non riuscita",
        "non è stato recapitato", "não foi entregue", "não entregue", "falha na entrega", "não pôde ser entregue",
        "onbestelbaar", "niet bezorgd", "niet worden bezorgd", "kunne ikke leveres", "kunde inte levereras",
        "olevererbart", "nie może zostać dostarczona", "niedostarczona", "не доставлено", "недоставлен",
        "не может быть доставлено", "не удалось доставить", "iletilemedi", "配信できません", "配信不能",
        "配送できません", "届けられませんでした", "退信", "投递失败", "无法投递", "無法傳遞", "배달되지",
        "전송 실패",
    )
)  # fmt: skip
DELAYS = Phrases(
    (
        "delayed", "not yet been delivered", "not been delivered yet", "will be retried", "will continue to try",
        "will keep trying", "still trying", "do not need to resend", "don't need to resend",
        "no action is required", "could not send message for past", "will try again", "will be attempted again",
        "delivery incomplete", "verzögert", "retardé", "retrasado", "ritardo", "atrasada", "задерж",
    )
)  # fmt: skip
FINALS = Phrases(
    (
        "permanent", "giving up", "given up", "will not be retried", "failed after", "stopped trying",
        "returned to sender", "retry timeout exceeded", "was not delivered", "wasn't delivered",
        "could not be delivered to one or more", "failure notice", "undeliverable", "delivery has failed",
        "been bounced",
    )
)  # fmt: skip
