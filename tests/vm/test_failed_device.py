# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""DIMMs that the kernel cannot add."""

import re

from case import FULL, GuestCase, kernel_matters
from memory import read_memory, wait_online

MESSAGE_DEVICE_FAILED = "1b019ed044ad4c7f9fd6c29dfaf7c4f4"

# Keeps the kernel from killing the guest agent and what it starts, and keeps what memoryd tells.
WATCH = r"""
echo -1000 >/proc/$(pidof qemu-ga)/oom_score_adj
echo -1000 >/proc/self/oom_score_adj
journalctl -f -n 0 -o short-monotonic -u memoryd | grep -m 1 'could not add' >/run/named
dmesg | grep 'PNP0C80:01: add_memory failed' >/run/gave_up
# A busy host can have the bus wait for too long.
until memoryctl status >/run/status; do sleep 1; done
until memoryctl verify >/run/verify; [ -s /run/verify ]; do sleep 1; done
# For the checks at the end: the kernel may find nothing more to kill, and panic.
echo 0 >/proc/sys/vm/nr_hugepages
touch /run/done
"""


@kernel_matters("it decides which traces such a DIMM leaves")
class FailedDevice(GuestCase):
    """The guest has a DIMM that was there at boot. It gets two DIMMs that are half as large as a memory block,
    so that the next DIMM begins at a block again."""

    hardware = FULL
    # The persistent memory has the first slot, and the DIMM of the boot the second.
    NAMES = ("PNP0C80:02", "PNP0C80:03")

    def test_dimms_that_are_not_aligned_are_named_and_hold_up_nothing(self):
        self.assertEqual(self.memoryd.get("FailedDevices"), [])
        for number, name in enumerate(self.NAMES, 1):
            self.guest.add_dimm("64M", 0)
            # Read the journal first: a question on the bus would have memoryd look.
            self.guest.wait_until(lambda number=number: len(self._entries()) == number,
                                  f"{name} in the journal")
        self.assertEqual({(name, size) for name, size, _ in self.memoryd.get("FailedDevices")},
                         {(name, 0) for name in self.NAMES})
        self._check_that_all_name_them()

        # Other memory comes online as if they were not there.
        before = read_memory(self.guest)
        self.guest.add_dimm("512M", 1)
        wait_online(self.guest, len(before.blocks) + 4)
        self.assertModel()
        self.assertEqual(len(self._entries()), 2)
        self.assertEqual([text for text in self.memoryd.messages() if "unknown" in text], [])
        self.assertNoErrors()

    def _entries(self):
        return self.memoryd.journal(f"MESSAGE_ID={MESSAGE_DEVICE_FAILED}")

    def _check_that_all_name_them(self):
        self.assertEqual([entry["MEMORYD_DEVICE"] for entry in self._entries()], list(self.NAMES))
        status = self.guest.run("memoryctl status")
        told = {row["device"] for row in self.memoryd.ctl("status")["failed_devices"]}
        self.assertEqual(told, set(self.NAMES))
        result = self.guest.call("memoryctl --json verify")
        self.assertEqual(result.code, 1)
        for name in self.NAMES:
            self.assertIn(f"  {name} (size not known): ", status)
            self.assertIn(f'"{name}"', result.stdout)
        self.assertTrue(self.memoryd.get("Degraded"))


@kernel_matters("it decides which traces such a DIMM leaves")
class TooLargeDevice(GuestCase):
    """The guest has 1 GiB, of which huge pages hold more than half. The page structures of 120 GiB need
    1.9 GiB. The kernel uses up its own memory for them and keeps it: programs go on in movable memory, if the
    kernel does not end them."""

    minutes = 3
    answers_at_end = False  # the kernel may have ended by then, for want of memory

    def test_a_dimm_that_does_not_fit_is_named(self):
        self.guest.run("echo 300 >/proc/sys/vm/nr_hugepages")
        self.add_dimm(1024, 1)
        # The kernel prints a stack when an allocation fails.
        self.guest.expect_trouble()
        self.guest.start(WATCH)
        self.guest.wait_until("pidof journalctl", "the watch")
        added = float(self.guest.run("cut -d ' ' -f 1 /proc/uptime"))
        self.guest.add_dimm("120G", 0)
        self.guest.wait_until("[ -e /run/done ]", "all that tells of the device")
        said, gave_up, status, found = (self.guest.run(f"cat /run/{name}")
                                        for name in ("named", "gave_up", "status", "verify"))
        named, *failed = (float(re.match(r"\[ *([0-9.]+)\]", text)[1]) for text in (said, gave_up) if text)
        self.note(f"named {named - added:.1f} s after it was added")
        # How long the kernel tries depends on the machine: it clears page structures as long as it can.
        if failed:
            self.assertLess(named - failed[0], 5)
        self.assertRegex(said, r"could not add the memory of PNP0C80:01 \((120G|size not known)\): ")
        self.assertIn("  PNP0C80:01 (", status)
        self.assertIn("PNP0C80:01", found)
