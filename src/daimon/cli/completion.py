"""`daimon completion`: a script by which a shell completes groups, commands, flags and their values."""

import argparse
from typing import NamedTuple

from daimon.cli.parsing import Commands, command

_NAMES = 'daimon profiles list --json 2>/dev/null | sed -n \'s/^ *"name": "\\(.*\\)",$/\\1/p\''
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
_FISH = """function __daimon_words
  set -l words (commandline -opc)
  set -e words[1]
  echo "$words"
end
function __daimon_at
  test (__daimon_words) = "$argv"
end
function __daimon_in
  string match -q -- "$argv *" (__daimon_words)' '
end
function __daimon_behind
  string match -q -- "$argv[1] *$argv[2]" (__daimon_words)
end
"""


class _Words(NamedTuple):
    """What may come behind each beginning: of a group the words, of a command the flags, of a flag the values."""

    groups: dict[str, list[str]]
    flags: dict[str, list[str]]
    values: dict[tuple[str, str], list[str]]


def add(commands: Commands, _: str) -> None:
    """Add the command."""
    says = "print a script by which a shell completes commands, flags and their values"
    made = command(commands, "completion", _run, says, "bash > ~/.local/share/bash-completion/completions/daimon")
    made.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def _run(arguments: argparse.Namespace) -> None:
    from daimon.cli.program import parser_of  # it knows this command, too

    words = _Words({}, {}, {})
    _walk(parser_of(), "", words)
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](words), end="")


def _walk(parser: argparse.ArgumentParser, begun: str, words: _Words) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words.groups[begun] = [name for name in action.choices if not name.startswith("_")]
            for name in words.groups[begun]:
                _walk(action.choices[name], f"{begun} {name}".strip(), words)
            return
    words.flags[begun] = [name for action in parser._actions for name in action.option_strings if name[:2] == "--"]
    for action in parser._actions:
        if action.option_strings and action.choices is not None:
            words.values[begun, action.option_strings[-1]] = [str(each) for each in action.choices]


def _bash(words: _Words) -> str:
    cases = [f'    *" --profile") found="$({_NAMES})" ;;']
    cases += [
        f'    "{at} {flag}"|"{at} "*" {flag}") found="{" ".join(v)}" ;;' for (at, flag), v in words.values.items()
    ]
    cases += [f'    "{at}") found="{" ".join(after)}" ;;' for at, after in words.groups.items()]
    cases += [f'    "{at}"|"{at} "*) found="{" ".join(after)}" ;;' for at, after in words.flags.items()]
    return _BASH.format(cases="\n".join(cases))


def _zsh(words: _Words) -> str:
    return _ZSH + _bash(words)


def _fish(words: _Words) -> str:
    lines = ["function __daimon_profiles", f"  {_NAMES}", "end"]
    lines += ["complete -c daimon -n '__daimon_behind \"*\" --profile' -f -a '(__daimon_profiles)'"]
    lines += [
        f"complete -c daimon -n '__daimon_at {at}' -f -a '{' '.join(after)}'" for at, after in words.groups.items()
    ]
    lines += [f"complete -c daimon -n '__daimon_in {at}' -a '{' '.join(after)}'" for at, after in words.flags.items()]
    lines += [
        f"complete -c daimon -n '__daimon_behind \"{at}\" {flag}' -f -a '{' '.join(after)}'"
        for (at, flag), after in words.values.items()
    ]
    return _FISH + "\n".join([*lines, ""])
