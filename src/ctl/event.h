/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl/row.h"

/* Declarations that the files of memoryctl monitor share. */

/* A job that the monitor knows of. */
typedef struct Watched {
        uint32_t id;
        bool is_asked;      /* its properties have been asked for */
        uint64_t told_usec; /* when it was last reported, monotonic */
        JobView view;
} Watched;

typedef struct Monitor {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer; /* enabled while a call of ListBlocks() is due */
        bool is_listing;        /* a call of ListBlocks() is under way */
        uint64_t listed_usec;   /* when ListBlocks() was last called, monotonic */
        BlockRange *changed;    /* blocks to list */
        size_t n_changed;
        Watched *jobs;
        size_t n_jobs;
} Monitor;

/* event.c: prints an event as a line of text, or with --json as an object on one line. */
void event_running(bool is_running);
void event_blocks(const BlockRow *first, uint32_t last);
void event_gone(uint64_t first, uint64_t last);
void event_capacity(uint64_t online_bytes, uint64_t movable_bytes);
void event_short(uint32_t node, uint64_t free_bytes, uint64_t low_bytes);
void event_enough(uint32_t node);
void event_job(uint32_t id, const char *event, const JobView *view);
void event_job_ended(uint32_t id, const char *result, const JobView *report);
void event_property(const Property *property, const ManagerRow *manager);

/* monitor-blocks.c: reports changed blocks. Handlers of signals return a negative errno on failure. */
int monitor_on_blocks_changed(sd_bus_message *signal, Monitor *monitor);

/* The handler of Monitor.timer. */
int monitor_on_list_due(sd_event_source *source, uint64_t usec, void *userdata);

/* monitor-jobs.c: reports new jobs, their progress and their end. */
int monitor_on_job_new(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_changed(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_removed(sd_bus_message *signal, Monitor *monitor);

/* Forgets all jobs. */
void monitor_drop_jobs(Monitor *monitor);
