# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Jobs: refused requests, jobs that wait for each other, and memory that stays offline on request."""

import json

import program
from case import GuestCase
from memory import read_memory, wait_for_blocks
from memoryd import PATH, request

# A quarter of node 2 is kernel memory, and may not become less.
GUARDED = 'min_kernel = "256M";\n'
MOVABLE = ('offline_timeout = "1h";\n'
           'rules = ( { name = "empty"; node = 2; zone = "movable"; } );\n')

# Method, request, and the error of the answer. Boot memory is blocks 0 to 7, the DIMM is blocks 32 to 39.
REFUSED = (
    ("Offline", {}, "InvalidRequest"),
    ("Offline", {"Colour": "s red"}, "InvalidRequest"),
    ("Offline", {"Node": "s two"}, "InvalidRequest"),
    ("Offline", {"Node": 2, "Device": "PNP0C80:00"}, "InvalidRequest"),
    ("Offline", {"Node": 2, "MovablePercent": 50}, "InvalidRequest"),
    ("SetZone", {"Node": 2}, "InvalidRequest"),
    ("SetZone", {"Node": 2, "Zone": "s blue"}, "InvalidRequest"),
    ("Offline", {"Blocks": [(9999, 9999)]}, "NoSuchBlock"),
    ("Offline", {"Blocks": [(7, 33)]}, "RangeHasHoles"),
    ("Offline", {"Node": 99}, "NoSuchNode"),
    ("Offline", {"Device": "nothing"}, "NoSuchDevice"),
    ("Offline", {"Node": 1}, "NodeWithoutMemory"),
    ("Online", {"Blocks": [(32, 33)]}, "NothingToDo"),
    ("SetZone", {"Blocks": [(39, 39)], "Zone": "movable"}, "NothingToDo"),
    ("Offline", {"Blocks": [(5, 5)]}, "BootMemory"),
    ("Offline", {"Node": 2, "Size": 1000}, "InvalidSize"),
    ("Offline", {"Size": 0}, "InvalidSize"),
    ("SetZone", {"Node": 2, "MovablePercent": 101}, "InvalidPercentage"),
    ("Offline", {"Size": 1 << 40}, "NotEnoughBlocks"),
    ("Offline", {"Blocks": [(32, 33)]}, "LastKernelMemory"),
    ("SetZone", {"Node": 2, "MovablePercent": 100}, "LastKernelMemory"),
    ("SetZone", {"Blocks": [(33, 33)], "Zone": "movable"}, "BelowGuards"),
)

# Arguments of memoryctl, exit code, and a part of the error. memoryctl refuses bad arguments before it
# asks memoryd.
REFUSED_WORDS = (
    ("offline", 2, "needs"),
    ("offline --node two", 2, "two"),
    ("offline 39-38", 2, "39-38"),
    ("offline --node 2 39", 2, "exclude"),
    ("offline --size 1X", 2, "1X"),
    ("set-zone 39 blue", 2, "blue"),
    ("set-zone --node 2 --movable=many", 2, "many"),
    ("offline 39 --timeout soon", 2, "soon"),
    ("set-zone --node 2 --movable=75", 2, "use 75% for that percentage of the node's memory, or 75G"),
    ("offline --node 2 --size 0.1G", 2, "not a whole number of bytes"),
    ("offline 9999", 1, "there is no memory9999"),
    ("online memory9999", 1, "there is no memory9999"),
    ("set-zone 32,9999 movable", 1, "there is no memory9999"),
    ("list /sys/devices/system/memory/memory9999", 1, "there is no memory9999"),
    ("explain 9999", 1, "there is no memory9999"),
    ("offline --node 2 --size 64M", 1, "64M is less than a block, 128M"),
    ("offline --node 2 --size 1.0625G", 1, "1088M is not a multiple of the block size, 128M"),
    ("set-zone --node 2 --movable=12%", 1, "12% of the 1G that node 2 has online is less than a block"),
    ("set-zone --node 2 --movable=64M", 1, "64M is less than a block, 128M"),
    ("set-zone --node 2 --movable=1.5G", 1, "node 2 cannot have 1.5G of movable memory: it has 1G"),
    ("offline 32-33", 1, "With --force this is done all the same. The risk: the kernel then has to "
                         "take memory of other nodes"),
    ("offline --device nothing", 1, "nothing"),
    ("offline --node 1", 1, "node 1"),
    ("offline --node 2 --size 1000", 1, "1000"),
    ("set-zone --node 2 --movable=101%", 1, "101"),
    ("offline 5", 1, "boot"),
    ("offline 5", 1, "With --force this is done all the same. The risk: much of such memory"),
    ("offline 0x0000000028000000-0x000000002fffffff", 1, "boot"),
    ("offline 0x0000000028000000-0x0000000028ffffff", 2, "whole blocks of 128M"),
    ("cancel 999", 1, "999"),
)


class Jobs(GuestCase):
    """Node 1 has no memory. Each test except the last pulls the DIMM that it added to node 2."""

    @classmethod
    def prepare_class(cls):
        super().prepare_class()
        program.bring_in(cls.guest, "load")

    def _use_dimm(self, size, configuration, classes):
        """Adds a DIMM to node 2, which is pulled at the end of the test. Returns the memory before, and
        the numbers of the DIMM's blocks."""
        self.memoryd.use(configuration)
        dimm, before, added = self.add_dimm(size, 2)
        self.assertClasses(added.classes(2), classes)
        self.addCleanup(self._pull, dimm, before)
        return before, [block.index for block in added]

    def _pull(self, dimm, before):
        self.guest.run("for job in $(memoryctl --noheadings --output=ID jobs); do "
                       "memoryctl cancel $job; done; memoryctl offline --node 2 --force || :")
        self.guest.del_dimm(dimm)
        wait_for_blocks(self.guest, len(before.blocks))
        self.assertModel()

    def _state(self, block):
        return self.guest.run(f"cat /sys/devices/system/memory/memory{block}/state").strip()

    # Refusals

    def test_what_cannot_be_is_refused_by_name(self):
        self.memoryd.use(GUARDED)
        _, _, added = self.add_dimm(1024, 2)
        self.assertClasses(added.classes(), "KKMMMMMM")
        self.assertEqual([block.index for block in added], list(range(32, 40)))
        before = read_memory(self.guest).classes()
        for method, keys, error in REFUSED:
            with self.subTest(method=method, **keys):
                name, text = self.memoryd.call_error(method, request(**keys))
                self.assertRefusal(name, error)
                self.assertTrue(text)
        for words, code, part in REFUSED_WORDS:
            with self.subTest(words):
                result = self.guest.call(f"memoryctl {words}")
                with self.never_again():
                    self.assertNotEqual(result.code, 0)
                self.assertEqual(result.code, code, result.stderr)
                self.assertIn(part, result.stderr)
                self.assertEqual(result.stdout, "")
        # Force lifts guards for a valid request. It does not make another request valid.
        self.assertRefusal(self.memoryd.call_error(
            "Offline", request(Blocks=[(7, 33)], Force=True))[0], "RangeHasHoles")
        self.assertRefusal(self.memoryd.call_error("Cancel", path=f"{PATH}/job/999",
                                                   interface="Job")[0],
                           "org.freedesktop.DBus.Error.UnknownObject")
        self.assertClasses(read_memory(self.guest).classes(), before)
        self.assertEqual(self.memoryd.jobs(), [])
        self.assertNoErrors()

    # What is said and asked before

    def _at_a_terminal(self, words, answer):
        """Runs memoryctl at a terminal, where this answer is typed. Returns the exit code, and the screen."""
        result = self.guest.call(f"printf '{answer}' | script --quiet --return "
                                 f"--command 'memoryctl {words}' /dev/null")
        return result.code, result.stdout.replace("\r", "")

    def test_a_change_says_what_it_does_and_asks_at_a_terminal(self):
        _, added = self._use_dimm(512, MOVABLE, "MMMM")
        first, last = added[0], added[-1]
        self.assertEqual(
            self.guest.run(f"memoryctl offline memory{last}").splitlines()[0],
            f"Takes block {last} of node 2 offline: 1 movable block, 128M, 25% of the node's memory, "
            "25% of its movable memory.")
        self.assertEqual(
            self.guest.run(f"memoryctl online memory{last}").splitlines()[0],
            f"Brings block {last} of node 2 online: 1 movable block, 128M, 25% of the node's memory.")
        before = read_memory(self.guest).classes()

        # More than half goes, and more than half for good.
        said = (f"Takes blocks {first + 1}-{last} of node 2 offline: 3 movable blocks, 384M, 75% of the "
                "node's memory, 75% of its movable memory.\n"
                "This is more than half of the movable memory of node 2.\n"
                "Go on? [y/N] ")
        code, screen = self._at_a_terminal("offline --node 2 --size 384M", "n\\n")
        self.assertEqual(code, 1, screen)
        self.assertIn(said, screen)
        self.assertIn("memoryctl: nothing was changed", screen)
        code, screen = self._at_a_terminal(f"set-zone memory{first} kernel", "n\\n")
        self.assertEqual(code, 1, screen)
        self.assertIn("Movable memory that becomes kernel memory can usually not be made movable again.\n"
                      "Go on? [y/N] ", screen)
        self.assertClasses(read_memory(self.guest).classes(), before)
        self.assertEqual(self.memoryd.jobs(), [])

        # An answer, --yes and a script that has no terminal.
        code, screen = self._at_a_terminal("offline --node 2 --size 384M", "y\\n")
        self.assertEqual(code, 0, screen)
        self.assertEqual([self._state(block) for block in added],
                         ["online", "offline", "offline", "offline"])
        self.guest.run(f"memoryctl online {first + 1}-{last}")
        code, screen = self._at_a_terminal(f"offline {first + 1}-{last} --yes", "")
        self.assertEqual(code, 0, screen)
        self.assertNotIn("Go on?", screen)
        self.guest.run(f"memoryctl online {first + 1}-{last}")
        text = self.guest.run(f"memoryctl offline {first + 1}-{last}")
        self.assertIn("This is more than half of the movable memory of node 2.", text)
        self.assertNotIn("Go on?", text)
        self.note(text.splitlines()[0])

    # Jobs that wait

    def test_jobs_wait_for_each_other(self):
        self._use_dimm(512, MOVABLE, "MMMM")
        load = self.start_load("pin 2")
        pinned = int(load.said)
        other = next(block.index for block in read_memory(self.guest).of(2)
                     if block.index != pinned)
        client = self.guest.start(f"exec memoryctl offline {pinned}")
        first = self.guest.wait_until(self.memoryd.jobs, "the job")[0]
        self.guest.run(f"memoryctl --no-wait offline {other}")
        self.assertEqual([(job.kind, job.state, job.user) for job in self.memoryd.jobs()],
                         [("offline", "running", "root"), ("offline", "queued", "root")])
        self.assertEqual(self.memoryd.get("Jobs"), 2)
        for method, keys in (("Offline", {}), ("SetZone", {"Zone": "kernel"})):
            name, text = self.memoryd.call_error(
                method, request(Blocks=[(pinned, pinned)], **keys))
            self.assertRefusal(name, "BlocksBusy")
            self.assertIn(first.path, text)
        rows = json.loads(self.guest.run("memoryctl --json jobs"))["jobs"]
        self.assertEqual(len(rows), 2)

        # The end of the client does not end the job.
        client.signal("KILL")
        client.wait()
        self.assertEqual([job.state for job in self.memoryd.jobs()], ["running", "queued"])
        self.guest.run(f"memoryctl cancel {first.id}")
        self.guest.wait_until(lambda: not self.memoryd.jobs(), "the end of both jobs")
        self.assertEqual((self._state(pinned), self._state(other)), ("online", "offline"))
        load.end()
        self.assertModel()

    # Memory that stays offline

    def test_an_offline_by_another_program_stays(self):
        before, indices = self._use_dimm(512, MOVABLE, "MMMM")
        by_job, by_hand = indices[-1], indices[1]
        addresses = self.guest.run(f"memoryctl list -n -o RANGE {by_job}").strip()
        self.guest.run(f"memoryctl offline {addresses}")
        self.guest.run(f"echo offline >/sys/devices/system/memory/memory{by_hand}/state")
        self._check_offlined(by_job, by_hand)

        for what in ("systemctl reload memoryd", "memoryctl rescan", "systemctl restart memoryd"):
            with self.subTest(what):
                self.guest.run(what)
                self.memoryd.wait_ready()
                self._check_offlined(by_job, by_hand)
        with self.subTest("a kill"):
            restarts = self.memoryd.restarts()
            self.memoryd.kill(self.memoryd.main_pid())
            self.guest.wait_until(lambda: self.memoryd.restarts() > restarts, "a restart")
            self.memoryd.wait_ready()
            self._check_offlined(by_job, by_hand)
        with self.subTest("a hot-add beside it"):
            beside = self._add_beside(6)
            self._check_offlined(by_job, by_hand)

        # A block stays offline until there is a request for it or for all blocks, or another DIMM in its
        # place.
        self.guest.run(f"memoryctl online {by_job}")
        self._check_offlined(by_hand)
        self.assertEqual(self._state(by_job), "online")
        self.guest.run("memoryctl rescan --all")
        self.guest.wait_until(lambda: self._state(by_hand) == "online", "all online")
        self.assertClasses(read_memory(self.guest).classes(2), "MMMMMM")
        self.assertModel()

        self.guest.run(f"memoryctl offline {beside[0]}-{beside[-1]}")
        self._check_offlined(*beside)
        self.guest.del_dimm("beside")
        wait_for_blocks(self.guest, len(before.blocks) + 4)
        self.assertEqual(self._add_beside(6), beside)
        self._check_offlined()
        self.guest.run(f"memoryctl offline {beside[0]}-{beside[-1]}")
        self.guest.del_dimm("beside")
        self.assertNoErrors()

    def _add_beside(self, count):
        """Adds another DIMM of two blocks, after which the node has `count` blocks. Waits until the new
        blocks are online, and returns their numbers."""
        known = {block.index for block in read_memory(self.guest)}
        self.guest.add_dimm("256M", 2, id="beside")

        def online():
            memory = read_memory(self.guest)
            added = [block.index for block in memory.of(2, "movable") if block.index not in known]
            return added if len(memory.of(2)) == count and len(added) == 2 else None
        return self.guest.wait_until(online, "the other DIMM online")

    def _check_offlined(self, *indices):
        """Checks that these blocks are offline, and all others online."""
        self.wait_settled()
        self.assertEqual({block.index for block in read_memory(self.guest).offline()},
                         set(indices))
        statuses = self.memoryd.statuses()
        self.assertEqual({statuses[index] for index in indices} - {"offlined"}, set())
        self.assertModel()
