/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interface org.freedesktop.LogControl1(5), which `systemctl service-log-level memoryd` uses. */

#include "base/log.h"
#include "base/names.h"
#include "bus/object.h"

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        const char *word;
        int level, r = sd_bus_message_read(value, "s", &word);

        (void) bus, (void) path, (void) interface, (void) property, (void) userdata;
        if (r < 0)
                return r;
        level = log_level_from_string(word);
        if (level < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "LogLevel: expected emerg to debug, got '%s'", word);
        log_level = level;
        return 0;
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        const char *word;
        LogTarget target;
        int r = sd_bus_message_read(value, "s", &word);

        (void) bus, (void) path, (void) interface, (void) property, (void) userdata;
        if (r < 0)
                return r;
        target = log_target_from_string(word);
        if (target < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "LogTarget: expected console or journal, got '%s'", word);
        log_target = target;
        return 0;
}

DEFINE_VALUE_GETTER(get_level, void *none, "s", log_level_to_string(log_level))
DEFINE_VALUE_GETTER(get_target, void *none, "s", log_target_to_string(log_target))
DEFINE_VALUE_GETTER(get_identifier, void *none, "s", "memoryd")

/* The properties are not marked as unprivileged: sd-bus lets only root, and memoryd's own user, set them. */
const sd_bus_vtable bus_log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int bus_add_log_control(sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
                                        bus_log_control_vtable, NULL);
}
