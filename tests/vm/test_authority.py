# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The right to change memory: polkit grants it by its rules, or for an administrator's password."""

import json

import program
from case import DENIED, GuestCase
from memory import read_memory
from memoryd import NAME, PATH, UNIT, request

# No job must end by itself while a test looks at it.
CONFIGURATION = ('offline_timeout = "1h";\n'
                 'rules = ( { name = "spare"; node = 2; zone = "movable"; } );\n')

# A group that may make some changes, and an administrator with a password, as on Debian.
USERS = """
set -e
groupadd operators
useradd --create-home --shell /bin/bash --groups operators oper
useradd --create-home --shell /bin/bash --groups sudo boss
echo boss:secret | chpasswd
"""
RULES_FILE = "/etc/polkit-1/rules.d/10-operators.rules"
RULES = """
polkit.addRule(function(action, subject) {
    if (%s.indexOf(action.id) >= 0 && subject.isInGroup("operators"))
        return polkit.Result.YES;
});
"""
CHANGES = [f"{NAME}.{action}" for action in ("online", "offline", "set-zone", "reload")]


class Authority(GuestCase):
    """The DIMM is movable memory, and its highest block is offline."""

    minutes = 2

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")
        cls.guest.run(USERS)
        program.bring_in(cls.guest, "load")
        cls.memoryd.use(CONFIGURATION)
        before = read_memory(cls.guest)
        cls.guest.add_dimm("512M", 2)
        cls.guest.wait_until(lambda: len(read_memory(cls.guest).of(2, "movable")) == 4,
                             "the DIMM in movable memory")
        added = read_memory(cls.guest).added_to(before)
        cls.first, cls.last = added.blocks[0].index, added.blocks[-1].index
        cls.guest.run(f"memoryctl offline {cls.last}")

    def _classes(self):
        return "".join("-" if block.state == "offline" else "M"
                       for block in read_memory(self.guest).of(2))

    def _allow(self, actions):
        """Permits the operators these actions, and no others."""
        self.guest.write_file(RULES_FILE, RULES % json.dumps(actions))
        self.guest.run("systemctl restart polkit")

    def _logged(self, user):
        """Returns memoryd's messages about jobs of a user. The messages have the number of the user."""
        uid = self.guest.run(f"id -u {user}").strip()
        return [message for message in self.memoryd.messages() if f" for {uid}: " in message]

    # A user without rights

    def test_a_user_is_refused_everything(self):
        load = self.start_load("pin 2")
        pinned = load.said
        # A job that the user could try to cancel.
        owner = self.guest.start(f"exec memoryctl offline {pinned}")
        job = self.guest.wait_until(self.memoryd.jobs, "the job")[0]
        before = self._classes()

        spare = self.last - 1 if int(pinned) != self.last - 1 else self.first
        # Of "set-zone --node 2" memoryctl would say before that a block is part of the job: everybody may know that.
        self._check_refused([f"memoryctl --no-ask-password {verb} {option}"
                             for verb in (f"online {self.last}", f"offline {spare}",
                                          f"set-zone {spare} kernel")
                             for option in ("", "--force")])
        self._check_refused([f"memoryctl --no-ask-password {verb}"
                             for verb in (f"cancel {job.id}", "reload", "rescan", "rescan --all")])

        off, on = [(spare, spare)], [(self.last, self.last)]
        call = f"busctl call {NAME} {PATH} {NAME}.Manager"
        self._check_refused([f"{call} {method} {request(**keys, **force)}"
                             for method, keys in (("Online", {"Blocks": on}),
                                                  ("Offline", {"Blocks": off}),
                                                  ("SetZone", {"Blocks": off, "Zone": "kernel"}),
                                                  ("SetZone", {"Node": 2, "MovablePercent": 50}))
                             for force in ({}, {"Force": True})])
        self._check_refused([f"{call} {method}" for method in ("Reload", "Rescan", "RescanAll")])
        self._check_refused([f"busctl call {NAME} {job.path} {NAME}.Job Cancel"])

        self.assertClasses(self._classes(), before)
        self.assertEqual([(row.id, row.state) for row in self.memoryd.jobs()],
                         [(job.id, "running")])
        self.assertEqual(self._logged("user"), [])
        # The calls failed only because of the missing right.
        self.guest.run(f"memoryctl cancel {job.id}")
        owner.wait()
        load.end()

    def _check_refused(self, commands):
        """Runs the commands as a user, and checks that each is refused. All run in a single call of the
        guest, since a call for each command would take minutes."""
        script = "".join(f'said=$({command} 2>&1 >/dev/null); echo "$? $said" | head -n 1\n'
                         for command in commands)
        lines = self.guest.run(script, user="user").splitlines()
        for command, line in zip(commands, lines, strict=True):
            with self.subTest(command):
                with self.never_again():
                    self.assertFalse(line.startswith("0"), line)
                self.assertTrue(line.startswith("1 "), line)
                self.assertRegex(line, DENIED)

    def test_a_user_can_look_at_jobs(self):
        for command in ("memoryctl jobs",
                        f"busctl call {NAME} {PATH} {NAME}.Manager ListJobs"):
            result = self.guest.call(command, user="user")
            self.assertEqual((result.code, result.stderr), (0, ""), command)

    # By a rule

    def test_operators_may_what_a_rule_says(self):
        self._allow(CHANGES)
        for verb in (f"online {self.last}", f"offline {self.last}", "rescan"):
            self.guest.run(f"memoryctl --no-ask-password {verb}", user="oper")
        self.assertClasses(self._classes(), "MMM-")
        self.assertTrue(self._logged("oper"))
        self.note(self._logged("oper")[-1])
        # A change that a guard forbids needs another right.
        result = self.guest.call(f"memoryctl --no-ask-password online {self.last} --force",
                                 user="oper")
        self.assertDenied(result)
        self.assertEqual(result.code, 1)
        self.assertClasses(self._classes(), "MMM-")

        self._allow([*CHANGES, f"{NAME}.force"])
        self.guest.run(f"memoryctl --no-ask-password online {self.last} --force", user="oper")
        self.assertClasses(self._classes(), "MMMM")
        # The right to force does not permit anything by itself.
        self._allow([f"{NAME}.force"])
        result = self.guest.call(f"memoryctl --no-ask-password offline {self.last} --force",
                                 user="oper")
        self.assertDenied(result)
        self.assertEqual(result.code, 1)
        self.guest.run(f"rm {RULES_FILE}; systemctl restart polkit; memoryctl offline {self.last}")

    # By consent

    def test_an_administrator_gives_consent_by_password(self):
        result, screen = self._at_a_terminal("boss", f"memoryctl online {self.last}", "wrong")
        with self.never_again():
            self.assertNotEqual(result.code, 0)
        self.assertEqual(result.code, 1)
        self.assertRegex(screen, DENIED)
        self.assertClasses(self._classes(), "MMM-")

        result, screen = self._at_a_terminal("boss", f"memoryctl online {self.last}", "secret")
        self.assertEqual(result.code, 0, screen)
        self.assertIn(f"{NAME}.online", screen)
        self.assertClasses(self._classes(), "MMMM")
        result, screen = self._at_a_terminal("boss", f"memoryctl offline {self.last}", "secret")
        self.assertEqual(result.code, 0, screen)
        self.assertClasses(self._classes(), "MMM-")
        self.assertGreaterEqual(len(self._logged("boss")), 2)
        self.note(self._logged("boss")[-1])

    def _at_a_terminal(self, user, command, password):
        """Runs a command at the terminal of a user who is logged in, and types a password when it asks
        for one. Returns the Result of the command, and the text on the screen."""
        screen, keys = "/run/screen", "/run/keys"
        self.guest.run(f"rm -f {screen} {keys}; mkfifo {keys}")
        session = f'runuser --login {user} --session-command "{command}"'
        process = self.guest.start(f"exec script --quiet --flush --return --command '{session}' "
                                   f"{screen} <>{keys} >/dev/null")
        # Input is lost if it is typed before the terminal has switched off its echo.
        asks = (f"grep -q Password: {screen} && for terminal in /dev/pts/[0-9]*; do"
                " stty --file=$terminal --all | grep -qwe -echo && exit; done; exit 1")
        self.guest.wait_until(lambda: process.result() or self.guest.call(asks).code == 0,
                              "the question for a password")
        if not process.result():
            self.guest.run(f"echo {password} >{keys}")
        return process.wait(), self.guest.run(f"cat {screen}")

    def test_reading_it_all_left_the_unit_running(self):
        self.assertEqual(self.guest.run(f"systemctl is-failed {UNIT} || :").strip(), "active")
        self.assertNoErrors()
