# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""An edited configuration takes effect, and a broken one does not."""

from case import GuestCase

DROP_IN = "/etc/memoryd/memoryd.conf.d/50-x.conf"

# The fault is in line 2.
BROKEN = 'per_node = true;\nmax_movable_ratio = "many";\n'


def rule(zone):
    """Returns a rule that gives this zone to all memory of node 2."""
    return f'rules = ( {{ name = "place"; node = 2; zone = "{zone}"; }} );\n'


class Reload(GuestCase):
    """Each test starts with the shipped configuration."""

    def setUp(self):
        self.guest.run(f"rm -f {DROP_IN}; systemctl start memoryd && systemctl reload memoryd")

    def _edit(self, text):
        self.guest.write_file(DROP_IN, text)

    def _classes_of_next_dimm(self):
        _, _, added = self.add_dimm(512, 2)
        return added.classes()

    def test_the_next_dimm_follows_the_edit(self):
        for zone, classes in (("kernel", "KKKK"), ("movable", "MMMM")):
            with self.subTest(zone=zone):
                self._edit(rule(zone))
                self.guest.run("systemctl reload memoryd")
                self.assertClasses(self._classes_of_next_dimm(), classes)
                self.assertIn("place", {row.rule for row in self.memoryd.blocks()})
        self.assertIn(DROP_IN, self.memoryd.get("ConfigFiles"))

    def test_a_broken_edit_changes_nothing(self):
        self._edit(rule("kernel"))
        self.guest.run("systemctl reload memoryd")
        pid = self.memoryd.main_pid()
        self._edit(BROKEN)

        self.assertNotEqual(self.guest.call("systemctl reload memoryd").code, 0)
        result = self.guest.call("memoryctl reload")
        self.assertEqual(result.code, 1)
        self.assertIn(f"{DROP_IN}:2:", result.stderr)
        self.assertIn("max_movable_ratio", result.stderr)
        self.assertIn(f"{DROP_IN}:2:", "\n".join(self.memoryd.get("ConfigFaults")))
        self.assertIn(f"{DROP_IN}:2:", self.guest.call("memoryctl status").stdout)
        # StatusText is memoryd's own status line. The journal's lines below it do not count.
        self.assertIn(f"{DROP_IN}:2:",
                      self.guest.run("systemctl show --value --property=StatusText memoryd"))

        self.assertEqual(self.memoryd.main_pid(), pid)
        self.assertClasses(self._classes_of_next_dimm(), "KKKK")

        self._edit(rule("movable"))
        self.guest.run("systemctl reload memoryd")
        self.assertEqual(self.memoryd.get("ConfigFaults"), [])

    def test_every_fault_is_told_at_once(self):
        self._edit(BROKEN + "colour = 1;\n")
        result = self.guest.call("memoryd --check-config")
        self.assertEqual(result.code, 1)
        text = result.stdout + result.stderr
        self.assertIn(f"{DROP_IN}:2: 'max_movable_ratio'", text)
        self.assertIn(f"{DROP_IN}:3: 'colour'", text)

    def test_memoryd_does_not_start_with_a_fault(self):
        self._edit(BROKEN)
        with self.memoryd.failing():
            self.assertNotEqual(self.guest.call("systemctl restart memoryd").code, 0)
        self.assertIn(f"{DROP_IN}:2:",
                      self.guest.call("systemctl status --no-pager --full memoryd").stdout)
