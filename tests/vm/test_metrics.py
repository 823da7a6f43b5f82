# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""What memoryctl metrics tells is what the kernel has, and no counter goes back."""

import collections
import re

import promtool
from case import CLASSES, GuestCase, newer_matters
from memory import read_memory

FOLDER = "/var/lib/prometheus/node-exporter"
FILE = f"{FOLDER}/memoryd.prom"
TIMER, SERVICE = "memoryd-metrics.timer", "memoryd-metrics.service"

# Megabytes and node of each DIMM.
DIMMS = [(128, 1), (256, 2), (128, 0), (512, 1), (256, 0), (1024, 2), (128, 1), (384, 2), (2048, 1), (128, 2),
         (640, 0), (128, 1), (256, 1), (1024, 0), (128, 2), (512, 2), (4096, 1), (128, 0), (256, 2), (896, 1)]


class Samples(dict):
    """Values by name and labels, as in 'memoryd_up' or 'memoryd_jobs{state="queued"}'."""

    def __init__(self, text):
        super().__init__((name, float(value)) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.M))
        self.counters = set()
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
            if kind in ("counter", "histogram"):
                self.counters |= {key for key in self if re.split("[{]", key)[0] in (
                    name, f"{name}_bucket", f"{name}_count", f"{name}_sum")}

    def by_label(self, name, label):
        """Adds up the samples of a metric by the value of a label."""
        sums = collections.Counter()
        for key, value in self.items():
            if key.startswith(name + "{"):
                sums[re.search(rf'\b{label}="([^"]*)"', key)[1]] += value
        return dict(sums)

    def went_back(self, before):
        """Returns the counters that are lower than before or gone."""
        return [key for key in before.counters if self.get(key, -1) < before[key]]


class MetricsCase(GuestCase):
    """promtool of the host reads what memoryctl prints in the guest."""

    def samples(self, options=""):
        text = self.guest.run(f"memoryctl metrics {options}")
        return Samples(text)

    def assertAccepted(self, text):  # pylint: disable=invalid-name
        self.assertIsNotNone(promtool.PROMTOOL, "promtool is not there: ./setup check unpacks it")
        self.assertEqual(promtool.run("check", "metrics", text=text), (0, ""))

    def assertKernelsValues(self, samples):  # pylint: disable=invalid-name
        """The gauges are those of sysfs."""
        memory = read_memory(self.guest)
        blocks = collections.Counter((str(block.node), block.state, CLASSES[block.zone_class]) for block in memory)
        found = collections.Counter()
        for key, value in samples.items():
            if key.startswith("memoryd_blocks{"):
                node, state, zone_class = re.match(
                    r'memoryd_blocks\{node="(.*)",state="(.*)",class="(.*)",origin=".*"\}', key).groups()
                found[(node, state, zone_class)] += int(value)
        with self.never_again():
            self.assertEqual(found, blocks)
        self.assertEqual(samples["memoryd_block_size_bytes"], memory.block_bytes)
        for node in sorted({block.node for block in memory}):
            sizes = {name: samples[f'memoryd_node_memory_bytes{{node="{node}",class="{name}"}}']
                     for name in ("kernel", "movable", "none")}
            self.assertEqual(sizes, {
                "kernel": memory.bytes(node, "kernel") + memory.bytes(node, "mixed"),
                "movable": memory.bytes(node, "movable"),
                "none": memory.block_bytes * len([block for block in memory.offline() if block.node == node])})
            self.assertAlmostEqual(samples[f'memoryd_node_movable_ratio{{node="{node}"}}'],
                                   sizes["movable"] / sizes["kernel"], places=4)
        movable = memory.bytes(None, "movable")
        self.assertAlmostEqual(samples["memoryd_movable_ratio"],
                               movable / (memory.bytes() - movable - memory.block_bytes * len(memory.offline())),
                               places=4)
        for name in ("failed", "foreign", "pending"):
            self.assertEqual(samples[f"memoryd_blocks_{name}"], 0)
        self.assertEqual((samples["memoryd_up"], samples["memoryd_degraded"]), (1, 0))


class TwentyDimms(MetricsCase):
    """Adds 20 devices one after the other, and starts memoryd again twice."""

    minutes = 4

    def test_metrics_are_those_of_the_kernel_and_no_counter_goes_back(self):
        before, first = self.samples(), read_memory(self.guest)
        self.assertKernelsValues(before)
        last = before
        for size, node in DIMMS:
            self.add_dimm(size, node)
            last = self._later(last)
        added = read_memory(self.guest).added_to(first)
        self.assertKernelsValues(last)

        # Each block was decided once, and is what was decided.
        decided = {name: last.by_label("memoryd_decisions_total", "class").get(name, 0)
                   - before.by_label("memoryd_decisions_total", "class").get(name, 0) for name in ("kernel", "movable")}
        with self.never_again():
            self.assertEqual(decided, {name: len(added.of(None, name)) for name in ("kernel", "movable")})
        bursts = (last["memoryd_online_duration_seconds_count"] - before["memoryd_online_duration_seconds_count"])
        self.assertGreaterEqual(bursts, len(DIMMS))
        self.assertGreater(last["memoryd_online_duration_seconds_sum"], before["memoryd_online_duration_seconds_sum"])

        text = self.guest.run("memoryctl metrics")
        self.assertAccepted(text)
        self.assertTrue(text.endswith("\n# EOF\n"))
        self._check_restarts(last, added.blocks[-1].index)

    def _later(self, before):
        """Returns the metrics, of which no counter has gone back."""
        now = self.samples()
        with self.never_again():
            self.assertEqual(now.went_back(before), [])
        return now

    def _check_restarts(self, last, block):
        """Counts a job and a rescan, and has memoryd end in both ways."""
        self.guest.run(f"memoryctl offline {block} && memoryctl online {block} && memoryctl rescan")
        done = 'memoryd_jobs_ended_total{kind="offline",result="done"}'
        now = self._later(last)
        self.assertEqual(now[done], last[done] + 1)
        self.assertEqual(now["memoryd_rescans_total"], last["memoryd_rescans_total"] + 1)
        self.guest.run("systemctl restart memoryd")
        self.memoryd.wait_ready()
        now = self._later(now)

        restarts = self.memoryd.restarts()
        self.memoryd.kill(self.memoryd.main_pid())
        self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "a restart")
        self.memoryd.wait_ready()
        now = self._later(now)
        self.assertEqual(now[done], last[done] + 1)
        self.wait_settled()
        self.assertKernelsValues(self.samples())
        self.add_dimm(256, 1)
        self.assertGreater(sum(self._later(now).by_label("memoryd_decisions_total", "class").values()),
                           sum(now.by_label("memoryd_decisions_total", "class").values()))
        self.assertModel()
        self.assertNoErrors()


@newer_matters("systemd decides what the service may do, and what it says in the journal")
class Textfile(MetricsCase):
    """The file that node_exporter reads."""

    def setUp(self):
        self.guest.run(f"mkdir -p {FOLDER}")
        self.addCleanup(self.guest.run, f"systemctl disable --quiet --now {TIMER}; rm -rf {FOLDER}; "
                                        f"systemctl reset-failed {SERVICE}; systemctl start memoryd")

    def _run(self):
        return self.guest.call(f"systemctl start {SERVICE}")

    def _value(self, name):
        return Samples(self.guest.run(f"cat {FILE}"))[name]

    def test_the_timer_keeps_it_up_to_date(self):
        self.assertEqual(self.guest.call(f"systemctl is-enabled {TIMER}").stdout, "disabled\n")
        self.guest.run(f"systemctl enable --now {TIMER}")
        self.guest.wait_until(f"[ -e {FILE} ]", "the first file")
        text = self.guest.run(f"cat {FILE}")
        self.assertAccepted(text)
        self.assertKernelsValues(Samples(text))
        self.assertEqual(self.guest.run(f"stat --format='%A %U' {FILE}"), "-rw-r--r-- root\n")
        self.assertEqual(self.guest.run(f"ls -A {FOLDER}"), "memoryd.prom\n")

        # The next run comes by itself.
        inode = self.guest.run(f"stat --format=%i {FILE}")
        self.add_dimm(256, 1)
        self.guest.wait_until(lambda: self.guest.run(f"stat --format=%i {FILE}") != inode, "the next file", timeout=300)
        self.guest.wait_until(lambda: self._value("memoryd_blocks_pending") == 0, "the block", timeout=300)
        self.assertKernelsValues(Samples(self.guest.run(f"cat {FILE}")))

    def test_it_tells_that_memoryd_does_not_run(self):
        self.assertEqual(self._run().code, 0)
        self.assertEqual(self._value("memoryd_up"), 1)
        self.guest.run("systemctl stop memoryd")
        self.assertEqual(self._run().code, 0)
        self.assertEqual(self.guest.run(f"grep -v '^#' {FILE}"), "memoryd_up 0\n")
        self.assertAccepted(self.guest.run(f"cat {FILE}"))
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.assertEqual(self._run().code, 0)
        self.assertEqual(self._value("memoryd_up"), 1)

    def test_it_can_write_to_this_folder_alone(self):
        self.guest.run("mkdir -p /run/other")
        self.addCleanup(self.guest.run, f"systemctl revert {SERVICE}; rm -rf /run/other; systemctl daemon-reload")
        self._set("Environment=MEMORYD_METRICS_FILE=/run/other/memoryd.prom\n")
        self.assertNotEqual(self._run().code, 0)
        self._set("Environment=MEMORYD_METRICS_FILE=/run/other/memoryd.prom\nReadWritePaths=/run/other\n")
        self.assertEqual(self._run().code, 0)
        self.assertEqual(self.guest.run("ls -A /run/other"), "memoryd.prom\n")
        # Another user's folder is refused, and so is a link to a folder of root.
        self.guest.run("chown nobody /run/other; rm /run/other/*")
        self.assertNotEqual(self._run().code, 0)
        self.guest.run("chown root /run/other; mkdir /run/other/folder; ln -s folder /run/other/link")
        self._set("Environment=MEMORYD_METRICS_FILE=/run/other/link/memoryd.prom\nReadWritePaths=/run/other\n")
        self.assertNotEqual(self._run().code, 0)
        self.assertEqual(self.guest.run("ls -A /run/other/folder"), "")

    def _set(self, text):
        folder = f"/etc/systemd/system/{SERVICE}.d"
        self.guest.run(f"mkdir -p {folder}")
        self.guest.write_file(f"{folder}/test.conf", f"[Service]\n{text}")
        self.guest.run("systemctl daemon-reload")
