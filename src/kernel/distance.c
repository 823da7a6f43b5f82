/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads the distances between nodes. */

#include "kernel/distance.h"

#include "base/log.h"

#include <dlfcn.h>
#include <numa.h>

/*
 * The note that tells packaging tools which library is loaded at run time, in the form of "dlopen metadata
 * for ELF files" of systemd and the UAPI group. The texts have the lengths that the header of a note tells,
 * and the next note would begin at a multiple of four bytes.
 */
#define NOTE_OWNER "FDO"
#define NOTE_TYPE 0x407c0c0a
#define NOTE_TEXT                                                                                  \
        "[{\"feature\":\"numa\",\"description\":\"Distances between NUMA nodes\","                 \
        "\"priority\":\"recommended\",\"soname\":[\"" LIBNUMA "\"]}]"

/* clang's address sanitizer would pad it. gcc's does not, and gcc knows the attribute for functions only. */
#ifdef __clang__
#define NOT_PADDED __attribute__((no_sanitize("address")))
#else
#define NOT_PADDED
#endif

static const struct {
        uint32_t owner_size, text_size, type;
        char owner[sizeof(NOTE_OWNER)];
        _Alignas(uint32_t) char text[sizeof(NOTE_TEXT)];
} dlopen_note __attribute__((used, section(".note.dlopen"), aligned(sizeof(uint32_t))))
NOT_PADDED = {
        sizeof(NOTE_OWNER), sizeof(NOTE_TEXT), NOTE_TYPE, NOTE_OWNER, NOTE_TEXT,
};

/*
 * libnuma reads the machine once, when it is loaded, and has no call to do so again (2.0.16). It is therefore
 * loaded for each reading, to know nodes that have come since: the header provides the types, the library the
 * symbols.
 */
static void *load_libnuma(void)
{
        return dlopen(LIBNUMA, RTLD_NOW | RTLD_LOCAL);
}

bool distances_have_libnuma(void)
{
        void *library = load_libnuma();

        if (library)
                dlclose(library);
        return library != NULL;
}

/* Asks libnuma for the distances of a node. Returns 0 or -ENOMEM. */
static int ask_libnuma(Node *node, const Node *nodes, size_t n_nodes,
                       __typeof__(&numa_distance) distance_of)
{
        node->distances = calloc(n_nodes, sizeof(Distance));
        if (!node->distances)
                return -ENOMEM;
        for (size_t i = 0; i < n_nodes; i++) {
                int distance = distance_of((int) node->id, (int) nodes[i].id);

                /* 0: libnuma does not know one of the two nodes. */
                if (distance > 0)
                        node->distances[node->n_distances++] =
                                (Distance){ nodes[i].id, (uint32_t) distance };
        }
        return 0;
}

/* Returns 1 if libnuma told the distances, 0 if it does not work on this machine, or -ENOMEM. */
static int read_with(void *library, Node *nodes, size_t n_nodes)
{
        __typeof__(&numa_available) available =
                (__typeof__(available)) dlsym(library, "numa_available");
        __typeof__(&numa_distance) distance_of =
                (__typeof__(distance_of)) dlsym(library, "numa_distance");
        int r = 0;

        if (!available || !distance_of || available() < 0)
                return 0;
        for (size_t i = 0; i < n_nodes && r >= 0; i++)
                r = ask_libnuma(&nodes[i], nodes, n_nodes, distance_of);
        return r < 0 ? r : 1;
}

static int read_from_sysfs(const Sysfs *sysfs, Node *nodes, size_t n_nodes)
{
        for (size_t i = 0; i < n_nodes; i++) {
                const LogContext context = { .has_node = true, .node = (int32_t) nodes[i].id };
                char text[DISTANCE_TEXT_MAX];
                int r = sysfs_read_distances(sysfs, nodes, n_nodes, &nodes[i], text);

                if (r == -ENOMEM)
                        return r;
                if (r == -EBADMSG)
                        log_full(LOG_WARNING, &context,
                                 "Cannot make sense of /sys/devices/system/node/node%u/distance: "
                                 "'%s', expected " DISTANCE_EXPECTED ", ignoring",
                                 nodes[i].id, text);
        }
        return 0;
}

/* Logs that libnuma is missing, unless that is known already. */
static void note_libnuma(Machine *machine, bool is_missing)
{
        if (is_missing && !machine->lacks_libnuma)
                log_info("Cannot load libnuma: %s. Reading the distances between nodes from sysfs "
                         "instead.",
                         dlerror() ?: LIBNUMA);
        machine->lacks_libnuma = is_missing;
}

int distances_read(const Sysfs *sysfs, Machine *machine, Node *nodes, size_t n_nodes)
{
        void *library = load_libnuma();
        int r = 0;

        note_libnuma(machine, !library);
        if (library) {
                r = read_with(library, nodes, n_nodes);
                dlclose(library);
        }
        if (r == 0)
                r = read_from_sysfs(sysfs, nodes, n_nodes);
        return MIN(r, 0);
}
