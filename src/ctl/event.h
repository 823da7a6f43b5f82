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
        JobView view;
} Watched;

typedef struct Monitor {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *timer; /* set while a call of ListBlocks() is due */
        bool is_listing;        /* a call of ListBlocks() is under way */
        uint64_t listed_usec;   /* when ListBlocks() was last called, monotonic */
        BlockRange *changed;    /* blocks to list */
        size_t n_changed;
        Watched *jobs;
        size_t n_jobs;
} Monitor;

/* event.c: print an event as an object on one line, for --json, or as a line of text. */
void event_print(const char *name, const JsonMember *members);
void event_print_text(const char *format, ...) _printf_(1, 2);

/* Makes the object of an event without members. */
json_object *event_new(const char *name);

/* monitor-jobs.c: reports new jobs, their progress and their end. Negative errno on failure. */
int monitor_on_job_new(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_changed(sd_bus_message *signal, Monitor *monitor);
int monitor_on_job_removed(sd_bus_message *signal, Monitor *monitor);

/* Forgets all jobs. */
void monitor_drop_jobs(Monitor *monitor);
