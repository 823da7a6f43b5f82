/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "daemon/config-note.h"
#include "sysfs_fixture.h"

static const char rules[] = "rules = (\n"
                            "{ node = \"1-3\"; zone = \"auto\"; },\n"
                            "{ node = 0; zone = \"auto\"; },\n"
                            "{ distance = { from = 2; min = 20; }; zone = \"auto\"; },\n"
                            "{ node = 9; distance = { from = 0; min = 20; }; zone = \"auto\"; },\n"
                            "{ zone = \"auto\"; });\n";

typedef struct NoteCase {
        const char *online; /* text of the file, NULL: there is none */
        const char *possible;
        const char *notes;
} NoteCase;

#define YET(line, key, nodes)                                                                      \
        "x.conf:" line ": note: '" key "': this machine has no node " nodes " yet\n"
#define NEVER(line, key, nodes, never)                                                             \
        "x.conf:" line ": note: '" key "': this machine has no node " nodes                        \
        " and cannot get " never " without a reboot\n"

static const NoteCase note_cases[] = {
        { "0-9\n", "0-9\n", "" },
        { "0-3,9\n", "0-3,9\n", "" },
        { "0-2,9\n", "0-9\n", YET("2", "rules.node", "3") },
        { "0\n", "0-9\n",
          YET("2", "rules.node", "1-3") YET("4", "rules.distance.from", "2")
                  YET("5", "rules.node", "9") },
        { "0,2\n", "0-3\n", YET("2", "rules.node", "1,3") NEVER("5", "rules.node", "9", "9") },
        { "0\n", "0-1\n",
          NEVER("2", "rules.node", "1-3", "2-3") NEVER("4", "rules.distance.from", "2", "2")
                  NEVER("5", "rules.node", "9", "9") },
        { "0-3\n", NULL, YET("5", "rules.node", "9") },
        { "0-3\n", "some\n", YET("5", "rules.node", "9") },
        { "1-3,9\n", "0-9\n", YET("3", "rules.node", "0") YET("5", "rules.distance.from", "0") },
        /* Nothing is known of the nodes. */
        { NULL, "0-9\n", "" },
        { "all\n", "0-9\n", "" },
};

static void load_text(const char *text, Conf *conf)
{
        ConfFaults faults = {};

        ck_assert_int_eq(conf_load_text("x.conf", text, strlen(text), conf, &faults), 0);
        ck_assert_uint_eq(faults.n_faults, 0);
}

static void load(Conf *conf)
{
        load_text(rules, conf);
}

static void assert_notes(const Conf *conf, const Sysfs *sysfs, const char *expected)
{
        ConfFaults notes = {};
        char text[1024] = "";

        conf_note(conf, sysfs, &notes);
        for (size_t i = 0; i < notes.n_faults; i++) {
                char *line;

                ck_assert_int_eq(conf_fault_format(&notes.faults[i], &line), 0);
                strcat(strcat(text, line), "\n");
                free(line);
        }
        ck_assert_str_eq(text, expected);
        conf_faults_done(&notes);
}

START_TEST(rules_for_nodes_that_are_not_there_are_noted)
{
        const NoteCase *c = &note_cases[_i];
        SysfsFixture fixture;
        Sysfs sysfs;
        Conf conf;

        sysfs_fixture_init(&fixture);
        if (c->online)
                sysfs_fixture_write(&fixture, c->online, NODE_PATH "/online");
        if (c->possible)
                sysfs_fixture_write(&fixture, c->possible, NODE_PATH "/possible");
        sysfs_fixture_open(&fixture, &sysfs);
        load(&conf);
        assert_notes(&conf, &sysfs, c->notes);
        conf_done(&conf);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}
END_TEST

START_TEST(a_rule_by_tier_is_noted_where_the_kernel_has_no_tiers)
{
        SysfsFixture fixture;
        Sysfs sysfs;
        Conf conf;

        sysfs_fixture_init(&fixture);
        sysfs_fixture_open(&fixture, &sysfs);
        load_text("rules = (\n{ tier = \"5-\"; zone = \"auto\"; },\n{ zone = \"auto\"; });\n",
                  &conf);
        assert_notes(&conf, &sysfs,
                     "x.conf:2: note: 'rules.tier': this kernel has no memory tiers, the rule "
                     "matches nothing\n");

        sysfs_fixture_write(&fixture, "0\n",
                            "sys/devices/virtual/memory_tiering/memory_tier4/nodelist");
        assert_notes(&conf, &sysfs, "");
        conf_done(&conf);
        sysfs_close(&sysfs);
        sysfs_fixture_done(&fixture);
}
END_TEST

START_TEST(without_numa_there_is_node_0)
{
        Sysfs sysfs = SYSFS_CLOSED;
        Conf conf;

        load(&conf);
        assert_notes(&conf, &sysfs,
                     NEVER("2", "rules.node", "1-3", "1-3")
                             NEVER("4", "rules.distance.from", "2", "2")
                                     NEVER("5", "rules.node", "9", "9"));
        conf_done(&conf);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("conf_note");
        TCase *tcase = tcase_create("notes");

        tcase_add_loop_test(tcase, rules_for_nodes_that_are_not_there_are_noted, 0,
                            ELEMENTSOF(note_cases));
        tcase_add_test(tcase, a_rule_by_tier_is_noted_where_the_kernel_has_no_tiers);
        tcase_add_test(tcase, without_numa_there_is_node_0);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
