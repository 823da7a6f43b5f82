/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* memoryctl config: the files of the configuration, or what is in force. */

#include "ctl/config-view.h"
#include "ctl/terminal.h"

#include <inttypes.h>
#include <stdio.h>

/* JSON */

static json_object *make_line(uint32_t line)
{
        return json_node(line == 0 ? -1 : (int32_t) MIN(line, (uint32_t) INT32_MAX));
}

static json_object *make_setting(const void *data, size_t i)
{
        const SettingRow *row = (const SettingRow *) data + i;

        return json_make(JSON_MEMBERS({ "setting", json_object_new_string(row->name) },
                                      { "value", json_object_get(row->value) },
                                      { "text", json_object_new_string(row->text) },
                                      { "file", json_text(row->file) },
                                      { "line", make_line(row->line) }));
}

static json_object *make_criteria(const RuleRow *row)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        for (size_t i = 0; i < row->n_criteria; i++)
                if (!json_member(object, row->criteria[i].key,
                                 json_object_new_string(row->criteria[i].text)))
                        return NULL;
        return TAKE_PTR(object);
}

static json_object *make_rule(const void *data, size_t i)
{
        const RuleRow *row = (const RuleRow *) data + i;

        return json_make(
                JSON_MEMBERS({ "rule", json_object_new_string(row->name) },
                             { "zone", json_object_new_string(row->zone) },
                             { "movable_node", json_object_new_boolean(row->movable_node) },
                             { "criteria", make_criteria(row) }, { "file", json_text(row->file) },
                             { "line", make_line(row->line) }));
}

static json_object *make_file(const void *data, size_t i)
{
        const FileRow *row = (const FileRow *) data + i;

        return json_make(JSON_MEMBERS({ "file", json_object_new_string(row->path) },
                                      { "text", json_object_new_string(row->text) },
                                      { "note", json_text(row->note) }));
}

static int print_json(const ConfigView *view)
{
        json_object *object = json_make(JSON_MEMBERS(
                { "settings", json_array(view->settings, view->n_settings, make_setting) },
                { "rules", json_array(view->rules, view->n_rules, make_rule) }));

        if (!arg_effective)
                object = json_add(object,
                                  JSON_MEMBERS({ "files", json_array(view->files, view->n_files,
                                                                     make_file) }));
        return json_print(object);
}

/* Files */

/* Prints the files one after the other, each behind its name, as systemd-analyze cat-config does. */
static int print_files(const ConfigView *view)
{
        for (size_t i = 0; i < view->n_files; i++) {
                const FileRow *file = &view->files[i];
                size_t length = strlen(file->text);

                printf("%s# %s\n", i > 0 ? "\n" : "", file->path);
                if (*file->note)
                        printf("# (%s)\n", file->note);
                printf("%s%s", file->text,
                       length > 0 && file->text[length - 1] != '\n' ? "\n" : "");
        }
        if (view->n_files == 0)
                puts("# There is no configuration file: all settings have their defaults.");
        return EXIT_SUCCESS;
}

/* What is in force */

static int format_source(const char *file, uint32_t line, char **ret)
{
        if (!*file)
                return cell_text("(default)", ret);
        return asprintf(ret, "%s:%" PRIu32, file, line) < 0 ? -ENOMEM : 0;
}

static int format_setting_source(const void *row, char **ret)
{
        const SettingRow *setting = row;

        return format_source(setting->file, setting->line, ret);
}

static int format_rule_source(const void *row, char **ret)
{
        const RuleRow *rule = row;

        return format_source(rule->file, rule->line, ret);
}

/* `origin = "dimm"; node = "1-2"; movable_node = true` */
static int format_criteria(const void *row, char **ret)
{
        _cleanup_free_ char *text = NULL;
        const RuleRow *rule = row;
        const char *before = "";
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        for (size_t i = 0; i < rule->n_criteria; i++, before = "; ")
                fprintf(stream, "%s%s = %s", before, rule->criteria[i].key, rule->criteria[i].text);
        if (rule->n_criteria == 0)
                fputs("all memory", stream);
        if (rule->movable_node)
                fputs("; movable_node = true", stream);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static const Column settings_table[] = {
        { "SETTING", "key of memoryd.conf(5)", CELL_TEXT, .offset = offsetof(SettingRow, name) },
        { "VALUE", "as in a file", CELL_TEXT, .offset = offsetof(SettingRow, text) },
        { "SOURCE", "file and line", .format = format_setting_source },
};

static const Column rules_table[] = {
        { "RULE", "name of the rule", CELL_TEXT, .offset = offsetof(RuleRow, name) },
        { "ZONE", "what becomes of the memory", CELL_TEXT, .offset = offsetof(RuleRow, zone) },
        { "CRITERIA", "the memory that it matches", .format = format_criteria,
          .flags = SCOLS_FL_WRAP },
        { "SOURCE", "file and line", .format = format_rule_source },
};

static const ColumnSet settings_columns = { settings_table, ELEMENTSOF(settings_table) };
static const ColumnSet rules_columns = { rules_table, ELEMENTSOF(rules_table) };

static int print_table(const char *name, const ColumnSet *set, const void *rows, size_t n_rows,
                       size_t size)
{
        _cleanup_(table_done) Table table = {};
        int r = table_init(&table, name, set);

        return r != EXIT_SUCCESS ? r : table_print(&table, rows, n_rows, size);
}

/* Prints the settings, and the rules in the order in which they are tried. The last is the default. */
static int print_effective(const ConfigView *view)
{
        _cleanup_free_ RuleRow *rules = calloc(view->n_rules + 1, sizeof(*rules));
        int r;

        if (!rules)
                return failure("%s", strerror(ENOMEM));
        if (view->n_rules > 0)
                memcpy(rules, view->rules, view->n_rules * sizeof(*rules));
        rules[view->n_rules] = (RuleRow){ .name = "(default)", .zone = "auto", .file = "" };
        r = print_table("settings", &settings_columns, view->settings, view->n_settings,
                        sizeof(SettingRow));
        if (r != EXIT_SUCCESS)
                return r;
        putchar('\n');
        return print_table("rules", &rules_columns, rules, view->n_rules + 1, sizeof(RuleRow));
}

int verb_config(void)
{
        _cleanup_(config_view_done) ConfigView view = {};
        int r = config_view_fetch(!arg_effective, &view);

        if (r != EXIT_SUCCESS)
                return r;
        if (arg_json)
                return print_json(&view);
        return arg_effective ? print_effective(&view) : print_files(&view);
}
