/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shows the progress of a job, as a bar or as lines. */

#include "base/names.h"
#include "ctl/job-view.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>

#define BAR_INTERVAL_USEC (100 * USEC_PER_MSEC)
#define LINE_INTERVAL_USEC USEC_PER_SEC

/* The length of the bar: a shorter one is left out, a longer one is not needed. */
#define BAR_MIN 10
#define BAR_MAX 50

void progress_clear(Progress *progress)
{
        if (progress->bar_width > 0)
                fprintf(stderr, "\r%*s\r", (int) progress->bar_width, "");
        progress->bar_width = 0;
}

/* The keys of the tree are numbers: there is nothing to free. */
static void keep_key(void *key)
{
        (void) key;
}

void progress_done(Progress *progress)
{
        progress_clear(progress);
        tdestroy(progress->told, keep_key);
        free(progress->shown);
        *progress = (Progress){};
}

static bool is_state(const JobView *view, const char *state)
{
        return view->state && strcmp(view->state, state) == 0;
}

/* Formats "12 of 32 blocks, 37%, 1.5G of 4G, memory45, 2 failed". Returns < 0 if memory is short. */
static int text_format(const Progress *progress, const JobView *view, char **ret)
{
        char done[SIZE_STRING_MAX], total[SIZE_STRING_MAX], current[32] = "", failed[32] = "";

        if (is_state(view, "queued"))
                return asprintf(ret, "queued");
        if (view->current >= 0)
                snprintf(current, sizeof(current), ", memory%" PRId32, view->current);
        if (is_state(view, "undoing"))
                return asprintf(ret, "undoing, %" PRIu32 " blocks so far%s", view->n_undone,
                                current);
        if (view->n_failed > 0)
                snprintf(failed, sizeof(failed), ", %" PRIu32 " failed", view->n_failed);
        return asprintf(
                ret, "%s%" PRIu32 " of %" PRIu32 " blocks, %" PRIu64 "%%, %s of %s%s%s",
                is_state(view, "cancelling") ? "cancelling, " : "", view->n_done, view->n_total,
                view->n_total > 0 ? UINT64_C(100) * view->n_done / view->n_total : 0,
                size_format(view->n_done * progress->block_size_bytes, done),
                size_format(view->n_total * progress->block_size_bytes, total), current, failed);
}

/*
 * The text behind the bar takes precedence over the bar. The bar may become shorter, but not longer again, or
 * the text would jump.
 */
static size_t bar_length(size_t width, size_t text_length, size_t last)
{
        if (width < text_length + BAR_MIN + 3)
                return 0;
        return MIN(width - text_length - 3, last > 0 ? last : (size_t) BAR_MAX);
}

static void draw_bar(Progress *progress, const JobView *view, const char *text)
{
        size_t width = terminal_width(STDERR_FILENO) - 1; /* or the cursor would wrap */
        size_t length = bar_length(width, strlen(text), progress->bar_length);
        uint32_t n_through = view->n_done + view->n_failed;
        _cleanup_free_ char *line = NULL;
        char bar[BAR_MAX + 1] = "";

        progress->bar_length = length;
        memset(bar, '.', length);
        if (view->n_total > 0)
                memset(bar, '#', length * MIN(n_through, view->n_total) / view->n_total);
        if (asprintf(&line, "%s%s%s%s", length ? "[" : "", bar, length ? "] " : "", text) < 0)
                return;
        fprintf(stderr, "\r%-*.*s", (int) MIN(MAX(progress->bar_width, strlen(line)), width),
                (int) width, line);
        fflush(stderr);
        progress->bar_width = MIN(strlen(line), width);
}

/* Prints which job this is, before anything else. */
static void print_job(Progress *progress, const JobView *view)
{
        char size[SIZE_STRING_MAX];

        if (progress->is_named)
                return;
        printf("job %" PRIu32 ": %s %s, %" PRIu32 " blocks, %s\n", progress->id, view->kind ?: "",
               view->target ?: "", view->n_total,
               size_format(view->n_total * progress->block_size_bytes, size));
        progress->is_named = true;
}

static int compare_keys(const void *a, const void *b)
{
        return ((uintptr_t) a > (uintptr_t) b) - ((uintptr_t) a < (uintptr_t) b);
}

/* Prints each failed block only once, in whatever order blocks fail, even if the job tries a block again. */
static void print_failures(Progress *progress, const JobView *view)
{
        for (size_t i = 0; i < view->n_failures; i++) {
                const void *key = (const void *) (uintptr_t) view->failures[i].block;
                _cleanup_free_ char *line = NULL;

                if (!tfind(key, &progress->told, compare_keys) &&
                    tsearch(key, &progress->told, compare_keys) &&
                    job_failure_format(&view->failures[i], &line) >= 0)
                        printf("job %" PRIu32 ": %s\n", progress->id, line);
        }
}

uint64_t progress_update(Progress *progress, const JobView *view, uint64_t now_usec)
{
        _cleanup_free_ char *text = NULL;

        if (!progress->has_bar) {
                print_job(progress, view);
                print_failures(progress, view);
        }
        if (now_usec < progress->next_usec)
                return progress->next_usec;
        if (text_format(progress, view, &text) < 0 ||
            (progress->shown && strcmp(progress->shown, text) == 0))
                return USEC_INFINITY;
        if (progress->has_bar)
                draw_bar(progress, view, text);
        else
                printf("job %" PRIu32 ": %s\n", progress->id, text);
        progress->next_usec =
                now_usec + (progress->has_bar ? BAR_INTERVAL_USEC : LINE_INTERVAL_USEC);
        free(progress->shown);
        progress->shown = TAKE_PTR(text);
        return USEC_INFINITY;
}
