#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Runs memoryctl in a terminal: when its output has colours, and when a pager shows it. Stand-ins play the pagers.

Environment: MEMORYCTL (./memoryctl), MOCK_MEMORYD (./tests/ctl/mock_memoryd). No daemon of this machine is asked.
"""

import fcntl
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

import made_trees
from made_trees import MIB, Run

MEMORYCTL = str(pathlib.Path(os.environ.get("MEMORYCTL", "./memoryctl")).resolve())
MOCK = str(pathlib.Path(os.environ.get("MOCK_MEMORYD", "./tests/ctl/mock_memoryd")).resolve())
ROWS, COLUMNS = 24, 80
TIMEOUT = 120

# What decides about colours and pagers is what each test sets.
UNSET = re.compile("SYSTEMD_.*|NO_COLOR|PAGER|LESS.*|SUDO_.*|COLUMNS|LINES|TERM")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not UNSET.fullmatch(name)} | {
    "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus", "LC_ALL": "C.UTF-8", "TERM": "xterm"}

# Tells its name and what it was told, and shows everything.
PAGER = """#!/bin/sh
echo "[${0##*/}$*|${LESS-unset}|${LESSCHARSET-unset}|${LESSSECURE-unset}]"
cat
echo "[end]"
"""

# Quits before it has read anything.
QUITTER = """#!/bin/sh
echo "[quit]"
"""

# Stays until a signal ends it. Says so when it has read everything.
STAYER = """#!/bin/sh
cat >/dev/null
echo "[ready]"
exec sleep 600
"""

# Takes Ctrl-C as a command.
STUBBORN = """#!/bin/sh
trap 'echo "[interrupted]"; exit 0' INT
cat >/dev/null
echo "[ready]"
sleep 600 &
wait $!
"""

BUS = """<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>"""


class Terminal:
    """memoryctl in a terminal of its own."""

    def __init__(self, words, environment, rows):
        self.bytes, self.text = b"", ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, COLUMNS, 0, 0))
                os.execve(MEMORYCTL, ["memoryctl", *words], environment)
            finally:
                os._exit(127)

    def read(self, text=None):
        """Reads until a text has appeared, or to the end."""
        while text is None or text not in self.text:
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                part = b""  # all other ends are closed
            if not part and text is None:
                return
            if not part:
                raise AssertionError(f"no {text!r} in {self.text!r}")
            self.bytes += part  # a part can end within a character, or between "\r" and "\n"
            self.text = self.bytes.decode(errors="replace").replace("\r\n", "\n")

    def write(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Returns the exit status, or the negative number of the signal that ended memoryctl."""
        self.read()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


class TerminalCase(unittest.TestCase):
    """A test with a long and a short machine, and with a folder of programs in front of the others."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        # Neighbours that differ, more of them than fit into a pipe, and a few.
        cls.long, cls.short = cls.folder / "long", cls.folder / "short"
        made_trees.make(cls.long, 128 * MIB, [
            Run(i, i, "going-offline" if i % 2 else "online", "Movable") for i in range(900)])
        made_trees.make(cls.short, 128 * MIB, [Run(0, 7, "online", "Normal"), Run(8, 9, "offline", "Movable")])

    def setUp(self):
        self.programs = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.install(PAGER, "less")

    def install(self, script, *names):
        for name in names:
            (self.programs / name).write_text(script)
            (self.programs / name).chmod(0o755)

    def open(self, *words, path=None, rows=ROWS, **environment):
        """Starts memoryctl in a terminal. A setting of None is not set."""
        settings = ENVIRONMENT | {"PATH": path or f"{self.programs}:{os.environ['PATH']}"} | environment
        return Terminal([str(word) for word in words],
                        {name: value for name, value in settings.items() if value is not None}, rows)

    def show(self, *words, **environment):
        """Returns what is shown in a terminal, of a run that succeeds."""
        terminal = self.open(*words, **environment)
        self.assertEqual(terminal.end(), 0, terminal.text)
        return terminal.text

    def print(self, *words, **environment):
        """Returns what is printed into a pipe."""
        return subprocess.run([MEMORYCTL, *map(str, words)], env=ENVIRONMENT | environment, text=True, check=True,
                              capture_output=True, timeout=TIMEOUT).stdout


class Colours(TerminalCase):
    """When there are colours, and which."""

    def test_the_settings_decide(self):
        # The environment, and whether there are colours on a terminal and in a pipe.
        cases = [
            ({}, True, False),
            ({"TERM": "dumb"}, False, False),
            ({"TERM": None}, False, None),
            ({"NO_COLOR": "1"}, False, False),
            ({"NO_COLOR": ""}, True, False),
            ({"SYSTEMD_COLORS": "auto-16"}, True, False),
            ({"SYSTEMD_COLORS": "auto-256", "NO_COLOR": "1"}, False, False),
            ({"SYSTEMD_COLORS": "pink"}, True, False),
            ({"SYSTEMD_COLORS": ""}, True, False),
            *(({"SYSTEMD_COLORS": setting, "NO_COLOR": "1", "TERM": "dumb"}, True, True)
              for setting in ("yes", "1", "on", "True", "16", "256", "24bit")),
            *(({"SYSTEMD_COLORS": setting}, False, False) for setting in ("no", "0", "off", "False")),
        ]
        for environment, on_terminal, in_pipe in cases:
            with self.subTest(environment=environment):
                self.assertEqual("\033[" in self.show("-s", self.short, "list", **environment), on_terminal)
                if in_pipe is not None:
                    self.assertEqual("\033[" in self.print("-s", self.short, "list", **environment), in_pipe)

    def test_they_say_what_words_mean(self):
        shown = self.show("-s", self.short, "list", "-o", "BLOCK,STATE,CLASS")
        self.assertIn("\033[1mBLOCK\033[0m", shown)
        self.assertRegex(shown, "\033\\[2m *offline\033\\[0m")
        self.assertNotRegex(shown, "\033\\[[0-9;]*m *online")
        shown = self.show("-s", self.long, "list", "-o", "STATE,CLASS", "0-1")
        self.assertRegex(shown, "\033\\[33m *going-offline\033\\[0m")
        self.assertRegex(shown, "\033\\[32m *movable\033\\[0m")
        shown = self.show("-s", self.short, "map")
        self.assertIn("\033[34mK", shown)
        self.assertIn("\033[1mOptions:\033[0m", self.show("--help", "--no-pager"))

    def test_without_them_nothing_else_differs(self):
        for words in ("list", "nodes", "map", "plan"):
            with self.subTest(words=words):
                colored = self.print("-s", self.short, words, SYSTEMD_COLORS="yes")
                self.assertEqual(re.sub("\033\\[[0-9;]*m", "", colored), self.print("-s", self.short, words))

    def test_json_has_none(self):
        for verb in "list", "nodes", "map":
            self.assertNotIn("\033", self.print("-s", self.short, verb, "-J", SYSTEMD_COLORS="yes"))


class Pager(TerminalCase):
    """What a pager shows, and which."""

    def show_long(self, *words, **environment):
        return self.show("-s", self.long, "list", *words, **environment)

    def test_it_shows_long_output_alone(self):
        text = self.print("-s", self.long, "list")
        shown = self.show_long(SYSTEMD_COLORS="no")
        self.assertEqual(shown, f"[less|FRSXMK|utf-8|1]\n{text}[end]\n")
        self.assertEqual(self.show("-s", self.short, "list", SYSTEMD_COLORS="no"), self.print("-s", self.short, "list"))
        # As many lines as the terminal has, and one less: the last line is for the prompt.
        for n, paged in (ROWS, True), (ROWS - 1, False):
            self.assertEqual("[less" in self.show("-s", self.long, "list", "-n", f"0-{n - 1}"), paged, n)

    def test_help_is_shown_by_it(self):
        for words in ["--help"], ["help"], ["list", "--help"], ["list", "-o", "help"]:
            lines = self.print(*words).count("\n")
            self.assertEqual("[less" in self.show(*words), lines >= ROWS, words)
        self.assertGreater(lines, 10)

    def test_it_can_be_turned_off(self):
        for settings in ({"TERM": "dumb"}, {"TERM": None}, {"SYSTEMD_PAGER": ""}, {"SYSTEMD_PAGER": "cat"},
                         {"PAGER": "cat"}, {"PAGER": ""}, {"SYSTEMD_PAGER": "cat", "PAGER": "less"},
                         {"SYSTEMD_PAGER": "", "SYSTEMD_PAGERSECURE": "1"}):
            with self.subTest(settings=settings):
                self.assertNotIn("[less", self.show_long(**settings))
        self.assertNotIn("[less", self.show_long("--no-pager"))
        self.assertNotIn("[less", self.print("-s", self.long, "list"))

    def test_less_gets_its_options(self):
        for settings, told in (
                ({"SYSTEMD_LESS": "FRSXM"}, "[less|FRSXM|utf-8|1]"), ({"SYSTEMD_LESS": ""}, "[less||utf-8|1]"),
                ({"LESS": "x", "LESSCHARSET": "y"}, "[less|FRSXMK|utf-8|1]"),
                ({"SYSTEMD_LESSCHARSET": "latin1"}, "[less|FRSXMK|latin1|1]"),
                ({"LC_ALL": "C"}, "[less|FRSXMK|unset|1]")):
            with self.subTest(settings=settings):
                self.assertIn(told, self.show_long(**settings))

    def test_a_pager_of_the_user_needs_trust(self):
        self.install(PAGER, "mine")
        for settings, told in (
                ({"SYSTEMD_PAGER": "mine"}, "[less|FRSXMK|utf-8|1]"),
                ({"PAGER": "mine", "SUDO_UID": "1000"}, "[less|FRSXMK|utf-8|1]"),
                ({"PAGER": "mine", "SYSTEMD_PAGERSECURE": "perhaps"}, "[less|FRSXMK|utf-8|1]"),
                ({"PAGER": "mine", "SYSTEMD_PAGERSECURE": "1"}, "[mine|FRSXMK|utf-8|1]"),
                ({"PAGER": "mine", "SYSTEMD_PAGERSECURE": "no"}, "[mine|FRSXMK|utf-8|unset]"),
                ({"PAGER": "mine -x -y", "SYSTEMD_PAGERSECURE": "no"}, "[mine-x -y|FRSXMK|utf-8|unset]"),
                ({"PAGER": "less", "SYSTEMD_PAGER": "mine", "SYSTEMD_PAGERSECURE": "no"}, "[mine|FRSXMK|utf-8|unset]"),
                ({"PAGER": "nonexistent", "SYSTEMD_PAGERSECURE": "yes"}, "[less|FRSXMK|utf-8|1]")):
            with self.subTest(settings=settings):
                self.assertIn(told, self.show_long(**settings))

    def test_only_less_is_secure(self):
        (self.programs / "less").unlink()
        self.install(PAGER, "pager", "more")
        path = f"{self.programs}:{self.folder}"
        (self.folder / "cat").unlink(missing_ok=True)
        os.symlink("/bin/cat", self.folder / "cat")
        text = self.print("-s", self.long, "list")
        for settings in {"SUDO_UID": "1000"}, {"SYSTEMD_PAGERSECURE": "1"}:
            self.assertEqual(self.show_long(path=path, SYSTEMD_COLORS="no", **settings), text)
        self.assertIn("[pager|", self.show_long(path=path, SYSTEMD_PAGERSECURE="0"))
        (self.programs / "pager").unlink()
        self.assertIn("[more|", self.show_long(path=path, SYSTEMD_PAGERSECURE="0"))
        (self.programs / "more").unlink()
        self.assertEqual(self.show_long(path=path, SYSTEMD_COLORS="no", SYSTEMD_PAGERSECURE="0"), text)

    def test_it_may_be_quit_early(self):
        self.install(QUITTER, "less")
        self.assertEqual(self.show_long(), "[quit]\n")

    def test_an_interrupt_ends_both(self):
        self.install(STAYER, "less")
        terminal = self.open("-s", self.long, "list")
        terminal.read("[ready]")
        terminal.write("\003")
        self.assertEqual(terminal.end(), -signal.SIGINT)

    def test_an_interrupt_can_be_for_less(self):
        self.install(STUBBORN, "less")
        terminal = self.open("-s", self.long, "list", SYSTEMD_LESS="FRSXM")
        terminal.read("[ready]")
        terminal.write("\003")
        self.assertEqual(terminal.end(), 0)
        self.assertIn("[interrupted]", terminal.text)

    def test_the_end_of_memoryctl_is_that_of_the_pager(self):
        self.install(STAYER, "less")
        terminal = self.open("-s", self.long, "list")
        terminal.read("[ready]")
        os.kill(terminal.pid, signal.SIGTERM)
        self.assertEqual(terminal.end(), -signal.SIGTERM)


class Daemon(TerminalCase):
    """With a memoryd that is made up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "bus.conf").write_text(BUS.format(cls.folder / "bus"))
        cls.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={cls.folder}/bus"}
        cls.start("dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--print-address",
                  f"--config-file={cls.folder}/bus.conf")
        cls.start(MOCK, "busy")

    @classmethod
    def start(cls, *words):
        """Starts a program, which prints a line when it is ready."""
        process = subprocess.Popen(words, env=ENVIRONMENT | cls.environment, stdout=subprocess.PIPE)
        cls.addClassCleanup(process.stdout.close)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        process.stdout.readline()

    def test_the_exit_status_is_that_of_the_verb(self):
        self.install(QUITTER, "less")
        for words, status in (["status"], 0), (["verify"], 1):
            terminal = self.open(*words, rows=3, **self.environment)
            self.assertEqual((terminal.end(), terminal.text), (status, "[quit]\n"))

    def test_the_status_is_colored(self):
        shown = self.print("status", SYSTEMD_COLORS="yes", **self.environment)
        for text in ("memoryd 0.1.0, \033[1;31mdegraded\033[0m\n",
                     "\033[33m4\033[0m pending, \033[1;31m2\033[0m failed, \033[1;31m1\033[0m foreign\n",
                     "\033[1;31mShort of kernel memory:\033[0m node 1\n", "\n\033[1mNot settled:\033[0m\n",
                     "blocks 40-41 (node 1, 256M): \033[1;31mfailed\033[0m, decided movable",
                     "block 42 (node 1, 128M): \033[1;31mforeign\033[0m, is kernel",
                     "blocks 45-46 (node 1, 256M): \033[33mpending\033[0m, "):
            self.assertIn(text, shown)
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", shown), self.print("status", **self.environment))

    def test_explain_is_colored(self):
        shown = self.print("explain", "40", SYSTEMD_COLORS="yes", **self.environment)
        self.assertRegex(shown, "^memory40 \033\\[1;31mfailed\033\\[0m: ")
        self.assertIn("\n      Status: \033[1;31mfailed\033[0m\n", shown)
        self.assertIn("\n    Decision: \033[32mmovable\033[0m, ", shown)

    def test_verify_is_colored(self):
        shown = subprocess.run([MEMORYCTL, "verify"], env=ENVIRONMENT | self.environment | {"SYSTEMD_COLORS": "1"},
                               text=True, stdout=subprocess.PIPE, check=False, timeout=TIMEOUT).stdout
        self.assertTrue(shown.startswith("\033[1;31mProblems:\033[0m\n"), shown)
        self.assertIn("\n\033[1mNotes:\033[0m\n", shown)

    def test_jobs_are_colored(self):
        shown = self.print("jobs", SYSTEMD_COLORS="yes", **self.environment)
        self.assertRegex(shown, "\033\\[33m *queued *\033\\[0m")
        self.assertRegex(shown, "\033\\[1;31m *1\033\\[0m")


if __name__ == "__main__":
    unittest.main()
