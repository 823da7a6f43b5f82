/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/*
 * Reports the first syntax error in a text that libconfig refused: the line, what was expected there, what
 * the text has, and the likely mistake. libconfig itself says only "syntax error", for the token behind the
 * mistake. The grammar is that of libconfig 1.5's manual, "Configuration Files".
 *
 * Returns 1 if it reported an error, 0 if it found none, or -ENOMEM.
 */
int conf_syntax_report(const char *file, const char *text, ConfFaults *faults);
