/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl devices: what memory each device has, and whether it can be removed. */

#include "ctl/json.h"
#include "ctl/row.h"
#include "model/removal.h"

#include <inttypes.h>
#include <stdio.h>

static int format_nodes_cell(const void *row, char **ret)
{
        const DeviceRow *device = row;
        char nodes[64];

        return cell_text(format_nodes(&device->nodes, nodes, sizeof(nodes)), ret);
}

static int format_range(const void *row, char **ret)
{
        const DeviceRow *device = row;

        if (device->last_address == 0)
                return 0;
        return asprintf(ret, "0x%016" PRIx64 "-0x%016" PRIx64, device->first_address,
                        device->last_address) < 0 ?
                       -ENOMEM :
                       0;
}

static int format_blocks(const void *row, char **ret)
{
        const DeviceRow *device = row;

        return device->n_blocks == 0 ? 0 :
                                       ranges_format(device->blocks, device->n_blocks, true, ret);
}

/* A size that a device may not have, or that may not be known. */
static int format_known_size(uint64_t bytes, char **ret)
{
        char size[SIZE_STRING_MAX];

        return bytes == 0 ? 0 : cell_text(size_format(bytes, size), ret);
}

static int format_size(const void *row, char **ret)
{
        return format_known_size(((const DeviceRow *) row)->size_bytes, ret);
}

static int format_unit(const void *row, char **ret)
{
        return format_known_size(((const DeviceRow *) row)->unit_bytes, ret);
}

static const Column columns[] = {
        { "DEVICE", "name, empty for boot memory", CELL_TEXT, .offset = offsetof(DeviceRow, name) },
        { "ORIGIN", "where the memory came from", CELL_TEXT,
          .offset = offsetof(DeviceRow, origin) },
        { "NODE", "number of the node or nodes", .format = format_nodes_cell,
          .flags = SCOLS_FL_RIGHT },
        { "SIZE", "size, or the size that it can grow to", CELL_SIZE, .format = format_size },
        { "KERNEL", "online for anything", CELL_SIZE, .offset = offsetof(DeviceRow, kernel_bytes) },
        { "MOVABLE", "online for pages that can migrate", CELL_SIZE,
          .offset = offsetof(DeviceRow, movable_bytes) },
        { "OFFLINE", "memory offline", CELL_SIZE, .offset = offsetof(DeviceRow, offline_bytes) },
        { "REMOVABLE", "yes, after-offline or no", CELL_TEXT,
          .offset = offsetof(DeviceRow, removable), .colored = true },
        { "OBSTACLE", "what is in the way of removal", CELL_TEXT,
          .offset = offsetof(DeviceRow, obstacle), .optional = true },
        { "REASON", "why it can be removed or not", CELL_TEXT,
          .offset = offsetof(DeviceRow, reason), .optional = true },
        { "ADVICE", "what to do next", CELL_TEXT, .offset = offsetof(DeviceRow, advice),
          .optional = true },
        { "RANGE", "first and last address", .format = format_range, .optional = true },
        { "BLOCK", "its blocks", .format = format_blocks, .optional = true },
        { "UNIT", "in what steps it grows, empty for as a whole", CELL_SIZE, .format = format_unit,
          .optional = true },
        { "DRIVER", "name in /proc/iomem", CELL_TEXT, .offset = offsetof(DeviceRow, driver),
          .optional = true },
        { "STATE", "present, adding or failed", CELL_TEXT, .offset = offsetof(DeviceRow, state),
          .optional = true, .colored = true },
        { "DAX_STATE", "state of a dax device", CELL_TEXT, .offset = offsetof(DeviceRow, dax_state),
          .optional = true },
        { "PENDING", "blocks to act on", CELL_FIGURE, .offset = offsetof(DeviceRow, n_pending),
          .optional = true },
        { "FAILED", "blocks that could not be onlined", CELL_FIGURE,
          .offset = offsetof(DeviceRow, n_failed), .optional = true, .colored = true },
        { "FOREIGN", "blocks onlined against the policy", CELL_FIGURE,
          .offset = offsetof(DeviceRow, n_foreign), .optional = true, .colored = true },
        { "JOB", "job that changes it", CELL_FIGURE, .offset = offsetof(DeviceRow, job),
          .optional = true },
};

const ColumnSet devices_columns = { columns, ELEMENTSOF(columns) };

/* Whether a device is called so. A device without a name is found by its origin. */
static bool is_called(const DeviceRow *device, const char *name)
{
        return strcmp(*device->name ? device->name : device->origin, name) == 0;
}

/* Moves the devices with these names to the front. EXIT_SUCCESS, or EXIT_FAILURE if a name has no device. */
static int choose_devices(Snapshot *snapshot, int n_names, char **names, size_t *ret_n)
{
        size_t n = 0;

        for (int i = 0; i < n_names; i++) {
                size_t n_before = n;

                for (size_t k = n; k < snapshot->n_devices; k++) {
                        DeviceRow found = snapshot->devices[k];

                        if (!is_called(&found, names[i]))
                                continue;
                        memmove(&snapshot->devices[n + 1], &snapshot->devices[n],
                                (k - n) * sizeof(found));
                        snapshot->devices[n++] = found;
                }
                if (n == n_before)
                        return failure("there is no device '%s'", names[i]);
        }
        *ret_n = n;
        return EXIT_SUCCESS;
}

/* JSON */

static json_object *make_node(const void *data, size_t i)
{
        return json_object_new_uint64(((const uint32_t *) data)[i]);
}

static json_object *make_nodes(const NodeSet *nodes)
{
        uint32_t numbers[NODE_MAX];
        size_t n = 0;

        for (uint32_t node = 0; node < NODE_MAX; node++)
                if (node_set_contains(nodes, node))
                        numbers[n++] = node;
        return json_array(numbers, n, make_node);
}

static json_object *make_device(const void *data, size_t i)
{
        const DeviceRow *device = (const DeviceRow *) data + i;
        json_object *object = json_properties(json_object_new_object(), device_properties, device);

        return json_add(
                object,
                JSON_MEMBERS({ "blocks", json_rows(&span_rows, device->blocks, device->n_blocks) },
                             { "kernel_blocks", json_rows(&span_rows, device->kernel_blocks,
                                                          device->n_kernel_blocks) },
                             { "nodes", make_nodes(&device->nodes) }));
}

/* Text */

static void print_line(const char *name, const char *text)
{
        if (*text)
                printf("%12s: %s\n", name, text);
}

static int print_ranges(const char *name, const BlockRange *ranges, size_t n_ranges)
{
        _cleanup_free_ char *text = NULL;

        if (n_ranges == 0)
                return 0;
        if (ranges_format(ranges, n_ranges, true, &text) < 0)
                return -ENOMEM;
        print_line(name, text);
        return 0;
}

static void print_sizes(const DeviceRow *device)
{
        char size[SIZE_STRING_MAX], kernel[SIZE_STRING_MAX], movable[SIZE_STRING_MAX],
                offline[SIZE_STRING_MAX];

        if (device->size_bytes > 0)
                printf("%12s: %s\n", "Size", size_format(device->size_bytes, size));
        if (device->unit_bytes > 0)
                printf("%12s: %s\n", "In units of", size_format(device->unit_bytes, size));
        if (device->n_blocks > 0)
                printf("%12s: %s kernel, %s movable, %s offline\n", "Memory",
                       size_format(device->kernel_bytes, kernel),
                       size_format(device->movable_bytes, movable),
                       size_format(device->offline_bytes, offline));
}

static void print_status(const DeviceRow *device)
{
        const struct {
                uint32_t n;
                const char *text;
        } counts[] = {
                { device->n_pending, "pending" },
                { device->n_failed, "failed" },
                { device->n_foreign, "foreign" },
        };
        const char *before = "";

        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                if (counts[i].n == 0)
                        continue;
                if (!*before)
                        printf("%12s: ", "Blocks open");
                printf("%s%" PRIu32 " %s", before, counts[i].n, counts[i].text);
                before = ", ";
        }
        if (*before)
                putchar('\n');
        if (device->job > 0)
                printf("%12s: %" PRIu32 "\n", "Job", device->job);
}

static const char *removable_text(const char *removable)
{
        switch (removable_from_string(removable)) {
        case REMOVABLE_YES:
                return "can be removed";
        case REMOVABLE_AFTER_OFFLINE:
                return "can be removed after it is offline";
        default:
                return "cannot be removed";
        }
}

/* Prints all that is known of a device, first whether it can be removed, and what to do. */
static int print_device(const DeviceRow *device)
{
        char nodes[64];
        char range[40] = "";

        printf("%s %s: %s.\n", *device->name ? device->name : device->origin,
               removable_text(device->removable), device->reason);
        if (*device->advice)
                printf("To do: %s.\n", device->advice);
        putchar('\n');

        print_line("Origin", device->origin);
        print_line("Driver", device->driver);
        if (strcmp(device->state, "present") != 0)
                print_line("State", device->state);
        print_line("Dax state", device->dax_state);
        if (device->last_address > 0)
                snprintf(range, sizeof(range), "0x%016" PRIx64 "-0x%016" PRIx64,
                         device->first_address, device->last_address);
        print_line("Range", range);
        if (print_ranges("Blocks", device->blocks, device->n_blocks) < 0 ||
            print_ranges("Kernel", device->kernel_blocks, device->n_kernel_blocks) < 0)
                return -ENOMEM;
        print_line("Node", format_nodes(&device->nodes, nodes, sizeof(nodes)));
        print_sizes(device);
        print_status(device);
        return 0;
}

/* Asks what holds the memory of a device that is online, and prints it. Nobody knows it of a recorded machine. */
static int print_device_holds(sd_bus *bus, const DeviceRow *device)
{
        for (size_t i = 0; i < device->n_blocks && device->kernel_bytes + device->movable_bytes > 0;
             i++) {
                _cleanup_(json_object_putp) json_object *object = json_object_new_object();
                int r = object ? holds_ask(bus, device->blocks[i].first, device->blocks[i].last,
                                           object) :
                                 -ENOMEM;

                if (r < 0)
                        return r;
                holds_print(object);
                holds_print_advice(object);
        }
        return 0;
}

static int print_devices(const DeviceRow *devices, size_t n_devices)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r = arg_sysroot ? EXIT_SUCCESS : bus_open(&bus);

        if (r != EXIT_SUCCESS)
                return r;
        for (size_t i = 0; i < n_devices && r >= 0; i++) {
                if (i > 0)
                        putchar('\n');
                r = print_device(&devices[i]);
                if (r >= 0 && !arg_sysroot)
                        r = print_device_holds(bus, &devices[i]);
        }
        return r < 0 ? failure("%s", strerror(-r)) : EXIT_SUCCESS;
}

/* Says how to learn more, if there is a device that cannot be removed just now. */
static void print_hint(const DeviceRow *devices, size_t n_devices)
{
        for (size_t i = 0; i < n_devices; i++)
                if (*devices[i].name &&
                    removable_from_string(devices[i].removable) != REMOVABLE_YES) {
                        printf("\nWhat is in the way of a device, and what to do: memoryctl "
                               "devices %s\n",
                               devices[i].name);
                        return;
                }
}

static int print_table(Table *table, const DeviceRow *devices, size_t n_devices)
{
        int r = table_print(table, devices, n_devices, sizeof(*devices));

        if (r == EXIT_SUCCESS && !arg_no_headings)
                print_hint(devices, n_devices);
        return r;
}

int verb_devices(int argc, char **argv)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(table_done) Table table = {};
        size_t n;
        int r;

        if (arg_json && arg_output)
                return usage_failure("--json has all of a device: it takes no --output");
        r = table_init(&table, "devices", &devices_columns);
        if (r == EXIT_SUCCESS)
                r = snapshot_fetch(FETCH_DEVICES, &snapshot);
        n = snapshot.n_devices;
        if (r == EXIT_SUCCESS && argc > 0)
                r = choose_devices(&snapshot, argc, argv, &n);
        if (r != EXIT_SUCCESS)
                return r;
        if (arg_json)
                return json_print(json_make(
                        JSON_MEMBERS({ "devices", json_array(snapshot.devices, n, make_device) })));
        if (argc > 0 && !arg_output)
                return print_devices(snapshot.devices, n);
        return print_table(&table, snapshot.devices, n);
}
