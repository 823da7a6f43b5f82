/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "ctl-json.h"
#include "names.h"
#include "parse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>

/* How often memoryd is asked for its blocks at most. */
#define LIST_INTERVAL_USEC USEC_PER_SEC

/* How often it is told how far a job is. */
#define JOB_INTERVAL_USEC USEC_PER_SEC

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

static void monitor_done(Monitor *monitor)
{
        for (size_t i = 0; i < monitor->n_jobs; i++)
                job_view_done(&monitor->jobs[i].view);
        free(monitor->jobs);
        free(monitor->changed);
        sd_event_source_disable_unref(monitor->timer);
        sd_bus_flush_close_unref(monitor->bus);
        sd_event_unref(monitor->event);
}

/* An object with what all events have, or NULL. */
static json_object *json_event(const char *name)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (!object ||
            !json_member(object, "time_usec",
                         json_object_new_uint64((uint64_t) now.tv_sec * USEC_PER_SEC +
                                                (uint64_t) now.tv_nsec / 1000)) ||
            !json_member_string(object, "event", name))
                return NULL;
        return TAKE_PTR(object);
}

/* Prints the object when all went well with it. */
static void print_event(json_object *object, bool ok)
{
        if (!ok) {
                json_object_put(object);
                object = NULL;
        }
        (void) json_print_line(object);
}

static void _printf_(1, 2) print_text(const char *format, ...)
{
        time_t now = time(NULL);
        va_list arguments;
        char text[TIME_STRING_MAX] = "";
        struct tm local;

        if (localtime_r(&now, &local))
                strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &local);
        printf("%s ", text);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
}

static void tell_running(bool is_running)
{
        json_object *object;

        if (!arg_json) {
                print_text("memoryd %s", is_running ? "is running" : "is not running");
                return;
        }
        object = json_event("memoryd");
        print_event(object,
                    object && json_member(object, "running", json_object_new_boolean(is_running)));
}

#define SPAN_STRING_MAX 48

/* "block 42", "blocks 40-47". Returns the buffer. */
static const char *span_format(uint64_t first, uint64_t last, char buffer[static SPAN_STRING_MAX])
{
        if (first == last)
                snprintf(buffer, SPAN_STRING_MAX, "block %" PRIu64, first);
        else
                snprintf(buffer, SPAN_STRING_MAX, "blocks %" PRIu64 "-%" PRIu64, first, last);
        return buffer;
}

static void tell_blocks(const BlockRow *first, uint32_t last)
{
        bool is_online = zone_class_from_string(first->zone_class) != ZONE_CLASS_NONE, ok;
        char span[SPAN_STRING_MAX], node[24] = "";
        json_object *object;

        if (!arg_json) {
                if (first->node >= 0)
                        snprintf(node, sizeof(node), " of node %" PRId32, first->node);
                print_text("%s%s: %s, %s%s%s", span_format(first->id, last, span), node,
                           first->state, is_online ? first->zone_class : "", is_online ? ", " : "",
                           first->status);
                return;
        }
        object = json_event("blocks");
        ok = object && json_member(object, "first", json_object_new_uint64(first->id)) &&
             json_member(object, "last", json_object_new_uint64(last));
        if (first->node < 0)
                ok = ok && json_member_string(object, "node", "");
        else
                ok = ok &&
                     json_member(object, "node", json_object_new_uint64((uint64_t) first->node));
        print_event(object, ok && json_member_string(object, "state", first->state) &&
                                    json_member_string(object, "class", first->zone_class) &&
                                    json_member_string(object, "status", first->status));
}

static void tell_gone(uint64_t first, uint64_t last)
{
        char span[SPAN_STRING_MAX];
        json_object *object;

        if (!arg_json) {
                print_text("%s: gone", span_format(first, last, span));
                return;
        }
        object = json_event("blocks-gone");
        print_event(object, object && json_member(object, "first", json_object_new_uint64(first)) &&
                                    json_member(object, "last", json_object_new_uint64(last)));
}

static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        return a->node == b->node && strcmp(a->state, b->state) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->status, b->status) == 0;
}

/* What there is in a range, and what is there no more. */
static void tell_span(const Snapshot *snapshot, const BlockSpan *span)
{
        uint64_t next = span->first; /* of the range, what has not been told */
        size_t i = 0;

        while (i < snapshot->n_blocks && snapshot->blocks[i].id < span->first)
                i++;
        while (i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last) {
                const BlockRow *first = &snapshot->blocks[i];

                if (first->id > next)
                        tell_gone(next, first->id - UINT64_C(1));
                while (++i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last &&
                       snapshot->blocks[i].id == snapshot->blocks[i - 1].id + 1 &&
                       block_is_alike(first, &snapshot->blocks[i]))
                        ;
                tell_blocks(first, snapshot->blocks[i - 1].id);
                next = snapshot->blocks[i - 1].id + UINT64_C(1);
        }
        if (next <= span->last)
                tell_gone(next, span->last);
}

static int span_compare(const void *a, const void *b)
{
        const BlockSpan *left = a, *right = b;

        return (left->first > right->first) - (left->first < right->first);
}

/* Sorts them, and makes one of those that meet. */
static void merge_changed(Monitor *monitor)
{
        size_t n = 0;

        if (monitor->n_changed == 0)
                return;
        qsort(monitor->changed, monitor->n_changed, sizeof(BlockSpan), span_compare);
        for (size_t i = 1; i < monitor->n_changed; i++) {
                BlockSpan *last = &monitor->changed[n], *next = &monitor->changed[i];

                if (next->first <= last->last + UINT64_C(1))
                        last->last = MAX(last->last, next->last);
                else
                        monitor->changed[++n] = *next;
        }
        monitor->n_changed = n + 1;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static int schedule_list(Monitor *monitor)
{
        int r;

        if (monitor->is_listing || monitor->n_changed == 0)
                return 0;
        r = sd_event_source_set_time(
                monitor->timer,
                monitor->listed_usec > 0 ? monitor->listed_usec + LIST_INTERVAL_USEC : 0);
        return r < 0 ? r : sd_event_source_set_enabled(monitor->timer, SD_EVENT_ONESHOT);
}

/* Without an answer memoryd has gone, of which there is another line, and the blocks wait for it. */
static int on_blocks(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        Monitor *monitor = userdata;

        (void) error;
        monitor->is_listing = false;
        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        snapshot.blocks_reply = sd_bus_message_ref(reply);
        if (snapshot_read_blocks(&snapshot) < 0) {
                call_failure(-EBADMSG, &SD_BUS_ERROR_NULL);
                return sd_event_exit(monitor->event, EXIT_FAILURE);
        }
        merge_changed(monitor);
        for (size_t i = 0; i < monitor->n_changed; i++)
                tell_span(&snapshot, &monitor->changed[i]);
        monitor->n_changed = 0;
        return 0;
}

static int on_list_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Monitor *monitor = userdata;
        int r;

        (void) source;
        (void) usec;
        r = manager_message_new(monitor->bus, BUS_MANAGER_INTERFACE, "ListBlocks", &message);
        if (r >= 0)
                r = sd_bus_call_async(monitor->bus, NULL, message, on_blocks, monitor, 0);
        monitor->is_listing = r >= 0;
        monitor->listed_usec = now_usec();
        return 0;
}

static int on_blocks_changed(sd_bus_message *signal, Monitor *monitor)
{
        BlockSpan span;
        int r;

        r = sd_bus_message_enter_container(signal, 'a', "(uu)");
        while (r >= 0 && (r = sd_bus_message_read(signal, "(uu)", &span.first, &span.last)) > 0) {
                BlockSpan *grown =
                        reallocarray(monitor->changed, monitor->n_changed + 1, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                monitor->changed = grown;
                grown[monitor->n_changed++] = span;
        }
        return r < 0 ? r : schedule_list(monitor);
}

static int on_capacity_changed(sd_bus_message *signal, Monitor *monitor)
{
        char online[SIZE_STRING_MAX], movable[SIZE_STRING_MAX];
        uint64_t online_bytes, movable_bytes;
        json_object *object;
        int r;

        (void) monitor;
        r = sd_bus_message_read(signal, "tt", &online_bytes, &movable_bytes);
        if (r < 0)
                return r;
        if (!arg_json) {
                print_text("capacity: %s online, %s of it movable",
                           size_format(online_bytes, online), size_format(movable_bytes, movable));
                return 0;
        }
        object = json_event("capacity");
        print_event(object,
                    object && json_member(object, "online", json_object_new_uint64(online_bytes)) &&
                            json_member(object, "movable", json_object_new_uint64(movable_bytes)));
        return 0;
}

static void tell_short(uint32_t node, bool is_short, uint64_t free_bytes, uint64_t low_bytes)
{
        char free_text[SIZE_STRING_MAX], low_text[SIZE_STRING_MAX];
        json_object *object;
        bool ok;

        if (!arg_json && !is_short)
                print_text("node %" PRIu32 ": has enough kernel memory again", node);
        else if (!arg_json)
                print_text("node %" PRIu32 ": is short of kernel memory, %s free, %s is low", node,
                           size_format(free_bytes, free_text), size_format(low_bytes, low_text));
        if (!arg_json)
                return;
        object = json_event("kernel-memory-short");
        ok = object && json_member(object, "node", json_object_new_uint64(node)) &&
             json_member(object, "short", json_object_new_boolean(is_short));
        if (is_short)
                ok = ok && json_member(object, "free", json_object_new_uint64(free_bytes)) &&
                     json_member(object, "low", json_object_new_uint64(low_bytes));
        print_event(object, ok);
}

static int on_kernel_memory_short(sd_bus_message *signal, Monitor *monitor)
{
        uint64_t free_bytes, low_bytes;
        uint32_t node;
        int r;

        (void) monitor;
        r = sd_bus_message_read(signal, "utt", &node, &free_bytes, &low_bytes);
        if (r >= 0)
                tell_short(node, true, free_bytes, low_bytes);
        return r;
}

/* Returns NULL when there is no memory. */
static Watched *watched_get(Monitor *monitor, uint32_t id)
{
        Watched *grown;

        for (size_t i = 0; i < monitor->n_jobs; i++)
                if (monitor->jobs[i].id == id)
                        return &monitor->jobs[i];
        grown = reallocarray(monitor->jobs, monitor->n_jobs + 1, sizeof(*grown));
        if (!grown)
                return NULL;
        monitor->jobs = grown;
        grown[monitor->n_jobs] = (Watched){ .id = id };
        return &grown[monitor->n_jobs++];
}

static void watched_drop(Monitor *monitor, uint32_t id)
{
        for (size_t i = 0; i < monitor->n_jobs; i++) {
                if (monitor->jobs[i].id != id)
                        continue;
                job_view_done(&monitor->jobs[i].view);
                monitor->jobs[i] = monitor->jobs[--monitor->n_jobs];
                return;
        }
}

static void tell_job(uint32_t id, const char *event, const JobView *view)
{
        json_object *object;

        if (!arg_json) {
                print_text("job %" PRIu32 ": %s%s%s%s%s, %" PRIu32 " of %" PRIu32
                           " blocks done, %" PRIu32 " failed",
                           id, view->kind ?: "", view->kind ? " " : "", view->target ?: "",
                           view->kind ? ", " : "", view->state ?: "", view->n_done, view->n_total,
                           view->n_failed);
                return;
        }
        object = json_event(event);
        print_event(object, object && json_add_job(object, id, view) &&
                                    json_member_string(object, "state", view->state ?: ""));
}

/* A job that has not been told of before is new, were it only to us. */
static int on_job(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        JobView view = {};
        Watched *job;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL)) /* it has ended */
                return 0;
        job = job_view_read(reply, &view) >= 0 ? watched_get(monitor, view.id) : NULL;
        if (!job) {
                job_view_done(&view);
                return 0;
        }
        job_view_done(&job->view);
        job->view = view;
        job->told_usec = now_usec();
        tell_job(job->id, "job-new", &job->view);
        return 0;
}

static int ask_job(Monitor *monitor, Watched *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        char path[JOB_PATH_MAX];
        int r;

        if (job->is_asked)
                return 0;
        job->is_asked = true;
        r = sd_bus_message_new_method_call(monitor->bus, &message, BUS_NAME,
                                           job_path_format(job->id, path),
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, false);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", BUS_JOB_INTERFACE);
        return r < 0 ? r : sd_bus_call_async(monitor->bus, NULL, message, on_job, monitor, 0);
}

static int on_job_new(sd_bus_message *signal, Monitor *monitor)
{
        Watched *job;
        uint32_t id;
        int r;

        r = sd_bus_message_read(signal, "uo", &id, NULL);
        if (r < 0)
                return r;
        job = watched_get(monitor, id);
        return job ? ask_job(monitor, job) : -ENOMEM;
}

/* Each state is told, and how far it is once in a second. */
static int on_job_changed(sd_bus_message *signal, Monitor *monitor)
{
        Watched *job = watched_get(monitor, job_path_to_id(sd_bus_message_get_path(signal)));
        _cleanup_free_ char *state = NULL;
        int r;

        if (!job)
                return -ENOMEM;
        if (!job->view.kind)
                return ask_job(monitor, job);
        state = strdup(job->view.state ?: "");
        r = job_view_read(signal, &job->view);
        if (r < 0 || !state)
                return r < 0 ? r : -ENOMEM;
        if (strcmp(state, job->view.state ?: "") == 0 &&
            now_usec() < job->told_usec + JOB_INTERVAL_USEC)
                return 0;
        job->told_usec = now_usec();
        tell_job(job->id, "job-progress", &job->view);
        return 0;
}

static int on_job_removed(sd_bus_message *signal, Monitor *monitor)
{
        _cleanup_(job_view_done) JobView report = {};
        json_object *object;
        const char *result;
        uint32_t id;
        int r;

        r = sd_bus_message_read(signal, "uos", &id, NULL, &result);
        if (r >= 0)
                r = job_view_read(signal, &report);
        if (r < 0)
                return r;
        watched_drop(monitor, id);
        if (!arg_json) {
                print_text("job %" PRIu32 ": %s, %s", id, result, report.message ?: "");
                return 0;
        }
        object = json_event("job-removed");
        print_event(object, object && json_add_report(object, id, result, &report));
        return 0;
}

/* Those of the manager that are no sums: capacity has an event of its own. */
static const struct {
        const char *name;
        const char *key;
        char type;
} told_properties[] = {
        { "Degraded", "degraded", 'b' },
        { "PendingBlocks", "pending_blocks", 'u' },
        { "FailedBlocks", "failed_blocks", 'u' },
        { "ForeignBlocks", "foreign_blocks", 'u' },
        { "KernelAutoOnline", "kernel_auto_online", 's' },
};

static json_object *json_value(char type, uint32_t number, const char *text)
{
        if (type == 's')
                return json_object_new_string(text);
        return type == 'b' ? json_object_new_boolean(number != 0) : json_object_new_uint64(number);
}

static int tell_property(sd_bus_message *signal, const char *key, char type)
{
        const char contents[] = { type, '\0' };
        const char *text = "";
        uint32_t number = 0; /* as wide as a boolean is on the bus */
        json_object *object;
        int r;

        r = sd_bus_message_read(signal, "v", contents,
                                type == 's' ? (void *) &text : (void *) &number);
        if (r < 0)
                return r;
        if (arg_json) {
                object = json_event("property");
                print_event(object,
                            object && json_member_string(object, "name", key) &&
                                    json_member(object, "value", json_value(type, number, text)));
        } else if (type == 'u') {
                print_text("%s: %" PRIu32, key, number);
        } else {
                print_text("%s: %s", key, type == 's' ? text : number ? "yes" : "no");
        }
        return 0;
}

static int on_manager_property(sd_bus_message *signal, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(told_properties); i++)
                if (strcmp(told_properties[i].name, name) == 0)
                        return tell_property(signal, told_properties[i].key,
                                             told_properties[i].type);
        return sd_bus_message_skip(signal, "v");
}

/* That a node runs short comes with numbers, as a signal; this is the end of it. */
static int on_node_property(sd_bus_message *signal, const char *name)
{
        const char *path = sd_bus_message_get_path(signal);
        uint32_t node;
        int is_short, r;

        if (strcmp(name, "KernelMemoryShort") != 0)
                return sd_bus_message_skip(signal, "v");
        r = sd_bus_message_read(signal, "v", "b", &is_short);
        if (r >= 0 && !is_short && parse_u32(strrchr(path, '/') + 1, &node) >= 0)
                tell_short(node, false, 0, 0);
        return r;
}

static int on_properties_changed(sd_bus_message *signal, Monitor *monitor)
{
        int (*read)(sd_bus_message * signal, const char *name);
        const char *interface, *name;
        int r;

        r = sd_bus_message_read(signal, "s", &interface);
        if (r < 0)
                return r;
        if (strcmp(interface, BUS_JOB_INTERFACE) == 0)
                return on_job_changed(signal, monitor);
        if (strcmp(interface, BUS_MANAGER_INTERFACE) == 0)
                read = on_manager_property;
        else if (strcmp(interface, BUS_NODE_INTERFACE) == 0)
                read = on_node_property;
        else
                return 0;
        r = sd_bus_message_enter_container(signal, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(signal, 'e', "sv")) > 0) {
                r = sd_bus_message_read(signal, "s", &name);
                if (r >= 0)
                        r = read(signal, name);
                if (r >= 0)
                        r = sd_bus_message_exit_container(signal);
        }
        return r;
}

static const struct {
        const char *member;
        int (*handle)(sd_bus_message *signal, Monitor *monitor);
} handlers[] = {
        { "BlocksChanged", on_blocks_changed },
        { "CapacityChanged", on_capacity_changed },
        { "KernelMemoryShort", on_kernel_memory_short },
        { "JobNew", on_job_new },
        { "JobRemoved", on_job_removed },
        { "PropertiesChanged", on_properties_changed },
};

/* What a newer memoryd may send besides is passed over, and so is what makes no sense. */
static int on_any(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        (void) error;
        for (size_t i = 0; i < ELEMENTSOF(handlers); i++)
                if (strcmp(handlers[i].member, sd_bus_message_get_member(signal)) == 0)
                        (void) handlers[i].handle(signal, userdata);
        return 0;
}

/* Another memoryd counts its jobs anew. */
static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;
        const char *owner;
        int r;

        (void) error;
        r = sd_bus_message_read(signal, "sss", NULL, NULL, &owner);
        if (r < 0)
                return r;
        while (monitor->n_jobs > 0)
                watched_drop(monitor, monitor->jobs[0].id);
        monitor->n_changed = 0;
        tell_running(*owner);
        return 0;
}

static int on_disconnected(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;

        (void) signal;
        (void) error;
        return sd_event_exit(monitor->event, call_failure(-ENOTCONN, &SD_BUS_ERROR_NULL));
}

static int add_matches(Monitor *monitor)
{
        static const struct {
                const char *match;
                sd_bus_message_handler_t handler;
        } matches[] = {
                { "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_PATH "'", on_any },
                { "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                  "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" BUS_NAME "'",
                  on_name_owner_changed },
                { "type='signal',path='/org/freedesktop/DBus/Local',"
                  "interface='org.freedesktop.DBus.Local',member='Disconnected'",
                  on_disconnected },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(matches) && r >= 0; i++)
                r = sd_bus_add_match(monitor->bus, NULL, matches[i].match, matches[i].handler,
                                     monitor);
        return r;
}

/* An interrupt is how one ends it: nothing failed. */
static int add_sources(Monitor *monitor)
{
        int r;

        r = sd_event_new(&monitor->event);
        if (r >= 0)
                r = interrupts_add(monitor->event, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_time(monitor->event, &monitor->timer, CLOCK_MONOTONIC, 0, 1,
                                      on_list_due, monitor);
        if (r >= 0)
                r = sd_event_source_set_enabled(monitor->timer, SD_EVENT_OFF);
        return r < 0 ? r : sd_bus_attach_event(monitor->bus, monitor->event, 0);
}

static int ask_running(Monitor *monitor, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int is_running, r;

        r = sd_bus_call_method(monitor->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", error, &reply, "s",
                               BUS_NAME);
        if (r >= 0)
                r = sd_bus_message_read(reply, "b", &is_running);
        if (r >= 0)
                tell_running(is_running);
        return r;
}

int verb_monitor(int argc, char **argv)
{
        _cleanup_(monitor_done) Monitor monitor = {};
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        (void) argc;
        (void) argv;
        setvbuf(stdout, NULL, _IOLBF, 0);
        r = bus_open(&monitor.bus);
        if (r != EXIT_SUCCESS)
                return r;
        r = add_matches(&monitor);
        if (r >= 0)
                r = add_sources(&monitor);
        if (r >= 0)
                r = ask_running(&monitor, &error);
        if (r >= 0)
                r = sd_event_loop(monitor.event);
        return r < 0 ? call_failure(r, &error) : r;
}
