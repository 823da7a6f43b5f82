/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * Parses a time in the past, as --since takes it; memoryctl(1) lists the forms. Both times are in microseconds since
 * 1970. A time without a zone is in local time. A time before 1970 counts as 1970. Returns 0, or -EINVAL for a text
 * of no such form, and for a day that does not exist.
 */
int since_parse(const char *text, uint64_t now_usec, uint64_t *ret_usec);
