/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/key.h"

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
