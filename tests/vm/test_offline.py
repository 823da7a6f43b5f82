# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Memory that is in use is given back, as a whole or as far as possible."""

import json

import program
from case import FULL, GuestCase, kernel_matters
from memory import read_memory, wait_for_blocks
from memoryd import NAME

# A node whose memory is all movable can be emptied as a whole.
CONFIGURATION = ('offline_timeout = "1h";\n'
                 'rules = ( { name = "empty"; node = 1; zone = "movable"; } );\n')

SERVICES = "memoryd dbus polkit systemd-journald systemd-udevd qemu-guest-agent"

# Limits of the median, of the 99th percentile and of the longest time. A busy host stops the guest for a
# moment now and then.
LATENCY_LIMITS_MSEC = (50, 50, 1000)
# How many times as long an answer of memoryd may take as an answer of the bus itself. An answer of
# memoryd goes over the bus twice, and memoryd has to wake up.
LATENCY_RATIO = 10
LATENCY_SECONDS = 5
LATENCY_ATTEMPTS = 6
# The longest time that a cancel may take, as a multiple of the time of a client that only lists the
# jobs. The kernel gives up at once. The time is that of two clients and a few answers.
CANCEL_LIMIT_CLIENTS = 20
CANCEL_ATTEMPTS = 4

# Prints the milliseconds that a client takes to list the jobs. Then cancels the job that a process waits
# for, and prints the milliseconds until that process has ended.
CANCEL = r"""
print_since() {{ now=$EPOCHREALTIME; echo $(((${{now/./}} - ${{1/./}}) / 1000)); }}
start=$EPOCHREALTIME
memoryctl jobs >/dev/null || exit
print_since $start
start=$EPOCHREALTIME
{command} >/dev/null || exit
while [ -e /proc/{pid} ]; do sleep 0.02; done
print_since $start
"""


@kernel_matters("it moves the pages, and gives up when it is told to")
class Offline(GuestCase):
    """The tests add one DIMM at a time, to a node that has no other memory."""

    hardware = FULL
    alone = True

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        for name in ("load", "latency"):
            program.bring_in(cls.guest, name)
        cls.memoryd.use(CONFIGURATION)
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")

    def _add(self, size):
        """Adds a DIMM of movable memory. Returns its id, the memory that it brought, and the name of the
        device in memoryd."""
        dimm, _, added = self.add_dimm(size, 1)
        self.assertClasses(added.classes(), "M" * len(added.blocks))
        return dimm, added, self.memoryd.listed()[added.blocks[0].index]["device"]

    def _pull(self, dimm, added):
        count = len(read_memory(self.guest).blocks) - len(added.blocks)
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, count)
        self.assertModel()

    def _classes(self, added):
        indices = {block.index for block in added}
        return "".join("M" if block.zone_class == "movable" else "-"
                       for block in read_memory(self.guest) if block.index in indices)

    # 4 GiB in use

    def test_a_dimm_in_use_is_emptied_and_pulled(self):
        processes = self._alive()
        dimm, added, device = self._add(4096)
        self.guest.run("head -c 64M /dev/urandom >/root/file; sync; "
                       "echo 3 >/proc/sys/vm/drop_caches")
        load = self.start_load("hold 1 1024 /root/file")
        before = load.pages()
        self.assertGreater(before[1], 0.9 * (1 << 30) / 4096)
        cached = self._cached_kib()
        self.assertGreater(cached, 60 << 10)

        job = self.guest.start(f"exec memoryctl offline --device {device}")
        seen = self._watch(job)
        result = job.wait()
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertIn(device, result.stdout)
        self.assertEqual(seen, sorted(seen))
        self.assertTrue(any(0 < n_done < 32 for n_done in seen), f"a second client saw {seen}")
        self.assertClasses(self._classes(added), "-" * 32)
        self.assertEqual({self.memoryd.statuses()[block.index] for block in added}, {"offlined"})
        self.assertEqual(self.memoryd.jobs(), [])

        self._pull(dimm, added)
        self.assertEqual(load.end(), 0, load.output())
        self.assertEqual(self._alive(), processes)
        self.assertEqual(self.guest.run("journalctl -k --no-pager --grep 'Out of memory|segfault' "
                                        "|| :").strip().replace("-- No entries --", ""), "")
        self.assertNoErrors()
        self.note(f"{before[1] >> 8} MiB of pages and {cached >> 10} MiB of page cache moved; "
                  f"progress seen: {' '.join(map(str, dict.fromkeys(seen)))}; "
                  f"{len(load.output().splitlines()) - 1} times looked at")

    def _watch(self, job):
        """Returns the numbers of done blocks that a second client, without rights, reads until the job
        ends."""
        path = self.guest.wait_until(self.memoryd.jobs, "the job", pause=0)[0].path
        seen = []
        while not job.result():
            text = self.guest.call(f"busctl --json=short get-property {NAME} {path} {NAME}.Job "
                                   "DoneBlocks", user="user").stdout
            seen += [json.loads(text)["data"]] if text else []
        return seen

    def _alive(self):
        """Returns the processes of the services that must keep running, and the failed units."""
        return self.guest.run(f"systemctl show --property=Id,MainPID {SERVICES}; "
                              "systemctl list-units --failed --no-legend --plain")

    def _cached_kib(self):
        text = self.guest.run("grep FilePages /sys/devices/system/node/node1/meminfo")
        return int(text.split()[-2])

    # A page that cannot leave

    def test_a_page_that_stays(self):
        dimm, added, device = self._add(1024)
        load = self.start_load("pin 1")
        pinned = int(load.said)
        self.assertIn(pinned, [block.index for block in added])
        with self.subTest("at its timeout"):
            self._check_timeout(added, device, pinned)
        with self.subTest("with an answer all the while"):
            self._check_latency(pinned)
        with self.subTest("cancelled by another client"):
            self._check_cancel(pinned, "busctl call {name} {path} {name}.Job Cancel")
        with self.subTest("cancelled by Ctrl-C"):
            self._check_cancel(pinned, "kill -INT {pid}")
        load.end()
        report, code = self.memoryd.report(f"offline --device {device}")
        self.assertEqual((code, report["result"], report["failures"]), (0, "done", []))
        self._pull(dimm, added)
        self.assertNoErrors()

    def _check_timeout(self, added, device, pinned):
        # The timeout is long enough for the other blocks on a slow machine.
        report, code = self.memoryd.report(f"offline --device {device} --timeout 30s")
        self.assertEqual((code, report["result"]), (64, "timed-out"))
        self.assertEqual([(failure["block"], failure["error"]) for failure in report["failures"]],
                         [(pinned, "EBUSY")])
        others = [block.index for block in added if block.index != pinned]
        done = [number for part in report["done"]
                for number in range(part["first"], part["last"] + 1)]
        self.assertEqual(done, others)
        self.assertEqual((report["done_blocks"], report["failed_blocks"]), (len(others), 1))
        self.assertClasses(self._classes(added), "".join("M" if block.index == pinned else "-"
                                                         for block in added))
        self.assertModel()
        # The text output, for a job with a single block.
        result = self.guest.call(f"memoryctl offline {pinned} --timeout 1s")
        self.assertEqual(result.code, 1)
        self.assertRegex(result.stderr, f"memory{pinned}.*EBUSY")
        self.guest.run(f"memoryctl online --device {device}")
        self.assertClasses(self._classes(added), "M" * len(added.blocks))

    def _check_latency(self, pinned):
        """Checks that memoryd answers while a job runs. A busy host delays single answers, also those of
        the bus. If memoryd waited for the kernel, no answer would come before the end of the job, in any
        attempt."""
        for _ in range(LATENCY_ATTEMPTS):
            path = self._start_job(pinned)
            lines = self.guest.run(f"latency {LATENCY_SECONDS}").splitlines()
            self.assertEqual([job.state for job in self.memoryd.jobs()], ["running"])
            self.guest.run(f"busctl call {NAME} {path} {NAME}.Job Cancel")
            self.job.wait()
            (count, *own), (_, *other) = (line.split()[1:] for line in lines)
            self.note(f"{count} reads: median {own[0]}, 99 % within {own[1]}, longest {own[2]} ms "
                      f"(the bus itself: {', '.join(other)} ms)")
            if all(float(time) < max(limit, LATENCY_RATIO * float(bus_time))
                   for time, bus_time, limit in zip(own, other, LATENCY_LIMITS_MSEC)):
                return
        self.fail("; ".join(self.notes))

    def _start_job(self, block):
        self.job = self.guest.start(f"exec memoryctl --json offline {block}")
        def running():
            return [job.path for job in self.memoryd.jobs() if job.state == "running"]
        return self.guest.wait_until(running, "the job running")[0]

    def _check_cancel(self, pinned, command):
        """Checks that `command` cancels a job in time. The command names the path of the job, or the
        process that waits for the job. The kernel gives up at once or not at all: a long time means a
        busy host, and the next attempt is shorter."""
        for _ in range(CANCEL_ATTEMPTS):
            path = self._start_job(pinned)
            text = self.guest.run(CANCEL.format(
                command=command.format(name=NAME, path=path, pid=self.job.pid), pid=self.job.pid))
            result = self.job.wait()
            report = json.loads(result.stdout)
            self.assertEqual((result.code, report["result"]), (1, "cancelled"))
            self.assertEqual(report["done_blocks"], 0)
            self.assertEqual(self.memoryd.statuses()[pinned], "done")
            self.assertModel()
            client, cancel = (int(line) for line in text.split())
            self.note(f"cancelled in {cancel} ms (a client that only asks: {client} ms)")
            if cancel < CANCEL_LIMIT_CLIENTS * client:
                return
        self.fail("; ".join(self.notes))
