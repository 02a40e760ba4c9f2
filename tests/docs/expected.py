"""What each block of each page shows, in the order of the page: `runs`, `endless`, or how it is checked otherwise."""

from dataclasses import dataclass, field

from .checks import (
    Check,
    addresses,
    benchmarks,
    installed,
    layout,
    mcp_by_command,
    mcp_by_url,
    printed,
    proxy,
    run_by_ci,
    run_by_npm,
    run_for_all,
    run_from_a_clone,
    settings,
    tables,
    the_answer,
    unit,
    valid,
    zone,
)
from .shell import Run, endless, runs

QUICK_START = "docs/quick-start.md"
INBOX, MAIL = 1, 2  # how many of the quick start's commands ran before a page that goes on from it
MAIL_COMES = 'daimon demo mail "$INBOX"'
TIER = 'daimon admin account set-tier "$(echo "$CREATED" | field account_id)" developer'
SEEN = (
    'curl -s "$DAIMON_BASE_URL/v1/inboxes/$INBOX/messages/wait?timeout=30" -H "Authorization: Bearer $DAIMON_API_KEY"'
)
NOTICE = """daimon inboxes update "$INBOX" --status suspended
daimon account update --operator-email "$INBOX\""""
NO_ROOM = """sql "create function no_room() returns trigger language plpgsql as
     'begin raise exception ''no room''; end'"
sql "create trigger no_room before insert on threads for each row
     when (new.subject = 'Park me') execute function no_room()"
daimon demo mail "$INBOX" --subject "Park me"
until daimon inbound parked | grep msg_; do sleep 0.2; done"""
ANSWERING = """daimon demo mail shop-scout@daimon.email
echo "Dear Ada" >letter.txt
echo "%PDF-1.7" >invoice.pdf
ACCOUNT=$(daimon account get --json | grep -o 'acc_[0-9a-f]*')
daimon admin account set-tier "$ACCOUNT" developer"""
COMPLETIONS = """cat .local/share/bash-completion/completions/daimon
zsh -fc 'source .zshrc'
cat .daimon.zsh .config/fish/completions/*"""
HOOK = "verified: message.received"


@dataclass(frozen=True)
class Page:
    """The blocks of a page, and what it supposes: the beginning of the quick start, more of the shell, and names.

    `names` are those that only an example has, with what is in their place here; `{…}` is filled in by `test_samples`.
    """

    blocks: list[Run | Check]
    after: int = 0
    before: str = ""
    names: dict[str, str] = field(default_factory=dict)


PAGES = {
    "CONTRIBUTING.md": Page([layout]),
    "README.md": Page(
        [run_from_a_clone, run_by_ci, run_from_a_clone, run_from_a_clone, run_from_a_clone, tables, benchmarks]
    ),
    "sdk/python/README.md": Page(
        [
            runs(r"^\S+@daimon\.email dm_free_\S+ dm_free_"),
            runs(
                r"verification code \d{6}$",
                before="export DAIMON_API_KEY=$PAID DIRECTORY=. TO=echo@simulator.daimon.email\n"
                f"{TIER}\n{MAIL_COMES}\n{SEEN}",
            ),
            runs(r"^queued (queued|delivered)$"),
            runs(r"^1 1 False$", r"^\S+@\S+ .*verification code"),
            runs("verification code$"),
            runs(r"^inbox\.created 1$", r"^message\.received \d+$"),
            runs(r"@daimon\.email$"),
            runs(r"^1 passed"),
            runs("verification code"),
            runs("'wait_for_email'"),
            runs(r"^VALIDATION_FAILED .*username"),
        ],
        after=INBOX,
        before="PAID=$DAIMON_API_KEY\nunset DAIMON_API_KEY",
    ),
    "sdk/typescript/README.md": Page([run_by_npm] * 8),
    QUICK_START: Page(
        [
            run_from_a_clone,
            runs(r"^\S+@daimon\.email$"),
            runs(r"'code': '\d{6}'"),
            runs(),
            runs(r"verification code \d{6}$"),
            run_for_all,
            runs(r"^1$", r"verification code \d{6}$", before=MAIL_COMES),
        ]
    ),
    "docs/concepts/account-life.md": Page(
        [runs('"deleted":true'), runs('"status":"active"'), runs(r"^account\.json ", r"^\S+@daimon\.email\.mbox ")],
        after=MAIL,
    ),
    "docs/concepts/audit.md": Page(
        [
            valid("AuditEntry"),
            runs(
                before='for name in A B C; do daimon inboxes update "$INBOX" --display-name $name; done\n'
                'ACCOUNT=$(echo "$CREATED" | field account_id)\n'
                """sql "delete from audit where number = 3 and account_id = '${ACCOUNT#acc_}'\""""
            ),
        ],
        after=INBOX,
    ),
    "docs/concepts/keys.md": Page(
        [
            runs(r"^dm_free_\w{49}$"),
            runs(r'"name":"reader"', r'"unused_permissions":\[\]', r'"permissions":\["messages:read"\]'),
            runs(),
            runs('"deleted":true'),
            runs(r'"received":true'),
        ],
        after=INBOX,
    ),
    "docs/concepts/recovery.md": Page(
        [runs(r'"operator_email_verified":false'), runs("accepted"), the_answer], after=INBOX
    ),
    "docs/concepts/roles.md": Page(
        [
            runs("^invited$"),
            runs(r'"api_key":"dm_free_'),
            runs('"role":"viewer"', r'"email":"ada@example\.com"'),
            runs('"status":"disabled"', '"deleted":true'),
        ],
        after=INBOX,
    ),
    "docs/explanation/authentication.md": Page([valid("Authentication", "authentication")]),
    "docs/how-to/allow-and-block.md": Page(
        [
            runs('"value":"spam.example"'),
            runs(r"message\.blocked", "verification code$"),
            runs(r'"address":"gone@example\.com"', '"detail":"Asked by telephone"', "true"),
        ],
        after=INBOX,
    ),
    "docs/how-to/call-from-a-browser.md": Page(
        [runs(r"^\d{6}$")],
        after=MAIL,
        names={
            "https://mail.example.com": "{api}",
            "keyOfThisUser": "process.env.INBOX_KEY",
            "inboxId": "process.env.INBOX",
        },
    ),
    "docs/how-to/charge-with-stripe.md": Page(
        [runs(r"daimon_developer"), runs(r'"url":"http\S+/upgrade/'), runs("compared, 0 differences")], after=INBOX
    ),
    "docs/how-to/connect-a-model-by-mcp.md": Page([runs("^dm_free_"), mcp_by_command, mcp_by_url], after=INBOX),
    "docs/how-to/follow-events.md": Page(
        [
            endless("^event: message.received", after="^id: ", meanwhile=MAIL_COMES),
            printed,
            endless("^event: inbox.created", "^event: message.received", after="^id: "),
            endless(r"^[0-9]+ .*verification code", after="^[0-9]"),
            endless(r"^[0-9]+ .*verification code", after="^[0-9]"),
            runs(r'"event":"message\.received"', r'"next_cursor":"'),
            runs(r"(?i)^x-daimon-sequence: \d+", r'"subject":"\d{6} is your'),
        ],
        after=INBOX,
    ),
    "docs/how-to/hand-an-inbox-to-a-framework.md": Page(
        [
            runs("verification code", r"untrusted mail content"),
            runs(r"^\['wait_for_email', .*'reply_to_email'\]$"),
        ],
        after=MAIL,
    ),
    "docs/how-to/have-a-person-approve.md": Page(
        [
            runs(r"developer"),
            runs("^Accepted: "),
            runs(r"^draft: draft$", r"^refused: .*messages:send"),
            runs(r"^Thank you, we are looking at it\.$"),
            runs(r"^draft\nqueued$"),
            runs(r"^sent: Thank you, we are looking at it\. Ada$"),
            runs(r"^An offer queued$"),
        ]
    ),
    "docs/how-to/migrate-from-agentmail.md": Page(
        [runs(r"^new: \S+@\S+ ", r"^processed: .*verification code", r"^acme-support@daimon\.email draft$")], after=MAIL
    ),
    "docs/how-to/operate.md": Page(
        [
            runs(r"^acc_\w+"),
            runs("developer"),
            runs("is under review$", "is suspended$", "is active again$"),
            runs("is deleted, and erased after", "is restored$"),
            runs('"account_api_key": "dm_', "revoked"),
            runs("Example Corp", "received", "sent"),
            runs("verify", before=NOTICE),
        ],
        after=INBOX,
    ),
    "docs/how-to/read-parked-mail.md": Page(
        [
            runs(r"^msg_\w+ .*accounts@acme\.example", r"no room", before=NO_ROOM),
            runs("^Subject: Park me$"),
            runs("will be tried again now$", before="sql 'drop trigger no_room on threads'"),
        ],
        after=INBOX,
    ),
    "docs/how-to/receive-mail.md": Page(
        [zone, settings, runs("^Accepted: ")],
        after=INBOX,
        names={"research-agent@agents.example.com": "$INBOX", "mx.agents.example.com --smtp-port=25": "{smtp}"},
    ),
    "docs/how-to/receive-webhooks.md": Page(
        [
            runs("^active$"),
            runs('"attempt":{"at":'),
            endless(HOOK, meanwhile=f"await_url http://127.0.0.1:{{port}}; {MAIL_COMES}"),
            endless(
                HOOK,
                before="cp {root}/tests/webhooks/js/package*.json .; npm ci --no-audit --no-fund --ignore-scripts",
                meanwhile=f"await_url http://127.0.0.1:{{port}}; {MAIL_COMES}",
            ),
            endless("message.received", after="whsec_", meanwhile=MAIL_COMES),
            runs('"deliveries":'),
            runs('"id":"rpl_'),
        ],
        after=INBOX,
        names={"https://example.com/hook": "http://127.0.0.1:{port}/hook", "3000": "{port}"},
    ),
    "docs/how-to/run-in-production.md": Page(
        [
            installed,
            unit,
            settings,
            proxy,
            runs(r"dm_\w+"),
            runs("^PGDMP$", look="head -c 5 daimon.dump"),
            runs(
                r"^ +[1-9]\d*$",
                before="sql 'create database moved'",
                look="sql 'select count(*) from accounts' moved",
            ),
            endless("^Ready after"),
        ],
        before="export DAIMON_SMTP_PORT=0 DAIMON_SUBMISSION_PORT=0 DAIMON_METRICS_PORT=0",
        names={
            "/opt/daimon": "{root}",
            "postgresql://daimon:…@db.internal/daimon": "postgresql:///moved?user=daimon&host={data}/postgres",
            "/var/lib/daimon": "{data}",
        },
    ),
    "docs/how-to/saas-on-one-account.md": Page(
        [
            addresses,
            runs(),
            runs(),
            runs(r"^agent-1@customer-a\.daimon\.email$", r"^agent-1@customer-b\.daimon\.email$"),
            runs(r"^support@customer-a\.daimon\.email$"),
            runs("verification code", "INBOX_NOT_FOUND"),
            runs("'max_inboxes': 5"),
            runs("'received': 1", "'pod_id': 'pod_"),
            runs("usage", "'name': 'Customer A'", "<h1>Statement "),
            runs("INBOX_NOT_FOUND", "verification code"),
            runs(),
            runs("suspended", "POD_NOT_EMPTY", "True"),
        ]
    ),
    "docs/how-to/send-by-smtp.md": Page(
        [runs("developer", '"host":'), runs(r"^refused: \{\}$")],
        after=INBOX,
        before="export SSL_CERT_FILE={certificate}",
        names={'"smtp.agents.example.com", 587': '"localhost", {submission}'},
    ),
    "docs/how-to/send-mail.md": Page(
        [runs("developer", '"status":"queued"'), runs("^queued True$"), runs('"status":"cancelled"')], after=INBOX
    ),
    "docs/how-to/split-the-bill.md": Page(
        [
            runs('"method":"usage"'),
            runs('"total_cents":0', "period,currency,id,"),
            runs("49.00"),
            runs("<h1>Statement "),
            runs(r'"expected_cents":4900'),
        ],
        after=MAIL,
    ),
    "docs/how-to/test-mail-with-pytest.md": Page(
        [runs(r"^1 passed"), runs(r"no unread mail with \{'subject': 'Reset your password'\}", r"^1 failed")]
    ),
    "docs/how-to/use-the-command-line.md": Page(
        [
            runs(r"shop-scout@daimon\.email"),
            runs(
                "verification code",
                r"ada@example\.com",
                "inbox.created",
                before=ANSWERING,
            ),
            endless("message.received", after="whsec_", meanwhile="daimon demo mail shop-scout@daimon.email"),
            runs(
                r"shop-scout@daimon\.email",
                before="API_KEY=$(grep -o 'dm_[^\"]*' .config/daimon/profiles.json)",
            ),
            runs(
                "^complete -o default -F _daimon daimon$",
                "^autoload .*bashcompinit$",
                "^complete -c daimon -n '__daimon_at inboxes' -f -a '.*'$",
                look=COMPLETIONS,
            ),
        ],
        before='export HOME="$PWD"; unset XDG_CONFIG_HOME',
        names={"https://mail.example.com": "{api}", "http://localhost:3000": "{program}"},
    ),
    "docs/how-to/use-your-own-domain.md": Page(
        [
            runs("'purpose': 'ownership'", before=TIER),
            runs(r"^@\tIN\tMX\t10 daimon\.email\.$"),
            runs('"status":"verified"', before="curl -s --data-binary @acme.zone {program}/dns"),
            runs(r'"email":"sales@acme\.com"'),
        ],
        after=INBOX,
    ),
    "docs/how-to/work-through-an-inbox.md": Page(
        [runs('"claim_count":1'), runs('"result":{"id":"msg_'), runs("^handled: .*verification code$")],
        after=INBOX,
        before=f"{MAIL_COMES}\n{MAIL_COMES}\n{SEEN}",
    ),
}
