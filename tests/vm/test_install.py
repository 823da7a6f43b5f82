# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""What ./setup install and uninstall do where systemd runs."""

import pathlib

from case import WORDS_FILE, GuestCase

TOP = pathlib.Path(__file__).resolve().parents[2]
CHECKOUT = "/root/checkout"

# There is no compiler in the guest. `make install` replaces the program by a copy, as an installation does.
STAND_INS = {
    # All packages are installed, and none of them has memoryd.
    "dpkg-query": '[ "$1" != -S ] && echo installed',
    "make": r"""
case "$*" in
*uninstall*) rm /usr/sbin/memoryd /usr/bin/memoryctl /usr/lib/systemd/system/memoryd.service ;;
*install*) cp -p /usr/sbin/memoryd /usr/sbin/memoryd.new && mv /usr/sbin/memoryd.new /usr/sbin/memoryd ;;
esac""",
}


class Setup(GuestCase):
    """./setup with stand-ins for the compiler and make."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        for name in "setup", "systemd/memoryd.sysusers":
            cls.guest.write_file(f"{CHECKOUT}/{name}", (TOP / name).read_text(encoding="utf-8"))
        cls.guest.write_file(f"{CHECKOUT}/configure", "#!/bin/sh\n: >Makefile\n")
        for name, script in STAND_INS.items():
            cls.guest.write_file(f"{CHECKOUT}/bin/{name}", f"#!/bin/sh\n{script}\n")
        cls.guest.run(f"chmod 755 {CHECKOUT}/setup {CHECKOUT}/configure {CHECKOUT}/bin/*")

    def _setup(self, verb):
        return self.guest.run(f"cd {CHECKOUT} && PATH=$PWD/bin:$PATH ./setup {verb} 2>&1")

    def test_an_upgrade_is_run_and_uninstall_ends_it(self):
        old = self.memoryd.main_pid()
        self.guest.run("systemctl --quiet disable memoryd")
        self._setup("install")
        self.memoryd.wait_ready()
        new = self.memoryd.main_pid()
        self.assertNotEqual(new, old)
        self.assertEqual(self.guest.run(f"readlink /proc/{new}/exe").strip(), "/usr/sbin/memoryd")
        self.guest.run("systemctl is-enabled memoryd")
        self.add_dimm_by_policy(512, 1)

        self.guest.run("systemctl stop memoryd")
        before = self.guest.run(f"cat {WORDS_FILE}")
        self.guest.run("systemctl start memoryd")
        self.memoryd.wait_ready()
        self.guest.wait_until(f"grep -qx offline {WORDS_FILE}", "memoryd's word")
        text = self._setup("uninstall")
        self.assertIn("/etc/memoryd, which has files of yours", text)
        self.assertEqual(self.guest.run(f"cat {WORDS_FILE}"), before)
        self.assertEqual(self.guest.call("pgrep -x 'memoryd|memoryd-write'").code, 1)
        self.assertEqual(self.guest.run("systemctl show --value --property=LoadState memoryd").strip(), "not-found")
        self.assertEqual(self.guest.run("find /etc/systemd /run/memoryd -name '*memoryd*'", check=False), "")
