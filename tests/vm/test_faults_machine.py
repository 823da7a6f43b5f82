# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Faults that take a guest of their own: what the machine lacks, what it goes through, and a test that abuses
it. Each note is a row of the table of test_faults.py."""

import pathlib
import random
import subprocess
import time

import program
from case import CPU_NODES, PLAIN
from fault import PAUSE, FaultCase
from memory import read_memory, wait_online
from memoryd import MESSAGE_BURST_DONE, UNIT
from policy import expected_classes

SOURCE_FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "kernel" / "source-file"


class NoBus(FaultCase):
    """There is no bus from the boot on."""

    boots = True
    minutes = 3
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.run("systemctl mask dbus.socket dbus.service")
        cls.guest.reboot()
        cls.guest.wait_until(f"systemctl is-active {UNIT}", "memoryd running")

    def test_memory_comes_online_by_the_policy(self):
        self.assertNotEqual(self.guest.call("busctl status").code, 0)
        self._add_by_policy("1G", 1)
        self._add_by_policy("512M", 2)
        self.guest.run("systemctl restart memoryd")
        self._add_by_policy("256M", 0)
        self.assertNotEqual(self.guest.call("busctl status").code, 0)
        self.assertPolicy()
        said = self.memoryd.messages("-p warning _COMM=memoryd")
        blocks = self.blocks()
        self.guest.run("systemctl unmask dbus.socket dbus.service; systemctl start dbus.socket dbus.service")
        self.row("no bus from the boot on, with three hot-adds and a restart", blocks,
                 f"{len(said)} warnings, on the bus as soon as there is one")

    def _add_by_policy(self, size, node):
        before = read_memory(self.guest)
        self.guest.add_dimm(size, node)
        count = {"1G": 8, "512M": 4, "256M": 2}[size]
        added = wait_online(self.guest, len(before.blocks) + count).added_to(before)
        self.assertClasses(added.classes(node), expected_classes(before, node, node in CPU_NODES, count))


# Needs $1 MiB, and is killed by the kernel until there is so much. Prints how often that was.
HOG = r"""
for ((kills = 0; ; kills++)); do
        load hold 0 $1 >/run/hog 2>&1 && break
done
echo $kills >/run/hog-kills
"""


class OutOfMemory(FaultCase):
    """A program needs more memory than there is, without swap."""

    mebibytes = 2048  # twice as much as the machine has
    minutes = 4
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")
        cls.guest.write_file("/run/hog.sh", HOG)

    def test_what_comes_saves_the_guest(self):
        self.assertEqual(self.guest.run("swapon --noheadings"), "")
        pid, before, count = self.memoryd.main_pid(), self.blocks(), 0
        # The kernel's tale of each kill has a trace.
        self.guest.run("dmesg --console-level err")
        self.guest.run("systemd-run --unit=hog --property=OOMPolicy=continue "
                       f"bash /run/hog.sh {self.mebibytes}")
        self.guest.wait_until("journalctl -k --grep 'Killed process .*load'", "the first kill")
        while self.guest.call("grep -q ready /run/hog").code != 0:
            dimm = self.add("256M")
            self.guest.wait_for_acceptance(dimm)
            count += 1
            time.sleep(random.uniform(0, 3))
        # It has all of its memory, and still does after a while.
        self.guest.run("sleep 5; grep -q ready /run/hog && pkill -TERM -x load")
        self.guest.wait_until("! systemctl is-active hog", "the end of the program")
        kills = int(self.guest.run("cat /run/hog-kills"))
        self.assertGreater(kills, 0)
        blocks = self.blocks()
        self.row(f"out of memory without swap during {count} hot-adds of 256 MiB", blocks,
                 f"{kills} kills by the kernel, none of memoryd, {blocks - before} blocks saved a program of "
                 f"{self.mebibytes} MiB")
        self.assertEqual(self.memoryd.main_pid(), pid)


# Fills the file system of the journal, over and over.
FILL_JOURNAL = PAUSE + r"""
while :; do
        head -c 64M /dev/zero >>/var/log/journal/filler 2>/dev/null
        pause 0.2
done
"""


class FullJournal(FaultCase):
    """The journal is on a disk that is full."""

    minutes = 2
    everyday = False

    def test_nothing_waits_for_it(self):
        self.guest.run("mkdir -p /var/log/journal; mount -t tmpfs -o size=24M full /var/log/journal; "
                       "printf '[Journal]\\nStorage=persistent\\n' >/etc/systemd/journald.conf.d/z.conf; "
                       "systemctl restart systemd-journald; journalctl --flush")
        filler = self.guest.start(FILL_JOURNAL)
        # The journal has taken room for more than it has in it.
        self.guest.run("base64 -w 500 /dev/urandom | head -c 20M | systemd-cat --identifier=flood")
        self.guest.wait_until("systemd-cat --identifier=lost echo mark; sleep 1; journalctl --sync; "
                              "! journalctl --directory=/var/log/journal -t lost --grep mark", "the disk full")
        pid, before = self.memoryd.main_pid(), self.blocks()
        bursts = len(self._bursts())
        for count in (2, 4):
            self.add()
            self.wait_for_online(before + count)
        self.assertEqual(self.memoryd.main_pid(), pid)
        self.guest.run("systemctl restart memoryd")
        self.add()
        self.wait_for_online(before + 6)
        kept = len(self._bursts()) - bursts
        filler.signal("KILL")
        filler.wait()
        self.guest.run("rm /var/log/journal/filler; systemctl restart systemd-journald")
        self.row("a persistent journal on a full disk during three hot-adds and a restart", before + 6,
                 f"{kept} of 3 bursts in the journal")

    def _bursts(self):
        return self.memoryd.journal(f"MESSAGE_ID={MESSAGE_BURST_DONE}")


# The kernel's last words before the guest sleeps, and its first afterwards.
ASLEEP, AWAKE = "Suspending console(s)", "PM: suspend exit"


class Freeze(FaultCase):
    """The guest sleeps (suspend to idle) while memory is added."""

    times = 3
    minutes = 3
    everyday = False

    def test_memory_is_added_while_the_guest_sleeps(self):
        before = self.blocks()
        pids = self.memoryd.processes()
        self.guest.run("dmesg --console-level info")
        for number in range(self.times):
            process = self.guest.start("echo freeze >/sys/power/state")
            self.guest.wait_until(lambda count=number: self.guest.console().count(ASLEEP) > count,
                                  "the guest asleep")
            time.sleep(3)
            self.add("512M")
            time.sleep(3)
            self.assertEqual(self.guest.console().count(AWAKE), number)
            self.guest.press_power_button()
            result = process.wait()
            self.assertEqual(result.code, 0, result.stderr)
            self.wait_for_online(before + 4 * (number + 1))
        self.assertPolicy()
        self.row(f"{self.times} hot-adds while the guest sleeps (freeze)", before + 4 * self.times,
                 "online when it is awake again, the same processes go on")
        self.assertEqual(self.memoryd.processes(), pids)


HIBERNATE = "echo reboot >/sys/power/disk; echo disk >/sys/power/state"


class Hibernation(FaultCase):
    """The guest goes to its disk with memory that was added, and comes back."""

    hardware = PLAIN | {"second_disk": True, "arguments": "resume=/dev/vdb"}
    boots = True
    minutes = 4
    everyday = False

    def test_it_comes_back_with_what_was_added(self):
        self.guest.run("mkswap --force /dev/vdb && swapon /dev/vdb")
        before = self.blocks()
        self.add("512M")
        self.wait_for_online(before + 4)
        pids, boot = self.memoryd.processes(), self._boot_id()
        classes = read_memory(self.guest).classes()
        self.guest.reboot(HIBERNATE)
        self.assertEqual(self._boot_id(), boot)
        self.assertEqual(self.memoryd.processes(), pids)
        self.assertClasses(read_memory(self.guest).classes(), classes)
        self.add("256M")
        self.wait_for_online(before + 6)
        self.assertPolicy()
        self.row("hibernation with a DIMM that was added, and another afterwards", before + 6,
                 "the same processes go on")

    def _boot_id(self):
        return self.guest.run("cat /proc/sys/kernel/random/boot_id").strip()


# The selftest has bc work out how many blocks are a percentage of all: rounded up. The guest has no bc.
BC = r"""#!/bin/bash
IFS='=*;' read -r _ number percent _
echo $(((number * percent + 99) / 100))
"""


class KernelSelftest(FaultCase):
    """The kernel's own test of memory hotplug takes blocks offline and brings them back, and injects errors."""

    path = "tools/testing/selftests/memory-hotplug/mem-on-off-test.sh"
    percent = 20
    times = 3
    minutes = 3
    everyday = False

    def test_it_passes_beside_memoryd(self):
        series = self.guest.kernel.name.rpartition("-")[2]
        script = subprocess.run([SOURCE_FILE, series, self.path], check=True, stdout=subprocess.PIPE).stdout
        self.guest.write_file("/run/mem-on-off-test.sh", script)
        self.guest.write_file("/usr/local/bin/bc", BC)
        self.guest.run("chmod 755 /usr/local/bin/bc; mountpoint -q /sys/kernel/debug || "
                       "mount -t debugfs none /sys/kernel/debug")
        _, _, added = self.add_dimm(2048, 1)
        blocks = self.blocks()
        taken = 0
        for _ in range(self.times):
            result = self.guest.call(f"bash /run/mem-on-off-test.sh -r {self.percent}")
            said = result.stdout + result.stderr
            self.assertEqual(result.code, 0, said)
            self.assertNotIn("skip", said)
            self.assertIn("error injection", said)
            taken += said.count("-> Success")
        self.assertGreater(taken, 0)
        self.row(f"the kernel's own selftest of memory hotplug, {self.times} times, with {self.percent} % of the "
                 "blocks", blocks, f"it passes, {taken} times a block went offline and came back")
