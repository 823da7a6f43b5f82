# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The cost of memoryd on an idle machine."""

import time

from case import GuestCase, kernel_matters

MEMORY_LIMIT_KIB = 8192
WATCH_SECONDS = 30
WATCH_ATTEMPTS = 5
# memoryd watches the zones for a minute after a task has waited for memory.
CALM_SECONDS = 75

MEMORY = r"""
for pid in {pids}; do
        awk '/^VmRSS:/ {{ rss = $2 }} END {{ printf "%d ", rss }}' /proc/$pid/status
        awk '/^Pss:/ {{ print $2 }}' /proc/$pid/smaps_rollup
done
"""


class Idle(GuestCase):
    """The guest has gained memory before the processes are idle."""

    minutes = 3

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")

    def test_both_processes_are_small(self):
        self.add_dimm_by_policy(2048, 1)
        pids = list(self.memoryd.processes())
        lines = self.guest.run(MEMORY.format(pids=" ".join(map(str, pids)))).splitlines()
        rss, pss = (sum(int(line.split()[i]) for line in lines) for i in (0, 1))
        self.note(f"resident {rss} KiB, of which their own share {pss} KiB")
        self.assertEqual(len(pids), 2)
        self.assertLess(rss, MEMORY_LIMIT_KIB)

    @kernel_matters("it decides when tasks that wait for memory are told of")
    def test_nothing_wakes_them(self):
        pids = list(self.memoryd.processes())
        watchdog = int(self.guest.run(
            "systemd-analyze timespan $(systemctl show --value --property=WatchdogUSec memoryd) "
            "| awk '$1 ~ /s:$/ { print $2 / 1000000 }'"))
        for _ in range(WATCH_ATTEMPTS):
            waited = self._wait_for_calm()
            before = self._switches(pids)
            start = time.monotonic()
            self.guest.run(f"sleep {WATCH_SECONDS}")
            seconds = time.monotonic() - start
            wakes = sum(self._switches(pids)) - sum(before)
            self.note(f"{wakes} wake-ups in {seconds:.0f} s, watchdog {watchdog} s")
            # The time counts only if no task has waited for memory.
            if self._waited() == waited:
                break
        else:
            self.fail("no time without tasks waiting for memory; " + "; ".join(self.notes))
        # The watchdog is fed twice per period. A wake-up can count as two switches.
        allowed = 2 * (int(seconds / (watchdog / 2)) + 1) if watchdog else 0
        self.assertLessEqual(wakes, allowed, "; ".join(self.notes))

    def _waited(self):
        """Returns how long tasks have waited for memory since the start of the guest, in microseconds."""
        text = self.guest.run("grep ^some /proc/pressure/memory")
        return int(text.rpartition("total=")[2])

    def _wait_for_calm(self):
        """Waits until memoryd no longer reacts to tasks that waited for memory. Returns _waited()."""
        waited, since = self._waited(), time.monotonic()
        while waited > 0 and time.monotonic() - since < CALM_SECONDS:
            time.sleep(1)
            last, waited = waited, self._waited()
            if waited != last:
                since = time.monotonic()
        return waited

    def _switches(self, pids):
        """Returns the voluntary context switches of each thread of the processes."""
        files = " ".join(f"/proc/{pid}/task/*/status" for pid in pids)
        text = self.guest.run(f"grep -h ^voluntary_ctxt_switches: {files}")
        return [int(line.split()[1]) for line in text.splitlines()]
