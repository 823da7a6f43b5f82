/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * How long memoryd takes to plan a machine, beside how long it takes to read one: a tree as the kernel
 * shows it is made in a temporary folder and surveyed as at the start, then all of its blocks are
 * planned. Arguments are numbers of blocks. Prints the median of some runs each.
 */

#include "kernel/survey.h"
#include "policy/plan.h"
#include "policy/track.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define N_NODES 64
#define N_RULES 50
#define RUNS 9

/* From the design. */
#define LIMIT_BLOCKS 100000
#define LIMIT_MSEC 20.0

static char root[PATH_MAX / 2];

static _Noreturn void fail(const char *what, int error)
{
        fprintf(stderr, "bench_plan: %s: %s\n", what, strerror(-error));
        exit(EXIT_FAILURE);
}

static double now_msec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

/* The tree */

static const char *make_path(const char *format, unsigned a, unsigned b) _printf_(1, 0);

static const char *make_path(const char *format, unsigned a, unsigned b)
{
        static char path[PATH_MAX];
        size_t n = (size_t) snprintf(path, sizeof(path), "%s/", root);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path + n, sizeof(path) - n, format, a, b);
#pragma GCC diagnostic pop
        return path;
}

static void make_folder(const char *format, unsigned a)
{
        if (mkdir(make_path(format, a, 0), 0700) < 0)
                fail(make_path(format, a, 0), -errno);
}

static void make_file(const char *format, unsigned a, const char *text)
{
        FILE *file = fopen(make_path(format, a, 0), "we");

        if (!file || fputs(text, file) < 0 || fclose(file) != 0)
                fail(make_path(format, a, 0), -errno);
}

static void make_link(const char *format, unsigned a, unsigned b)
{
        if (symlink("nowhere", make_path(format, a, b)) < 0)
                fail(make_path(format, a, b), -errno);
}

static void make_tree(unsigned n_blocks)
{
        static const char *const folders[] = { "sys",
                                               "sys/devices",
                                               "sys/devices/system",
                                               "sys/devices/system/memory",
                                               "sys/devices/system/node",
                                               "proc" };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                make_folder(folders[i], 0);
        make_file("sys/devices/system/memory/block_size_bytes", 0, "8000000\n");
        make_file("sys/devices/system/node/has_cpu", 0, "0-31\n");
        for (unsigned node = 0; node < N_NODES; node++)
                make_folder("sys/devices/system/node/node%u", node);

        for (unsigned i = 0; i < n_blocks; i++) {
                unsigned node = (unsigned) ((uint64_t) i * N_NODES / n_blocks);
                /* A quarter is boot memory. */
                bool online = i % 4 == 0;

                make_folder("sys/devices/system/memory/memory%u", i);
                make_file("sys/devices/system/memory/memory%u/state", i,
                          online ? "online\n" : "offline\n");
                make_file("sys/devices/system/memory/memory%u/valid_zones", i,
                          online ? "Normal\n" : "Normal Movable\n");
                make_link("sys/devices/system/memory/memory%u/node%u", i, node);
                make_link("sys/devices/system/node/node%u/memory%u", node, i);
        }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
        (void) status;
        (void) type;
        (void) walk;
        return remove(path);
}

static void remove_tree(void)
{
        if (nftw(root, remove_one, 64, FTW_DEPTH | FTW_PHYS) < 0)
                fail(root, -errno);
}

/* What is measured */

static void survey(const Sysfs *sysfs, Machine *machine)
{
        ChangedIds changed = {};
        SurveyLeft left = {};
        Node *nodes = NULL;
        size_t n_nodes = 0;
        int r = sysfs_read_block_size(sysfs, &machine->block_size_bytes);

        if (r >= 0)
                r = survey_list(sysfs, machine, &changed);
        if (r >= 0)
                r = sysfs_read_links(sysfs, machine);
        if (r >= 0)
                r = survey_read(sysfs, machine, &(TrackMode){ .at_start = true }, SIZE_MAX,
                                &changed, &left);
        if (r >= 0)
                r = sysfs_read_nodes(sysfs, &nodes, &n_nodes);
        if (r < 0)
                fail("survey", r);
        machine_set_nodes(machine, nodes, n_nodes);
        changed_ids_done(&changed);
}

/* Rules that are tried in vain, but for a few: for one node each, or for no block at all. */
static void make_rules(Policy *policy)
{
        static const ZoneAction actions[] = { ZONE_ACTION_AUTO, ZONE_ACTION_MOVABLE,
                                              ZONE_ACTION_KERNEL };

        policy_init(policy);
        for (unsigned i = 0; i < N_RULES; i++) {
                Rule rule = { .name = strdup("rule"), .zone = actions[i % ELEMENTSOF(actions)] };
                int r;

                if (i % 4 == 0) {
                        rule.has_nodes = true;
                        node_set_add(&rule.nodes, i);
                } else if (i % 4 == 1) {
                        rule.node_classes = 1U << NODE_CLASS_MEMORYLESS;
                } else if (i % 4 == 2) {
                        rule.origins = 1U << ORIGIN_KMEM;
                } else {
                        /* It has to be looked at for each block, and is past the last one. */
                        rule.has_address = true;
                        rule.first_address = UINT64_C(1) << 52;
                        rule.last_address = UINT64_MAX;
                }
                r = policy_insert_rule(policy, policy->n_rules, &rule);
                if (r < 0)
                        fail("rules", r);
        }
}

static size_t plan(const Machine *machine, const Policy *policy)
{
        Plan made;
        size_t n;
        int r = plan_make(machine, policy, track_wants_plan, 0, &made);

        if (r < 0)
                fail("plan", r);
        n = made.n_planned;
        plan_done(&made);
        return n;
}

/* In memory unless told else: a tree of 100,000 blocks is half a million files. */
static void make_root(void)
{
        const char *folder = getenv("TMPDIR") ?: "/dev/shm";

        if ((size_t) snprintf(root, sizeof(root), "%s/memoryd-bench-XXXXXX", folder) >=
                    sizeof(root) ||
            !mkdtemp(root))
                fail(folder, -errno);
}

static double bench(unsigned n_blocks)
{
        double read_msec[RUNS], plan_msec[RUNS];
        size_t n_planned = 0;
        Policy policy;
        double read, planned;
        Sysfs sysfs;

        make_root();
        make_tree(n_blocks);
        if (sysfs_open(root, &sysfs) < 0)
                fail(root, -ENOENT);
        make_rules(&policy);

        for (size_t i = 0; i < RUNS; i++) {
                Machine machine;
                double start = now_msec(), between;

                machine_init(&machine);
                survey(&sysfs, &machine);
                between = now_msec();
                n_planned = plan(&machine, &policy);
                plan_msec[i] = now_msec() - between;
                read_msec[i] = between - start;
                machine_done(&machine);
        }
        policy_done(&policy);
        sysfs_close(&sysfs);
        remove_tree();

        read = median(read_msec, RUNS);
        planned = median(plan_msec, RUNS);
        printf("%8u %8zu %10.2f %10.3f %10.3f %10.4f\n", n_blocks, n_planned, read,
               read / n_blocks * 1e3, planned, planned / n_blocks * 1e3);
        fflush(stdout);
        return planned;
}

int main(int argc, char *argv[])
{
        printf("%u nodes, %u rules; medians of %u runs:\n", N_NODES, N_RULES, RUNS);
        printf("%8s %8s %10s %10s %10s %10s\n", "blocks", "planned", "read ms", "us/block",
               "plan ms", "us/block");
        for (int i = 1; i < argc; i++) {
                unsigned n_blocks = (unsigned) strtoul(argv[i], NULL, 10);
                double msec;

                if (n_blocks < N_NODES || n_blocks > 10000000)
                        fail(argv[i], -ERANGE);
                msec = bench(n_blocks);
                if (n_blocks == LIMIT_BLOCKS)
                        printf("    %s: planning %u blocks takes under %.0f ms\n",
                               msec < LIMIT_MSEC ? "holds" : "DOES NOT HOLD", n_blocks, LIMIT_MSEC);
        }
        return EXIT_SUCCESS;
}
