/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Puts into words what the map shows beside its cells. */

#include "base/text.h"
#include "config/config.h"
#include "ctl/map.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Adds to a text in a buffer of MAP_FACT_MAX bytes. What does not fit is cut. */
static void fact_add(char *fact, const char *format, ...) _printf_(2, 3);
static void fact_add(char *fact, const char *format, ...)
{
        size_t length = strlen(fact);
        va_list arguments;

        va_start(arguments, format);
        (void) text_vformat(fact + length, MAP_FACT_MAX - length, format, arguments);
        va_end(arguments);
}

/* What `uname -a` or `uname -rm` says of a recorded machine. Either part may be empty. */
typedef struct Uname {
        char host[128];
        char release[128];
} Uname;

static Uname read_uname(void)
{
        _cleanup_free_ char *path = NULL;
        char line[512] = "", first[128] = "", second[128] = "", third[128] = "";
        Uname uname = {};
        FILE *file;

        if (asprintf(&path, "%s/uname", arg_sysroot) < 0)
                return uname;
        file = fopen(path, "re");
        if (!file)
                return uname;
        if (!fgets(line, sizeof(line), file))
                line[0] = '\0';
        (void) fclose(file);
        (void) sscanf(line, "%127s %127s %127s", first, second, third);
        if (strcmp(first, "Linux") == 0) {
                strcpy(uname.host, second);
                strcpy(uname.release, third);
        } else {
                strcpy(uname.release, first);
        }
        return uname;
}

/* The last part of the path of the tree. */
static void format_folder(char buffer[static MAP_FACT_MAX])
{
        _cleanup_free_ char *path = realpath(arg_sysroot, NULL);
        const char *slash = path ? strrchr(path, '/') : NULL;

        text_format(buffer, MAP_FACT_MAX, "%s", slash && slash[1] ? slash + 1 : arg_sysroot);
}

const char *map_host_format(char buffer[static MAP_FACT_MAX])
{
        char name[256] = "";

        if (arg_sysroot) {
                Uname uname = read_uname();

                if (*uname.host)
                        return text_format(buffer, MAP_FACT_MAX, "%s", uname.host);
                format_folder(buffer);
                return buffer;
        }
        if (arg_host) {
                const char *at = strrchr(arg_host, '@');

                return text_format(buffer, MAP_FACT_MAX, "%s", at ? at + 1 : arg_host);
        }
        if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
                strcpy(name, "this machine");
        return text_format(buffer, MAP_FACT_MAX, "%s", arg_machine ?: name);
}

/* Adds the time of SOURCE_DATE_EPOCH, or that of the clock. */
static void add_date(char buffer[static MAP_FACT_MAX])
{
        const char *epoch = getenv("SOURCE_DATE_EPOCH");
        char date[TIME_STRING_MAX];
        uint32_t seconds;
        struct tm utc;

        if (epoch && parse_u32(epoch, &seconds) >= 0 &&
            gmtime_r(&(time_t){ (time_t) seconds }, &utc) &&
            strftime(date, sizeof(date), "%a %Y-%m-%d %H:%M:%S UTC", &utc) > 0)
                fact_add(buffer, "%s", date);
        else
                fact_add(buffer, "%s", time_format(clock_usec(CLOCK_REALTIME), date));
}

const char *map_source_format(const Snapshot *snapshot, char buffer[static MAP_FACT_MAX])
{
        buffer[0] = '\0';
        if (snapshot->recording) {
                const Machine *machine = &snapshot->recording->machine;
                Uname uname = read_uname();

                fact_add(buffer, "Recorded machine");
                if (*uname.release)
                        fact_add(buffer, ", Linux %s", uname.release);
                if (*machine->architecture)
                        fact_add(buffer, ", %s", machine->architecture);
                if (*machine->virtualization && strcmp(machine->virtualization, "none") != 0)
                        fact_add(buffer, ", %s", machine->virtualization);
                fact_add(buffer, ", drawn ");
        }
        add_date(buffer);
        if (!snapshot->recording)
                fact_add(buffer, ", memoryd %s%s", snapshot->manager.version,
                         snapshot->manager.degraded ? ", degraded" : "");
        return buffer;
}

/* Returns the nearest distance of other nodes that is above a distance, or UINT32_MAX. */
static uint32_t next_distance(const NodeRow *node, uint32_t above)
{
        uint32_t next = UINT32_MAX;

        for (size_t i = 0; i < node->n_distances; i++)
                if (node->distances[i].node != node->id && node->distances[i].distance > above)
                        next = MIN(next, node->distances[i].distance);
        return next;
}

/* Adds "node 1" or "nodes 2-33". */
static void add_nodes(char *buffer, const NodeSet *set)
{
        char list[MAP_FACT_MAX / 2];

        (void) format_nodes(set, list, sizeof(list));
        fact_add(buffer, "node%s %s", strpbrk(list, ",-") ? "s" : "", list);
}

const char *map_node_facts_format(const NodeRow *node, char buffer[static MAP_FACT_MAX])
{
        const char *between = ", distance ";
        uint32_t distance = 0;

        buffer[0] = '\0';
        if (!node)
                return buffer;
        if (!node->lacks_cpu)
                fact_add(buffer, "%s", node->has_cpu ? "CPU" : "no CPU");
        while ((distance = next_distance(node, distance)) != UINT32_MAX) {
                NodeSet set = {};

                for (size_t i = 0; i < node->n_distances; i++)
                        if (node->distances[i].distance == distance &&
                            node->distances[i].node != node->id &&
                            node->distances[i].node < NODE_MAX)
                                node_set_add(&set, node->distances[i].node);
                if (node_set_is_empty(&set))
                        continue;
                fact_add(buffer, "%s%" PRIu32 " to ", *buffer ? between : between + 2, distance);
                add_nodes(buffer, &set);
                between = ", ";
        }
        if (node->kernel_short)
                fact_add(buffer, "%sshort of kernel memory", *buffer ? ", " : "");
        return buffer;
}

const char *map_sizes_format(const Map *map, const uint32_t n_blocks[static _MAP_CLASS_MAX],
                             char buffer[static MAP_FACT_MAX])
{
        char size[SIZE_STRING_MAX];

        buffer[0] = '\0';
        for (unsigned i = 0; i < _MAP_CLASS_MAX; i++)
                if (n_blocks[i] > 0)
                        fact_add(buffer, "%s%s %s", *buffer ? ", " : "", map_styles[i].name,
                                 size_format(n_blocks[i] * map->block_size_bytes, size));
        return buffer;
}

const char *map_ratio_format(const Totals *totals, const uint32_t *limit_permille,
                             char buffer[static MAP_FACT_MAX])
{
        buffer[0] = '\0';
        if (totals->kernel_bytes > 0)
                fact_add(buffer, "movable/kernel %.2f",
                         (double) totals->movable_bytes / (double) totals->kernel_bytes);
        else if (totals->movable_bytes > 0)
                fact_add(buffer, "movable only");
        if (*buffer && limit_permille)
                fact_add(buffer, ", limit %.2f", *limit_permille / 1000.0);
        return buffer;
}

const char *map_bare_nodes_format(const Snapshot *snapshot, const Map *map,
                                  char buffer[static MAP_FACT_MAX])
{
        NodeSet bare = {}, has_cpu = {};
        bool knows_cpus = false;

        for (size_t i = 0, row = 0; i < snapshot->n_nodes; i++) {
                const NodeRow *node = &snapshot->nodes[i];

                while (row < map->n_rows && map->rows[row].node >= 0 &&
                       (uint32_t) map->rows[row].node < node->id)
                        row++;
                if (node->id >= NODE_MAX ||
                    (row < map->n_rows && map->rows[row].node == (int32_t) node->id))
                        continue;
                node_set_add(&bare, node->id);
                knows_cpus |= !node->lacks_cpu;
                if (!node->lacks_cpu && node->has_cpu)
                        node_set_add(&has_cpu, node->id);
        }
        buffer[0] = '\0';
        if (node_set_is_empty(&bare))
                return buffer;
        add_nodes(buffer, &bare);
        fact_add(buffer, ": no memory");
        if (!knows_cpus)
                return buffer;
        if (node_set_is_empty(&has_cpu)) {
                fact_add(buffer, ", no CPU");
                return buffer;
        }
        fact_add(buffer, "; with a CPU: ");
        add_nodes(buffer, &has_cpu);
        return buffer;
}

const char *map_device_format(const MapDevice *device, char buffer[static MAP_DEVICE_MAX])
{
        if (*device->name && *device->origin)
                return text_format(buffer, MAP_DEVICE_MAX, "%s (%s)", device->name, device->origin);
        return text_format(buffer, MAP_DEVICE_MAX, "%s",
                           *device->name ? device->name : device->origin);
}

Totals map_totals(const Snapshot *snapshot)
{
        Totals totals = {};

        for (size_t i = 0; i < snapshot->n_nodes; i++) {
                totals.kernel_bytes += snapshot->nodes[i].totals.kernel_bytes;
                totals.movable_bytes += snapshot->nodes[i].totals.movable_bytes;
        }
        return totals;
}

const uint32_t *map_limit(const MapPolicy *policy, const NodeRow *node)
{
        if (!policy->is_known)
                return NULL;
        if (node && (!policy->per_node || node->lacks_cpu || !node->has_cpu))
                return NULL;
        return &policy->limit_permille;
}

uint32_t map_limit_place(uint32_t limit_permille, uint32_t bar_width)
{
        return (1000 * bar_width + 1000 + limit_permille - 1) / (1000 + limit_permille);
}

/* The policy */

/* Describes a policy that was read from files. */
static void describe(const PolicyRow *policy, const char *const *files, MapPolicy *ret)
{
        char text[MAP_FACT_MAX] = "", size[SIZE_STRING_MAX];

        if (policy->is_known)
                fact_add(text, "movable memory at most %.2f times kernel memory, of the machine",
                         policy->max_movable_ratio);
        if (policy->is_known && policy->per_node)
                fact_add(text, " and of each node with a CPU");
        if (policy->min_kernel_bytes == MIN_KERNEL_ONE_BLOCK)
                fact_add(text, "; at least a block of kernel memory per node");
        else if (policy->min_kernel_bytes > 0)
                fact_add(text, "; at least %s of kernel memory per node",
                         size_format(policy->min_kernel_bytes, size));
        if (policy->n_rules > 0)
                fact_add(text, "; %zu rule%s", policy->n_rules, policy->n_rules == 1 ? "" : "s");
        for (const char *const *file = files; file && *file; file++)
                fact_add(text, "%s%s", file != files ? ", " : *text ? "; from " : "from ", *file);
        *ret = (MapPolicy){
                .is_known = policy->is_known,
                .per_node = policy->per_node,
                .limit_permille = (uint32_t) (MIN(MAX(policy->max_movable_ratio, 0.0),
                                                  MAX_MOVABLE_RATIO_PERMILLE_MAX / 1000.0) *
                                                      1000 +
                                              0.5),
        };
        text_format(ret->text, sizeof(ret->text), "%s", *text ? text : "defaults");
}

/* Where a tree has its configuration, whatever folders this program was built for. */
#define TREE_CONFIG "/etc/memoryd/memoryd.conf"

/* Reads the policy from the tree, if it has one. */
static int read_policy(MapPolicy *ret)
{
        _cleanup_(conf_faults_done) ConfFaults faults = {};
        _cleanup_(conf_done) Conf conf;
        _cleanup_free_ char *path = NULL;
        int r;

        conf_init(&conf);
        if (asprintf(&path, "%s" TREE_CONFIG, arg_sysroot) < 0)
                return failure("%s", strerror(ENOMEM));
        if (access(path, F_OK) < 0) {
                strcpy(ret->text, "not recorded");
                return EXIT_SUCCESS;
        }
        r = conf_load_file(path, &conf, &faults);
        for (size_t i = 0; i < faults.n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                if (conf_fault_format(&faults.faults[i], &text) >= 0)
                        (void) failure("%s", text);
        }
        if (r < 0)
                return failure("cannot read '%s': %s", path, strerror(-r));
        if (r > 0)
                strcpy(ret->text, "not known, because its configuration has faults");
        else
                describe(&(PolicyRow){ true, conf.policy.per_node,
                                       conf.policy.max_movable_ratio_permille / 1000.0,
                                       conf.policy.min_kernel_bytes, conf.policy.n_rules },
                         (const char *[]){ TREE_CONFIG, NULL }, ret);
        return EXIT_SUCCESS;
}

int map_policy_init(const Snapshot *snapshot, MapPolicy *ret)
{
        if (snapshot->recording)
                return read_policy(ret);
        describe(&snapshot->policy, (const char *const *) snapshot->manager.config_files, ret);
        return EXIT_SUCCESS;
}
