/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/format.h"
#include "ctl/terminal.h"
#include "job/request.h"
#include "kernel/recording.h"
#include "policy/forecast.h"

#include <libsmartcols.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* What the verbs of memoryctl(1) share: the options, what memoryd says, tables and complaints. */

extern bool arg_all;
extern bool arg_bytes;
extern bool arg_no_headings;
extern bool arg_json;
extern bool arg_quiet; /* print nothing but failures */
extern bool arg_pager; /* long output may go to a pager */
extern bool arg_ask_password;
extern bool arg_help;
extern const char *arg_output;  /* the list given to -o, or NULL */
extern const char *arg_sysroot; /* a recorded tree to read instead of asking memoryd, or NULL */

/* Facts about a recorded machine that its tree does not tell, or NULL. */
extern const char *arg_architecture;
extern const char *arg_virtualization;

extern const char *arg_svg;  /* the file for a picture, or NULL */
extern const char *arg_file; /* the file for metrics, or NULL */
extern bool arg_openmetrics;
extern const char *arg_config;  /* the configuration to plan with, or NULL */
extern const char *arg_drop_in; /* a drop-in to plan with, beside the installed ones, or NULL */

/* The memory to plan with. NULL ends it. */
extern const char *arg_additions[FORECAST_ADDITIONS_MAX + 1];
extern size_t arg_n_additions;

/* What online, offline and set-zone are told, as it was given, or NULL. */
extern const char *arg_node;
extern const char *arg_device;
extern const char *arg_size;
extern const char *arg_zone;
extern const char *arg_movable;
extern const char *arg_timeout;
extern bool arg_force;
extern bool arg_yes; /* do not ask whether to go on */
extern bool arg_wait;
extern bool arg_undo_on_failure;

extern bool arg_effective;    /* print the configuration in force, not its files */
extern const char *arg_since; /* the time from which on to show the history, or NULL */

extern const char *arg_host;    /* USER@HOST, or NULL */
extern const char *arg_machine; /* a container, or NULL */

/* Exit code of what was done in part. */
#define EXIT_PARTLY 64

/* Print one line, "memoryctl: ...", to stderr and return the exit code that belongs to it. */
int failure(const char *format, ...) _printf_(1, 2);
int usage_failure(const char *format, ...) _printf_(1, 2);

/* connection.c: the way to memoryd. */

/* EXIT_SUCCESS, or EXIT_FAILURE when the reason has been printed. */
int bus_open(sd_bus **ret);

/* Signals to listen to, and by whom they are handled. */
typedef struct Match {
        const char *match;
        sd_bus_message_handler_t handler;
} Match;

/* That memoryd comes or goes, and that the connection is lost. */
#define MATCH_OWNER                                                                                \
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"                \
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" BUS_NAME "'"
#define MATCH_DISCONNECTED                                                                         \
        "type='signal',path='/org/freedesktop/DBus/Local',"                                        \
        "interface='org.freedesktop.DBus.Local',member='Disconnected'"

/* Adds them for the connection's lifetime. 0 or a negative errno. */
int matches_add(sd_bus *bus, const Match *matches, size_t n_matches, void *userdata);

/* A call to the object of the manager. 0, or negative errno. */
int manager_message_new(sd_bus *bus, const char *interface, const char *method,
                        sd_bus_message **ret);

/*
 * A call that not everybody may make, to any object of memoryd: polkit may ask the user, unless that
 * was declined. 0, or negative errno.
 */
int change_message_new(sd_bus *bus, const char *path, const char *interface, const char *method,
                       sd_bus_message **ret);

/*
 * Makes a loop for the connection, with a timer that is not set. SIGINT and SIGTERM call the handler, or end
 * the loop without one: before anything else that happened, for an interrupt from a terminal may end an ssh
 * at the same time. 0, or negative errno. The caller frees event and timer, NULL at first, in either case.
 */
int loop_new(sd_bus *bus, sd_event_signal_handler_t on_interrupt, sd_event_time_handler_t on_timer,
             void *userdata, sd_event **event, sd_event_source **timer);

/* The time of a clock; that of the timer is CLOCK_MONOTONIC. */
uint64_t clock_usec(clockid_t clock);

/* For a call that may have to ask a person first. */
#define CHANGE_TIMEOUT_USEC (6 * 60 * USEC_PER_SEC)

/*
 * Ask the manager for a property of type 't', and for the size of a block. Return 0 or more, or a negative errno,
 * with or without the error set.
 */
int ask_number(sd_bus *bus, const char *name, sd_bus_error *error, uint64_t *ret);
int ask_block_size(sd_bus *bus, sd_bus_error *error, uint64_t *ret_bytes);

/* Prints why a call failed: the error reply, else the negative errno. Returns EXIT_FAILURE. */
int call_failure(int error, const sd_bus_error *reply);

/*
 * polkit's agent that asks for a password in the terminal, while a call is under way. One is started for a
 * user other than root who has a terminal and did not decline, and for the daemon of this machine only.
 * Without the program nothing is asked.
 */
typedef struct Agent {
        pid_t pid; /* 0: none */
} Agent;

void agent_start(Agent *agent);
void agent_stop(Agent *agent);

/* A part of BLOCKS as given, both ends included: numbers of blocks, or addresses. */
typedef struct WordRange {
        uint64_t first;
        uint64_t last;
        bool is_address;
} WordRange;

/*
 * request.c: BLOCKS, as in "32-39,45" or "memory32", or addresses as the column RANGE has them. Each argument has
 * one or more, in the order given. EXIT_SUCCESS, or an exit code after printing the fault.
 */
int blocks_parse(int argc, char **argv, WordRange **ret_words, size_t *ret_n_words);

/*
 * Finds the blocks of each of these parts. Addresses must be those of whole blocks. The caller frees the
 * array, which has as many elements. EXIT_SUCCESS, or an exit code after printing the fault.
 */
int blocks_resolve(const WordRange *words, size_t n_words, uint64_t block_size_bytes,
                   BlockRange **ret_blocks);

/*
 * snapshot.c: what memoryd says, or what a recorded tree holds. Strings belong to the replies
 * or to the snapshot, and are never NULL. Of a recorded tree ManagerRow has the block size alone.
 */

/* One entry of KernelFeatures. */
typedef struct FeatureRow {
        const char *name;
        const char *brought_by;
        bool has;
} FeatureRow;

/* One entry of FailedDevices. */
typedef struct FailedDeviceRow {
        const char *name;
        uint64_t size_bytes; /* 0: not known */
        const char *reason;
} FailedDeviceRow;

typedef struct ManagerRow {
        const char *version;
        const char *kernel_auto_online;
        uint64_t block_size_bytes;
        Totals totals;
        char **foreign_auto_online; /* owned, NULL-terminated, or NULL for none */
        char **config_files;        /* the same */
        char **config_faults;       /* the same */
        FeatureRow *features;       /* owned; none where memoryd is of an earlier version */
        size_t n_features;
        FailedDeviceRow *failed_devices; /* owned; none where memoryd is of an earlier version */
        size_t n_failed_devices;
        bool degraded;
} ManagerRow;

/* One entry of ListBlocks(). */
typedef struct BlockRow {
        uint32_t id;
        int32_t node; /* -1: not known */
        const char *state;
        const char *zones;
        const char *zone_class;
        const char *decision;
        const char *rule;
        const char *guards;
        const char *status;
        int32_t error; /* positive errno of the last failed write, 0 for none */
        const char *device;
        const char *origin;
        /* Of the device; "" for none, and if they were not asked for. */
        const char *cxl_region;
        const char *cxl_memdevs;
} BlockRow;

typedef struct NodeRow {
        uint32_t id;
        bool has_cpu;
        bool movable_only;
        bool kernel_short;              /* its kernel memory runs out */
        const char *kernel_auto_online; /* "" where the kernel has no such file for a node */
        Totals totals;                  /* the sizes alone */
        uint64_t free_bytes;
        Distance *distances; /* owned, or those of the recording */
        size_t n_distances;
        uint32_t performance[_PERFORMANCE_MAX];
        uint32_t tier;
        bool has_no_tier; /* tier is not known, or was not asked for */
        bool lacks_cpu;   /* a recorded tree does not tell has_cpu, */
        bool lacks_free;  /* or free_bytes */
} NodeRow;

/* One entry of ListJobs(). */
typedef struct JobRow {
        uint32_t id;
        const char *path;
        const char *kind;
        const char *state;
        const char *target;
        const char *zone;
        const char *user;
        uint32_t n_total;
        uint32_t n_done;
        uint32_t n_failed;
        uint32_t uid; /* UINT32_MAX: memoryd itself */
} JobRow;

typedef struct ZoneRow {
        uint32_t node;
        const char *name;
        uint64_t present_bytes;
        uint64_t managed_bytes;
        uint64_t spanned_bytes;
        uint64_t free_bytes;
} ZoneRow;

/* One entry of ListDevices(). */
typedef struct DeviceRow {
        const char *name;
        const char *origin;
        const char *state;
        const char *driver;
        const char *dax_state;
        uint64_t first_address;
        uint64_t last_address; /* 0: the device has no blocks */
        uint64_t size_bytes;   /* 0: not known */
        uint64_t unit_bytes;   /* 0: it comes and leaves as a whole */
        BlockRange *blocks;    /* owned */
        size_t n_blocks;
        BlockRange *kernel_blocks; /* owned: those of the kernel class */
        size_t n_kernel_blocks;
        NodeSet nodes;
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
        uint64_t offline_bytes;
        uint32_t n_pending;
        uint32_t n_failed;
        uint32_t n_foreign;
        uint32_t job; /* 0: none */
        const char *removable;
        const char *obstacle;
        const char *reason;
        const char *advice;
} DeviceRow;

/* One entry of History(). */
typedef struct DecisionRow {
        uint64_t first_usec;
        uint64_t last_usec;
        BlockRange *ranges; /* owned */
        size_t n_ranges;
        uint32_t n_decisions;
        int32_t node;
        const char *device;
        const char *decision;
        const char *rule;
        const char *guards;
        const char *status;
        const char *onlined_by;
        int32_t error;
        const char *reason;
        uint64_t block_size_bytes; /* 0 until verb_history() sets it */
} DecisionRow;

/* One entry of Verify() or VerifyNotes(). */
typedef struct FindingRow {
        const char *check;
        const char *subject;
        const char *finding;
        const char *advice;
} FindingRow;

/* Entries of the arrays of GetMetrics(). */
typedef struct CountRow {
        const char *first;  /* the decision, or the kind of a job */
        const char *second; /* the rule, or the result */
        uint64_t n;
} CountRow;

typedef struct ErrorRow {
        int32_t error; /* a positive errno */
        uint64_t n;
} ErrorRow;

typedef struct BucketRow {
        uint64_t usec; /* the longest time; USEC_INFINITY for the last bucket */
        uint64_t n;    /* of this bucket and those before */
} BucketRow;

typedef struct RatioRow {
        int32_t node; /* -1: the machine */
        uint64_t kernel_bytes;
        uint64_t movable_bytes;
} RatioRow;

/* What GetMetrics() returns. The arrays are owned. */
typedef struct MetricsRow {
        uint64_t since_usec;
        CountRow *decisions;
        size_t n_decisions;
        ErrorRow *online_errors;
        size_t n_online_errors;
        ErrorRow *offline_errors;
        size_t n_offline_errors;
        uint64_t events_lost;
        uint64_t rescans;
        CountRow *jobs_ended;
        size_t n_jobs_ended;
        BucketRow *durations;
        size_t n_durations;
        uint64_t durations_usec;
        uint32_t max_movable_ratio_permille;
        RatioRow *ratios;
        size_t n_ratios;
} MetricsRow;

/* What GetPolicy() says of the guards. */
typedef struct PolicyRow {
        bool is_known; /* false if it was not asked for, or memoryd is of an earlier version */
        bool per_node;
        double max_movable_ratio;
        uint64_t min_kernel_bytes; /* 0: none; UINT64_MAX: a block */
        size_t n_rules;
} PolicyRow;

typedef enum Fetch {
        FETCH_MANAGER = 1 << 0,
        FETCH_BLOCKS = 1 << 1,
        FETCH_OBJECTS = 1 << 2,    /* nodes and zones */
        FETCH_NO_DEVICES = 1 << 3, /* of a recorded tree: a third of the time is spent on them */
        FETCH_JOBS = 1 << 4,
        FETCH_HISTORY = 1 << 5,
        FETCH_FINDINGS = 1 << 6,
        FETCH_TIERS = 1 << 7, /* of the nodes, with FETCH_OBJECTS: only if a user asks for them */
        FETCH_CXL = 1 << 8,   /* of the blocks, with FETCH_BLOCKS: likewise */
        FETCH_METRICS = 1 << 9,
        FETCH_DEVICES = 1 << 10,
        FETCH_POLICY = 1 << 11, /* not of a recorded tree */
} Fetch;

#define SNAPSHOT_REPLIES_MAX 12

typedef struct Snapshot {
        ManagerRow manager;
        PolicyRow policy;
        BlockRow *blocks; /* by id */
        size_t n_blocks;
        NodeRow *nodes; /* by id */
        size_t n_nodes;
        ZoneRow *zones; /* by node, then as the kernel orders them */
        size_t n_zones;
        DeviceRow *devices; /* by address */
        size_t n_devices;
        JobRow *jobs; /* in the order in which they were accepted */
        size_t n_jobs;
        DecisionRow *history; /* the oldest first */
        size_t n_history;
        FindingRow *findings;
        size_t n_findings;
        FindingRow *notes;
        size_t n_notes;
        MetricsRow metrics;
        sd_bus_message *replies[SNAPSHOT_REPLIES_MAX];
        Recording *recording; /* the tree, or NULL when memoryd was asked */
        char **texts;         /* what the rows of a recording refer to */
        size_t n_texts;
} Snapshot;

/*
 * Asks memoryd for what the Fetch mask names, or reads it from arg_sysroot. EXIT_SUCCESS, or
 * EXIT_FAILURE when the reason has been printed. A snapshot starts zeroed; snapshot_done() is right
 * for it in either case.
 */
int snapshot_fetch(unsigned what, Snapshot *snapshot);
void snapshot_done(Snapshot *snapshot);

/* Frees what a row owns. snapshot_done() does that for the row of a snapshot. */
void manager_row_done(ManagerRow *row);

/* Reads the blocks of a reply to ListBlocks(), which must outlive the snapshot. 0, or negative errno. */
int snapshot_read_blocks(sd_bus_message *reply, Snapshot *snapshot);

/*
 * sysroot.c: fills the snapshot from a recorded tree. Prints a line on stderr for each odd file, and
 * does not fail because of them.
 */
int snapshot_read(unsigned what, Snapshot *snapshot);

/* table.c: tables in the manner of lsmem, through libsmartcols, and as JSON. */

#define TABLE_COLUMNS_MAX 24

/* What a row has for a column, which says how it is shown and what it is in JSON. */
typedef enum CellType {
        CELL_MADE,      /* a string that the column's format makes */
        CELL_TEXT,      /* const char * */
        CELL_ID,        /* uint32_t */
        CELL_NODE,      /* int32_t; empty when negative: not known */
        CELL_NUMBER,    /* uint64_t */
        CELL_FIGURE,    /* uint32_t; empty when 0: not known */
        CELL_SIZE,      /* uint64_t, bytes */
        CELL_BOOL,      /* bool */
        CELL_ERROR,     /* int32_t, a positive errno, or 0 */
        CELL_TIME,      /* uint64_t, microseconds since 1970 */
        CELL_BLOCKS,    /* Span: "32-39", or "32" */
        CELL_ADDRESSES, /* Span: its first and last address */
        CELL_SPAN,      /* Span: its size, bytes */
        _CELL_TYPE_MAX,
} CellType;

/* Blocks in a row of a table. */
typedef struct Span {
        uint32_t first;
        uint32_t last;
        uint64_t block_size_bytes;
} Span;

struct json_object;

typedef struct Column {
        const char *name;
        const char *help;
        CellType type;
        size_t offset;       /* of it in the row */
        size_t lacks_offset; /* of a bool that tells whether the row lacks it; 0: each row has it */
        bool optional;       /* only with -o */
        bool colored;        /* its cells have a colour by what they say */
        int flags;           /* SCOLS_FL_*, beside those of the type */

        /* Writes the text of a cell; NULL is an empty one. 0, or -ENOMEM. Not set: that of the type. */
        int (*format)(const void *row, char **ret);

        /* Adds members to the object of the row in JSON, in place of the text. Returns false if memory is short. */
        bool (*json)(struct json_object *object, const void *row);
} Column;

/* The columns of a table as an array and the number of them; the index in it is the column's id. */
typedef struct ColumnSet {
        const Column *columns;
        size_t n_columns;
} ColumnSet;

extern const ColumnSet list_columns;
extern const ColumnSet nodes_columns;
extern const ColumnSet zones_columns;
extern const ColumnSet devices_columns;
extern const ColumnSet history_columns;
extern const ColumnSet plan_columns;
extern const ColumnSet jobs_columns;

typedef struct Table {
        struct libscols_table *scols; /* owned; NULL for JSON */
        struct json_object *rows;     /* owned; NULL for text */
        const char *name;
        const ColumnSet *set;
        size_t ids[TABLE_COLUMNS_MAX]; /* of the columns to show, in the order to show them */
        size_t n_ids;
} Table;

/*
 * Evaluates -o. The name is that of the array in JSON. EXIT_SUCCESS, or an exit code when the reason has been
 * printed; table_done() is right either way.
 */
int table_init(Table *table, const char *name, const ColumnSet *set);

/* Whether -o names a column that is not shown without it. */
bool table_is_asked_for(const char *column);
void table_done(Table *table);

/* Prints the columns with a word about each, a line each. Those that are shown only with -o have a star. */
void columns_print(const ColumnSet *set);

/* Adds a row. 0, or negative errno. */
int table_add(Table *table, const void *row);

/* Prints it and returns EXIT_SUCCESS; or, of a table that could not be made for the error r, EXIT_FAILURE. */
int table_finish(Table *table, int r);

/* Adds an array of rows of a size, and prints the table. Returns what table_finish() does. */
int table_print(Table *table, const void *rows, size_t n_rows, size_t size);

/* Whether two rows are equal in all selected columns of the types CELL_TEXT, CELL_NODE and CELL_ERROR. */
bool table_is_alike(const Table *table, const void *a, const void *b);

/* cell.c: texts for cells. */
int cell_text(const char *text, char **ret);
int cell_number(uint64_t number, char **ret);

#define BLOCKS_STRING_MAX 52

/* "block 42" or "blocks 40-47". Returns the buffer. */
const char *blocks_format(uint64_t first, uint64_t last, char buffer[static BLOCKS_STRING_MAX]);

/* The most ranges that are listed where there is little room. */
#define RANGES_SHOWN 4

/* The number of blocks in ranges. */
uint64_t ranges_count(const BlockRange *ranges, size_t n_ranges);

/*
 * Formats the blocks of ranges: "32-39,45"; with many ranges only their number, "16 of 32-95", unless all are asked
 * for. Returns 0 or -ENOMEM.
 */
int ranges_format(const BlockRange *ranges, size_t n_ranges, bool all, char **ret);

#define SIZE_STRING_MAX FORMAT_BYTES_MAX

/* A number with -b and -J, else as lsmem prints it: "1.5G". Returns the buffer. */
const char *size_format(uint64_t bytes, char buffer[static SIZE_STRING_MAX]);

#define TIME_STRING_MAX 48

/* Microseconds since 1970 as systemctl(1) shows them, in local time. Returns the buffer. */
const char *time_format(uint64_t usec, char buffer[static TIME_STRING_MAX]);

#define ERROR_STRING_MAX 12

/* "EBUSY", or the number where the C library has no name, in the buffer; empty for 0. */
const char *error_format(int error, char buffer[static ERROR_STRING_MAX]);

/* feature.c: what the kernel has and lacks, as part of the status and of what verify prints. */
void features_print_status(const ManagerRow *manager);
void features_print_verify(const ManagerRow *manager);

/* The verbs. They return the exit code. Some take what follows the verb on the command line. */
int verb_status(void);
int verb_list(int argc, char **argv);
int verb_nodes(void);
int verb_zones(void);
int verb_config(void);
int verb_devices(int argc, char **argv);
int verb_map(void);
int verb_explain(int argc, char **argv);
int verb_history(void);
int verb_plan(void);
int verb_online(int argc, char **argv);
int verb_offline(int argc, char **argv);
int verb_set_zone(int argc, char **argv);
int verb_jobs(void);
int verb_cancel(int argc, char **argv);
int verb_monitor(void);
int verb_verify(void);
int verb_metrics(void);
int verb_reload(void);
int verb_rescan(void);
