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

static void print_findings(Color color, const char *heading, const FindingRow *rows, size_t n_rows)
{
        if (n_rows == 0)
                return;
        color_print(color, "%s:", heading);
        putchar('\n');
        for (size_t i = 0; i < n_rows; i++) {
                printf("  %s: %s\n", rows[i].subject, rows[i].finding);
                if (*rows[i].advice)
                        printf("      %s\n", rows[i].advice);
        }
}

static int print_text(const Snapshot *snapshot)
{
        if (snapshot->n_findings == 0)
                color_print(COLOR_GOOD, "No problems found.\n");
        print_findings(COLOR_BAD, "Problems", snapshot->findings, snapshot->n_findings);
        if (snapshot->n_notes > 0)
                putchar('\n');
        print_findings(COLOR_HEADING, "Notes", snapshot->notes, snapshot->n_notes);
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
