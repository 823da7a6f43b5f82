/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <systemd/sd-bus.h>

/* The devices of the made-up memoryd, without userdata. */
int mock_method_list_devices(sd_bus_message *message, void *userdata, sd_bus_error *error);
