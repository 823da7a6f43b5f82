# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""/run/memoryd/capacity says how much memory is online, and hooks run when it has changed."""

from case import GuestCase, kernel_matters, newer_matters
from memory import read_memory, wait_online

FILE = "/run/memoryd/capacity"
CHANGED = "/run/memoryd/state/capacity-changed"
HOOKS = "/etc/memoryd/capacity.d"
EXAMPLES = "/usr/share/doc/memoryd/examples/capacity.d"
SERVICE = "memoryd-capacity.service"
PATH_UNIT = "memoryd-capacity.path"

NAMES = ("MEMORY_ONLINE_BYTES", "MEMORY_KERNEL_BYTES", "MEMORY_MOVABLE_BYTES")

DIMM_BLOCKS = 64
BURSTS = 10

# Adds a line for each run, and takes so long that memory changes meanwhile.
COUNT = f"""#!/bin/sh
sleep 2
echo {" ".join(f"${name}" for name in NAMES)} >>/run/counted
"""


class CapacityCase(GuestCase):
    """Each test begins with memory by the policy "movable", so that DIMMs can be removed again, with no
    hooks, and with no change that hooks were not told of."""

    def setUp(self):
        self.memoryd.use('rules = ({ zone = "movable"; });\n')
        self.memoryd.wait_ready()
        self.addCleanup(self._stop)
        self._start()

    def _start(self):
        self.guest.run(f"rm -rf {HOOKS}/* /run/counted; systemctl start {PATH_UNIT}")
        self.wait_told()

    def _stop(self):
        self.guest.run(f"systemctl stop {PATH_UNIT} {SERVICE}; systemctl reset-failed; "
                       f"rm -rf {HOOKS}/* /run/systemd/system/{SERVICE}.d; systemctl daemon-reload")

    # Steps

    def hook(self, name, text):
        self.guest.write_file(f"{HOOKS}/{name}", text)
        self.guest.run(f"chmod 755 {HOOKS}/{name}")

    def set_limit(self, limit):
        self.guest.run(f"mkdir -p /run/systemd/system/{SERVICE}.d")
        self.guest.write_file(f"/run/systemd/system/{SERVICE}.d/limit.conf",
                              f"[Service]\nEnvironment=MEMORYD_HOOK_TIMEOUT={limit}\n")
        self.guest.run("systemctl daemon-reload")

    def wait_told(self):
        """Waits until the file has the figures of the kernel, and hooks were run with them."""
        def is_told():
            memory = read_memory(self.guest)
            state = self.guest.call(f"systemctl is-active {SERVICE}").stdout.strip()
            online = (len(memory.blocks) - len(memory.offline())) * memory.block_bytes
            movable = memory.bytes(None, "movable")
            return (self.figures() == [online, online - movable, movable]
                    and self.guest.call(f"test -e {CHANGED}").code != 0
                    and state in ("inactive", "failed"))
        self.guest.wait_until(is_told, "hooks being told of the last change")

    def two_bursts(self, is_told):
        """Adds a DIMM, and has a job take it offline. Its removal changes nothing then. Unless hooks are told
        in between, both bursts can be over before hooks run, and then the figures have not changed."""
        before = read_memory(self.guest)
        dimm = self.guest.add_dimm(DIMM_BLOCKS * before.block_bytes, 1)
        memory = wait_online(self.guest, len(before.blocks) + DIMM_BLOCKS)
        added = [block.index for block in memory.added_to(before)]
        if is_told:
            self.wait_told()
        self.guest.run(f"memoryctl offline {min(added)}-{max(added)}", timeout=600)
        self.guest.del_dimm(dimm)

    def change(self):
        """Changes what is online."""
        _, _, added = self.add_dimm(128, 1)
        self.assertEqual(len(added.blocks), 1)

    # Results

    def figures(self, path=FILE):
        return self.values(self.guest.run(f"cat {path}"))

    def values(self, text):
        lines = [line.split("=") for line in text.splitlines()]
        self.assertEqual([name for name, _ in lines], list(NAMES))
        return [int(value) for _, value in lines]

    def counted(self):
        """Returns the figures of each run of the hook COUNT."""
        return [[int(value) for value in line.split()]
                for line in self.guest.run("cat /run/counted 2>/dev/null || true").splitlines()]

    def told(self):
        """Returns what the service has logged."""
        return self.guest.run("journalctl --sync; journalctl --no-pager -o cat "
                              f"_SYSTEMD_UNIT={SERVICE}").splitlines()


@newer_matters("systemd decides when a path unit starts its service")
@kernel_matters("it takes more or less time for a burst")
class Hooks(CapacityCase):
    """Hooks are run once for each burst, and never lose the last one."""

    minutes = 5

    def test_ten_bursts_are_ten_runs_at_most(self):
        self.hook("count", COUNT)
        for i in range(BURSTS // 2):
            self.two_bursts(i % 2 == 0)
        self.wait_told()
        runs = self.counted()
        self.note(f"{len(runs)} runs for {BURSTS} bursts of {DIMM_BLOCKS} blocks")
        self.assertLessEqual(1, len(runs))
        self.assertLessEqual(len(runs), BURSTS)
        self.assertEqual(runs[-1], self.figures())
        self.assertModel()

    def test_changes_during_a_run_lead_to_one_more_run(self):
        self.hook("count", COUNT.replace("sleep 2", "until [ -e /run/go ]; do sleep 0.1; done"))
        self.addCleanup(self.guest.run, "touch /run/go")
        self.guest.run("rm -f /run/go")
        self.change()
        self.guest.wait_until(f"systemctl is-active {SERVICE} | grep -qx activating", "a run")
        self.change()
        self.guest.wait_until(f"test -e {CHANGED}", "the second change")
        self.change()
        self.guest.wait_until(lambda: self.figures(CHANGED)[0] == self.memoryd.get("OnlineBytes"),
                              "the third change")
        self.guest.run("touch /run/go")
        self.wait_told()
        self.assertEqual(len(self.counted()), 2)
        self.assertEqual(self.counted()[-1], self.figures())

    def test_a_restart_of_memoryd_runs_no_hooks(self):
        self.hook("count", COUNT)
        self.guest.run("systemctl restart memoryd")
        self.memoryd.wait_ready()
        self.assertNotEqual(self.guest.call(f"test -e {CHANGED}").code, 0)
        self.change()
        self.wait_told()
        self.assertEqual(len(self.counted()), 1)


class BadHooks(CapacityCase):
    """Hooks that fail or hang are named, and keep no other hook from running."""

    minutes = 2

    def test_a_hook_that_hangs_or_fails_is_named_and_the_others_run(self):
        self.set_limit("2s")
        self.hook("10-hang", "#!/bin/sh\nsleep 1000\n")
        self.hook("20-stubborn", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
        self.hook("30-fail", "#!/bin/sh\nexit 3\n")
        self.hook("40-crash", "#!/bin/sh\nkill -SEGV $$\n")
        self.hook("50-good", "#!/bin/sh\necho good\n")
        self.hook("60-copy.dpkg-old", "#!/bin/sh\necho bad\n")
        self.hook("70-off", "#!/bin/sh\necho bad\n")
        self.guest.run(f"chmod 644 {HOOKS}/70-off; cp -p {HOOKS}/50-good {HOOKS}/50-good~")
        before = len(self.told())
        self.change()
        self.wait_told()
        # The shell adds lines of its own about hooks that a signal has ended.
        own = ("Killed", "Segmentation fault")
        self.assertEqual([line for line in self.told()[before:] if line not in own], [
            "10-hang did not end within 2s, and was ended",
            "20-stubborn was killed: it did not end within 2s and 10s more, or memory was short",
            "30-fail failed with exit status 3",
            "40-crash failed with exit status 139",
            "good"])
        errors = self.guest.run(f"journalctl --no-pager -o cat -p err _SYSTEMD_UNIT={SERVICE}")
        self.assertIn("30-fail failed", errors)
        self.assertEqual(self.guest.call(f"systemctl is-failed {SERVICE}").stdout.strip(), "failed")
        self.assertEqual(self.guest.call("pgrep -f 'sleep 1000'").stdout, "")

        # The next change is told all the same.
        self.guest.run(f"rm {HOOKS}/[1-4]*")
        self.change()
        self.wait_told()
        self.assertEqual(self.told()[-1], "good")
        self.assertEqual(self.guest.run(f"systemctl show --value -p Result {SERVICE}").strip(),
                         "success")

    def test_who_has_taken_over_memoryd_gets_only_numbers_to_hooks(self):
        self.hook("print", "#!/bin/sh\nenv | sed 's/^/env /'\n")
        for text in (
                "MEMORY_ONLINE_BYTES=1\nMEMORY_KERNEL_BYTES=2\nMEMORY_MOVABLE_BYTES=$(touch /run/evil)",
                "MEMORY_ONLINE_BYTES=1\nMEMORY_KERNEL_BYTES=2\nMEMORY_MOVABLE_BYTES=3\nLD_PRELOAD=/evil"):
            self.guest.write_file("/run/text", text + "\n")
            self.guest.run(f"runuser -u memoryd -- sh -c 'cat /run/text >{CHANGED}'")
            self.guest.wait_until(f"! test -e {CHANGED} && ! systemctl is-active {SERVICE} | "
                                  "grep -q activating", "the run")
        told = self.told()
        self.assertIn("There is no MEMORY_MOVABLE_BYTES in /run/memoryd-capacity/figures", told)
        self.assertIn("env MEMORY_MOVABLE_BYTES=3", told)
        self.assertFalse([line for line in told if "evil" in line])
        self.assertNotEqual(self.guest.call("test -e /run/evil").code, 0)


@kernel_matters("its folders and limits are those of the kernel")
class CapacityFile(CapacityCase):
    """What is in the file, and who may read and write it."""

    def test_the_file_is_for_all_to_read_and_for_memoryd_alone_to_write(self):
        self.change()
        self.wait_told()
        self.assertEqual(self.figures()[0], self.memoryd.get("OnlineBytes"))
        self.assertEqual(self.figures()[2], self.memoryd.get("MovableBytes"))
        self.assertEqual(self.guest.run(f"stat -L -c '%a %U' {FILE}").strip(), "644 memoryd")
        self.assertEqual(self.guest.run("stat -c '%a %U' /run/memoryd").strip(), "755 root")
        self.assertEqual(self.guest.run("stat -c '%a %U' /run/memoryd/state").strip(), "755 memoryd")
        self.assertEqual(self.values(self.guest.run(f"cat {FILE}", user="user")), self.figures())
        for place in (FILE, CHANGED, "/run/memoryd/other"):
            self.assertNotEqual(self.guest.call(f"echo >{place}", user="user").code, 0)
        self.assertNotEqual(self.guest.call("echo >/run/memoryd/other", user="memoryd").code, 0)

    def test_a_path_unit_can_watch_the_link(self):
        self.guest.write_file("/run/systemd/system/watch.path",
                              f"[Path]\nPathChanged={FILE}\n")
        self.guest.write_file("/run/systemd/system/watch.service",
                              "[Service]\nType=oneshot\nExecStart=sh -c 'date >>/run/watched'\n")
        self.guest.run("systemctl daemon-reload; systemctl start watch.path")
        self.addCleanup(self.guest.run, "systemctl stop watch.path")
        for count in (1, 2):
            self.change()
            self.guest.wait_until(f"[ $(cat /run/watched | wc -l) -ge {count} ]", "a run")

    def test_memoryd_goes_on_when_run_is_full(self):
        self.guest.run("fallocate -l 1T /run/full 2>/dev/null || "
                       "dd if=/dev/zero of=/run/full bs=64K 2>/dev/null || true")
        self.addCleanup(self.guest.run, "rm -f /run/full")
        full = self.guest.call("dd if=/dev/zero of=/run/more bs=64K count=1; rm -f /run/more")
        self.assertIn("No space left", full.stderr)
        self.change()
        self.change()
        self.guest.wait_until(lambda: len(self._warnings()) == 1, "the warning")
        self.guest.run("rm -f /run/full")
        self.change()
        self.wait_told()
        self.assertEqual(len(self._warnings()), 1)

    def _warnings(self):
        return [text for text in self.memoryd.messages() if "state/capacity: " in text]


class Examples(CapacityCase):
    """The examples do what they say."""

    kernels = ("6.1", "6.12", "trixie-6.12", "7.3")  # those with zram

    def test_the_examples(self):
        self.guest.run("modprobe zram")
        # The last one is not the default, if there are several.
        algorithm = self.guest.run("tr -d [] </sys/block/zram0/comp_algorithm").split()[-1]
        self.guest.run(f"zramctl --size 64M --algorithm {algorithm} /dev/zram0 && "
                       "mkswap /dev/zram0 && swapon --priority 50 /dev/zram0")
        self.guest.run("mkdir -p /var/lib/prometheus/node-exporter; mount -t tmpfs -o size=1M,nosuid "
                       f"tmpfs /tmp; cp {EXAMPLES}/* {HOOKS}; mkdir -p /run/systemd/system")
        self.addCleanup(self.guest.run, "umount /tmp; swapoff /dev/zram0")
        self.guest.write_file("/run/systemd/system/kubelet.service",
                              "[Service]\nExecStartPre=sh -c 'date >>/run/kubelet'\n"
                              "ExecStart=sleep infinity\n")
        self.guest.run("systemctl daemon-reload; systemctl start kubelet")
        self.addCleanup(self.guest.run, "systemctl stop kubelet")
        self._use_old_kdump()
        self.change()
        self.wait_told()
        online, kernel, movable = self.figures()

        half = int(self.guest.run("awk '/^MemTotal:/ { print $2 }' /proc/meminfo")) // 2
        for folder in "/dev/shm", "/tmp":
            size = int(self.guest.run(f"df --output=size {folder} | tail -n 1"))
            self.assertLess(abs(size - half), half // 100)
            self.assertIn("nosuid", self.guest.run(f"findmnt -no OPTIONS {folder}"))
        self.assertEqual(int(self.guest.run("cat /sys/block/zram0/disksize")), online // 2)
        self.assertIn(f"[{algorithm}]", self.guest.run("cat /sys/block/zram0/comp_algorithm"))
        self.assertEqual(self.guest.run("awk '/zram0/ { print $5 }' /proc/swaps").strip(), "50")
        self.assertEqual(self.guest.run("cat /var/lib/prometheus/node-exporter/*"),
                         "# HELP memoryd_online_bytes Memory blocks that are online, by the class of "
                         "their zone.\n# TYPE memoryd_online_bytes gauge\n"
                         f'memoryd_online_bytes{{class="kernel"}} {kernel}\n'
                         f'memoryd_online_bytes{{class="movable"}} {movable}\n')
        self.assertEqual(self.guest.run("wc -l </run/kubelet").strip(), "2")
        self.assertEqual(self.guest.run("cat /run/kdump"), "try-reload\n")
        self.assertEqual(self.guest.run(f"systemctl show --value -p Result {SERVICE}").strip(),
                         "success")

    def _use_old_kdump(self):
        """Makes the guest look as if a crash kernel was loaded that the kernel does not keep up to date."""
        self.guest.run("echo 1 >/run/one; echo 0 >/run/zero; "
                       "mount --bind /run/one /sys/kernel/kexec_crash_loaded; "
                       "hotplug=/sys/devices/system/memory/crash_hotplug; "
                       "[ ! -e $hotplug ] || mount --bind /run/zero $hotplug")
        self.guest.write_file("/usr/local/sbin/kdump-config", "#!/bin/sh\necho $* >>/run/kdump\n")
        self.guest.run("chmod 755 /usr/local/sbin/kdump-config")
