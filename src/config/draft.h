/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/value.h"

/* A draft of the configuration: files are applied to it one after the other, then it is checked. */

/* The kind of a file, which decides where its rules go. */
typedef enum ConfPlace {
        CONF_PLACE_VENDOR, /* the vendor's main file */
        CONF_PLACE_MAIN,   /* the administrator's main file, or a file read by itself */
        CONF_PLACE_DROPIN,
} ConfPlace;

typedef struct ConfDraft {
        Conf conf; /* the caller calls conf_init() and conf_done() */
        ConfFaults *faults;
        size_t n_dropin_rules;        /* rules from drop-ins: they come first in the policy */
        bool has_vendor_rules;        /* the rules after them are the vendor's */
        bool is_incomplete;           /* some file, or part of a file, could not be read */
        bool event_source_is_unknown; /* event_source itself has a fault */

        /* The last setting of retry.delay or retry.cap. A fault that concerns both is reported there. */
        const char *retry_file;
        unsigned retry_line;
        const ConfKey *retry_key;
        bool retry_is_unknown; /* a setting of `retry` itself has a fault */
} ConfDraft;

/*
 * Applies the settings of one file: they replace settings of the same key in the draft. Rules of a
 * main file replace those of an earlier main file. Rules of a drop-in are inserted after those of
 * earlier drop-ins. Main files must be applied before drop-ins. The text has `size` bytes.
 * Faults are reported. `file` must stay valid as long as the draft. Returns 0 or -ENOMEM.
 */
int conf_draft_apply(ConfDraft *draft, const char *file, const char *text, size_t size,
                     ConfPlace place);

/*
 * To be called when all files have been applied: names the rules that have no name, and makes the
 * checks that span files. Faults are reported. Returns 0 or -ENOMEM.
 */
int conf_draft_finish(ConfDraft *draft);

/* Parts of conf_draft_apply() in files of their own */

/*
 * Checks the text of a file for what libconfig (1.5 and later) accepts silently or stops at, and
 * copies it for libconfig into *ret_text, which the caller frees:
 *
 * - The first syntax error is reported with its line, the expected and the actual text, and the
 *   likely mistake. The copy ends there. libconfig itself says only "syntax error", for the token
 *   behind the mistake. The grammar is that of libconfig 1.5's manual, "Configuration
 *   Files".
 * - The copy also ends at a string or comment without an end, which would swallow the rest of the
 *   file, at a NUL byte, and where brackets are nested too deep or a group has too many settings
 *   (the time libconfig takes grows with the square of their number).
 * - @include, which would open any file, even a FIFO, is refused and blanked out.
 * - A number of more than 31 bits without an L, of which libconfig would keep only the low bits, a
 *   number of more than 64 bits, and a second setting of the same name, at which libconfig would
 *   stop, are refused. The setting is hidden: its name is changed to start with an asterisk, and
 *   the code that reads values skips it.
 * - A name that starts with an asterisk in the file is refused as unknown.
 *
 * *ret_is_cut says whether the copy ends early. If not, it ends with a newline. Returns 0, with or
 * without faults, or -ENOMEM.
 */
int conf_syntax_check(const char *file, const char *text, size_t size, ConfFaults *faults,
                      char **ret_text, bool *ret_is_cut);

/*
 * Reads the rule in a group. Adds the udev properties that the rule asks for to the policy, but not
 * the rule itself. Reports all faults, and returns like the functions of value.h. The caller owns
 * the contents of *rule in each case. A rule with faults never counts as a rule without criteria.
 */
int conf_rule_read(const ConfSource *source, const config_setting_t *group, Policy *policy,
                   Rule *rule);
