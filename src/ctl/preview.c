/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Says what a change will do before it starts, asks about it, and says what --force would do. */

#include "base/names.h"
#include "ctl/job-view.h"

#include <inttypes.h>
#include <stdio.h>

/* Longer lists of blocks are shown as a number alone. */
#define RANGES_MAX 4

/* An entry of the reply, of which the texts belong to the reply. */
typedef struct Change {
        int32_t node; /* negative: not known */
        const char *from;
        const char *to;
        uint32_t n_blocks;
        char blocks[RANGES_MAX * 24]; /* "32-39,45"; empty if there are more ranges, or none */
        uint64_t bytes;
        uint64_t node_bytes;
        uint64_t movable_bytes;
} Change;

/* All changes. */
typedef struct Preview {
        Change *changes; /* owned */
        size_t n_changes;
        uint64_t block_size_bytes;
        FILE *to; /* where to say it */
} Preview;

static bool is_class(const char *word, ZoneClass zone_class)
{
        return strcmp(word, zone_class_to_string(zone_class)) == 0;
}

/* Whether movable memory goes, offline or to the kernel. */
static bool takes_movable(const Change *change)
{
        return is_class(change->from, ZONE_CLASS_MOVABLE);
}

static bool is_for_good(const Change *change)
{
        return takes_movable(change) && is_class(change->to, ZONE_CLASS_KERNEL);
}

static bool takes_most(const Change *change)
{
        return takes_movable(change) && change->movable_bytes > 0 &&
               change->bytes > change->movable_bytes / 2;
}

static int read_ranges(sd_bus_message *reply, Change *change)
{
        int r = sd_bus_message_enter_container(reply, 'a', "(uu)");
        uint32_t first, last;
        size_t n = 0, n_ranges = 0;

        while (r >= 0 && (r = sd_bus_message_read(reply, "(uu)", &first, &last)) > 0) {
                const char *comma = n_ranges > 0 ? "," : "";

                if (++n_ranges > RANGES_MAX)
                        continue;
                n += (size_t) snprintf(change->blocks + n, sizeof(change->blocks) - n,
                                       first == last ? "%s%" PRIu32 : "%s%" PRIu32 "-%" PRIu32,
                                       comma, first, last);
        }
        if (n_ranges > RANGES_MAX)
                change->blocks[0] = '\0';
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int read_change(sd_bus_message *reply, Preview *preview)
{
        Change change = {};
        int r = sd_bus_message_read(reply, "iss", &change.node, &change.from, &change.to);

        if (r >= 0)
                r = read_ranges(reply, &change);
        if (r >= 0)
                r = sd_bus_message_read(reply, "ttt", &change.bytes, &change.node_bytes,
                                        &change.movable_bytes);
        if (r >= 0)
                r = GROW(preview->changes, preview->n_changes);
        if (r < 0)
                return r;
        change.n_blocks = (uint32_t) (change.bytes / preview->block_size_bytes);
        preview->changes[preview->n_changes++] = change;
        return 0;
}

/* Returns 0, or a negative errno: -EBADMSG for a reply that makes no sense. */
static int read_changes(sd_bus_message *reply, Preview *preview)
{
        int r = preview->block_size_bytes > 0 ? 0 : -EBADMSG;

        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(" BUS_EFFECT_FIELDS ")");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', BUS_EFFECT_FIELDS)) > 0) {
                r = read_change(reply, preview);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r < 0 && r != -ENOMEM ? -EBADMSG : MIN(r, 0);
}

#define PERCENT_STRING_MAX 32

/* "12%", rounded down, or "less than 1%". Returns the buffer. */
static const char *percent_format(uint64_t part, uint64_t whole,
                                  char buffer[static PERCENT_STRING_MAX])
{
        uint64_t percent = whole > 0 ? part * 100 / whole : 0;

        if (percent == 0 && part > 0)
                snprintf(buffer, PERCENT_STRING_MAX, "less than 1%%");
        else
                snprintf(buffer, PERCENT_STRING_MAX, "%" PRIu64 "%%", percent);
        return buffer;
}

/* "Takes blocks 44-47 of node 1 offline: 4 movable blocks, 512M, 25% of the node's memory". */
static void print_change(const Preview *preview, const Change *change)
{
        bool goes_offline = is_class(change->to, ZONE_CLASS_NONE),
             goes_online = is_class(change->from, ZONE_CLASS_NONE);
        char size[SIZE_STRING_MAX], percent[PERCENT_STRING_MAX], node[32] = "";
        const char *s = change->n_blocks == 1 ? "" : "s";
        FILE *to = preview->to;

        if (change->node >= 0)
                snprintf(node, sizeof(node), " of node %" PRId32, change->node);
        fputs(goes_offline ? "Takes" : goes_online ? "Brings" : "Makes", to);
        if (*change->blocks)
                fprintf(to, " block%s %s", s, change->blocks);
        else
                fprintf(to, " %" PRIu32 " block%s", change->n_blocks, s);
        fprintf(to, "%s %s: %" PRIu32 " %s block%s, %s", node,
                goes_offline                             ? "offline" :
                goes_online                              ? "online" :
                is_class(change->to, ZONE_CLASS_MOVABLE) ? "movable" :
                                                           "kernel memory",
                change->n_blocks, goes_online ? change->to : change->from, s,
                size_format(change->bytes, size));
        if (change->node_bytes > 0)
                fprintf(to, ", %s of the node's memory",
                        percent_format(change->bytes, change->node_bytes, percent));
        if (takes_movable(change) && change->movable_bytes > 0)
                fprintf(to, ", %s of its movable memory",
                        percent_format(change->bytes, change->movable_bytes, percent));
        fputs(".\n", to);
}

/* The sum of several changes, in relation to the machine. Returns 0 or a negative errno. */
static int print_sum(sd_bus *bus, const Preview *preview, sd_bus_error *error)
{
        uint64_t bytes = 0, online_bytes = 0, offline_bytes = 0;
        char size[SIZE_STRING_MAX], percent[PERCENT_STRING_MAX];
        int r = ask_number(bus, "OnlineBytes", error, &online_bytes);

        if (r >= 0)
                r = ask_number(bus, "OfflineBytes", error, &offline_bytes);
        if (r < 0)
                return r;
        for (size_t i = 0; i < preview->n_changes; i++)
                bytes += preview->changes[i].bytes;
        fprintf(preview->to, "In all, %" PRIu64 " blocks, %s, %s of the machine's memory.\n",
                bytes / preview->block_size_bytes, size_format(bytes, size),
                percent_format(bytes, online_bytes + offline_bytes, percent));
        return 0;
}

/* Prints what is to be asked about. */
static void print_concerns(const Preview *preview)
{
        bool is_any_for_good = false;

        for (size_t i = 0; i < preview->n_changes; i++) {
                const Change *change = &preview->changes[i];

                is_any_for_good |= is_for_good(change);
                if (takes_most(change))
                        fprintf(preview->to,
                                "This is more than half of the movable memory of node %" PRId32
                                ".\n",
                                change->node);
        }
        if (is_any_for_good)
                fputs("Movable memory that becomes kernel memory can usually not be made movable "
                      "again.\n",
                      preview->to);
}

static bool needs_answer(const Preview *preview)
{
        for (size_t i = 0; i < preview->n_changes; i++)
                if (takes_most(&preview->changes[i]) || is_for_good(&preview->changes[i]))
                        return true;
        return false;
}

/* Returns whether the user answers yes. The end of the input is no answer. */
static bool ask_user(void)
{
        char line[16];

        fputs("Go on? [y/N] ", stderr);
        fflush(stderr);
        if (!fgets(line, sizeof(line), stdin)) {
                fputc('\n', stderr);
                return false;
        }
        line[strcspn(line, "\n")] = '\0';
        return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

static int say(sd_bus *bus, Preview *preview)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool on_terminal = isatty(STDERR_FILENO),
             asks = on_terminal && isatty(STDIN_FILENO) && !arg_yes && needs_answer(preview);
        int r = 0;

        /* Standard output of a script has the job, or JSON, alone. */
        preview->to = on_terminal ? stderr : stdout;
        if (!asks && (arg_quiet || (!on_terminal && (arg_json || !arg_wait))))
                return EXIT_SUCCESS;
        for (size_t i = 0; i < preview->n_changes; i++)
                print_change(preview, &preview->changes[i]);
        if (preview->n_changes > 1)
                r = print_sum(bus, preview, &error);
        if (r < 0)
                return call_failure(r, &error);
        print_concerns(preview);
        return !asks || ask_user() ? EXIT_SUCCESS : failure("nothing was changed");
}

/* Has the daemon make the selection, and make no job of it. Returns 0 or more, or a negative errno. */
static int call_preview(sd_bus *bus, const char *kind, const BlockRange *blocks, size_t n_blocks,
                        sd_bus_error *error, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = manager_message_new(bus, BUS_MANAGER_INTERFACE, "Preview", &message);

        if (r >= 0)
                r = sd_bus_message_append(message, "s", kind);
        if (r >= 0)
                r = job_request_append(message, blocks, n_blocks);
        return r < 0 ? r : sd_bus_call(bus, message, 0, error, ret);
}

/* What may come of --force, by the error without it. */
static const char *force_risk(const char *name)
{
        static const char *const risks[][2] = {
                { "BootMemory",
                  "much of such memory usually cannot be moved, so that it takes long, "
                  "slows the machine down meanwhile, and may fail" },
                { "LastKernelMemory", "the kernel then has to take memory of other nodes for what "
                                      "cannot be moved, which "
                                      "is slower, and may find none" },
                { "BelowGuards", "kernel memory may run out while movable memory is free, and "
                                 "programs may be killed" },
                { "NotEnoughBlocks",
                  "this takes memory that was there at boot, which may fail, or that the guards "
                  "keep, so that kernel memory may run out" },
                { "InvalidRequest",
                  "the state of the device then is not that of all of its blocks, "
                  "and programs that go by it, such as daxctl, may fail" },
        };

        if (strncmp(name, BUS_ERROR_PREFIX, strlen(BUS_ERROR_PREFIX)) != 0)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(risks); i++)
                if (strcmp(name + strlen(BUS_ERROR_PREFIX), risks[i][0]) == 0)
                        return risks[i][1];
        return NULL;
}

/* Prints a refusal. If the daemon would not refuse with --force, says so, and what it risks. */
static int refuse(sd_bus *bus, const char *kind, const BlockRange *blocks, size_t n_blocks,
                  int error, const sd_bus_error *refusal)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error_with_force = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *risk = refusal->name ? force_risk(refusal->name) : NULL;
        int r = call_failure(error, refusal);

        if (!risk || arg_force)
                return r;
        arg_force = true;
        if (call_preview(bus, kind, blocks, n_blocks, &error_with_force, &reply) >= 0)
                fprintf(stderr, "With --force this is done all the same. The risk: %s.\n", risk);
        arg_force = false;
        return r;
}

int preview_change(sd_bus *bus, const char *kind, const BlockRange *blocks, size_t n_blocks,
                   uint64_t block_size_bytes)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Preview preview = { .block_size_bytes = block_size_bytes };
        int r = call_preview(bus, kind, blocks, n_blocks, &error, &reply);

        /* An earlier memoryd has no such method. */
        if (r < 0 && sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD))
                return EXIT_SUCCESS;
        if (r < 0)
                return refuse(bus, kind, blocks, n_blocks, r, &error);
        r = read_changes(reply, &preview);
        r = r < 0 ? call_failure(r, &error) : say(bus, &preview);
        free(preview.changes);
        return r;
}
