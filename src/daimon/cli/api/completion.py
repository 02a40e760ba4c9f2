"""`daimon completion`: a script by which a shell completes groups, verbs and flags."""

import argparse
from typing import Any

from daimon.cli.parsing import Commands, command

Json = dict[str, Any]

_BASH = """_daimon() {{
  local words=("${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}") current="${{COMP_WORDS[COMP_CWORD]}}" found=""
  case "${{words[*]}}" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$found" -- "$current"))
}}
complete -o default -F _daimon daimon
"""
_ZSH = """(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit
"""
_COMMON = ("--profile", "--base-url", "--json", "--show-secret", "--help")


def add(commands: Commands, table: Json) -> None:
    """Add the command."""
    made = command(
        commands, "completion", lambda arguments: _run(arguments, commands, table), "print a shell's completion"
    )
    made.add_argument("shell", choices=("bash", "zsh", "fish"))


def _run(arguments: argparse.Namespace, commands: Commands, table: Json) -> None:
    words = _words(list(commands.choices), table)
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](words), end="")


def _words(top: list[str], table: Json) -> dict[str, list[str]]:
    """Return what may come behind each beginning of a command."""
    words = {"": [name for name in top if not name.startswith("_")]}
    for group, verbs in table.items():
        words[group] = list(verbs)
        for verb, call in verbs.items():
            flags = [f"--{name.replace('_', '-')}" for place in ("query", "body") for name in call[place]]
            words[f"{group} {verb}"] = [*("--attach" if each == "--attachments" else each for each in flags), *_COMMON]
    return words


def _bash(words: dict[str, list[str]]) -> str:
    cases = [
        f'    "{begun}"{"*" if " " in begun else ""}) found="{" ".join(after)}" ;;'
        for begun, after in sorted(words.items(), key=lambda item: -len(item[0]))
    ]
    return _BASH.format(cases="\n".join(cases))


def _zsh(words: dict[str, list[str]]) -> str:
    return _ZSH + _bash(words)


def _fish(words: dict[str, list[str]]) -> str:
    lines = ["complete -c daimon -f"]
    for begun, after in words.items():
        first, _, second = begun.partition(" ")
        if not first:
            when = "__fish_use_subcommand"
        elif not second:
            when = f"__fish_seen_subcommand_from {first}; and not __fish_seen_subcommand_from {' '.join(after)}"
        else:
            when = f"__fish_seen_subcommand_from {first}; and __fish_seen_subcommand_from {second}"
        lines.append(f"complete -c daimon -n '{when}' -a '{' '.join(after)}'")
    return "\n".join([*lines, ""])
