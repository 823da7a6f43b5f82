# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A hostile user attacks memoryd over the bus, in every way at once, while memory comes and another user reads."""

import contextlib
import re
import statistics
import typing

import program
from case import FULL, GuestCase
from memory import read_memory, wait_for_blocks
from memoryd import UNIT

# A DIMM of 32 blocks that can leave again. The time of the next one is then comparable.
DIMM, DIMM_BLOCKS, DIMM_NODE = "4G", 32, 1
CONFIGURATION = 'rules = ( { name = "movable"; zone = "movable"; } );\n'

# An emulated guest is a slow and unsteady clock: a limit is exceeded only if all attempts exceed it.
ATTEMPTS = 3
DIMMS = 3  # in each attempt, of which the median counts
DIMM_RATIO = 2

READ_SECONDS, READ_MSEC = 30, 50
# An answer may take as long as two of logind, which nobody attacks, and so much more.
LOGIND_ANSWERS, READ_LIMIT_MSEC = 2, 50

MEMORY_LIMIT_BYTES = 32 << 20

CONNECTIONS_MIN = 100

MONITOR = "/run/monitor"
OUTPUT = "/run/hostile"


class Attack(typing.NamedTuple):
    """What the program says of an attack."""
    connections: int
    calls: int
    answers: int
    errors: int
    held: int


class Hostile(GuestCase):
    """The attacker is a user without rights, and so is the reader."""

    hardware = FULL
    alone = True
    minutes = 8
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")
        for name in ("hostile", "latency"):
            program.bring_in(cls.guest, name)
        cls.memoryd.use(CONFIGURATION)
        # The bus would start polkit in the middle of the attack, and not wait long enough.
        cls.guest.run("systemctl start polkit")

    def setUp(self):
        self.blocks = len(read_memory(self.guest).blocks)
        self.pid = self.memoryd.main_pid()
        self._connected = 0

    def tearDown(self):
        super().tearDown()
        self.assertEqual((self.memoryd.main_pid(), self.memoryd.restarts()), (self.pid, 0))
        self.assertEqual(self.memoryd.jobs(), [])
        self.assertEqual(len(read_memory(self.guest).blocks), self.blocks)
        self.assertModel()
        self.assertNoErrors()
        self.assertLess(self._peak(), MEMORY_LIMIT_BYTES)

    def test_a_dimm_comes_online_in_time(self):
        for _ in range(ATTEMPTS):
            idle = self._add_dimms()
            with self._attack():
                attacked = self._add_dimms()
            self.note(f"{DIMM_BLOCKS} blocks online in {attacked:.2f} s, on an idle guest in {idle:.2f} s")
            if attacked <= DIMM_RATIO * idle:
                break
        else:
            self.fail("; ".join(self.notes))

    def test_another_user_gets_answers(self):
        for _ in range(ATTEMPTS):
            with self._attack():
                lines = self.guest.run(f"latency {READ_SECONDS} {READ_MSEC}", user="user").splitlines()
            (count, *own), (_, *other) = (line.split()[1:] for line in lines)
            self.note(f"{count} reads: median {own[0]}, 99 % within {own[1]}, longest {own[2]} ms "
                      f"(logind: {', '.join(other)} ms)")
            if float(own[1]) <= LOGIND_ANSWERS * float(other[1]) + READ_LIMIT_MSEC:
                break
        else:
            self.fail("; ".join(self.notes))

    # Steps

    def _add_dimms(self):
        """Adds DIMMs, one after the other, and pulls them again. Returns the median of the seconds until all blocks
        were online."""
        return statistics.median(self._add_dimm_and_pull() for _ in range(DIMMS))

    def _add_dimm_and_pull(self):
        """Returns the seconds from the first block to the last online one, by the kernel's events."""
        self.guest.run(f": >{MONITOR}")
        # The clock must not depend on the attackers.
        monitor = self.guest.start("exec chrt --fifo 50 udevadm monitor --kernel --subsystem-match=memory "
                                   f">{MONITOR}")
        self.guest.wait_until(f"echo change >/sys/devices/system/memory/memory0/uevent; grep -q ' change ' {MONITOR}",
                              "the monitor")
        dimm = self.guest.add_dimm(DIMM, DIMM_NODE)
        self.guest.wait_until(lambda: len(self._events("online")) == DIMM_BLOCKS, "all blocks online")
        monitor.stop()
        seconds = self._events("online")[-1] - self._events("add")[0]
        memory = read_memory(self.guest)
        self.assertEqual((len(memory.blocks), memory.offline()), (self.blocks + DIMM_BLOCKS, []))
        self.assertClasses(memory.classes(DIMM_NODE), "M" * DIMM_BLOCKS)
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, self.blocks)
        return seconds

    def _events(self, kind):
        """Returns when events of this kind came, in seconds."""
        text = self.guest.run(f"cat {MONITOR}")
        return [float(time) for time in re.findall(rf"^KERNEL\[([\d.]+)\] {kind} ", text, re.MULTILINE)]

    @contextlib.contextmanager
    def _attack(self):
        """Inside, the guest is attacked. At the end checks that it was."""
        self._connected = 0
        self.guest.run("systemd-run --quiet --unit=hostile --uid=nobody --property=LimitNOFILE=8192 "
                       f"--property=StandardOutput=truncate:{OUTPUT} hostile")
        try:
            # While the attacker connects, the bus does little else.
            self.guest.wait_until(self._has_connected, "the connections of the attacker", pause=2)
            yield
            self.assertEqual(self.guest.run("systemctl is-active hostile").strip(), "active")
        finally:
            self.guest.run("systemctl stop hostile")
        self._check_attacks()
        # The next measurement is of an idle guest again.
        self.guest.wait_until(self.memoryd.answers, "memoryd's answer")
        self.note(f"memoryd had {self._peak() >> 10} KiB at most")

    def _has_connected(self):
        before, self._connected = self._connected, int(self.guest.run(
            "ss --no-header --unix state established src /run/dbus/system_bus_socket | wc -l"))
        return before > CONNECTIONS_MIN and self._connected <= before

    def _check_attacks(self):
        attacks = {}
        for line in self.guest.run(f"cat {OUTPUT}").splitlines():
            name, *numbers = line.split()
            attacks[name] = Attack(*map(int, numbers))
        self.note(", ".join(f"{name} {attack.calls}/{attack.answers}" for name, attack in attacks.items()))
        self.assertEqual([name for name, attack in attacks.items() if not attack.calls], [])
        # All attacks are those of one user, so what comes first keeps the others waiting.
        self.assertGreater(sum(attack.answers for attack in attacks.values()), 0)
        self.assertGreater(attacks["connections"].connections, CONNECTIONS_MIN)
        self.assertGreater(attacks["held"].held, 0)

    def _peak(self):
        """Returns the most memory that memoryd's processes have had, with their page cache and what the kernel keeps
        for them."""
        return int(self.guest.run(f"cat /sys/fs/cgroup/system.slice/{UNIT}/memory.peak"))
