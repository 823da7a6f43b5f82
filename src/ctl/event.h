/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/json.h"

/* What the parts of memoryctl monitor share. */

/* One job as far as it has been told of. */
typedef struct Watched {
        uint32_t id;
        bool is_asked;      /* what it is about */
        uint64_t told_usec; /* when it was told of, monotonic */
        JobView view;
} Watched;

typedef struct Monitor {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer; /* set while ListBlocks() is due */
        bool is_listing;        /* it has been called */
        uint64_t listed_usec;   /* when that was, monotonic */
        BlockSpan *changed;     /* what to list */
        size_t n_changed;
        Watched *jobs;
        size_t n_jobs;
} Monitor;

/* event.c: one event as a line of text, or with --json as an object in a line. */
void event_running(bool is_running);
void event_blocks(const BlockRow *first, uint32_t last);
void event_gone(uint64_t first, uint64_t last);
void event_capacity(uint64_t online_bytes, uint64_t movable_bytes);
void event_short(uint32_t node, bool is_short, uint64_t free_bytes, uint64_t low_bytes);
void event_job(uint32_t id, const char *event, const JobView *view);
void event_job_ended(uint32_t id, const char *result, const JobView *report);

/* The type is that of D-Bus: b and u have a number, s has a text. */
void event_property(const char *key, char type, uint32_t number, const char *text);

/*
 * ctl-monitor-blocks.c: which blocks changed, and what became of them. Handlers of signals return 0,
 * or negative errno.
 */
int monitor_on_blocks_changed(sd_bus_message *signal, Monitor *monitor);

/* The handler of the timer. */
int monitor_on_list_due(sd_event_source *source, uint64_t usec, void *userdata);

/* ctl-monitor-jobs.c: jobs that come, go on and end. */
int monitor_on_job_new(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_changed(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_removed(sd_bus_message *signal, Monitor *monitor);

/* Forgets all jobs. */
void monitor_drop_jobs(Monitor *monitor);
