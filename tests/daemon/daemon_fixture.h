/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "daemon/testbed.h"

#include <check.h>

/*
 * memoryd itself, in a testbed, with a bus of its own and the service manager's end of its
 * notifications. Environment: MEMORYD (./memoryd), MOCK_KERNEL (./mock_kernel.so), MEMORYD_USER (the
 * user to become when run as root, nobody), MEMORYD_VALGRIND=1 runs it under valgrind.
 *
 * Everything here fails the test when it does not succeed, or not in time.
 */

/* A testbed with the machine of testbed_add_machine(), and a bus; memoryd is not started. */
void fixture_setup(void);
void fixture_teardown(void);

/* Adds the tests' timeout and the fixture to a case. */
TCase *fixture_case(Suite *suite, const char *name);

/*
 * Waits for a condition, with the bus and the notifications being served. Fails the test after a
 * deadline, and at once when memoryd ends meanwhile.
 */
#define wait_for(condition)                                                                        \
        do                                                                                         \
                for (uint64_t _deadline = wait_begin(); !(condition);)                             \
                        wait_step(_deadline, #condition, __FILE__, __LINE__);                      \
        while (0)

uint64_t wait_begin(void);
void wait_step(uint64_t deadline_usec, const char *condition, const char *file, int line);

/* memoryd */

/* Writes memoryd.conf, or another file, in the folder of the administrator's configuration. */
void daemon_set_config(const char *text);
void daemon_set_config_file(const char *name, const char *text);

/* Starts memoryd and waits for READY=1 and, when there is a bus, for its name. */
void daemon_start(void);

/* Starts memoryd with one more option, or NULL, and an environment variable, or NULL. */
void daemon_spawn(const char *option, const char *variable);

/* As daemon_spawn(), but as a user who may do nothing. Only for root. */
void daemon_spawn_unprivileged(void);

/* Ends memoryd as systemd would; both processes must end with 0. */
void daemon_stop(void);

pid_t daemon_pid(void);
pid_t daemon_actuator_pid(void);

/* Waits for the end of memoryd, or of its actuator: the exit code, or the negative signal. */
int daemon_wait(void);
int daemon_wait_actuator(void);

/* What it wrote to stderr so far: whether a text is in it, and how often. */
bool daemon_logged(const char *text);
unsigned daemon_count_logged(const char *text);

/* All of it, up to 8 MiB. */
const char *daemon_read_log(void);

/* Whether a line that begins so came as a notification since the last daemon_forget(). */
bool daemon_notified(const char *text);
const char *daemon_notifications(void); /* all of them, each with a newline behind it */
void daemon_forget(void);

/* The bus */

void bus_start(void);
void bus_stop(void);
const char *bus_address(void);

/* Whether memoryd has its name, and knows it: from then on it sends signals. */
bool bus_has_memoryd(void);

#define MANAGER_PATH "/org/memoryd1"
#define MANAGER "org.memoryd1.Manager"
#define NODE "org.memoryd1.Node"
#define ZONE "org.memoryd1.Zone"

/* Properties: a boolean or a number; a string, or an array's strings with newlines between. */
uint64_t bus_get_number(const char *path, const char *interface, const char *name);
const char *bus_get_text(const char *path, const char *interface, const char *name);

/* The name of the error that reading a property ends with, "" for none. */
const char *bus_get_error(const char *path, const char *interface, const char *name);
const char *bus_set_text(const char *path, const char *interface, const char *name,
                         const char *value);

/* Calls a method of the manager that takes and returns nothing: the error's name, "" for none. */
const char *bus_call_manager(const char *method);

/* "Verify" or "VerifyNotes": what was found, as "check: subject", a line each. */
const char *bus_verify(const char *method);

/* ListTiers(): "NODE:TIER" each, with a space between. */
const char *bus_list_tiers(void);

/* ListCxlDevices(): "DEVICE: REGION: MEMDEVS", a line each. */
const char *bus_list_cxl_devices(void);

/*
 * GetMetrics(): a line for each number, as "Rescans 1", and for each element of an array, as "Decisions movable dimm 3".
 * Before the first there is an empty line.
 */
const char *bus_get_metrics(void);

/*
 * ListDevices(), GetPolicy(), ReadConfig() and ListBlocksInRange(): the reply as text. Elements of arrays and structs have spaces
 * between them, arrays are in [], structs in (), and an entry of a dictionary is KEY=VALUE. An error is its name and message.
 */
const char *bus_list_devices(void);
const char *bus_get_policy(void);
const char *bus_read_config(void);
const char *bus_list_blocks_in_range(uint64_t first, uint64_t last);

/* CountPages() and Explain() as text, in the same way. */
const char *bus_count_pages(uint32_t first, uint32_t last);
const char *bus_explain_all(uint32_t block);

/* FailedDevices: a line each, with name, size and reason. */
const char *bus_failed_devices(void);

/* KernelFeatures: a line each, "+name: what brings it", with "-" for a feature that is lacking. */
const char *bus_features(void);

/* The same by a user who is not root, for whom polkit decides. */
const char *bus_call_manager_as_nobody(const char *method);

/* Has the manager plan with an addition, so many times over: the error's name, "" for none. */
const char *bus_plan_many(const char *addition, unsigned times);

/* The message of the last error. */
const char *bus_error_message(void);

/*
 * Calls Online, Offline or SetZone with so many entries, each a key, a type and a value: the path of the job,
 * or "" for an error, bus_error_name().
 */
const char *bus_request(const char *method, unsigned n_entries, ...);

/* The same with a range of blocks and nothing else. */
const char *bus_request_blocks(const char *method, uint32_t first, uint32_t last);

/*
 * Calls Preview with such entries: a line for each change, "node 1 movable->none 44-47 (4 of 16, 12 movable)" in
 * blocks of the testbed, or "" for an error, bus_error_name().
 */
const char *bus_preview(const char *kind, unsigned n_entries, ...);

/* The same two by a user who is not root: the name of the error, "" for none. */
const char *bus_preview_as_nobody(const char *kind, uint32_t node, bool force);
const char *bus_request_as_nobody(const char *method, uint32_t node, bool force);

/* Cancels a job: the error's name, "" for none. */
const char *bus_cancel(const char *job);
const char *bus_cancel_as_nobody(const char *job);

/* How many jobs ListJobs has, and the words of one: "online queued blocks 32-33". */
unsigned bus_count_jobs(void);
const char *bus_get_job(unsigned i);

/* The paths that GetManagedObjects lists, each with a space before and behind. */
const char *bus_get_objects(void);

typedef struct BlockRow {
        uint32_t id;
        int32_t node;
        char state[16], zones[48], zone_class[16], decision[16], rule[72], guards[64], status[16];
        int32_t error;
        char device[32], origin[16];
} BlockRow;

/* A row of ListBlocks; its id is UINT32_MAX when there is none. */
BlockRow bus_get_block(uint32_t id);
bool bus_block_is(uint32_t id, const char *status);
unsigned bus_count_status(const char *status);
unsigned bus_count_blocks(void);

/*
 * Explain: whether an entry of the answer is exactly this "Key=value". Of a block that there is not
 * the error is bus_error_name().
 */
bool bus_explains(uint32_t id, const char *entry);

/* What Explain has for a key as text, or NULL. */
const char *bus_explain(uint32_t id, const char *key);

/* The name of the last error, "" for none. */
const char *bus_error_name(void);

/* History: how many entries, and one of them; fails the test if they are not in order of time. */
typedef struct HistoryRow {
        uint64_t first_usec, last_usec;
        char blocks[256]; /* "32-39,45" */
        uint32_t n_decisions;
        int32_t node;
        char device[32], decision[16], rule[72], guards[64], status[16], onlined_by[16];
        int32_t error;
        char reason[256];
} HistoryRow;

unsigned bus_count_history(void);
HistoryRow bus_get_history(unsigned i);

/* Plan. The members that are NULL are not sent. */
typedef struct PlanOptions {
        const char *const *additions; /* NULL at the end */
        const char *config;
        const char *config_name;
        const char *drop_in;
        const char *drop_in_name;
} PlanOptions;

typedef struct PlanRow {
        uint32_t first, last;
        int32_t node;
        char state[16];
        bool is_added;
        char zone_class[16], device[32], origin[16], decision[16], rule[72], guards[64];
        char reason[512];
} PlanRow;

#define PLAN_ROWS_MAX 16

/* Plans, and returns the number of ranges, or -1 for an error: bus_error_name(). */
int bus_plan(const PlanOptions *options, PlanRow rows[static PLAN_ROWS_MAX]);

/* The same by a user who is not root: the name of the error, "" for none. */
const char *bus_plan_as_nobody(const PlanOptions *options);

/* Plan with an option of one word that it does not know, or of another type: the error's name. */
const char *bus_plan_with(const char *key, const char *value);

/* Signals since the last bus_forget_signals(). */
typedef struct Signals {
        unsigned blocks_changed, capacity_changed, manager_changed, node_changed;
        unsigned objects_added, objects_removed;
        uint64_t online_bytes, movable_bytes; /* of the last CapacityChanged */
        uint32_t lowest, highest;             /* of all BlocksChanged */
        unsigned job_new, job_changed, job_removed, failures_changed;
        /* Of the last JobRemoved: */
        char job[64], result[16], message[512], failure[256];
        uint32_t total, done, failed, undone, failed_block;
        int32_t failed_error;

        unsigned kernel_memory_short;
        uint32_t short_node; /* of the last KernelMemoryShort */
        uint64_t short_free_bytes, short_low_bytes;
} Signals;

const Signals *bus_signals(void);
void bus_forget_signals(void);

/* Another memoryd starts, which may say what the last one said. */
void bus_forget_values(void);

/* polkit, played by the tests. What it answers; how often it was asked. */
typedef enum Polkit {
        POLKIT_GRANTS,
        POLKIT_DENIES,
        POLKIT_FAILS,
        POLKIT_HOLDS, /* as when it waits for a password: answers when polkit_set() sets another */
} Polkit;

void polkit_set(Polkit answer);
unsigned polkit_count(void);
