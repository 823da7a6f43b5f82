#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""`make install` makes the folder for settings of a user, and installs what memoryd.pc and the preset name. `make
uninstall` removes all but settings of a user.

Runs in the folder of the build, and installs below a temporary folder."""

import os
import pathlib
import subprocess
import tempfile
import unittest

# Folders that belong to memoryd alone.
OWN_FOLDERS = ("memoryd", "examples", "memoryd.conf.d")


class Install(unittest.TestCase):
    """Each test starts with memoryd installed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self._make("install")

    def _make(self, target):
        # The make that runs this test must not pass its jobs and variables on.
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR")}
        # A prefix of our own: that of the build can have a folder with the name of one of OWN_FOLDERS.
        done = subprocess.run([os.environ.get("MAKE", "make"), target, f"DESTDIR={self.root}", "prefix=/usr"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              env=environment, umask=0o002, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def _files(self):
        return {path.name for path in self.root.rglob("*") if not path.is_dir()}

    def _own_folders(self):
        return [path for path in self.root.rglob("*") if path.is_dir() and path.name in OWN_FOLDERS]

    def test_it_leaves_nothing(self):
        self.assertLessEqual({"memoryd", "memoryctl", "memoryd.service", "memoryd.8"}, self._files())
        self._make("uninstall")
        self.assertEqual(self._files(), set())
        self.assertEqual(self._own_folders(), [])

    def test_pkg_config_names_the_folders(self):
        folder = next(self.root.rglob("memoryd.pc")).parent
        for variable, name in (("vendorconfdir", "memoryd.conf"), ("interfacesdir", "org.memoryd1.Manager.xml")):
            path = subprocess.run([os.environ.get("PKG_CONFIG", "pkg-config"), "--define-variable=prefix=/usr",
                                   f"--variable={variable}", "memoryd"], stdout=subprocess.PIPE, text=True, check=True,
                                  env=os.environ | {"PKG_CONFIG_PATH": str(folder)}, timeout=120).stdout.strip()
            self.assertTrue((self.root / path.lstrip("/") / name).is_file(), f"no {name} in '{path}'")

    def test_presets_are_those_of_installed_units(self):
        words = next(self.root.rglob("*.preset")).read_text(encoding="utf-8").splitlines()
        enabled = {line.split()[1] for line in words if line.startswith("enable ")}
        disabled = {line.split()[1] for line in words if line.startswith("disable ")}
        self.assertEqual(enabled, {"memoryd.service"})
        self.assertIn("memoryd-metrics.timer", disabled)
        self.assertLessEqual(enabled | disabled, self._files())

    def test_settings_of_a_user_stay(self):
        # memoryd refuses a folder that a group can write to, whatever the umask of the installation is.
        folder = next(path for path in self._own_folders() if path.name == "memoryd.conf.d")
        self.assertEqual(folder.parts[-3:-1], ("etc", "memoryd"))
        for path in folder, folder.parent:
            self.assertEqual(path.stat().st_mode & 0o7777, 0o755, path)
        (folder / "50-local.conf").touch()
        self._make("uninstall")
        self.assertEqual(self._files(), {"50-local.conf"})
        self.assertEqual(self._own_folders(), [folder.parent, folder])


if __name__ == "__main__":
    unittest.main()
