/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/key.h"

/* A configuration in the making: files are put into it one after the other, then it is checked. */

/* What a file is, which says what becomes of its rules. */
typedef enum ConfPlace {
        CONF_PLACE_VENDOR, /* the vendor's main file */
        CONF_PLACE_MAIN,   /* the administrator's, or a file by itself */
        CONF_PLACE_DROPIN,
} ConfPlace;

typedef struct ConfDraft {
        Conf conf;
        ConfFaults *faults;
        size_t n_dropin_rules; /* the first rules of the policy, those that drop-ins brought */
        bool has_vendor_rules; /* the others are the vendor's */
        bool is_incomplete;    /* part of what there is was not read */
        bool event_source_is_unknown; /* it is at fault itself */

        /* The last setting of retry.delay or retry.cap: where it is said that they do not fit. */
        char *retry_file;
        unsigned retry_line;
        const ConfKey *retry_key;
        bool retry_is_unknown; /* one of them is at fault itself */
} ConfDraft;

void conf_draft_init(ConfDraft *draft, ConfFaults *faults);
void conf_draft_done(ConfDraft *draft);

/*
 * Puts the settings of one file in: those of the draft that it names are replaced, rules of a main
 * file replace those of the main file before, rules of a drop-in go behind those of the drop-ins
 * before. Main files come before drop-ins.
 * The text (`size` bytes and a NUL) is changed. Reports faults and returns 0; -ENOMEM.
 */
int conf_draft_apply(ConfDraft *draft, const char *file, char *text, size_t size, ConfPlace place);

/* When all files are in: names the rules that have none and checks what spans files. As above. */
int conf_draft_finish(ConfDraft *draft);
