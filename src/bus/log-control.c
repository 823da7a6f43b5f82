/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The interface org.freedesktop.LogControl1(5), which `systemctl service-log-level memoryd` uses. */

#include "base/log.h"
#include "base/names.h"
#include "bus/object.h"
#include "bus/turn.h"

/* Sets LogLevel or LogTarget. */
static int set_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        bool is_level = strcmp(property, "LogLevel") == 0;
        const char *word;
        int number, r = sd_bus_message_read(value, "s", &word);

        (void) bus, (void) path, (void) interface, (void) userdata;
        if (r < 0)
                return r;
        if (turn_uid(value) != 0 && turn_uid(value) != geteuid())
                return bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED, "Only root may set %s",
                                      property);
        number = is_level ? log_level_from_string(word) : (int) log_target_from_string(word);
        if (number < 0)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%s: expected %s, got '%s'",
                                      property, is_level ? "emerg to debug" : "console or journal",
                                      word);
        if (is_level)
                log_level = number;
        else
                log_target = (LogTarget) number;
        return 0;
}

DEFINE_VALUE_GETTER(get_level, void *none, "s", log_level_to_string(log_level))
DEFINE_VALUE_GETTER(get_target, void *none, "s", log_target_to_string(log_target))
DEFINE_VALUE_GETTER(get_identifier, void *none, "s", "memoryd")

/* If the properties were not marked as unprivileged, sd-bus would ask the bus who calls, and wait for the answer. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_property, 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_property, 0,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int bus_add_log_control(sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, vtable,
                                        NULL);
}
