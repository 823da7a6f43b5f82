/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/track.h"

/* memoryd.conf(5): reads the main files and the drop-ins into one validated configuration. */

typedef enum Coldplug {
        COLDPLUG_APPLY, /* blocks found offline at start are decided like any other */
        COLDPLUG_LEAVE,
        _COLDPLUG_MAX,
        _COLDPLUG_INVALID = -EINVAL,
} Coldplug;

const char *coldplug_to_string(Coldplug coldplug);
Coldplug coldplug_from_string(const char *word);

typedef enum KernelAutoOnline {
        KERNEL_AUTO_ONLINE_TAKE_OVER, /* auto_online_blocks is "offline" while memoryd runs */
        KERNEL_AUTO_ONLINE_RESPECT,
        _KERNEL_AUTO_ONLINE_MAX,
        _KERNEL_AUTO_ONLINE_INVALID = -EINVAL,
} KernelAutoOnline;

const char *kernel_auto_online_to_string(KernelAutoOnline value);
KernelAutoOnline kernel_auto_online_from_string(const char *word);

typedef enum Offload {
        OFFLOAD_NEVER,   /* every block is written by memoryd */
        OFFLOAD_UNIFORM, /* what the policy has one answer to is left to the kernel: see offload.h */
        _OFFLOAD_MAX,
        _OFFLOAD_INVALID = -EINVAL,
} Offload;

const char *offload_to_string(Offload value);
Offload offload_from_string(const char *word);

typedef enum EventSource {
        EVENT_SOURCE_KERNEL, /* uevents as the kernel sends them: first, and with no udevd needed */
        EVENT_SOURCE_UDEV,   /* after udev's rules ran */
        _EVENT_SOURCE_MAX,
        _EVENT_SOURCE_INVALID = -EINVAL,
} EventSource;

const char *event_source_to_string(EventSource source);
EventSource event_source_from_string(const char *word);

typedef struct Conf {
        Policy policy;
        Coldplug coldplug;
        KernelAutoOnline kernel_auto_online;
        Offload offload; /* has no effect with KERNEL_AUTO_ONLINE_RESPECT */
        EventSource event_source;
        uint64_t settle_usec; /* how long blocks without a node hold up the rest; 10 ms to 60 s */
        Retry retry;
        uint64_t offline_timeout_usec; /* what a block may take to go offline; 1 s to 1 h */
        bool rebalance; /* whether memoryd itself helps a node that is short of kernel memory */
        int log_level;  /* LOG_EMERG to LOG_DEBUG */
        char **files;   /* owned, NULL-terminated: what was read, in the order it was */
} Conf;

/* One fault: where, which key (NULL for a file or a syntax as a whole), and what is wrong. */
typedef struct ConfFault {
        char *file;
        unsigned line; /* 0: the file as a whole */
        char *text;    /* "'key': expected ..., got ..." */
} ConfFault;

typedef struct ConfFaults {
        ConfFault *faults; /* owned, in the order of files and lines */
        size_t n_faults;
} ConfFaults;

void conf_faults_done(ConfFaults *faults);

/* One fault as a line, "file:line: text", without a newline. 0 or -ENOMEM. The caller frees it. */
int conf_fault_format(const ConfFault *fault, char **ret);

/* All of them, NULL-terminated. 0 or -ENOMEM. The caller frees them. */
int conf_faults_format(const ConfFaults *faults, char ***ret);

/* The defaults of memoryd.conf(5), with no file read. */
void conf_init(Conf *conf);
void conf_done(Conf *conf);

/*
 * Reads the configuration below a root folder ("" is the running system): the vendor's file, the
 * administrator's, then the drop-ins of /usr/lib, /run and /etc in the order of their names, where
 * a name in /etc hides the same in /run and that the same in /usr/lib. Later files override
 * settings by key; `rules` of /etc/memoryd/memoryd.conf replace the vendor's, those of drop-ins go
 * before them in the order of the drop-ins' names.
 *
 * Returns 0; 1 when there were faults, all of which are added to *faults, *ret untouched; -ENOMEM.
 * A main file or folder that does not exist is no fault. What *ret held before is not freed. A file
 * that is a link to /dev/null is as empty, and not among conf.files.
 */
int conf_load(const char *root, Conf *ret, ConfFaults *faults);

/* The same for one file alone, which must exist. */
int conf_load_file(const char *path, Conf *ret, ConfFaults *faults);

/*
 * The same for a text of `size` bytes, which messages call `name`, to see what another configuration
 * would do. conf.files stays NULL.
 */
int conf_load_text(const char *name, const char *text, size_t size, Conf *ret, ConfFaults *faults);

/*
 * The keys there are, for the check that each is documented: the name of the i-th, settings and
 * rule criteria alike ("retry.delay", "rules.node_class"), or NULL past the last.
 */
const char *conf_key_name(size_t i);
