/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl verify. */

#include "ctl/row.h"

#include <stdio.h>

static int print_json(const Snapshot *snapshot)
{
        return json_print(json_make(JSON_MEMBERS(
                { "findings", json_rows(&finding_rows, snapshot->findings, snapshot->n_findings) },
                { "notes", json_rows(&finding_rows, snapshot->notes, snapshot->n_notes) },
                { "features", json_features(&snapshot->manager) })));
}

static void print_findings(const char *heading, const FindingRow *rows, size_t n_rows)
{
        if (n_rows == 0)
                return;
        puts(heading);
        for (size_t i = 0; i < n_rows; i++) {
                printf("  %s: %s\n", rows[i].subject, rows[i].finding);
                if (*rows[i].advice)
                        printf("      %s\n", rows[i].advice);
        }
}

static int print_text(const Snapshot *snapshot)
{
        if (snapshot->n_findings == 0)
                puts("No problems found.");
        print_findings("Problems:", snapshot->findings, snapshot->n_findings);
        print_findings("\nNotes:", snapshot->notes, snapshot->n_notes);
        if (snapshot->manager.n_features > 0)
                putchar('\n');
        features_print_verify(&snapshot->manager);
        return EXIT_SUCCESS;
}

int verb_verify(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        r = snapshot_fetch(FETCH_FINDINGS | FETCH_MANAGER, &snapshot);
        if (r == EXIT_SUCCESS && !arg_quiet)
                r = arg_json ? print_json(&snapshot) : print_text(&snapshot);
        return snapshot.n_findings == 0 ? r : EXIT_FAILURE;
}
