/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads distances with libnuma. */

#include "kernel/topology.h"

#include <dlfcn.h>
#include <numa.h>

/* The header provides the types, the library that was just loaded the symbols. */
typedef struct Library {
        void *handle;
        __typeof__(&numa_available) available;
        __typeof__(&numa_distance) distance;
} Library;

static void library_close(Library *library)
{
        if (library->handle)
                dlclose(library->handle);
}

static bool library_open(Library *library)
{
        library->handle = dlopen("libnuma.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library->handle)
                return false;
        library->available = (__typeof__(&numa_available)) dlsym(library->handle, "numa_available");
        library->distance = (__typeof__(&numa_distance)) dlsym(library->handle, "numa_distance");
        return library->available && library->distance && library->available() >= 0;
}

static int read_node(const Library *library, Node *node, const Node *nodes, size_t n_nodes)
{
        Distance *distances = calloc(n_nodes, sizeof(Distance));
        size_t n = 0;

        if (!distances)
                return -ENOMEM;
        for (size_t i = 0; i < n_nodes; i++) {
                int distance = library->distance((int) node->id, (int) nodes[i].id);

                /* 0: libnuma does not know one of the two nodes. */
                if (distance > 0)
                        distances[n++] = (Distance){ nodes[i].id, (uint32_t) distance };
        }

        free(node->distances);
        node->distances = distances;
        node->n_distances = n;
        return 0;
}

int topology_read(Node *nodes, size_t n_nodes)
{
        _cleanup_(library_close) Library library = {};

        if (!library_open(&library))
                return 0;
        for (size_t i = 0; i < n_nodes; i++) {
                int r = read_node(&library, &nodes[i], nodes, n_nodes);

                if (r < 0)
                        return r;
        }
        return 1;
}
