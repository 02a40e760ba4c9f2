"""`daimon completion`: a script by which a shell completes groups, commands and flags."""

import argparse
from collections.abc import Callable

from daimon.cli.parsing import Commands, command

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
"""

Words = dict[str, list[str]]
Whole = Callable[[], argparse.ArgumentParser]


def add(commands: Commands, whole: Whole) -> None:
    """Add the command; `whole` returns a parser that knows every command."""
    made = command(commands, "completion", lambda arguments: _run(arguments, whole), "print a shell's completion")
    made.add_argument("shell", choices=("bash", "zsh", "fish"))


def _run(arguments: argparse.Namespace, whole: Whole) -> None:
    groups: Words = {}
    flags: Words = {}
    _walk(whole(), "", groups, flags)
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](groups, flags), end="")


def _walk(parser: argparse.ArgumentParser, begun: str, groups: Words, flags: Words) -> None:
    """Note what may come behind each beginning: of a group the words, of a command the flags."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            groups[begun] = [name for name in action.choices if not name.startswith("_")]
            for name in groups[begun]:
                _walk(action.choices[name], f"{begun} {name}".strip(), groups, flags)
            return
    flags[begun] = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]


def _bash(groups: Words, flags: Words) -> str:
    cases = [f'    "{begun}") found="{" ".join(after)}" ;;' for begun, after in groups.items()]
    cases += [f'    "{begun}"|"{begun} "*) found="{" ".join(after)}" ;;' for begun, after in flags.items()]
    return _BASH.format(cases="\n".join(cases))


def _zsh(groups: Words, flags: Words) -> str:
    return _ZSH + _bash(groups, flags)


def _fish(groups: Words, flags: Words) -> str:
    lines = [f"complete -c daimon -n '__daimon_at {at}' -f -a '{' '.join(after)}'" for at, after in groups.items()]
    lines += [f"complete -c daimon -n '__daimon_in {at}' -a '{' '.join(after)}'" for at, after in flags.items()]
    return _FISH + "\n".join([*lines, ""])
