#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""What bash, zsh and fish offer for memoryctl: its verbs and columns, for each verb the options that the verb takes, and
the blocks, nodes, devices and jobs that it can do something with. The shells themselves complete.

Environment: srcdir (.), MEMORYCTL (./memoryctl)
Exits with 77, which skips the test, if zsh or fish is not installed and bash offers what it should.
"""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("srcdir", "."), "src/ctl").resolve()
MEMORYCTL = str(pathlib.Path(os.environ.get("MEMORYCTL", "./memoryctl")).resolve())
TIMEOUT = 120
SKIPPED = 77
# Values that memoryctl takes for options which need --sysroot.
TREE_VALUES = {"--architecture": "arm64", "--virtualization": "kvm"}
# Names of files that are written go nowhere.
VALUES = TREE_VALUES | {"--file": "/nonexistent/file", "--svg": "/nonexistent/file"}

# Plays memoryctl for the completions, which ask for columns of a table.
STAND_IN = r"""#!/bin/sh
case "$*" in
"list --noheadings --output BLOCK,STATE") printf ' 0-15 online\n32-33 offline\n   40 going-offline\n' ;;
"devices --noheadings --output DEVICE") printf '\nPNP0C80:00\ndax0.0\n' ;;
"nodes --noheadings --output NODE") printf '   0\n   1\n' ;;
"jobs --noheadings --output ID") printf ' 3\n14\n' ;;
*) echo unexpected ;;
esac
"""

BASH = r"""
source "$1/memoryctl.bash-completion"
compopt() { :; }
while IFS= read -r COMP_LINE; do
        echo ">$COMP_LINE"
        read -ra COMP_WORDS <<<"$COMP_LINE"
        [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
        COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
        _memoryctl
        printf '%s\n' "${COMPREPLY[@]}"
done
"""

FISH = r"""
source $argv[1]/memoryctl.fish
while read -l line
    echo ">$line"
    complete -C $line | string replace -r '\t.*' ''; or true
end
"""

# Lists the completions of each line as if a user had typed it. Every match goes through compadd.
ZSH = r"""
fpath=($FOLDER $fpath)
autoload -Uz compinit
compinit -D -u
compadd() {
        local -a found
        if (( ! ${argv[(I)-[OAD]*]} )); then
                builtin compadd -A found "$@"
                print -rl -- $found >>$FOLDER/found
        fi
        builtin compadd "$@"
}
zle-line-init() {
        while IFS= read -r BUFFER; do
                CURSOR=$#BUFFER
                print -r -- ">$BUFFER" >>$FOLDER/found
                zle list-choices
        done <$FOLDER/lines
        exit
}
zle -N zle-line-init
"""


def words_of(answers):
    """Returns the words that a shell offers, by the line."""
    found, line = {}, None
    for text in answers.splitlines():
        if text.startswith(">"):
            line = text[1:]
            found[line] = []
        elif text:
            found[line].append(text)
    return {line: sorted(set(words)) for line, words in found.items()}


def run(words, **arguments):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, check=True, **arguments).stdout


def ask_zsh(folder, lines, environment):
    (folder / ".zshrc").write_text(ZSH, encoding="utf-8")
    (folder / "_memoryctl").symlink_to(SOURCE / "memoryctl.zsh-completion")
    (folder / "lines").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    # zsh edits lines on a terminal only.
    master, slave = pty.openpty()
    with subprocess.Popen(["zsh", "-d", "-i"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                          env=environment | {"ZDOTDIR": str(folder), "FOLDER": str(folder), "TERM": "dumb"}) as shell:
        os.close(slave)
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass  # zsh has ended
        finally:
            os.close(master)
        shell.wait(TIMEOUT)
    return (folder / "found").read_text(encoding="utf-8")


def complete(shell, lines):
    """Returns the words that a shell offers for the lines, by the line."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "memoryctl").write_text(STAND_IN, encoding="utf-8")
        (folder / "memoryctl").chmod(0o755)
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": name, "LC_ALL": "C.UTF-8"}
        text = "".join(f"{line}\n" for line in lines)
        match shell:
            case "bash":
                return words_of(run(["bash", "--norc", "-c", BASH, "bash", str(SOURCE)], input=text, env=environment))
            case "fish":
                return words_of(run(["fish", "--no-config", "-c", FISH, str(SOURCE)], input=text, env=environment))
            case _:
                return words_of(ask_zsh(folder, lines, environment))


class Help:
    """What memoryctl --help tells, and which options a verb takes."""

    def __init__(self):
        text = run([MEMORYCTL, "--help"])
        verbs = "".join(re.findall(r"^(?:Verbs|Other verbs).*:\n((?: +.*\n)+)", text, re.M))
        self.verbs = re.findall(r"^  ([a-z-]+)", verbs, re.M)
        options = re.findall(r"^ +(?:(-\w), )?(--[a-z-]+)( [A-Z\[]\S*)?", text, re.M)
        self.letters = {option: letter for letter, option, _ in options if letter}
        self.values = {option for _, option, value in options if value}
        self.options = [option for _, option, _ in options]
        self.columns = {}
        for verb in self.verbs:
            rows = re.search(r"^Columns.*:\n((?: .*\n)+)", run([MEMORYCTL, verb, "--help"]), re.M)
            if rows:
                self.columns[verb] = re.findall(r"^ [ *]([A-Z_]+) ", rows[1], re.M)

    def taken(self, verb):
        """Returns the options that memoryctl takes with a verb."""
        # Neither the bus nor ssh, which reaches other hosts, is found: nothing is asked for or changed.
        environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "PATH": "/nonexistent"}
        found = []
        for option in self.options:
            words = [MEMORYCTL, verb, option] + [VALUES.get(option, "1")] * (option in self.values)
            if option in TREE_VALUES:
                words += ["--sysroot", "/nonexistent"]
            said = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment,
                                  timeout=TIMEOUT, check=False).stderr
            if not re.search(f"option '{option}' has no meaning for|cannot be used with --sysroot", said):
                found.append(option)
        return found


class Completion:
    """The tests of each shell. Its class says which shell that is."""

    shell = None

    @classmethod
    def setUpClass(cls):
        if not shutil.which(cls.shell):
            raise unittest.SkipTest(f"{cls.shell} is not installed")
        cls.help = Help()

    def offered(self, line):
        return complete(self.shell, [line])[line]

    def test_it_offers_all_verbs(self):
        self.assertGreater(len(self.help.verbs), 10)
        self.assertEqual(self.offered("memoryctl "), sorted(self.help.verbs))

    def test_it_offers_the_options_that_a_verb_takes(self):
        lines = {verb: f"memoryctl {verb} --" for verb in self.help.verbs}
        offered = complete(self.shell, lines.values())
        for verb, line in lines.items():
            with self.subTest(verb=verb):
                self.assertEqual(offered[line], sorted(self.help.taken(verb)))

    def test_it_offers_all_columns_and_their_help(self):
        self.assertEqual(len(self.help.columns), 7)
        lines = {verb: f"memoryctl {verb} --output " for verb in self.help.columns}
        offered = complete(self.shell, lines.values())
        for verb, line in lines.items():
            with self.subTest(verb=verb):
                self.assertEqual(offered[line], sorted([*self.help.columns[verb], "help"]))

    def test_it_goes_on_with_a_list_of_columns(self):
        offered = self.offered("memoryctl zones --output +NODE,ZONE,P")
        self.assertEqual([word.rpartition(",")[2] for word in offered], ["PRESENT"])
        self.assertNotIn("help", self.offered("memoryctl zones --output NODE,"))

    def test_it_offers_what_a_verb_can_change(self):
        wanted = {
            "memoryctl list ": ["0-15", "32-33", "40"],
            "memoryctl online ": ["32-33"],
            "memoryctl offline ": ["0-15"],
            "memoryctl set-zone ": ["0-15", "kernel", "movable"],
            "memoryctl explain ": ["0", "32", "40"],
            "memoryctl cancel ": ["14", "3"],
            "memoryctl devices ": ["PNP0C80:00", "dax0.0"],
            "memoryctl devices d": ["dax0.0"],
            "memoryctl help set": ["set-zone"],
            "memoryctl online --node ": ["0", "1"],
            "memoryctl online --device d": ["dax0.0"],
            "memoryctl online --zone ": ["kernel", "movable"],
            "memoryctl --host x cancel ": [],
        }
        offered = complete(self.shell, wanted)
        for line, words in wanted.items():
            with self.subTest(line=line):
                self.assertEqual(offered[line], words)


class Bash(Completion, unittest.TestCase):
    """bash, which every test needs."""
    shell = "bash"


class Letters:
    """Shells that also offer the letters of options."""

    def test_it_offers_the_letters_of_options(self):
        lines = {verb: f"memoryctl {verb} -" for verb in self.help.verbs}
        offered = complete(self.shell, lines.values())
        for verb, line in lines.items():
            letters = [self.help.letters[option] for option in self.help.taken(verb) if option in self.help.letters]
            with self.subTest(verb=verb):
                self.assertEqual([word for word in offered[line] if not word.startswith("--")], sorted(letters))


class Zsh(Letters, Completion, unittest.TestCase):
    """zsh with its own completion system."""
    shell = "zsh"


class Fish(Letters, Completion, unittest.TestCase):
    """fish."""
    shell = "fish"


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if result.skipped else 0)
