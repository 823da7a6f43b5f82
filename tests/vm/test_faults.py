# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Faults of the kernel, of processes and of the machine while memory comes and goes. Each note is a row of a table:
the fault and how often it was made, the number of blocks that were lost or in the wrong class, and what memoryd said.
Those that are made a hundred times, or take a machine of their own, are in test_faults_long.py."""

import json
import time

import program
from fault import INJECT, MOVABLE, NO_ERRORS, FaultCase
from memory import read_memory, wait_for_blocks
from memoryd import NAME

MESSAGE_HANGS = "b4c0560ae221462ba67d4e558fec2e3e"


class Faults(FaultCase):
    """Faults that take little time, all in one guest."""

    minutes = 3

    def setUp(self):
        self.memoryd.use("")

    def _with_dimm(self, tried, during, after=None):
        """Adds a DIMM of two blocks between two commands."""
        before, mark = self.blocks(), self.mark()
        self.guest.run(during)
        self.add()
        wait_for_blocks(self.guest, before + 2)
        if after:
            self.guest.run(after)
        self.row(tried, before + 2, lambda: self.warned(mark))

    def test_stopped_for_ten_seconds(self):
        for name, pid in (("main process", self.memoryd.main_pid()), ("actuator", self.memoryd.actuator_pid())):
            self._with_dimm(f"SIGSTOP of the {name} for 10 s", f"kill -STOP {pid}", f"sleep 10; kill -CONT {pid}")
        self.assertEqual(self.memoryd.restarts(), 0)

    def test_frozen(self):
        self._with_dimm("both processes frozen and thawed (systemctl freeze)", "systemctl freeze memoryd",
                        "sleep 3; systemctl thaw memoryd")

    def test_services_restart(self):
        for name, during, after in (
                ("dbus-daemon restarted", "systemctl restart --no-block dbus", None),
                ("udevd stopped", "systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket "
                                  "systemd-udevd", "sleep 2; systemctl start systemd-udevd-kernel.socket "
                                  "systemd-udevd-control.socket systemd-udevd"),
                ("udevd restarted", "systemctl restart --no-block systemd-udevd", None),
                ("systemd executes itself again", "systemctl --no-block daemon-reexec", None),
                ("polkit killed", "systemctl kill -s KILL polkit || :", None)):
            self._with_dimm(name, during, after)

    def test_the_clock_is_set(self):
        for year in (1990, 2040):
            self._with_dimm(f"the clock set to {year}", f"date +%s >/run/clock; date -s {year}-01-01 >/dev/null",
                            "date -s @$(cat /run/clock) >/dev/null")

    def test_run_is_full(self):
        """The journal is there as well."""
        self.guest.run("size=$(df --output=size -k /run | tail -n 1); echo $size >/root/run-size")
        fill = ("mount -o remount,size=$(($(df --output=used -k /run | tail -n 1) + 64))k /run; "
                "head -c 1M /dev/zero >/run/filler 2>/dev/null || :")
        before, mark = self.blocks(), self.mark()
        self.guest.run(fill)
        try:
            self.add()
            wait_for_blocks(self.guest, before + 2)
            self.guest.run("systemctl restart memoryd")
            self.memoryd.wait_ready()
            self.add()
            wait_for_blocks(self.guest, before + 4)
        finally:
            self.guest.run("rm -f /run/filler; mount -o remount,size=$(cat /root/run-size)k /run")
        self.row("/run, with the journal, full during two hot-adds and a restart", before + 4,
                 lambda: self.warned(mark))

    def test_etc_cannot_be_written(self):
        self._with_dimm("/etc read-only, with a reload and a restart",
                        "mount --bind /etc /etc && mount -o remount,bind,ro /etc && memoryctl reload && "
                        "systemctl restart memoryd", "umount /etc")

    def test_the_kernel_refuses(self):
        self.inject(4, 4)

    def test_a_refused_dimm_is_explained(self):
        """Each step is there once: what failed, why, and what to do, which then helps."""
        before, memory = self.blocks(), read_memory(self.guest)
        self.inject_errors()
        self.memoryd.use(MOVABLE + "retry = { delay = \"10ms\"; attempts = 2; };\n")
        self.guest.run(f"echo -12 >{INJECT}/MEM_GOING_ONLINE/error")
        self.add()
        wait_for_blocks(self.guest, before + 2)
        self.guest.wait_until(lambda: self.memoryd.get("FailedBlocks") == 2, "two blocks that failed")
        first, last = (block.index for block in read_memory(self.guest).added_to(memory))
        said = self.guest.run(f"memoryctl explain {last}")
        self.assertRegex(said, f"^memory{last} failed: it could not be brought online as movable memory, in 2 attempts.\n"
                               "ENOMEM \\(Cannot allocate memory\\): there is not enough free memory to describe it.\n"
                               "memoryd does not try again by itself. .*\"memoryctl rescan\".\n\n"
                               "The decision: movable ")
        rows = json.loads(self.guest.run("memoryctl history -J -o BLOCK,STATUS,ERROR --since -1h"))["history"]
        self.assertEqual([rows[-1][key] for key in ("block", "status", "error")],
                         [f"{first}-{last}", "failed", "ENOMEM"])
        self.guest.run(NO_ERRORS)
        self.guest.run("memoryctl rescan")
        self.row("the kernel refuses a DIMM until memoryctl rescan", before + 2, "explain says what failed, and why")

    def test_a_dimm_is_pulled_while_it_comes_online(self):
        before, counts = self.blocks(), []
        self.memoryd.use(MOVABLE)
        for _ in range(3):
            start = self.blocks()
            dimm = self.add("1G")
            self.guest.wait_until(lambda start=start: self.blocks() > start, "the first block", pause=0)
            self.guest.ask_for_dimm(dimm)
            self.guest.wait_until(lambda: not self.memoryd.get("PendingBlocks"), "the end of the burst")
            self.wait_settled()
            counts.append(self.blocks() - start)
        self.assertLessEqual(set(counts), {0, 8})
        self.row("3 DIMMs asked for while they come online", before + sum(counts),
                 f"{counts.count(0)} left, {counts.count(8)} stayed")


class HungActuator(FaultCase):
    """The actuator is stopped for good. Its deadline is three minutes."""

    minutes = 5
    everyday = False

    def test_it_is_named_and_replaced(self):
        before, restarts, pid = self.blocks(), self.memoryd.restarts(), self.memoryd.actuator_pid()
        with self.memoryd.failing():
            self.guest.run(f"kill -STOP {pid}")
            self.add()
            wait_for_blocks(self.guest, before + 2)
            start = self.guest.uptime()
            self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "another actuator")
            seconds = self.guest.uptime() - start
        self.guest.wait_until(f"[ ! -e /proc/{pid} ]", "the end of the old actuator")
        said = self.memoryd.messages(f"MESSAGE_ID={MESSAGE_HANGS}")
        self.assertEqual(len(said), 1)
        self.row(f"an actuator that was stopped for good, replaced after {seconds:.0f} s", before + 2, said[0])


class LockHeld(FaultCase):
    """Another process takes a block offline that cannot leave. The kernel retries without an end, and keeps its
    lock for memory hotplug."""

    minutes = 2
    everyday = False

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")
        cls.memoryd.use(MOVABLE + 'offline_timeout = "1h";\n')

    def setUp(self):
        memory = read_memory(self.guest)
        self.before = len(memory.blocks)
        self.guest.add_dimm("512M", 2)
        wait_for_blocks(self.guest, self.before + 4)
        self.wait_settled()
        self.added = [block.index for block in read_memory(self.guest).added_to(memory)]
        # A job writes its lowest block last.
        self.pinned = int(self.start_load(f"pin 2 {self.added[0]}").said)

    def _hold(self):
        """Starts a process that holds the lock."""
        process = self.guest.start(f"echo offline >/sys/devices/system/memory/memory{self.pinned}/state")
        self.guest.wait_until(f"grep -qx going-offline /sys/devices/system/memory/memory{self.pinned}/state",
                              "the lock", pause=0)
        return process

    def test_a_job_has_an_end(self):
        other = self.added[-1]
        holder = self._hold()
        report, code = self.memoryd.report(f"offline {other} --timeout 3s")
        self.assertEqual((code, report["result"]), (1, "timed-out"))
        job = self.guest.start(f"exec memoryctl --json offline {other}")
        path = self.guest.wait_until(self.memoryd.jobs, "the job")[0].path
        start = self.guest.uptime()
        self.guest.run(f"busctl call {NAME} {path} {NAME}.Job Cancel")
        job.wait()
        seconds = self.guest.uptime() - start
        holder.signal("KILL")
        holder.wait()
        self.row("a job with a timeout and a job to cancel while another process holds the kernel's lock",
                 self.before + 4, f"timed out, and cancelled in {seconds:.1f} s")

    def test_a_stop_waits_for_what_is_undone(self):
        """Longer than the unit permits."""
        self.guest.run("mkdir -p /run/systemd/system/memoryd.service.d; printf '[Service]\\nTimeoutStopSec=10s\\n' "
                       ">/run/systemd/system/memoryd.service.d/stop.conf; systemctl daemon-reload")
        self.guest.start(f"exec memoryctl offline --undo-on-failure {self.added[0]}-{self.added[-1]}")
        self.guest.wait_until(lambda: [job for job in self.memoryd.jobs() if job.done == 3], "all blocks but one")
        holder = self.guest.start("until echo offline >/sys/devices/system/memory/memory"
                                  f"{self.pinned}/state; do :; done")
        time.sleep(1)
        stop = self.guest.start("systemctl stop memoryd; systemctl show --value --property=Result memoryd")
        time.sleep(30)
        holder.signal("KILL")
        self.guest.run(f"pkill -KILL -g {holder.pid} || :", check=False)
        start = self.guest.uptime()
        result = stop.wait().stdout.strip()
        self.assertEqual(result, "success")
        classes = read_memory(self.guest).classes(2)
        self.guest.run("rm -r /run/systemd/system/memoryd.service.d; systemctl daemon-reload; systemctl start memoryd")
        self.assertNotIn("-", classes)
        self.row("a stop that undoes a job, with the lock held for 30 s and TimeoutStopSec=10s", self.before + 4,
                 f"ended by itself {self.guest.uptime() - start:.0f} s later, all undone")
