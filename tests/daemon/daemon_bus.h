/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* What the fixture's waiting needs of its connection to the bus. */

/* To be polled for input; negative while there is no bus. */
int bus_fd(void);

/* Handles what came in. Whether there was something. */
bool bus_process(void);
