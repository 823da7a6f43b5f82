# SPDX-License-Identifier: LGPL-2.1-or-later
"""What works against the policy on a machine, as Verify() tells."""

import json

from case import WORDS_FILE, GuestCase
from memoryd import NAME, PATH

RULE = 'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}="online"\n'
GUARDED = """SUBSYSTEM!="memory", GOTO="end"
CONST{virt}=="none", GOTO="end"
ATTR{state}=="offline", ATTR{state}="online_movable"
LABEL="end"
"""
BY_VENDOR = 'ATTR{[dmi/id]sys_vendor}=="Xen", SUBSYSTEM=="memory", ATTR{state}="online"\n'
POLICY_FILE = "/sys/module/memory_hotplug/parameters/online_policy"


class Verify(GuestCase):
    """The usual guest."""

    def _found(self, user=None):
        text = self.guest.run(
            f"busctl --json=short call {NAME} {PATH} {NAME}.Manager Verify", user=user)
        return [(check, subject) for check, subject, _, _ in json.loads(text)["data"][0]]

    def _write_rule(self, path, text):
        self.guest.write_file(path, text)
        self.addCleanup(self.guest.run, f"rm -f {path}")

    def test_a_guest_as_it_is_installed_has_nothing_against_the_policy(self):
        self.add_dimm(512, 0)
        self.add_dimm(512, 1)
        self.assertEqual(self._found(user="nobody"), [])

    def test_rules_of_udev_are_found_until_they_are_masked(self):
        self._write_rule("/etc/udev/rules.d/10-own.rules", RULE)
        self._write_rule("/usr/lib/udev/rules.d/40-vendor.rules", GUARDED)
        self._write_rule("/run/udev/rules.d/50-xen.rules", BY_VENDOR)
        own = ("udev-rule", "/etc/udev/rules.d/10-own.rules:1")
        self.assertEqual(self._found(), [own, ("udev-rule",
                                               "/usr/lib/udev/rules.d/40-vendor.rules:3")])
        mask = "/etc/udev/rules.d/40-vendor.rules"
        self.guest.run(f"ln -s /dev/null {mask}")
        self.addCleanup(self.guest.run, f"rm -f {mask}")
        self.assertEqual(self._found(), [own])

    def test_settings_of_the_kernel_are_found(self):
        self.guest.run(f"echo online_movable >{WORDS_FILE}; echo auto-movable >{POLICY_FILE}")
        self.addCleanup(self.guest.run, f"echo contig-zones >{POLICY_FILE}")
        self.assertEqual(self._found(), [("auto-online", WORDS_FILE),
                                         ("online-policy", POLICY_FILE)])
        # As the finding advises.
        self.guest.run("memoryctl rescan")
        self.guest.wait_until(
            lambda: self._found() == [("online-policy", POLICY_FILE)], "auto_online_blocks set back")

    def test_a_node_that_is_movable_alone_is_found_unless_that_is_meant(self):
        self.memoryd.use('rules = ( { node = 2; zone = "movable"; } );\n')
        self.add_dimm(256, 2)
        self.assertEqual(self._found(), [("movable-only-node", "node 2")])
        self.memoryd.use('rules = ( { node = 2; zone = "movable"; movable_node = true; } );\n')
        self.assertEqual(self._found(), [])
