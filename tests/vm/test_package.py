# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The Debian package of memoryd, from its installation to its purge. `./setup deb` builds the package."""

import json
import os
import pathlib
import re
import tempfile

import image
import program
from case import WORDS_FILE, GuestCase, newer_matters
from fault import MOVABLE
from host import call
from memory import read_memory, wait_online
from memoryd import UNIT

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / "build"
# Where ./setup deb puts the packages of each suite.
FOLDERS = {"bookworm": BUILD / "deb", "trixie": BUILD / "deb-trixie"}
PACKAGE, NEXT_PACKAGE = "/root/memoryd.deb", "/root/memoryd-next.deb"

SETTINGS_FILE = "/etc/memoryd/memoryd.conf.d/10-tests.conf"

LIST_FILES = r"find / -xdev \( -path /root -o -path /tmp -o -path /var/tmp \) -prune -o -print"
# What stays of other programs' work after a purge: what apt keeps for itself, copies of the lists of users and of
# packages, the compiled catalog of the journal, and the folder for the states of units of packages.
STAYS = re.compile(r"/etc/g?(passwd|shadow|group)-|/var/lib/dpkg/.*-old|/var/(cache|lib)/apt/.*|/var/log/.*"
                   r"|/var/lib/systemd/catalog/database"
                   r"|/var/lib/systemd/deb-systemd-helper-enabled(/sysinit\.target\.wants)?")


def find_package(suite):
    """Returns the path of the package for a suite."""
    found = sorted(FOLDERS[suite].glob("memoryd_*.deb"))
    if len(found) != 1:
        raise FileNotFoundError(f"{FOLDERS[suite]}: expected one package memoryd_*.deb, which ./setup deb makes, "
                                f"got {len(found)}")
    return found[0]


def with_next_version(package):
    """Returns the bytes of a package that is like this one, but has a higher version."""
    with tempfile.TemporaryDirectory(prefix="memoryd-vm-") as folder:
        tree, changed = pathlib.Path(folder) / "tree", pathlib.Path(folder) / "changed.deb"
        call("dpkg-deb", "--raw-extract", package, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.M))
        call("dpkg-deb", "--root-owner-group", "--build", tree, changed)
        return changed.read_bytes()


class PackageCase(GuestCase):
    """The guest has no memoryd, and two versions of the package."""

    kernels = ("6.12", "7.3")  # one for each suite: the package does not depend on the kernel
    has_memoryd = False
    boots = True

    @classmethod
    def prepare_class(cls):
        package = find_package(image.suites()[os.environ["MEMORYD_VM_KERNEL"]])
        cls.guest.write_file(PACKAGE, package.read_bytes())
        cls.guest.write_file(NEXT_PACKAGE, with_next_version(package))
        cls.guest.wait_until("systemctl is-active multi-user.target", "multi-user.target")


@newer_matters("the scripts of a package are those of its suite's debhelper")
class Package(PackageCase):
    """Each test installs the package, and purges it."""

    minutes = 4

    def setUp(self):
        self.word = self._read_word()
        self.files = self._list_files()
        # An administrator can have settings before the package is there.
        self.guest.write_file(SETTINGS_FILE, image.TEST_SETTINGS)
        self.addCleanup(self.guest.run, "dpkg --purge memoryd; rm -rf /etc/memoryd")
        self.guest.run(f"apt-get --yes install {PACKAGE}")

    def _read_word(self):
        return self.guest.run(f"cat {WORDS_FILE}").strip()

    def _list_files(self):
        return set(self.guest.run(LIST_FILES).splitlines())

    def _version(self):
        return self.guest.run("dpkg-query --show --showformat='${Version}' memoryd")

    def test_an_installed_memoryd_is_ready_to_use(self):
        self.memoryd.wait_ready()
        self.assertEqual(self.guest.run(f"systemctl is-enabled {UNIT}"), "enabled\n")
        self.assertEqual(set(self.memoryd.processes().values()), {int(self.guest.run("id -u memoryd"))})
        # The bus and polkit have read their policies: memoryd has its name, all may ask, and not all may change.
        self.assertEqual(self.guest.call("memoryctl status", user="user").code, 0)
        self.assertDenied(self.memoryd.call_method("Reload", user="user"))
        self.assertIn("org.memoryd1.offline", self.guest.run("pkaction").split())
        self.assertIn("Memory block", self.guest.run("journalctl --list-catalog 72671be2033c4e72bf8dfa23339b8792"))
        self.assertEqual(self._read_word(), "offline")
        self.add_dimm_by_policy(1024, 1)
        self.assertModel()
        self.assertNoErrors()

    def test_an_upgrade_loses_no_memory(self):
        self.memoryd.wait_ready()
        before, version, process = read_memory(self.guest), self._version(), self.memoryd.main_pid()
        upgrade = self.guest.start(f"dpkg --install {NEXT_PACKAGE}")
        self.guest.add_dimm("2G", 1)
        self.assertEqual(upgrade.wait().code, 0)

        self.memoryd.wait_ready()
        self.assertEqual(self._version(), f"{version}+next")
        self.assertNotEqual(self.memoryd.main_pid(), process)
        self.assertEqual(self.guest.run(f"readlink /proc/{self.memoryd.main_pid()}/exe"), "/usr/sbin/memoryd\n")
        wait_online(self.guest, len(before.blocks) + 16)
        self.assertModel()
        self.assertPolicy()
        self.assertEqual(self._read_word(), "offline")
        self.assertEqual(self.guest.run(f"cat {SETTINGS_FILE}"), image.TEST_SETTINGS)
        self.assertNoErrors()

    def test_a_remove_puts_back_the_setting_of_the_kernel(self):
        self.memoryd.wait_ready()
        self.guest.run("dpkg --remove memoryd")
        self.assertEqual(self._read_word(), self.word)
        self.assertEqual(self.guest.call("pgrep --count memoryd").stdout, "0\n")
        self.assertEqual(self.guest.run(f"cat {SETTINGS_FILE}"), image.TEST_SETTINGS)

    def test_a_purge_leaves_only_the_user(self):
        self.memoryd.wait_ready()
        self.guest.run("dpkg --purge memoryd")
        self.assertEqual({path for path in self._list_files() - self.files if not STAYS.fullmatch(path)}, set())
        self.assertEqual(self.files - self._list_files(), set())
        self.assertEqual(self.guest.call("ls -d /run/memoryd").stdout, "")
        self.assertIn(self.guest.call(f"systemctl is-enabled {UNIT}").stdout, ("", "not-found\n"))
        self.assertEqual(self._read_word(), self.word)
        self.guest.run("id memoryd")


@newer_matters("the scripts of a package are those of its suite's debhelper")
class UpgradedOften(PackageCase):
    """Upgrades and downgrades follow each other, each while a DIMM comes and a job runs that would take an hour."""

    upgrades = 20
    minutes = 10
    everyday = False

    def test_no_block_is_lost_and_each_job_is_told(self):
        # What the kernel does while memoryd is away.
        self.guest.run(f"echo online_movable >{WORDS_FILE}")
        self.guest.write_file(SETTINGS_FILE, MOVABLE + 'offline_timeout = "1h";\n')
        self.guest.run(f"dpkg --install {PACKAGE}")
        self.memoryd.wait_ready()
        _, memory, added = self.add_dimm(512, 1)
        first, last = added.blocks[0].index, added.blocks[-1].index
        program.bring_in(self.guest, "load")
        self.start_load(f"pin 1 {first}")

        results = []
        for number in range(self.upgrades):
            known = len(read_memory(self.guest).blocks)
            job = self.guest.start(f"exec memoryctl --json offline --undo-on-failure {first}-{last}")
            self.guest.wait_until(self.memoryd.jobs, "the job")
            upgrade = self.guest.start(f"dpkg --install {PACKAGE if number % 2 else NEXT_PACKAGE}")
            self.guest.add_dimm("256M", 1 + number % 2)
            self.assertEqual(upgrade.wait().code, 0)
            results.append(json.loads(job.wait().stdout)["result"])
            self.memoryd.wait_ready()
            wait_online(self.guest, known + 2)
        self.assertEqual(results, ["cancelled"] * self.upgrades)
        self.assertModel()
        for block in read_memory(self.guest).added_to(memory):
            self.assertClasses(block.zone_class, "movable")
        self.note(f"{self.upgrades} upgrades and downgrades with a DIMM and a job each: no block lost, all jobs told "
                  "as cancelled")
