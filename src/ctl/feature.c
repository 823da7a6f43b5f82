/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints the features that the kernel has and lacks. */

#include "verify/feature.h"
#include "ctl/row.h"

#include <stdio.h>

/* Describes the loss without the feature. "" for a feature that only a later memoryd knows. */
static const char *loss_of(const FeatureRow *row)
{
        Feature feature = feature_from_string(row->name);

        return feature < 0 ? "" : feature_loss(feature);
}

/* Prints the features that the kernel has, on one line. */
static void print_features(const ManagerRow *manager)
{
        const char *before = "";

        for (size_t i = 0; i < manager->n_features; i++) {
                const FeatureRow *row = &manager->features[i];

                if (!row->has)
                        continue;
                printf("%s%s", before, row->name);
                before = ", ";
        }
        puts(*before ? "" : "nothing");
}

void features_print_status(const ManagerRow *manager)
{
        if (manager->n_features == 0)
                return;
        printf("%-23s ", "Kernel features:");
        print_features(manager);
}

void features_print_verify(const ManagerRow *manager)
{
        const char *heading = "Kernel lacks:\n";

        if (manager->n_features == 0)
                return;
        fputs("Kernel features: ", stdout);
        print_features(manager);
        for (size_t i = 0; i < manager->n_features; i++) {
                const FeatureRow *row = &manager->features[i];
                const char *loss = loss_of(row);

                if (row->has)
                        continue;
                printf("%s  %s (%s)%s%s\n", heading, row->name, row->brought_by, *loss ? ": " : "",
                       loss);
                heading = "";
        }
        if (*heading)
                puts("Kernel lacks: nothing");
}

static json_object *json_feature(const void *rows, size_t i)
{
        const FeatureRow *row = (const FeatureRow *) rows + i;

        return json_add(json_row(&feature_rows, row),
                        JSON_MEMBERS({ "without", json_text(loss_of(row)) }));
}

json_object *json_features(const ManagerRow *manager)
{
        return json_array(manager->features, manager->n_features, json_feature);
}
