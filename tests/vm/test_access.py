# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""The rights of users of the bus, and of memoryd itself."""

import re

from case import GuestCase, kernel_matters, newer_matters
from memoryd import NAME, PATH, UNIT

MANAGER = f"{NAME} {PATH} {NAME}.Manager"
DROP_IN = "/etc/memoryd/memoryd.conf.d/50-access.conf"


class Users(GuestCase):
    """A user without rights can look at memory, but cannot change it."""

    def _as_user(self, command):
        return self.guest.run(command, user="user")

    def test_a_user_sees_the_objects(self):
        tree = self._as_user(f"busctl --list tree {NAME}")
        for path in (PATH, f"{PATH}/node/0", f"{PATH}/node/0/zone/DMA32"):
            self.assertIn(path, tree.split())

    def test_a_user_can_introspect(self):
        text = self._as_user(f"busctl introspect {NAME} {PATH}")
        for member in (f"{NAME}.Manager", ".MovableBytes", ".ListBlocks", ".Reload"):
            self.assertIn(member, text.split())
        self.assertIn(".MovableBytes",
                      self._as_user(f"busctl introspect {NAME} {PATH}/node/0").split())

    def test_a_user_gets_the_managed_objects(self):
        objects = self.memoryd.managed_objects(user="user")
        self.assertIn(f"{NAME}.Node", objects[f"{PATH}/node/0"])
        self.assertIn(f"{NAME}.Zone", objects[f"{PATH}/node/0/zone/DMA32"])
        self.assertFalse([path for path in objects if "block" in path])

    def test_a_user_runs_memoryctl(self):
        for command in ("memoryctl", "memoryctl list", "memoryctl nodes", "memoryctl zones"):
            self.assertTrue(self._as_user(command).strip(), command)

    def test_changes_are_refused(self):
        files = self.memoryd.get("ConfigFiles")
        self.guest.write_file(DROP_IN, "max_movable_ratio = 1.0;\n")
        for method in ("Reload", "Rescan"):
            with self.subTest(method=method):
                self.assertDenied(self.guest.call(f"busctl call {MANAGER} {method}", user="user"))
        for verb in ("reload", "rescan"):
            with self.subTest(verb=verb):
                result = self.guest.call(f"memoryctl --no-ask-password {verb}", user="user")
                self.assertDenied(result)
                self.assertEqual(result.code, 1)
        self.assertEqual(self.memoryd.get("ConfigFiles"), files)

        # The calls failed only because of the missing right.
        self.guest.run(f"busctl call {MANAGER} Rescan")
        self.guest.run(f"busctl call {MANAGER} Reload")
        self.assertEqual(self.memoryd.get("ConfigFiles"), [*files, DROP_IN])
        self.guest.run(f"rm {DROP_IN}; memoryctl reload")

    def test_without_polkit_changes_are_refused_too(self):
        self.guest.run("systemctl --quiet --runtime mask polkit; systemctl stop polkit")
        self.addCleanup(self.guest.run, "systemctl --quiet --runtime unmask polkit")
        result = self.guest.call(f"busctl call {MANAGER} Reload", user="user")
        with self.never_again():
            self.assertNotEqual(result.code, 0)
        self._as_user(f"busctl get-property {MANAGER} MovableBytes")

    def test_no_call_starts_a_memoryd_that_was_stopped(self):
        self.guest.run("systemctl stop memoryd")
        try:
            for user in ("user", "root"):
                result = self.guest.call(f"busctl get-property {MANAGER} MovableBytes", user=user)
                self.assertNotEqual(result.code, 0)
            self.assertEqual(self.memoryd.show("ActiveState"), "inactive")
            self.assertIn("memoryd is not running", self.guest.call("memoryctl status", user="user").stderr)
        finally:
            self.guest.run("systemctl start memoryd")
            self.memoryd.wait_ready()


class Confinement(GuestCase):
    """A memoryd that is taken over by an attacker can do little."""

    def test_the_unit_is_hardened(self):
        path = self.memoryd.show("FragmentPath")
        text = self.guest.run(f"systemd-analyze security --offline=true --no-pager {path}")
        exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", text)[1])
        self.note(f"exposure {exposure}")
        self.assertLessEqual(exposure, 1.5)

    def test_no_process_is_root(self):
        main, actuator = self.memoryd.main_pid(), self.memoryd.actuator_pid()
        user = int(self.guest.run("id -u memoryd"))
        self.assertNotEqual(user, 0)
        self.assertEqual(self.memoryd.processes(), {main: user, actuator: user})
        for pid in (main, actuator):
            for line in ("Uid", "Gid"):
                self.assertNotIn("0", self._status(pid, line).split(), line)

    def test_only_the_actuator_has_a_capability(self):
        dac_override = 1 << 1
        for pid, has in ((self.memoryd.main_pid(), 0), (self.memoryd.actuator_pid(), dac_override)):
            for line in ("CapPrm", "CapEff"):
                self.assertEqual(int(self._status(pid, line), 16), has, line)
            for line in ("CapInh", "CapAmb"):
                self.assertEqual(int(self._status(pid, line), 16), 0, line)
            self.assertEqual(int(self._status(pid, "CapBnd"), 16), dac_override)
            self.assertEqual(self._status(pid, "NoNewPrivs"), "1")

    def test_the_actuator_has_nothing_open_that_it_does_not_need(self):
        listed = self.guest.run(f"cd /proc/{self.memoryd.actuator_pid()}/fd; readlink *").split()
        folders = ["/sys", "/sys/devices/system/memory", "/sys/devices/system/node"]
        self.assertEqual(sorted(name for name in listed if name.startswith("/sys")), folders)
        # Standard output and standard error lead to the journal, the other two to the main process.
        self.assertEqual(sum(name.startswith("socket:") for name in listed), 4)
        self.assertEqual(len(listed), 10, listed)
        self.assertLessEqual({"/dev/null", "/proc/kpageflags", "/proc/kpagecount"}, set(listed))

    @newer_matters("systemd keeps the files and hands them over")
    @kernel_matters("it decides who may open them")
    def test_what_only_root_opens_is_handed_over(self):
        main = self.memoryd.main_pid()
        listed = self.guest.run(f"cd /proc/{main}/fd; readlink *").split()
        for name in ("/iomem", "/kmsg", "/pressure/memory"):
            # systemd 257 opens them in another mount namespace, below which the kernel shows their names.
            self.assertTrue(any(path.endswith(name) for path in listed), f"{name}: {listed}")
        # The configuration asks for the events of the kernel (1), so memoryd has closed the other socket.
        sockets = self.guest.run("awk '$2 == 15 { print \"socket:[\" $10 \"]\", $4 }' /proc/net/netlink")
        heard = [groups for socket, groups in map(str.split, sockets.splitlines()) if socket in listed]
        self.assertEqual(heard, ["00000001"])
        # The service manager has kept nothing.
        self.assertEqual(self.memoryd.show("NFileDescriptorStore"), "0")

    @newer_matters("systemd sets the sandbox up")
    def test_the_main_process_cannot_trace_the_actuator(self):
        main, actuator = self.memoryd.main_pid(), self.memoryd.actuator_pid()
        as_main = (f"nsenter --mount --target {main} setpriv --reuid memoryd --regid memoryd --clear-groups "
                   "--bounding-set=-all --inh-caps=-all")
        for command in (f"ls /proc/{actuator}/fd/", f"head -c1 /proc/{actuator}/mem"):
            result = self.guest.call(f"{as_main} {command}")
            with self.never_again():
                self.assertNotEqual(result.code, 0, command)
            # In the /proc of systemd 257, the process does not even appear.
            self.assertRegex(result.stderr, "Permission denied|No such file")

    @newer_matters("systemd sets the sandbox up")
    def test_the_actuator_cannot_reach_the_service_manager(self):
        inside = f"nsenter --mount --target {self.memoryd.actuator_pid()}"
        mode = self.guest.run(f"{inside} stat --format=%a /run/systemd/private").strip()
        self.assertEqual(mode, "0")

    @newer_matters("systemd sets the sandbox up")
    @kernel_matters("it is the kernel that enforces the sandbox")
    def test_the_main_process_cannot_write_block_states(self):
        main = self.memoryd.main_pid()
        inside = f"nsenter --mount --target {main}"
        as_main = f"{inside} setpriv --reuid memoryd --regid memoryd --clear-groups"
        # The attempt to open a file shows enough, and changes nothing.
        for name in ("memory1/state", "auto_online_blocks"):
            target = f"bash -c ': >>/sys/devices/system/memory/{name}'"
            result = self.guest.call(f"{as_main} {target}")
            with self.never_again():
                self.assertNotEqual(result.code, 0, name)
            self.assertRegex(result.stderr, "Permission denied|Read-only file system")
        # The main process must not have such a file open for writing: open files survive the change of
        # user.
        opened = self.guest.run(f"ls -l /proc/{main}/fd").splitlines()
        states = [line for line in opened if "/sys/devices/system/memory" in line]
        self.assertFalse([line for line in states if "w" in line.split()[0][1:4]])

    @newer_matters("systemd sets the sandbox up")
    @kernel_matters("it is the kernel that enforces the sandbox")
    def test_the_rest_of_sysfs_is_closed_to_the_actuator(self):
        inside = f"nsenter --mount --target {self.memoryd.actuator_pid()}"
        self.guest.run(f"{inside} bash -c ': >>/sys/devices/system/memory/memory1/state'")
        for path in ("/sys/kernel/mm/ksm/run", "/sys/module/printk/parameters/time", "/sys/power/state",
                     "/sys/devices/system/cpu/cpu1/online", "/etc/fstab"):
            result = self.guest.call(f"{inside} bash -c ': >>{path}'")
            with self.never_again():
                self.assertNotEqual(result.code, 0, path)
            self.assertRegex(result.stderr, "Read-only file system|Permission denied|No such file")

    def test_the_kernel_spares_it_when_memory_is_out(self):
        for pid in self.memoryd.processes():
            self.assertEqual(self.guest.run(f"cat /proc/{pid}/oom_score_adj").strip(), "-900")

    def _status(self, pid, line):
        text = self.guest.run(f"grep ^{line}: /proc/{pid}/status")
        return text.split(":")[1].strip()

    def test_no_unit_of_it_failed(self):
        self.assertEqual(self.guest.run(f"systemctl is-failed {UNIT} || :").strip(), "active")
