/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "ctl/json.h"

/* The configuration in force, of memoryd or of a recorded tree: its settings, its rules and its files. */

typedef struct SettingRow {
        const char *name;
        json_object *value; /* owned */
        const char *text;   /* as in a file */
        const char *file;   /* "" for the default */
        uint32_t line;
} SettingRow;

/* A key of a rule and its value as in a file. */
typedef struct CriterionRow {
        const char *key;
        const char *text;
} CriterionRow;

typedef struct RuleRow {
        const char *name;
        const char *file;
        uint32_t line;
        const char *zone;
        bool movable_node;
        CriterionRow *criteria; /* owned */
        size_t n_criteria;
} RuleRow;

typedef struct FileRow {
        const char *path;
        const char *text;
        const char *note; /* what is to be said about it, or "" */
} FileRow;

typedef struct ConfigView {
        SettingRow *settings; /* owned */
        size_t n_settings;
        RuleRow *rules; /* owned, in the order in which they are tried */
        size_t n_rules;
        FileRow *files; /* owned, in the order in which they were read */
        size_t n_files;

        /* What the rows refer to, owned: replies, or the configuration of a tree. */
        sd_bus_message *policy_reply, *files_reply;
        struct Conf *conf;
        char **texts; /* NULL-terminated */
} ConfigView;

/*
 * Asks memoryd, or reads arg_sysroot; with or without the files. EXIT_SUCCESS, or EXIT_FAILURE after printing the
 * reason. The view is {} at first, and config_view_done() is right in either case.
 */
int config_view_fetch(bool with_files, ConfigView *view);
void config_view_done(ConfigView *view);
