/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "daemon/journal.h"
#include "daemon/manager.h"

#include <systemd/sd-bus.h>

/*
 * The objects on the bus: a vtable for each interface, functions that add them to a connection, and what the
 * interfaces share. Properties are read from the model, and methods call the manager.
 */

extern const sd_bus_vtable bus_manager_vtable[]; /* userdata: Manager */
extern const sd_bus_vtable bus_node_vtable[];    /* userdata: Node */
extern const sd_bus_vtable bus_zone_vtable[];    /* userdata: Zone */
extern const sd_bus_vtable bus_job_vtable[];     /* userdata: Job */

/* Methods of the manager that explain and plan, see org.memoryd1(5). */
int bus_method_explain(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_history(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Tells what memoryd has counted, see org.memoryd1(5). */
int bus_method_get_metrics(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Methods of the manager that list devices, and tell the policy and where it comes from. */
int bus_method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_get_policy(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_read_config(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Ends all plans that are being made. To be called before the connection to the bus is closed. */
void bus_plans_done(void);

/* CountPages(), see org.memoryd1(5). */
int bus_method_count_pages(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Takes the count of a block that manager_count_pages() has asked for. */
void bus_take_counted(const CountedBlock *counted);

/*
 * Has blocks counted for a call, for five seconds at most, and then has the function answer the call. Takes over the
 * numbers of the blocks on success. Returns 1, or a negative errno.
 */
typedef void (*BusCounted)(sd_bus_message *message, uint32_t uid, Manager *manager,
                           const CountedBlock *counted, size_t n_counted);
int bus_count_for(sd_bus_message *message, uint32_t uid, Manager *manager, uint32_t **blocks,
                  size_t n_blocks, BusCounted answer);

/*
 * Has the pages of the blocks counted among which a request leaves a choice, and then has the function answer the call.
 * Returns whether it will; else there is no choice, or the blocks cannot be counted, and the caller answers.
 */
bool bus_count_choice(sd_bus_message *message, uint32_t uid, Manager *manager,
                      const Request *request, BusCounted answer);

/* Takes counts into a request. If memory is short, blocks are taken as if nothing was known. */
void bus_request_take_counts(Request *request, const CountedBlock *counted, size_t n_counted);

/* The most blocks that a call has counted. */
#define BUS_COUNT_MAX 1024

/* Ends all counts. To be called before the connection to the bus is closed. */
void bus_counts_done(void);

/* Appends advice about what holds memory, as. Returns 0 or a negative errno. */
int bus_append_advice(sd_bus_message *message, const PageCounts *pages);

/* Methods of the manager that make jobs (Online, Offline and SetZone), and list them. */
int bus_method_make_job(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* The method Preview(), which tells what such a job would do. */
int bus_method_preview(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Replies with the refusal of a request. Returns what a handler returns. */
int bus_reply_refusal(sd_bus_message *message, const Selection *refused);

/*
 * Makes a request of this kind of the a{sv} of a call. Returns 0, or a negative errno with the error set if the
 * call cannot be read. The caller frees the request in either case.
 */
int bus_read_request(sd_bus_message *message, JobKind kind, Request *request, sd_bus_error *error);

/* Returns the kind of job that a method makes: Online(), Offline() or SetZone(). */
JobKind bus_job_kind(const char *method);

/* Sends the signals about jobs. Returns 0 or a negative errno. */
int bus_emit_jobs(sd_bus *bus, Manager *manager, const Changes *changes);

/* Add the objects to a connection for the connection's lifetime. Return 0 or a negative errno. */
int bus_add_manager(sd_bus *bus, Manager *manager);
int bus_add_nodes(sd_bus *bus, Manager *manager);
int bus_add_jobs(sd_bus *bus, Manager *manager);
int bus_add_log_control(sd_bus *bus);

/* Paths of objects: of a job, and of a node or one of its zones. `zone` may be NULL. Return the buffer. */
#define BUS_PATH_MAX 64
const char *bus_job_path(uint32_t id, char buffer[static BUS_PATH_MAX]);
const char *bus_node_path(uint32_t node, const char *zone, char buffer[static BUS_PATH_MAX]);

/* Frees a NULL-terminated array of strings when its variable goes out of scope. */
DEFINE_CLEANUP(char **, strings_free)

/* Signals about changes */

/* What clients were told of the objects and their properties. The signals are about what differs from it. */

typedef struct Told {
        Machine machine; /* its totals, its zones, and its nodes without their distances; owned */
        size_t n_jobs;
        uint32_t last_job_id;
        bool is_degraded;
        char auto_online[AUTO_ONLINE_WORD_MAX];
        WordFiles foreign_words;
        uint64_t devices_hash; /* of FailedDevices */
        uint64_t files_hash;
        uint64_t faults_hash;
        /* The job that runs, without what it owns. Jobs that are still queued do not change. */
        Job job;
        int32_t current_block;
} Told;

void told_done(Told *told);

/* Records the current state as told. Returns 0, or -ENOMEM with nothing recorded. */
int told_take(Told *told, Manager *manager);

/* Sends the signals about changes, and records the new state. Returns 0 or a negative errno. */
int told_publish(Told *told, Manager *manager, const Changes *changes, sd_bus *bus);

/* Authority */

/*
 * Asks whether the sender of a message may perform an action: root always may, other users if polkit agrees.
 * Never blocks: later, from the event loop, either `granted` is called with the message, the user's number
 * and userdata, or the message is answered with AccessDenied. If polkit does not answer, access is denied.
 *
 * `also` is a second action that the sender needs beside the first, or NULL. Returns what a method handler
 * returns: 1, or a negative errno with the error set.
 */
typedef int (*AuthorityGranted)(sd_bus_message *message, uint32_t uid, void *userdata);

int authority_ask(sd_bus_message *message, const char *action, const char *also,
                  AuthorityGranted granted, void *userdata, sd_bus_error *error);

/* Getters of properties */

/*
 * Defines the getter of a property. `object` declares a pointer to what the property is read from: the
 * interface's userdata, plus the offset in the vtable. `append` appends the value to the message `reply`.
 */
#define DEFINE_GETTER(getter, object, append)                                                      \
        static int getter(sd_bus *bus, const char *path, const char *interface,                    \
                          const char *property, sd_bus_message *reply, void *userdata,             \
                          sd_bus_error *error)                                                     \
        {                                                                                          \
                object __attribute__((unused)) = userdata;                                         \
                                                                                                   \
                (void) bus, (void) path, (void) interface, (void) property, (void) error;          \
                return append;                                                                     \
        }

/* Defines the getter of a property that has a value of a basic type. */
#define DEFINE_VALUE_GETTER(getter, object, type, value)                                           \
        DEFINE_GETTER(getter, object, sd_bus_message_append(reply, type, value))

/* Calls, replies, errors and signals */

/* Makes a D-Bus error of a negative errno, with `what` before its text. Returns what a handler returns. */
int bus_error_from_errno(sd_bus_error *error, int r, const char *what);

/*
 * Makes a D-Bus error with a formatted text. What it quotes from the call may have control characters, which
 * become "?". Returns what a handler returns.
 */
int bus_error_setf(sd_bus_error *error, const char *name, const char *format, ...) _printf_(3, 4);

/* Joins faults to a text that has a line for each. Returns 0 or -ENOMEM. */
int bus_join_faults(char **faults, char **ret);

/* Replies with one error that has a line for each fault. Returns the value for a handler to return. */
int bus_reply_faults(sd_bus_message *message, char **faults);

/*
 * The largest texts of a call, in bytes. Polkit may be asked for minutes before a call is answered. Meanwhile
 * memoryd holds the call, so it refuses at once what is larger than it need be.
 */
#define BUS_WORD_MAX 64 /* keys, words, devices and additions */
#define BUS_CONFIG_NAME_MAX 4096
#define BUS_CONFIG_MAX (256 * 1024)

/*
 * Reads a string of at most max_bytes: of basic type "s", or, with `is_variant`, of a variant. `what` names
 * the string in the error LimitsExceeded. Returns 0 or more, -ENXIO if it is of another type, or another
 * negative errno, with or without the error set. The string belongs to the message.
 */
int bus_read_text(sd_bus_message *message, bool is_variant, const char *what, size_t max_bytes,
                  const char **ret, sd_bus_error *error);

/* Reads the value of a key. Returns 0 or more, or a negative errno, with or without the error set. */
typedef int (*BusReadValue)(sd_bus_message *message, const char *key, void *userdata,
                            sd_bus_error *error);

/* Reads the a{sv} of a call, key by key. Returns 0, or a negative errno with the error set. */
int bus_read_dictionary(sd_bus_message *message, BusReadValue read, void *userdata,
                        sd_bus_error *error);

/* Appends element `i` of a list. Returns a negative errno on failure. */
typedef int (*BusAppend)(sd_bus_message *message, const void *list, size_t i);

/* Appends a list as an array of elements of this type. Returns 0 or a negative errno. */
int bus_append_array(sd_bus_message *message, const char *type, BusAppend append, const void *list,
                     size_t n);

/* Replies with such an array. Returns what a handler returns: an error begins with `what`. */
int bus_reply_array(sd_bus_message *message, const char *type, BusAppend append, const void *list,
                    size_t n, sd_bus_error *error, const char *what);

/* Sorts the array of blocks, and appends it as ranges, a(uu). Returns 0 or a negative errno. */
int bus_append_ranges(sd_bus_message *message, uint32_t *blocks, size_t n_blocks);

/*
 * Announces that an object with one interface of memoryd is gone. sd-bus cannot find the interfaces of such
 * an object any more, so the signal lists them itself. Returns 0 or a negative errno.
 */
int bus_emit_removed(sd_bus *bus, const char *path, const char *interface);
