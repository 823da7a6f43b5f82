/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "ctl/mock_jobs.h"

#include "base/macro.h"
#include "base/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define BLOCKS_MAX 64

typedef struct MockJob {
        uint32_t id;
        const char *kind;
        const char *state;
        char target[512];
        const char *zone;
        const char *user;
        uint32_t uid;
        uint32_t n_total;
        uint32_t n_done;
        uint32_t n_failed;
        uint32_t n_undone;
        int32_t current;
        uint64_t timeout_usec;
        uint32_t done[BLOCKS_MAX];
        uint32_t failed[BLOCKS_MAX];
        sd_bus_slot *slot;
} MockJob;

static sd_bus *bus;
static sd_event_source *timer;
static MockJob standing[] = {
        { 3, "offline", "running", "node 1", "", "root", 0, 32, 12, 1, 0, 45, 0, {}, {}, NULL },
        { 4,
          "rebalance",
          "queued",
          "node 0",
          "kernel",
          "memoryd",
          UINT32_MAX,
          4,
          0,
          0,
          0,
          -1,
          0,
          {},
          {},
          NULL },
};
static size_t n_standing;
static MockJob job = { .id = 7 };
static const char *script; /* what of MOCK_JOB is left */
static bool is_waiting;
static unsigned n_goes; /* that came before there was anything to wait for */
static bool is_kept;    /* may not be cancelled */

void mock_log(const char *format, ...)
{
        const char *path = getenv("MOCK_LOG");
        FILE *file = path ? fopen(path, "ae") : NULL;
        va_list arguments;

        if (!file)
                return;
        va_start(arguments, format);
        vfprintf(file, format, arguments);
        va_end(arguments);
        fputc('\n', file);
        fclose(file);
}

static void job_path(const MockJob *of, char path[static 64])
{
        snprintf(path, 64, BUS_JOB_PREFIX "/%" PRIu32, of->id);
}

/* Backwards: nothing says that they come in the order in which they fail. */
static int append_failures(sd_bus_message *message, const MockJob *of)
{
        int r = sd_bus_message_open_container(message, 'a', BUS_FAILURE_SIGNATURE);

        for (uint32_t i = of->n_failed; i-- > 0 && r >= 0;)
                r = sd_bus_message_append(message, BUS_FAILURE_SIGNATURE, of->failed[i], EBUSY,
                                          "pages of it could not be moved");
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int property_get_failures(sd_bus *on, const char *path, const char *interface,
                                 const char *property, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error)
{
        (void) on, (void) path, (void) interface, (void) property, (void) error;
        return append_failures(reply, userdata);
}

static int property_get_target(sd_bus *on, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error)
{
        const MockJob *of = userdata;

        (void) on, (void) path, (void) interface, (void) property, (void) error;
        return sd_bus_message_append(reply, "s", of->target);
}

int mock_jobs_go(sd_bus *on)
{
        (void) on;
        if (!is_waiting) {
                n_goes++;
                return 0;
        }
        is_waiting = false;
        return sd_event_source_set_enabled(timer, SD_EVENT_ON);
}

/* memoryd's own job is nobody's to cancel. */
static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        MockJob *of = userdata;

        mock_log("Cancel %" PRIu32, of->id);
        if (of->uid == UINT32_MAX || (of == &job && is_kept))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
        of->state = "cancelling";
        if (of == &job)
                (void) mock_jobs_go(bus);
        return sd_bus_reply_method_return(message, NULL);
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(MockJob, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kind", "s", NULL, offsetof(MockJob, kind), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Target", "s", property_get_target, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Zone", "s", NULL, offsetof(MockJob, zone), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("User", "s", NULL, offsetof(MockJob, user), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Uid", "u", NULL, offsetof(MockJob, uid), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("TotalBlocks", "u", NULL, offsetof(MockJob, n_total),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("TimeoutUSec", "t", NULL, offsetof(MockJob, timeout_usec),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", NULL, offsetof(MockJob, state),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DoneBlocks", "u", NULL, offsetof(MockJob, n_done),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("FailedBlocks", "u", NULL, offsetof(MockJob, n_failed),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("UndoneBlocks", "u", NULL, offsetof(MockJob, n_undone),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("CurrentBlock", "i", NULL, offsetof(MockJob, current),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Failures", "a" BUS_FAILURE_SIGNATURE, property_get_failures, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("Cancel", NULL, NULL, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int append_row(sd_bus_message *reply, const MockJob *of)
{
        char path[64];

        job_path(of, path);
        return sd_bus_message_append(reply, BUS_JOB_SIGNATURE, of->id, path, of->kind, of->state,
                                     of->target, of->zone, of->user, of->n_total, of->n_done,
                                     of->n_failed, of->uid);
}

/* Backwards: nothing says that they come in order. */
int mock_method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        (void) userdata;
        (void) error;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', BUS_JOB_SIGNATURE);
        if (r >= 0 && job.slot)
                r = append_row(reply, &job);
        for (size_t i = n_standing; i-- > 0 && r >= 0;)
                r = append_row(reply, &standing[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int append_list(sd_bus_message *message, const char *key, const char *type,
                       int (*append)(sd_bus_message *message, const MockJob *of))
{
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(message, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', type);
        if (r >= 0)
                r = append(message, &job);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* Of what was undone nothing is left. */
static int append_done(sd_bus_message *message, const MockJob *of)
{
        int r = sd_bus_message_open_container(message, 'a', "(uu)");

        for (uint32_t i = of->n_undone; i < of->n_done && r >= 0; i++)
                r = sd_bus_message_append(message, "(uu)", of->done[i], of->done[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int end_job(const char *result)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        char path[64], text[128];
        int r;

        job_path(&job, path);
        snprintf(text, sizeof(text), "The job ended %s with %" PRIu32 " of %" PRIu32 " blocks",
                 result, job.n_done, job.n_total);
        r = sd_bus_message_new_signal(bus, &signal, BUS_PATH, BUS_MANAGER_INTERFACE, "JobRemoved");
        if (r >= 0)
                r = sd_bus_message_append(signal, "uos", job.id, path, result);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(signal, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "Kind",
                                          "s", job.kind, "Target", "s", job.target, "Zone", "s",
                                          job.zone, "TotalBlocks", "u", job.n_total, "DoneBlocks",
                                          "u", job.n_done, "FailedBlocks", "u", job.n_failed,
                                          "UndoneBlocks", "u", job.n_undone, "Message", "s", text,
                                          "Unheard", "as", 1, "of");
        if (r >= 0)
                r = append_list(signal, "Done", "a(uu)", append_done);
        if (r >= 0)
                r = append_list(signal, "Failures", "a" BUS_FAILURE_SIGNATURE, append_failures);
        if (r >= 0 && job.n_failed == 2)
                r = sd_bus_message_append(signal, "{sv}", "Advice", "as", 2, "Free the slab.",
                                          "End what pins\npages.");
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        if (r >= 0)
                r = sd_bus_send(bus, signal, NULL);
        job.slot = sd_bus_slot_unref(job.slot);
        script = NULL;
        return r;
}

static int end_block(const char *word)
{
        char path[64];

        if (strcmp(word, "undone") == 0) {
                job.state = "undoing";
                job.n_undone++;
        } else if (*word == '!') {
                job.current = (int32_t) strtol(word + 1, NULL, 10);
                job.failed[job.n_failed++] = (uint32_t) job.current;
        } else {
                job.current = (int32_t) strtol(word, NULL, 10);
                job.done[job.n_done++] = (uint32_t) job.current;
        }
        if (!job.slot)
                return 0;
        job_path(&job, path);
        return sd_bus_emit_properties_changed(bus, path, BUS_JOB_INTERFACE, "State", "DoneBlocks",
                                              "FailedBlocks", "UndoneBlocks", "CurrentBlock",
                                              "Failures", NULL);
}

/* Takes a word of the script. */
static int take_word(void)
{
        static const char *const ends[] = { "done", "partly", "failed", "cancelled", "timed-out" };
        size_t length = strcspn(script, " ");
        char word[32];

        snprintf(word, sizeof(word), "%.*s", (int) length, script);
        script += length + strspn(script + length, " ");
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (strcmp(word, ends[i]) == 0)
                        return end_job(ends[i]);
        if (strcmp(word, "die") == 0)
                _exit(EXIT_SUCCESS);
        if (strcmp(word, "keep") == 0) {
                is_kept = true;
                return 0;
        }
        if (strcmp(word, "wait") == 0) {
                is_waiting = n_goes == 0;
                n_goes -= MIN(n_goes, 1U);
                return 0;
        }
        return end_block(word);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        const char *tick = getenv("MOCK_TICK_MSEC");
        int r;

        (void) usec;
        (void) userdata;
        if (!script || !*script)
                return 0;
        r = take_word();
        if (r < 0)
                return r;
        if (!script || is_waiting)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return sd_event_source_set_time_relative(source,
                                                 strtoull(tick ?: "1", NULL, 10) * USEC_PER_MSEC);
}

/* "Blocks=32-39,45": one entry of a request. */
static int format_entry(sd_bus_message *message, FILE *to)
{
        const char *key, *type, *text;
        uint32_t first, last;
        uint64_t number = 0;
        int r;

        r = sd_bus_message_read(message, "s", &key);
        if (r >= 0)
                r = sd_bus_message_peek_type(message, NULL, &type);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'v', type);
        if (r < 0)
                return r;
        fprintf(to, "%s%s=", ftell(to) > 0 ? " " : "", key);
        if (strcmp(type, "s") == 0) {
                r = sd_bus_message_read(message, "s", &text);
                fputs(r >= 0 ? text : "", to);
        } else if (strcmp(type, "a(uu)") == 0) {
                r = sd_bus_message_enter_container(message, 'a', "(uu)");
                for (bool is_first = true;
                     r >= 0 && (r = sd_bus_message_read(message, "(uu)", &first, &last)) > 0;
                     is_first = false)
                        fprintf(to, "%s%" PRIu32 "-%" PRIu32, is_first ? "" : ",", first, last);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        } else { /* of the sizes that numbers have, all fit */
                r = sd_bus_message_read_basic(message, *type, &number);
                fprintf(to, "%" PRIu64, number);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int format_request(sd_bus_message *message)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);
        int r = to ? sd_bus_message_enter_container(message, 'a', "{sv}") : -ENOMEM;

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = format_entry(message, to);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (to)
                fclose(to);
        if (r >= 0)
                snprintf(job.target, sizeof(job.target), "%s", text);
        return r;
}

static void make_job(const char *member)
{
        const char *words = getenv("MOCK_JOB") ?: "done";

        job.id++;
        job.kind = strcmp(member, "Online") == 0  ? "online" :
                   strcmp(member, "Offline") == 0 ? "offline" :
                                                    "set-zone";
        job.state = "running";
        job.zone = "";
        job.user = "root";
        job.uid = (uint32_t) getuid();
        job.current = -1;
        job.n_total = job.n_done = job.n_failed = job.n_undone = 0;
        script = words;
        for (const char *c = words; *c; c++)
                if (c == words || c[-1] == ' ')
                        job.n_total += *c == '!' || (*c >= '0' && *c <= '9');
}

/* Makes a job and has it go on; or all of it happens at once. */
static int start_job(const char *member)
{
        char path[64];
        int r;

        make_job(member);
        job_path(&job, path);
        r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER_INTERFACE, "JobNew", "uo", job.id, path);
        if (r >= 0 && strncmp(script, "early ", 6) == 0) {
                script += 6;
                while (r >= 0 && script)
                        r = take_word();
                return r;
        }
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, &job.slot, path, BUS_JOB_INTERFACE, job_vtable,
                                             &job);
        if (r >= 0)
                r = sd_event_source_set_time(timer, 0);
        return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ON);
}

int mock_method_job(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(message), *refuse = getenv("MOCK_REFUSE");
        char path[64], name[64];
        int r = format_request(message);

        (void) userdata;
        mock_log("%s %s", member, job.target);
        if (r >= 0 && refuse) {
                snprintf(name, sizeof(name), BUS_ERROR_PREFIX "%.*s", (int) strcspn(refuse, " "),
                         refuse);
                return sd_bus_error_set(error, name, strchr(refuse, ' ') + 1);
        }
        if (r < 0)
                return r;
        r = start_job(member);
        job_path(&job, path);
        return r < 0 ? r : sd_bus_reply_method_return(message, "o", path);
}

/* Appends a line of MOCK_PREVIEW. */
static int append_change(sd_bus_message *reply, const char *line)
{
        unsigned first, last, n_node, n_movable, n = 0;
        char from[16], to[16], blocks[128];
        int node, r;

        if (sscanf(line, "%d %15s %15s %127s %u %u", &node, from, to, blocks, &n_node,
                   &n_movable) != 6)
                return -EINVAL;
        r = sd_bus_message_open_container(reply, 'r', BUS_EFFECT_FIELDS);
        if (r >= 0)
                r = sd_bus_message_append(reply, "iss", node, from, to);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(uu)");
        for (char *rest = blocks, *word; r >= 0 && (word = strsep(&rest, ","));) {
                if (sscanf(word, "%u-%u", &first, &last) < 2)
                        last = first;
                n += last - first + 1;
                r = sd_bus_message_append(reply, "(uu)", first, last);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "ttt", (uint64_t) n << 27, (uint64_t) n_node << 27,
                                          (uint64_t) n_movable << 27);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int mock_method_preview(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text = getenv("MOCK_PREVIEW"), *kind, *end;
        char name[128], sentence[256];
        int r;

        (void) userdata;
        if (!text)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "Unknown method");
        r = sd_bus_message_read(message, "s", &kind);
        if (r >= 0)
                r = format_request(message);
        if (r < 0)
                return r;
        mock_log("Preview %s %s", kind, job.target);
        end = strchr(text, '\n');
        if (*text == '!' && (!end || !strstr(job.target, "Force=1"))) {
                snprintf(name, sizeof(name), BUS_ERROR_PREFIX "%.*s", (int) strcspn(text + 1, " "),
                         text + 1);
                text = strchr(text, ' ') + 1;
                snprintf(sentence, sizeof(sentence), "%.*s", (int) strcspn(text, "\n"), text);
                return sd_bus_error_set(error, name, sentence);
        }
        if (*text == '!')
                text = end + 1;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(" BUS_EFFECT_FIELDS ")");
        while (r >= 0 && *text) {
                r = append_change(reply, text);
                text += strcspn(text, "\n");
                text += *text == '\n';
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int mock_jobs_make(sd_bus *on)
{
        (void) on;
        snprintf(job.target, sizeof(job.target), "node 1");
        return start_job("Offline");
}

int mock_jobs_tell(sd_bus *on)
{
        char path[64];

        standing[0].n_done++;
        job_path(&standing[0], path);
        return sd_bus_emit_properties_changed(on, path, BUS_JOB_INTERFACE, "DoneBlocks", NULL);
}

int mock_jobs_start(sd_bus *of, sd_event *event, bool has_jobs)
{
        int r;

        bus = of;
        n_standing = has_jobs ? ELEMENTSOF(standing) : 0;
        r = sd_event_add_time(event, &timer, CLOCK_MONOTONIC, 0, 1, on_tick, NULL);
        if (r >= 0)
                r = sd_event_source_set_enabled(timer, SD_EVENT_OFF);
        for (size_t i = 0; i < n_standing && r >= 0; i++) {
                char path[64];

                job_path(&standing[i], path);
                r = sd_bus_add_object_vtable(bus, NULL, path, BUS_JOB_INTERFACE, job_vtable,
                                             &standing[i]);
        }
        return r;
}
