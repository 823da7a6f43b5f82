/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <systemd/sd-bus.h>

/* The devices and the configuration files of the made-up memoryd, without userdata. */
int mock_method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error);
int mock_method_read_config(sd_bus_message *message, void *userdata, sd_bus_error *error);
