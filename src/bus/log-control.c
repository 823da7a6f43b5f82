/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interface org.freedesktop.LogControl1(5), which `systemctl service-log-level memoryd` uses. */

#include "base/log.h"
#include "base/names.h"
#include "bus/object.h"

static int property_get_level(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s", log_level_to_string(log_level));
}

static int property_set_level(sd_bus *bus, const char *path, const char *interface,
                              const char *property, sd_bus_message *value, void *userdata,
                              sd_bus_error *error)
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

static int property_get_target(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s", log_target_to_string(log_target));
}

static int property_set_target(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *value, void *userdata,
                               sd_bus_error *error)
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

static int property_get_identifier(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error)
{
        (void) bus, (void) path, (void) interface, (void) property, (void) userdata, (void) error;
        return sd_bus_message_append(reply, "s", "memoryd");
}

/* The properties are not marked as unprivileged: sd-bus lets only root, and memoryd's own user, set them. */
const sd_bus_vtable bus_log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", property_get_level, property_set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", property_get_target, property_set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", property_get_identifier, 0,
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

int bus_add_log_control(sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
                                        bus_log_control_vtable, NULL);
}
