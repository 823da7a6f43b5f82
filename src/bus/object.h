/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/bus-util.h"
#include "daemon/journal.h"
#include "daemon/manager.h"

#include <systemd/sd-bus.h>

/*
 * The objects on the bus: a vtable for each interface, and functions that add them to a connection.
 * Properties are read from the model, and methods call the manager.
 */

extern const sd_bus_vtable bus_manager_vtable[];     /* userdata: Manager */
extern const sd_bus_vtable bus_node_vtable[];        /* userdata: Node */
extern const sd_bus_vtable bus_zone_vtable[];        /* userdata: Zone */
extern const sd_bus_vtable bus_job_vtable[];         /* userdata: Job */
extern const sd_bus_vtable bus_log_control_vtable[]; /* userdata: NULL */

/* Methods of the manager that explain and plan, see org.memoryd1(5). */
int bus_method_explain(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_history(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_plan(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Methods of the manager that make jobs, and list them. */
int bus_method_online(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_offline(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_set_zone(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error);

/*
 * Reads the a{sv} of a call that asks for a job. Returns 0, or a negative errno with the error set if the
 * call cannot be read. The caller frees the request in either case.
 */
int bus_read_request(sd_bus_message *message, Request *request, sd_bus_error *error);

/* Sends the signals about jobs. Returns 0 or a negative errno. */
int bus_emit_jobs(sd_bus *bus, Manager *manager, const Changes *changes);

/* Add the objects to a connection for the connection's lifetime. Return 0 or a negative errno. */
int bus_add_manager(sd_bus *bus, Manager *manager);
int bus_add_nodes(sd_bus *bus, Manager *manager);
int bus_add_jobs(sd_bus *bus, Manager *manager);
int bus_add_log_control(sd_bus *bus);

/* Lists the paths of all nodes and zones, each node before its zones, NULL-terminated. 0 or -ENOMEM. */
int bus_list_nodes(const Machine *machine, char ***ret_paths);
