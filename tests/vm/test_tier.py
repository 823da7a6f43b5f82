# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node with slow memory: its memory tier, and what the firmware tells of its speed."""

from case import GuestCase, kernel_matters
from machine import Node, Speed
from memory import read_memory

# The kernel's tiers. A nodelist must not be read while memory can go offline: the tests read it only when
# nothing changes.
TIERS = "/sys/devices/virtual/memory_tiering"

# The first memory of the node has no tier yet when it is decided on, so it is the second rule's.
CONFIGURATION = ('rules = ( { name = "slow"; tier = "5-"; zone = "movable"; },\n'
                 '          { name = "first"; node = 1; zone = "movable"; movable_node = true; } );\n')

COLUMNS = "NODE,TIER,READ_BANDWIDTH,WRITE_BANDWIDTH,READ_LATENCY,WRITE_LATENCY"


@kernel_matters("it takes the speed of the memory of DIMMs into account since 6.11")
class Tiers(GuestCase):
    """Node 1 has memory that is three times as slow as that of node 0, and half as broad."""

    hardware = {"nodes": (Node("1G", "0-1"), Node()),
                "speeds": (Speed(100, "10G"), Speed(300, "5G"))}

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        cls.memoryd.use(CONFIGURATION)

    def _tiers(self):
        """Returns the tier of each node as the kernel has it."""
        lines = self.guest.run(f"cd {TIERS} && grep -H . memory_tier*/nodelist").splitlines()
        tiers = {}
        for line in lines:
            path, nodes = line.split(":")
            for node in nodes.split(","):
                first, _, last = node.partition("-")
                for number in range(int(first), int(last or first) + 1):
                    tiers[number] = int(path.split("/")[0].removeprefix("memory_tier"))
        return tiers

    def _rows(self):
        return {row["node"]: row for row in self.memoryd.ctl(f"nodes --output={COLUMNS}")["nodes"]}

    def test_the_tier_and_the_speed_of_a_node_and_a_rule_by_tier(self):
        rows = self._rows()
        self.assertEqual({number: row["tier"] for number, row in rows.items()},
                         {number: self._tiers().get(number) for number in rows})

        _, _, first = self.add_dimm(512, 1)
        self.assertRule(first, "first")
        tiers, rows = self._tiers(), self._rows()
        self.note(f"tiers by node: {tiers}")
        self.assertEqual({number: row["tier"] for number, row in rows.items()}, tiers)
        for number, megabytes, nanoseconds in ((0, 10240, 100), (1, 5120, 300)):
            self.assertEqual([rows[number][key] for key in ("read_bandwidth", "write_bandwidth")],
                             [megabytes] * 2)
            self.assertEqual([rows[number][key] for key in ("read_latency", "write_latency")],
                             [nanoseconds] * 2)
        self.assertEqual(self.memoryd.node(1, "ReadLatency"), 300)

        # Before 6.11, only the drivers of dax devices give their memory another tier.
        is_slow = tiers[1] > tiers[0]
        release = [int(word) for word in self.guest.run("uname -r").split("-")[0].split(".")[:2]]
        self.assertEqual(is_slow, release >= [6, 11])
        _, _, second = self.add_dimm(512, 1)
        self.assertRule(second, "slow" if is_slow else "first")
        self.assertClasses(second.classes(1), "MMMM")
        self._check_a_tier_that_goes_while_tiers_are_read()

    def _check_a_tier_that_goes_while_tiers_are_read(self):
        """With the last memory of the node its tier goes. Reading the nodelist of that tier meanwhile would
        hang the kernel for good."""
        reader = self.guest.start("while memoryctl nodes -o TIER >/dev/null; do :; done")
        for _ in range(4):
            report, code = self.memoryd.report("offline --node 1")
            self.assertEqual((code, report["failures"]), (0, []), report)
            self.assertNotIn(1, self._tiers())
            self.assertIsNone(self._rows()[1]["tier"])
            _, code = self.memoryd.report("online --node 1 --zone movable")
            self.assertEqual(code, 0)
            self.assertEqual(self._rows()[1]["tier"], self._tiers()[1])
        self.assertIsNone(reader.result(), "the reader has ended")
        reader.stop()
        self.assertEqual(read_memory(self.guest).classes(1), "M" * 8)
        self.assertModel()
