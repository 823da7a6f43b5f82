/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/job-view.h"
#include "ctl/row.h"

/* Declarations that the files of memoryctl monitor share. */

/* A job that the monitor knows of. */
typedef struct Watched {
        uint32_t id;
        bool is_asked;      /* its properties have been asked for */
        uint64_t told_usec; /* when it was last reported, monotonic */
        char *told_state;   /* owned: the state then, or NULL if it was not reported yet */
        uint32_t told_done; /* the number of blocks done then */
        JobView view;
} Watched;

typedef struct Monitor {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer;       /* set while a call of ListBlocks() is due */
        bool is_told;                 /* that memoryd runs */
        bool is_started;              /* the blocks are known, and so what changes */
        bool is_list_due;             /* blocks have changed since ListBlocks() was last called */
        sd_bus_slot *list_call;       /* of ListBlocks(), or NULL */
        sd_bus_slot *properties_call; /* for those of the manager, or NULL */
        uint64_t listed_usec;         /* when ListBlocks() was last called, monotonic */
        Snapshot known;               /* the blocks as they were last told */
        json_object *properties;      /* of the manager as they were last told, by their keys */
        uint64_t online_bytes;        /* as they were last told */
        uint64_t movable_bytes;
        Watched *jobs;
        size_t n_jobs;
} Monitor;

/* event.c: print an event as an object on one line, for --json, or as a line of text. */
void event_print(const char *name, const JsonMember *members);
void event_print_text(const char *format, ...) _printf_(1, 2);

/* The same with a colour behind the time. */
void event_print_colored(Color color, const char *format, ...) _printf_(2, 3);

/* Prints that memoryd runs, or does not. */
void event_print_running(bool is_running);

/* Makes the object of an event without members. */
json_object *event_new(const char *name);

/* monitor-blocks.c: lists the blocks, not too often, if they have changed, and reports how. Negative errno. */
int monitor_list_blocks(Monitor *monitor);
int monitor_on_list_due(sd_event_source *source, uint64_t usec, void *userdata);
int monitor_on_blocks_changed(sd_bus_message *signal, Monitor *monitor);

/* monitor-jobs.c: reports new jobs, their progress and their end. Negative errno on failure. */
int monitor_on_job_new(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_changed(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_removed(sd_bus_message *signal, Monitor *monitor);

/* Forgets all jobs. */
void monitor_drop_jobs(Monitor *monitor);
