/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * A machine's memory as files, in an umockdev testbed: blocks, nodes, uevents. Writes to it from
 * memoryd are played by mock_kernel.c. Whatever fails fails the test.
 *
 * A listener's queue holds about 11 events (net.unix.max_dgram_qlen): sending waits for room, so
 * memoryd must be running, or not listening yet.
 */

/* No machine has blocks of 4 MiB: nothing real can be taken for the testbed. */
#define TESTBED_BLOCK_BYTES (UINT64_C(4) << 20)
#define TESTBED_BLOCK_TEXT "400000"

#define TESTBED_MEMORY "sys/devices/system/memory"
#define TESTBED_NODE "sys/devices/system/node"

/* Makes the testbed, and makes sure that it is in force; with no memory at all in it. */
void testbed_new(void);
void testbed_free(void);
const char *testbed_dir(void);

/*
 * Node 0, with a CPU and 8 online blocks, 0 to 7, in Normal; auto_online_blocks is "offline"; and
 * /proc/iomem has those blocks as boot memory.
 */
void testbed_add_machine(void);

/* Paths of all that follows are relative to the testbed. Folders are made as they are needed. */
void testbed_make_folder(const char *path);

/* Writes or replaces a file as a whole: the text and a newline, or nothing at all. */
void testbed_write(const char *path, const char *text);
void testbed_write_bytes(const char *path, const char *bytes, size_t n);

/* Writes to a file that is there, as processes do in sysfs, so that inotify(7) tells of it. */
void testbed_overwrite(const char *path, const char *text);

/* Whether a file holds exactly this text, but for the last newline. */
bool testbed_reads(const char *path, const char *text);

/*
 * Blocks as a range of /proc/iomem, as the kernel makes it before it makes the blocks. The device is
 * NULL, or the name of a virtio-mem or a dax device. Blocks that are added and lie in no range get one
 * for all of them; a range goes with the last of its blocks that is removed.
 */
void testbed_add_iomem(unsigned first, unsigned n, const char *device);

/* Whether a file has a line that begins and ends so. */
bool testbed_has_line(const char *path, const char *beginning, const char *end);

void testbed_remove(const char *path);

/* Takes bytes off the end of a file. */
void testbed_cut(const char *path, unsigned n);

void testbed_add_node(unsigned node, bool has_cpu);

/* Offline blocks that can go to either zone, or blocks that are online in a zone. On no node yet. */
void testbed_add_blocks(unsigned first, unsigned n);
void testbed_add_online_blocks(unsigned first, unsigned n, const char *zone);

/* The files of an offline block, in a folder that may be there already. */
void testbed_fill_block(const char *device);

void testbed_link_blocks(unsigned first, unsigned n, unsigned node);

/* A link, with what it needs of folders. */
void testbed_make_link(const char *target, const char *path);

/*
 * An ACPI memory device, as it is being added, and when that is done: the kernel links all of its
 * blocks then.
 */
void testbed_begin_acpi(const char *device);
void testbed_end_acpi(const char *device, unsigned first, unsigned n);
void testbed_remove_blocks(unsigned first, unsigned n);

/* As another program does: sets a block online in a zone, or offline with NULL. With no event. */
void testbed_set_block(unsigned block, const char *zone);
bool testbed_block_is(unsigned block, const char *state, const char *zones);

/* Fails the test unless so many blocks are kernel memory and so many above them movable. */
void testbed_assert_zones(unsigned first, unsigned n_kernel, unsigned n_movable);

/* Sends an event for a device in the memory folder, or one for each of some blocks. */
void testbed_event(const char *action, const char *device);
void testbed_events(const char *action, unsigned first, unsigned n);

/* What events for blocks carry from now on, beside their names: "NAME=value" and newlines between. */
void testbed_tell(unsigned first, unsigned n, const char *properties);

/* Adds a record to the kernel's log, in the form of /dev/kmsg. */
void testbed_log(const char *record);

/* Blocks on a node at once, and their events: a DIMM. */
void testbed_add_dimm(unsigned first, unsigned n, unsigned node);

/* What the next `times` writes of a block end with (see mock_kernel.c), after a delay. */
void testbed_set_fault(unsigned block, int error, int times, unsigned delay_msec);

/*
 * Has the writes of a block, but for so many before, wait until it is let go: for what is to happen while
 * one is under way. memoryd cannot end before that, unless it gives the write up.
 */
void testbed_hold(unsigned block, unsigned n_before);
void testbed_let_go(unsigned block);

/* Whether a write of a block waits so: before that, the actuator may not have opened its file yet. */
bool testbed_is_waiting(unsigned block);

/* The number in the place of a block for holds and faults of writes to the state of a dax device. */
#define MOCK_DAX 999999

/* How many writes there were that begin with a text, as "memory32 online_kernel 0" or "". */
unsigned testbed_count_writes(const char *beginning);

/* Copies the i-th write. False when there was none. */
bool testbed_get_write(unsigned i, char line[static 64]);

/* Watches a file, or valid_zones of a block that is offline; counts how often it was opened since. */
int testbed_watch(const char *path);
int testbed_watch_zones(unsigned block);
unsigned testbed_count_opened(int watch_fd);
