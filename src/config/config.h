/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "policy/track.h"

/* Reads the main files and the drop-ins of memoryd.conf(5) into one validated configuration. */

typedef enum Coldplug {
        COLDPLUG_APPLY, /* blocks found offline at start are decided like any other block */
        COLDPLUG_LEAVE,
} Coldplug;

typedef enum KernelAutoOnline {
        KERNEL_AUTO_ONLINE_TAKE_OVER, /* auto_online_blocks is "offline" while memoryd runs */
        KERNEL_AUTO_ONLINE_RESPECT,
} KernelAutoOnline;

typedef enum Offload {
        OFFLOAD_NEVER,   /* memoryd writes every block */
        OFFLOAD_UNIFORM, /* the kernel onlines memory with a single outcome: see offload.h */
} Offload;

typedef enum EventSource {
        EVENT_SOURCE_KERNEL, /* uevents straight from the kernel: earlier, and without udevd */
        EVENT_SOURCE_UDEV,   /* events from udevd, after its rules ran */
        _EVENT_SOURCE_MAX,
} EventSource;

/* The number of settings: the first keys in the table of key.h, before "rules". */
#define CONF_SETTINGS 18

/* Where the value of a setting comes from. */
typedef struct ConfOrigin {
        uint32_t file; /* index into conf.files */
        uint32_t line; /* 0: nowhere, it is the default */
} ConfOrigin;

typedef struct Conf {
        Policy policy;
        Coldplug coldplug;
        KernelAutoOnline kernel_auto_online;
        Offload offload; /* has no effect with KERNEL_AUTO_ONLINE_RESPECT */
        EventSource event_source;
        uint64_t
                leave_delay_usec; /* how long memory of dax devices is left to others; 1 s to 1 h */
        uint64_t settle_usec; /* how long to wait for a block's node and device; 10 ms to 60 s */
        Retry retry;
        uint64_t offline_timeout_usec; /* how long a block may take to go offline; 1 s to 1 h */
        bool rebalance; /* whether memoryd relieves a node that is short of kernel memory */
        int log_level;  /* LOG_EMERG to LOG_DEBUG */
        char **files; /* owned, NULL-terminated: the files that were read, in this order, as users see their names */
        char **paths;      /* owned, NULL-terminated: of the same files, not made printable */
        uint64_t *digests; /* owned: of what was read of each of them, see conf_digest() */
        ConfOrigin
                origins[CONF_SETTINGS]; /* of the values, by the index of the key: see conf_key() */
} Conf;

/*
 * A fault: its file and line, and what is wrong. A fault of the file as a whole or of its syntax
 * names no key.
 */
typedef struct ConfFault {
        char *file;
        unsigned line; /* 0: the file as a whole */
        char *text;    /* "'key': expected ..., got ...": valid UTF-8 in one line */
        size_t index;  /* in the order in which faults were found, which qsort() does not keep */
} ConfFault;

typedef struct ConfFaults {
        ConfFault *faults; /* owned, sorted by file and line */
        size_t n_faults;
} ConfFaults;

void conf_faults_done(ConfFaults *faults);

/*
 * Formats a fault as "file:line: text", without a newline, and valid UTF-8 whatever the file is
 * called. Returns 0 or -ENOMEM. The caller frees *ret.
 */
int conf_fault_format(const ConfFault *fault, char **ret);

/*
 * Formats all faults as a NULL-terminated array. Returns 0 or -ENOMEM. The caller frees the array
 * and its strings.
 */
int conf_faults_format(const ConfFaults *faults, char ***ret);

/*
 * Appends a string to a NULL-terminated array, which may be NULL, and takes ownership of the string,
 * also on failure. Returns 0, or -ENOMEM, also if the string is NULL.
 */
int strings_append(char ***strings, char *string);

/* Returns a number that tells texts apart: other texts have another with near certainty. */
uint64_t conf_digest(const char *text, size_t size);

/*
 * Reads a file of the configuration, as it is now, for a user to see. Bytes that cannot be printed become "?"; lines
 * and tabs stay. A file is only shown to a user who may read it: `sees_all`, or all users can read the file and look
 * into each folder of its path. Returns 0 with the text and the digest of what was read; 1 with the reason, a text,
 * if it is not shown; or -ENOMEM. The caller frees the text.
 */
int conf_show_file(const char *path, bool sees_all, char **ret_text, uint64_t *ret_digest);

/* The largest file or text that is read: more than a person would write. */
#define CONF_FILE_SIZE_MAX (1024U * 1024U)

/* Sets the defaults of memoryd.conf(5). Reads no file. */
void conf_init(Conf *conf);
void conf_done(Conf *conf);

/*
 * Reads the configuration below a root folder ("" for the running system): the vendor's main file,
 * the administrator's main file, then the drop-ins of /usr/lib, /run and /etc in the order of their
 * names. A drop-in in /etc hides those of the same name in /run and /usr/lib, and a drop-in in /run
 * hides those in /usr/lib. A setting overrides the same key in earlier files. `rules` in
 * /etc/memoryd/memoryd.conf replace the vendor's rules. `rules` in drop-ins come before those of
 * the main file, in the order of the drop-ins' names.
 *
 * A file is refused, with its folder, if a user other than root owns it or can write to it. Below a root folder
 * other than "", the user of this process may own files as well. Links are followed: what counts is the file.
 *
 * Returns 0; 1 if there are faults, in which case all of them are added to *faults and *ret is not
 * written; or -ENOMEM. Previous contents of *ret are not freed. A missing main file or folder is
 * not a fault. A link to /dev/null counts as an empty file and is not listed in conf.files.
 */
int conf_load(const char *root, Conf *ret, ConfFaults *faults);

/* Whether a file of this name, which may have folders before it, is read as a drop-in: "10-x.conf". */
bool conf_is_dropin_name(const char *path);

/* A drop-in that is not installed. */
typedef struct ConfText {
        const char *name; /* conf_is_dropin_name() */
        const char *text;
} ConfText;

/* The files of a configuration, read and not yet evaluated. */
typedef struct ConfLoad ConfLoad;

/*
 * Does the two parts of conf_load(), the second of which needs no file. With `draft`, which may be NULL, as if it
 * was a drop-in of this name in /etc: in the order of the names, and in the place of an installed one of the same
 * name. Faults of both parts are added to `faults`, which must stay where it is until then. conf_read() returns 0
 * or -ENOMEM, conf_apply() what conf_load() does; it is called once at most. The caller frees *ret.
 */
int conf_read(const char *root, const ConfText *draft, ConfFaults *faults, ConfLoad **ret);
int conf_apply(ConfLoad *load, Conf *ret);
void conf_load_free(ConfLoad *load);
DEFINE_CLEANUP(ConfLoad *, conf_load_free)

/* Like conf_load(), but reads only this file, which any user may own. If it does not exist, that is a fault. */
int conf_load_file(const char *path, Conf *ret, ConfFaults *faults);

/*
 * Like conf_load_file(), but for a text of `size` bytes, to see what another configuration would
 * do. `name` is the name of the text in messages. conf.files stays NULL.
 */
int conf_load_text(const char *name, const char *text, size_t size, Conf *ret, ConfFaults *faults);
