# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""kernel/guard: the module refuses what the rules forbid on Debian's own kernels."""

import module
import recipe
from case import kernel_matters, newer_matters
from zones import HARDWARE, ManualCase, ZoneRules

GUARD = module.TOP / "kernel" / "guard"
PARAMETERS = "/sys/module/memoryd_guard/parameters"


def load_guard(guest):
    """Builds the module for the guest's kernel and loads it."""
    module.load(guest, GUARD, "memoryd_guard")


@kernel_matters("the module is built for it and hooks into it")
class Guard(ZoneRules, ManualCase):
    """The guard in a guest with an unmodified kernel."""

    minutes = 2

    kernels = tuple(recipe.kernels())
    hardware = HARDWARE

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        load_guard(cls.guest)
        cls.default = cls.guest.run(f"cat {PARAMETERS}/cpuless_nodes").strip()
        # The node on which the rules are tested has no processors.
        cls.guest.run(f"echo Y >{PARAMETERS}/cpuless_nodes")

    def set_rule(self, name, on):
        self.write("Y" if on else "N", f"{PARAMETERS}/{name}")

    def _counter(self, name):
        return int(self.guest.run(f"cat {PARAMETERS}/{name}"))

    def test_a_node_without_processors_needs_no_kernel_memory(self):
        self.assertEqual(self.default, "N")
        self.write("N", f"{PARAMETERS}/cpuless_nodes")
        self.addCleanup(self.write, "Y", f"{PARAMETERS}/cpuless_nodes")
        a, b, *_ = self.blocks
        self.assertAllowed(b, "online_movable")
        self.assertAllowed(a, "online_kernel")
        self.assertAllowed(a, "offline")
        self.assertStates("-M--")

    @newer_matters("the module is built for it and hooks into it")
    def test_counters_and_reasons(self):
        self.prepare("-KM-")
        a, b, *_ = self.blocks
        order, kernel = self._counter("refused_zone_order"), self._counter("refused_kernel_zone")
        self.assertRefused(b, "offline")
        self.assertRefused(a, "online_movable")
        self.assertRefused(a, "online_movable")
        self.assertEqual(self._counter("refused_zone_order"), order + 2)
        self.assertEqual(self._counter("refused_kernel_zone"), kernel + 1)
        self.assertIn("memoryd_guard: node 2: refused to ", self.guest.run("dmesg"))
        self.assertNotEqual(self.try_write("0", f"{PARAMETERS}/refused_zone_order"), "")

    def test_without_the_module_nothing_is_refused(self):
        self.guest.run("rmmod memoryd_guard")
        self.addCleanup(self.guest.run, "insmod /root/memoryd_guard.ko")
        a, b, *_ = self.blocks
        self.assertAllowed(b, "online_movable")
        self.assertAllowed(a, "online_movable")
        self.assertStates("MM--")
