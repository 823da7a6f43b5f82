/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check_main.h"
#include "ctl/memoryctl_fixture.h"

static void start_busy(void)
{
        start("busy");
}

static void start_calm(void)
{
        start("calm");
}

static void start_empty(void)
{
        start("empty");
}

static void start_refusing(void)
{
        start("refusing");
}

static void start_denying(void)
{
        start("denying");
}

static void start_garbled(void)
{
        start("garbled");
}

START_TEST(status_shows_totals_nodes_what_is_open_and_the_configuration)
{
        static const char wanted[] =
                "memoryd 0.1.0, degraded\n"
                "\n"
                "Memory block size:      128M\n"
                "Online:                 3.3G (kernel 2.4G, movable 896M)\n"
                "Offline:                896M\n"
                "Blocks:                 4 pending, 2 failed, 1 foreign\n"
                "Kernel auto-online:     offline, node 1 online_movable\n"
                "Kernel features:        online-types, uevents\n"
                "\n"
                "NODE CPU ONLINE OFFLINE KERNEL MOVABLE  FREE MOVABLE_ONLY DISTANCES\n"
                "   0 yes     2G      0B     2G      0B 1000M           no 0:10,1:21\n"
                "   1  no   1.3G    768M   384M    896M  1.2G           no 0:21,1:10\n"
                "\n"
                "Short of kernel memory: node 1\n"
                "\n"
                "Memory that the kernel could not add:\n"
                "  PNP0C80:02 (120G): too little memory\n"
                "  PNP0C80:03 (size not known): bad luck\n"
                "\n"
                "Jobs:\n"
                "  job 3: offline node 1, running, 12 of 32 blocks, 1 failed\n"
                "  job 4: rebalance node 0, queued, 0 of 4 blocks\n"
                "\n"
                "Not settled:\n"
                "  blocks 40-41 (node 1, 256M): failed, decided movable (rule 'dimm'): "
                "EBUSY (Device or resource busy)\n"
                "  block 42 (node 1, 128M): foreign, is kernel, decided movable (rule 'dimm')\n"
                "  block 43 (node 1, 128M): retrying, decided kernel (default rule) because of "
                "max_movable_ratio(node): EAGAIN (Resource temporarily unavailable)\n"
                "  blocks 45-46 (node 1, 256M): pending, decided movable (rule 'dimm')\n"
                "  block 44 (node not known yet, 128M): waiting, not decided yet\n"
                "\n"
                "Configuration:\n"
                "  /usr/lib/memoryd/memoryd.conf\n"
                "  /etc/memoryd/memoryd.conf\n"
                "\n"
                "Faults of the configuration on disk, which is not in force:\n"
                "  /etc/memoryd/memoryd.conf:3: 'zone': expected a word, got 3\n"
                "  /etc/memoryd/memoryd.conf:7: 'nod': unknown key\n";

        RUN("status");
        expect(0, wanted, "");
        RUN();
        expect(0, wanted, "");
}
END_TEST

START_TEST(status_can_be_json)
{
        json_object *status, *nodes;

        RUN("-J");
        status = expect_json();
        expect_json_equal(get(status, "version"), "\"0.1.0\"");
        expect_json_equal(get(status, "degraded"), "true");
        expect_json_equal(get(status, "block_size"), "134217728");
        expect_json_equal(get(status, "online"), "3489660928");
        expect_json_equal(get(status, "offline"), "939524096");
        expect_json_equal(get(status, "kernel"), "2550136832");
        expect_json_equal(get(status, "movable"), "939524096");
        expect_json_equal(get(status, "pending_blocks"), "4");
        expect_json_equal(get(status, "failed_blocks"), "2");
        expect_json_equal(get(status, "foreign_blocks"), "1");
        expect_json_equal(get(status, "kernel_auto_online"), "\"offline\"");
        expect_json_equal(
                get(status, "kernel_features"),
                "[{\"feature\": \"online-types\", \"has\": true,"
                " \"brought_by\": \"Linux 3.8\", \"without\": \"The kernel does not know"
                " the words online_movable and online_kernel: every block becomes what the"
                " kernel chooses.\"},"
                " {\"feature\": \"groups\", \"has\": false,"
                " \"brought_by\": \"memoryd's patch 2\", \"without\": \"Which blocks are"
                " one device has to be worked out from /proc/iomem and sysfs.\"},"
                " {\"feature\": \"uevents\", \"has\": true,"
                " \"brought_by\": \"memoryd's patch 3\", \"without\": \"The node of a new"
                " block is not known before its link is in sysfs.\"},"
                " {\"feature\": \"wishes\", \"has\": false,"
                " \"brought_by\": \"patience\", \"without\": null}]");
        expect_json_equal(get(status, "failed_devices"),
                          "[{\"device\": \"PNP0C80:02\", \"size\": 128849018880,"
                          " \"reason\": \"too little memory\"},"
                          " {\"device\": \"PNP0C80:03\", \"size\": 0,"
                          " \"reason\": \"bad luck\"}]");
        expect_json_equal(get(status, "config_files"),
                          "[\"/usr/lib/memoryd/memoryd.conf\", \"/etc/memoryd/memoryd.conf\"]");
        ck_assert_uint_eq(json_object_array_length(get(status, "config_faults")), 2);
        expect_json_equal(get(status, "jobs"),
                          "[{\"id\": 3, \"kind\": \"offline\", \"state\": \"running\","
                          " \"target\": \"node 1\", \"total\": 32, \"done\": 12, \"failed\": 1},"
                          " {\"id\": 4, \"kind\": \"rebalance\", \"state\": \"queued\","
                          " \"target\": \"node 0\", \"total\": 4, \"done\": 0, \"failed\": 0}]");
        nodes = get(status, "nodes");
        ck_assert_uint_eq(json_object_array_length(nodes), 2);
        expect_json_equal(
                json_object_array_get_idx(nodes, 1),
                "{\"node\": 1, \"cpu\": false, \"online\": 1342177280, \"offline\": 805306368,"
                " \"kernel\": 402653184, \"movable\": 939524096, \"free\": 1288699904,"
                " \"movable_only\": false, \"kernel_short\": true,"
                " \"kernel_auto_online\": \"online_movable\","
                " \"read_bandwidth\": 10240, \"write_bandwidth\": 5120,"
                " \"read_latency\": 350, \"write_latency\": 0,"
                " \"distances\": [{\"node\": 0, \"distance\": 21},"
                " {\"node\": 1, \"distance\": 10}], \"zones\": ["
                "{\"zone\": \"Normal\", \"present\": 402653184, \"managed\": 398458880,"
                " \"spanned\": 1476395008, \"free\": 355467264},"
                "{\"zone\": \"Movable\", \"present\": 939524096, \"managed\": 939524096,"
                " \"spanned\": 2013265920, \"free\": 933232640}]}");
        json_object_put(status);
}
END_TEST

START_TEST(status_as_json_has_the_reason_for_each_run_of_open_blocks)
{
        json_object *status, *blocks;

        RUN("status", "--json");
        status = expect_json();
        blocks = get(status, "blocks");
        ck_assert_uint_eq(json_object_array_length(blocks), 5);
        expect_json_equal(json_object_array_get_idx(blocks, 0),
                          "{\"node\": 1, \"first\": 40, \"last\": 41, \"status\": \"failed\","
                          " \"state\": \"offline\", \"class\": \"none\", \"decision\": \"movable\","
                          " \"rule\": \"dimm\", \"guards\": [], \"error\": \"EBUSY\"}");
        expect_json_equal(json_object_array_get_idx(blocks, 2),
                          "{\"node\": 1, \"first\": 43, \"last\": 43, \"status\": \"retrying\","
                          " \"state\": \"offline\", \"class\": \"none\", \"decision\": \"kernel\","
                          " \"rule\": null, \"guards\": [\"max_movable_ratio(node)\"],"
                          " \"error\": \"EAGAIN\"}");
        expect_json_equal(json_object_array_get_idx(blocks, 4),
                          "{\"node\": null, \"first\": 44, \"last\": 44, \"status\": \"waiting\","
                          " \"state\": \"offline\", \"class\": \"none\", \"decision\": \"none\","
                          " \"rule\": null, \"guards\": [], \"error\": null}");
        json_object_put(status);
}
END_TEST

START_TEST(list_merges_neighbours_that_look_the_same)
{
        RUN("list");
        expect(0,
               "RANGE                                 SIZE         STATE BLOCK NODE          ZONES "
               "DECISION\n"
               "0x0000000000000000-0x0000000007ffffff 128M        online     0    0           None "
               "    none\n"
               "0x0000000008000000-0x000000003fffffff 896M        online   1-7    0          DMA32 "
               "    none\n"
               "0x0000000040000000-0x000000007fffffff   1G        online  8-15    0         Normal "
               "    none\n"
               "0x0000000100000000-0x000000010fffffff 256M        online 32-33    1         Normal "
               "  kernel\n"
               "0x0000000110000000-0x000000013fffffff 768M        online 34-39    1        Movable "
               " movable\n"
               "0x0000000140000000-0x000000014fffffff 256M       offline 40-41    1 Normal/Movable "
               " movable\n"
               "0x0000000150000000-0x0000000157ffffff 128M        online    42    1         Normal "
               " movable\n"
               "0x0000000158000000-0x000000015fffffff 128M       offline    43    1 Normal/Movable "
               "  kernel\n"
               "0x0000000160000000-0x0000000167ffffff 128M       offline    44                     "
               "    none\n"
               "0x0000000168000000-0x0000000177ffffff 256M       offline 45-46    1 Normal/Movable "
               " movable\n"
               "0x0000000180000000-0x0000000187ffffff 128M going-offline    48    1        Movable "
               " movable\n"
               "0x0000000188000000-0x000000018fffffff 128M       offline    49    1 Normal/Movable "
               "   leave\n"
               "\n"
               "Memory block size:       128M\n"
               "Total online memory:     3.3G\n"
               "Total offline memory:    896M\n",
               "");
}
END_TEST

START_TEST(list_merges_by_the_columns_that_are_shown)
{
        RUN("list", "-n", "-o", "block,state");
        expect_rows(" 0-15        online\n"
                    "32-39        online\n"
                    "40-41       offline\n"
                    "   42        online\n"
                    "43-46       offline\n"
                    "   48 going-offline\n"
                    "   49       offline\n");
        RUN("list", "-n", "-o", "BLOCK");
        expect_rows(" 0-15\n32-46\n48-49\n");
        RUN("list", "-n", "-o", "BLOCK,ERROR", "39-43");
        expect_rows("   39 \n40-41 EBUSY\n   42 \n   43 EAGAIN\n");
        RUN("list", "-n", "-o", "BLOCK,NODE", "43-46");
        expect_rows("   43    1\n   44 \n45-46    1\n");
}
END_TEST

START_TEST(list_all_has_a_line_for_each_block)
{
        RUN("list", "--all", "-o", "RANGE,SIZE,BLOCK", "--noheadings", "32-33", "45-46,0");
        expect_rows("0x0000000000000000-0x0000000007ffffff 128M     0\n"
                    "0x0000000100000000-0x0000000107ffffff 128M    32\n"
                    "0x0000000108000000-0x000000010fffffff 128M    33\n"
                    "0x0000000168000000-0x000000016fffffff 128M    45\n"
                    "0x0000000170000000-0x0000000177ffffff 128M    46\n");
}
END_TEST

START_TEST(list_prints_bytes_and_totals_of_what_it_shows)
{
        RUN("list", "-b", "-o", "SIZE,BLOCK,STATE", "40-43");
        expect(0,
               "     SIZE BLOCK   STATE\n"
               "268435456 40-41 offline\n"
               "134217728    42  online\n"
               "134217728    43 offline\n"
               "\n"
               "Memory block size:            134217728\n"
               "Total online memory:          134217728\n"
               "Total offline memory:         402653184\n",
               "");
}
END_TEST

START_TEST(list_takes_more_columns_behind_the_usual_ones)
{
        RUN("list", "-n", "-o", "+class,RULE,Guards,STATUS,error,SIZE", "40");
        expect_rows("0x0000000140000000-0x0000000147ffffff 128M offline    40    1 Normal/Movable  "
                    "movable  none dimm        failed EBUSY\n");
        RUN("list", "-n", "--output=+GUARDS", "32-33");
        expect_rows("0x0000000100000000-0x000000010fffffff 256M online 32-33    1 Normal   kernel "
                    "min_kernel contiguous\n");
}
END_TEST

START_TEST(list_can_be_json_with_sizes_as_numbers)
{
        json_object *list;

        RUN("list", "-J", "-o", "+RULE,STATUS,GUARDS,ERROR,CLASS", "40-41", "44");
        list = expect_json();
        expect_json_equal(list,
                          "{\"memory\": [{\"range\": \"0x0000000140000000-0x000000014fffffff\","
                          " \"size\": 268435456, \"state\": \"offline\", \"block\": \"40-41\", "
                          "\"first\": 40, \"last\": 41,"
                          " \"node\": 1, \"zones\": \"Normal/Movable\", \"decision\": \"movable\","
                          " \"rule\": \"dimm\", \"status\": \"failed\", \"guards\": null,"
                          " \"error\": \"EBUSY\", \"class\": \"none\"},"
                          "{\"range\": \"0x0000000160000000-0x0000000167ffffff\","
                          " \"size\": 134217728, \"state\": \"offline\", \"block\": \"44\", "
                          "\"first\": 44, \"last\": 44,"
                          " \"node\": null, \"zones\": null, \"decision\": \"none\","
                          " \"rule\": null, \"status\": \"waiting\", \"guards\": null,"
                          " \"error\": null, \"class\": \"none\"}]}");
        json_object_put(list);
}
END_TEST

START_TEST(list_takes_the_addresses_and_names_that_are_printed)
{
        static const char *const cases[][2] = {
                { "0x0000000100000000-0x0000000107ffffff", "   32\n" },
                { "0x0000000150000000-0x000000015fffffff", "   42\n   43\n" },
                { "0x150000000-0x15FFFFFFF", "   42\n   43\n" },
                { "0x0-0x7ffffff,40-41", "    0\n   40\n   41\n" },
                { "memory32", "   32\n" },
                { "memory40-memory41,/sys/devices/system/memory/memory7/",
                  "    7\n   40\n   41\n" },
        };
        static const char *const bad[][2] = {
                { "0x0-0x1ffffff", "0x0000000000000000-0x0000000001ffffff" },
                { "0x100000000-0x108000000", "0x0000000100000000-0x0000000108000000" },
                { "0x100000001-0x107ffffff", "0x0000000100000001-0x0000000107ffffff" },
                { "0x0-0xffffffffffffffff", "0x0000000000000000-0xffffffffffffffff" },
        };
        char err[256];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RUN("list", "-n", "-a", "-o", "BLOCK", cases[i][0]);
                expect_rows(cases[i][1]);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                RUN("list", "32", bad[i][0]);
                snprintf(err, sizeof(err),
                         "memoryctl: bad BLOCKS '%s', expected addresses of whole blocks of "
                         "128M\n" TRY,
                         bad[i][1]);
                expect(2, "", err);
        }
        RUN("list", "0x80000000-0x87ffffff");
        expect(1, "", "memoryctl: there is no memory16\n");
}
END_TEST

START_TEST(list_names_the_first_block_that_does_not_exist)
{
        static const struct {
                const char *blocks;
                const char *err;
        } cases[] = {
                { "16", "memoryctl: there is no memory16\n" },
                { "8-31", "memoryctl: there is no memory16\n" },
                { "0,46-48", "memoryctl: there is no memory47\n" },
                { "49-4294967295", "memoryctl: there is no memory50\n" },
                { "4294967295", "memoryctl: there is no memory4294967295\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                RUN("list", cases[i].blocks);
                expect(1, "", cases[i].err);
        }
}
END_TEST

START_TEST(nodes_are_a_table)
{
        RUN("nodes");
        expect(0,
               "NODE CPU ONLINE OFFLINE KERNEL MOVABLE  FREE MOVABLE_ONLY DISTANCES\n"
               "   0 yes     2G      0B     2G      0B 1000M           no 0:10,1:21\n"
               "   1  no   1.3G    768M   384M    896M  1.2G           no 0:21,1:10\n",
               "");
        RUN("nodes", "-bn", "-o", "NODE,MOVABLE");
        expect_rows("   0         0\n   1 939524096\n");
}
END_TEST

START_TEST(nodes_show_tier_and_performance_when_asked)
{
        json_object *nodes;

        RUN("nodes", "-o", "NODE,READ_BANDWIDTH,WRITE_BANDWIDTH,READ_LATENCY,WRITE_LATENCY");
        expect(0,
               "NODE READ_BANDWIDTH WRITE_BANDWIDTH READ_LATENCY WRITE_LATENCY\n"
               "   0                                             \n"
               "   1          10240            5120          350 \n",
               "");
        RUN("nodes", "-o", "tier,NODE");
        expect(0, "TIER NODE\n        0\n  22    1\n", "");
        RUN("nodes", "-n", "-o", "+TIER");
        expect_rows("   0 yes     2G      0B     2G      0B 1000M           no 0:10,1:21 \n"
                    "   1  no   1.3G    768M   384M    896M  1.2G           no 0:21,1:10   22\n");
        RUN("nodes", "-J", "-o", "NODE,READ_BANDWIDTH,WRITE_LATENCY");
        nodes = expect_json();
        expect_json_equal(nodes, "{\"nodes\": [{\"node\": 0, \"read_bandwidth\": null,"
                                 " \"write_latency\": null}, {\"node\": 1,"
                                 " \"read_bandwidth\": 10240, \"write_latency\": null}]}");
        json_object_put(nodes);
}
END_TEST

START_TEST(nodes_can_be_json)
{
        json_object *nodes;

        RUN("nodes", "-J");
        nodes = expect_json();
        expect_json_equal(nodes,
                          "{\"nodes\": [{\"node\": 0, \"cpu\": true, \"online\": 2147483648,"
                          " \"offline\": 0, \"kernel\": 2147483648, \"movable\": 0,"
                          " \"free\": 1048576000, \"movable_only\": false,"
                          " \"distances\": [{\"node\": 0, \"distance\": 10}, {\"node\": 1, "
                          "\"distance\": 21}]},"
                          "{\"node\": 1, \"cpu\": false, \"online\": 1342177280,"
                          " \"offline\": 805306368, \"kernel\": 402653184, \"movable\": 939524096,"
                          " \"free\": 1288699904, \"movable_only\": false,"
                          " \"distances\": [{\"node\": 0, \"distance\": 21}, {\"node\": 1, "
                          "\"distance\": 10}]}]}");
        json_object_put(nodes);
}
END_TEST

START_TEST(nodes_tell_where_kernel_memory_runs_short)
{
        RUN("nodes", "-n", "-o", "NODE,KERNEL_SHORT");
        expect_rows("   0           no\n   1          yes\n");
}
END_TEST

START_TEST(zones_are_a_table_in_the_order_of_the_kernel)
{
        RUN("zones");
        expect(0,
               "NODE    ZONE PRESENT MANAGED SPANNED FREE\n"
               "   0     DMA      4M    3.8M     16M   4M\n"
               "   0   DMA32   1008M    990M   1008M 496M\n"
               "   0  Normal      1G   1000M      1G 500M\n"
               "   1  Normal    384M    380M    1.4G 339M\n"
               "   1 Movable    896M    896M    1.9G 890M\n",
               "");
        RUN("zones", "--bytes", "--noheadings", "--output", "zone,present");
        expect_rows("    DMA    4190208\n"
                    "  DMA32 1056964608\n"
                    " Normal 1073741824\n"
                    " Normal  402653184\n"
                    "Movable  939524096\n");
}
END_TEST

START_TEST(zones_can_be_json)
{
        json_object *zones;

        RUN("zones", "-J");
        zones = expect_json();
        ck_assert_uint_eq(json_object_array_length(get(zones, "zones")), 5);
        expect_json_equal(json_object_array_get_idx(get(zones, "zones"), 4),
                          "{\"node\": 1, \"zone\": \"Movable\", \"present\": 939524096,"
                          " \"managed\": 939524096, \"spanned\": 2013265920, \"free\": 933232640}");
        json_object_put(zones);
}
END_TEST

START_TEST(explain_says_why_in_a_sentence_and_lists_the_rest)
{
        static const char wanted[] =
                "memory32: kernel (default rule): node 1 had no kernel memory, and min_kernel asks "
                "for 128M.\n"
                "\n"
                "       Block: memory32, 0x0000000100000000-0x0000000107ffffff\n"
                "        Node: 1\n"
                "      Origin: dimm, PNP0C80:00\n"
                "       State: online, Normal\n"
                "    Decision: kernel, Sun 2001-09-09 01:46:40 UTC\n"
                "        Rule: (default)\n"
                "   Asked for: auto\n"
                "      Guards: min_kernel contiguous\n"
                "      Status: done\n"
                "  Onlined by: memoryd, Sun 2001-09-09 01:46:43 UTC\n";

        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        RUN("explain", "32");
        expect(0, wanted, "");
        RUN("explain", "memory32");
        expect(0, wanted, "");
        RUN("explain", "/sys/devices/system/memory/memory32");
        expect(0, wanted, "");
        RUN("explain", "0x0000000100000000-0x0000000107ffffff");
        expect(0, wanted, "");
}
END_TEST

START_TEST(explain_says_what_failed_and_which_rule)
{
        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        RUN("explain", "40");
        expect(0,
               "memory40 failed: it could not be brought online as movable memory, in 8 "
               "attempts.\n"
               "EBUSY (Device or resource busy): it is in use.\n"
               "memoryd does not try again by itself. See the log, then run \"memoryctl "
               "rescan\".\n"
               "\n"
               "The decision: movable (rule 'dimm', /etc/memoryd/memoryd.conf:12).\n"
               "\n"
               "       Block: memory40, 0x0000000140000000-0x0000000147ffffff\n"
               "        Node: 1\n"
               "      Origin: dimm, PNP0C80:00\n"
               "       State: offline, Normal Movable\n"
               "    Decision: movable, Sun 2001-09-09 01:46:40 UTC\n"
               "        Rule: dimm, /etc/memoryd/memoryd.conf:12\n"
               "   Asked for: movable\n"
               "      Status: failed\n"
               "      Failed: 8, EBUSY\n",
               "");
        RUN("explain", "43");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_ptr_eq(strstr(output.out,
                                "memory43 failed: it could not be brought online, in 1 attempt.\n"
                                "EAGAIN (Resource temporarily unavailable): not just then.\n"
                                "memoryd tries again at Sun 2001-09-09 01:46:43 UTC, up to 7 times "
                                "more.\n"
                                "\n"
                                "The decision: kernel (default rule).\n"
                                "\n"
                                "       Block: memory43, "),
                         output.out);
        RUN("explain", "44");
        expect(0,
               "memory44: not decided: the block has no node yet.\n"
               "\n"
               "       Block: memory44, 0x0000000160000000-0x0000000167ffffff\n"
               "      Origin: dimm, PNP0C80:00\n"
               "       State: offline\n"
               "    Decision: none\n"
               "      Status: waiting\n",
               "");
}
END_TEST

START_TEST(cxl_memory_has_its_region_and_memory_devices_when_asked)
{
        json_object *object;

        RUN("list", "-n", "-o", "BLOCK,DEVICE,cxl_region,CXL_MEMDEVS", "48-49");
        expect_rows("   48 PNP0C80:00                   \n"
                    "   49 dax0.0     region0 mem0 mem1\n");
        RUN("list", "-J", "-o", "BLOCK,CXL_MEMDEVS", "48-49");
        object = expect_json();
        expect_json_equal(object, "{\"memory\": [{\"block\": \"48\", \"first\": 48, \"last\": 48, "
                                  "\"cxl_memdevs\": null},"
                                  " {\"block\": \"49\", \"first\": 49, \"last\": 49, "
                                  "\"cxl_memdevs\": \"mem0 mem1\"}]}");
        json_object_put(object);
        RUN("explain", "49");
        ck_assert_ptr_nonnull(strstr(output.out, "      Origin: kmem, dax0.0\n"
                                                 "         CXL: region0, mem0 mem1\n"
                                                 "       State: offline"));
        RUN("explain", "-J", "49");
        object = expect_json();
        expect_json_equal(get(object, "cxl_region"), "\"region0\"");
        expect_json_equal(get(object, "cxl_memdevs"), "\"mem0 mem1\"");
        json_object_put(object);
}
END_TEST

START_TEST(explain_says_what_holds_a_block_and_what_to_do)
{
        json_object *object;

        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        RUN("explain", "33");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_str_eq(output.err, "");
        /* Advice that both have is given once. */
        ck_assert_ptr_nonnull(strstr(
                output.out, "       Pages: held by 2 slab pages and a part of a huge page of 1G\n"
                            "      Failed: did not go offline at Sun 2001-09-09 01:46:43 UTC: held "
                            "by 1 page that "
                            "a process or device keeps pinned\n"
                            "\n"
                            "  Free the slab.\n"
                            "  Free the huge page.\n"
                            "  End the process.\n"));
        RUN("explain", "34");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_ptr_nonnull(
                strstr(output.out,
                       "       Pages: memoryd cannot read /proc/kpageflags: it is not there\n"));
        RUN("explain", "-J", "33");
        object = expect_json();
        expect_json_equal(get(object, "counted"),
                          "[{\"block\": 33, \"held\": true, \"pages\": ["
                          "{\"use\": \"slab\", \"page_bytes\": 4096, \"bytes\": 8192},"
                          " {\"use\": \"huge\", \"page_bytes\": 1073741824, \"bytes\": 4096}]}]");
        expect_json_equal(get(object, "holds"),
                          "\"held by 2 slab pages and a part of a huge page of 1G\"");
        expect_json_equal(get(object, "holds_advice"),
                          "[\"Free the slab.\", \"Free the huge page.\"]");
        expect_json_equal(get(object, "not_offline"),
                          "\"held by 1 page that a process or device keeps pinned\"");
        expect_json_equal(get(object, "not_offline_advice"),
                          "[\"End the process.\", \"Free the slab.\"]");
        json_object_put(object);
}
END_TEST

START_TEST(explain_can_be_json)
{
        json_object *object;

        RUN("explain", "-J", "32");
        object = expect_json();
        expect_json_equal(
                object, "{\"block\": 32, \"node\": 1, \"state\": \"online\", \"zones\": \"Normal\","
                        " \"class\": \"kernel\", \"device\": \"PNP0C80:00\", \"origin\": \"dimm\","
                        " \"decision\": \"kernel\", \"rule\": \"\", \"status\": \"done\","
                        " \"errno\": 0, \"guards\": \"min_kernel contiguous\","
                        " \"zone_wanted\": \"auto\", \"compared\": \"min_kernel\","
                        " \"kernel_bytes\": 0, \"min_kernel_bytes\": 134217728,"
                        " \"decided_usec\": 1000000000000000, \"onlined_by\": \"memoryd\","
                        " \"onlined_usec\": 1000000003500000, \"reason\": \"kernel (default rule):"
                        " node 1 had no kernel memory, and min_kernel asks for 128M\","
                        " \"block_size_bytes\": 134217728}");
        json_object_put(object);
        RUN("explain", "44", "--json");
        object = expect_json();
        expect_json_equal(get(object, "node"), "-1");
        ck_assert(!json_object_object_get_ex(object, "decided_usec", NULL));
        json_object_put(object);
}
END_TEST

START_TEST(explain_names_a_block_that_is_not_there)
{
        RUN("explain", "47");
        expect(1, "", "memoryctl: there is no memory47\n");
        RUN("explain", "-J", "4294967295");
        expect(1, "", "memoryctl: there is no memory4294967295\n");
}
END_TEST

START_TEST(history_is_a_table)
{
        json_object *history;

        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        ck_assert_int_eq(setenv("COLUMNS", "160", true), 0);
        RUN("history");
        expect(0,
               "TIME                        SIZE      BLOCK NODE DECISION STATUS REASON\n"
               "Sun 2001-09-09 01:46:40 UTC 384M   40-41,43    1 movable  failed movable (rule "
               "'dimm')\n"
               "Sun 2001-09-09 01:46:43 UTC 128M         44      kernel   done   kernel (default "
               "rule)\n"
               "Mon 2001-09-10 01:46:40 UTC   1G 8 of 64-75    0 kernel   done   kernel (default "
               "rule): for memory64\n",
               "");
        RUN("history", "-n", "-o", "size,Device,RULE,GUARDS,ONLINED_BY,ERROR,USEC", "-b");
        expect_rows(" 402653184 PNP0C80:00 dimm                         none    EBUSY "
                    "1000000000000000\n"
                    " 134217728                 min_kernel contiguous   memoryd       "
                    "1000000003500000\n"
                    "1073741824 virtio3         max_movable_ratio(node) memoryd       "
                    "1000086400000000\n");
        RUN("history", "-n", "-o", "DECISIONS,UNTIL,UNTIL_USEC", "--node=1");
        expect_rows("        4 Sun 2001-09-09 01:46:43 UTC 1000000003500000\n");
        RUN("history", "-J", "-o", "+ERROR,USEC,RULE", "--since", "2001-09-09 01:46:41");
        history = expect_json();
        expect_json_equal(
                history,
                "{\"history\": [{\"time\": \"Sun 2001-09-09 01:46:40 UTC\", \"size\": 402653184,"
                " \"block\": \"40-41,43\", \"blocks\": [{\"first\": 40, \"last\": 41}, {\"first\": "
                "43, \"last\": 43}], \"node\": 1, \"decision\": \"movable\","
                " \"status\": \"failed\", \"reason\": \"movable (rule 'dimm')\","
                " \"error\": \"EBUSY\", \"usec\": 1000000000000000, \"rule\": \"dimm\"},"
                "{\"time\": \"Sun 2001-09-09 01:46:43 UTC\", \"size\": 134217728,"
                " \"block\": \"44\", \"blocks\": [{\"first\": 44, \"last\": 44}], \"node\": null, "
                "\"decision\": \"kernel\", \"status\": "
                "\"done\","
                " \"reason\": \"kernel (default rule)\", \"error\": null,"
                " \"usec\": 1000000003500000, \"rule\": null},"
                "{\"time\": \"Mon 2001-09-10 01:46:40 UTC\", \"size\": 1073741824,"
                " \"block\": \"64,66,68,70,72-75\", \"blocks\": [{\"first\": 64, \"last\": 64}, "
                "{\"first\": 66, \"last\": 66}, {\"first\": 68, \"last\": 68}, {\"first\": 70, "
                "\"last\": 70}, {\"first\": 72, \"last\": 75}], \"node\": 0, \"decision\": "
                "\"kernel\","
                " \"status\": \"done\", \"reason\": \"kernel (default rule): for memory64\","
                " \"error\": null, \"usec\": 1000086400000000, \"rule\": null}]}");
        json_object_put(history);
}
END_TEST

START_TEST(history_can_be_of_a_time_a_node_or_a_device)
{
        ck_assert_int_eq(setenv("TZ", "UTC", true), 0);
        /* The first entry lasts until the second. */
        RUN("history", "-n", "-o", "BLOCK", "--since", "2001-09-09 01:46:43");
        expect_rows("  40-41,43\n        44\n8 of 64-75\n");
        RUN("history", "-n", "-o", "BLOCK", "--since", "Sun 2001-09-09 01:46:44 UTC");
        expect_rows("8 of 64-75\n");
        RUN("history", "-n", "-o", "BLOCK", "--since=-1h");
        expect(0, "", "");
        RUN("history", "-n", "-o", "BLOCK", "--since", "@0", "--node", "0");
        expect_rows("8 of 64-75\n");
        RUN("history", "-n", "-o", "BLOCK", "--device", "PNP0C80:00");
        expect_rows("40-41,43\n");
        RUN("history", "-n", "-o", "BLOCK", "--device", "virtio3", "--node=1");
        expect(0, "", "");
        RUN("history", "--device", "virtio4");
        expect(0, "No decisions match.\n", "");
}
END_TEST

START_TEST(a_history_without_decisions_is_empty)
{
        json_object *history;

        RUN("history");
        expect(0, "No decisions.\n", "");
        RUN("history", "-n");
        expect(0, "", "");
        RUN("history", "-J");
        history = expect_json();
        expect_json_equal(history, "{\"history\": []}");
        json_object_put(history);
}
END_TEST

START_TEST(plan_is_a_table_of_what_would_be_decided)
{
        ck_assert_int_eq(setenv("COLUMNS", "160", true), 0);
        RUN("plan", "--add", "256M@1");
        expect(0,
               "SIZE BLOCK NODE ORIGIN     STATE   DECISION REASON\n"
               "128M    44      dimm       offline leave    \n"
               "256M          1 virtio-mem absent  movable  256M@1\n"
               "\n"
               "Becomes movable:         256M\n"
               "Becomes kernel memory:     0B\n"
               "Stays offline:           128M\n",
               "");
        RUN("plan", "-n");
        expect_rows("128M    44      dimm   offline leave    \n");
        RUN("plan", "-nb", "--all", "-o", "SIZE,BLOCK,STATE,DECISION,CLASS,DEVICE,GUARDS");
        expect_rows("2147483648  0-15 online  none     kernel            \n"
                    " 134217728    44 offline leave    none   PNP0C80:00 \n");
        RUN("plan", "-b", "-o", "SIZE", "--add", "256M@1");
        expect(0,
               "     SIZE\n"
               "134217728\n"
               "268435456\n"
               "\n"
               "Becomes movable:              268435456\n"
               "Becomes kernel memory:                0\n"
               "Stays offline:                134217728\n",
               "");
}
END_TEST

/* The numbers in the reply are made up. */
START_TEST(plan_has_no_block_numbers_for_memory_that_is_not_there_yet)
{
        RUN("plan", "-a", "-n", "-o", "SIZE,RANGE,BLOCK", "--add=x@1");
        expect_rows("2G 0x0000000000000000-0x000000007fffffff 0-15\n"
                    "128M 0x0000000160000000-0x0000000167ffffff 44\n"
                    "256M\n");
}
END_TEST

/* The mock says the same of each addition. */
START_TEST(plan_prints_a_burst_of_equal_units_as_one_line)
{
        RUN("plan", "-n", "-o", "SIZE,DECISION,REASON", "--add", "x@1", "--add=y@1:kmem",
            "--add=z@1");
        expect_rows("128M leave\n768M movable, 3 units of 256M x@1\n");
        /* A column that tells units apart: these have no device yet. */
        RUN("plan", "-n", "-o", "SIZE,DECISION,DEVICE", "--add", "x@1", "--add=y@1:kmem");
        expect_rows("128M leave PNP0C80:00\n512M movable, 2 units of 256M\n");
}
END_TEST

START_TEST(plan_can_be_json)
{
        json_object *plan;

        RUN("plan", "-aJ", "-o", "+GUARDS,RULE,CLASS", "--add", "256M@1");
        plan = expect_json();
        expect_json_equal(
                plan, "{\"plan\": [{\"size\": 2147483648, \"block\": \"0-15\", \"first\": 0, "
                      "\"last\": 15, \"node\": 0,"
                      " \"origin\": \"boot\", \"state\": \"online\", \"decision\": \"none\","
                      " \"reason\": \"online already, and stays so\", \"guards\": null,"
                      " \"rule\": null, \"class\": \"kernel\"},"
                      "{\"size\": 134217728, \"block\": \"44\", \"first\": 44, \"last\": 44, "
                      "\"node\": null,"
                      " \"origin\": \"dimm\", \"state\": \"offline\", \"decision\": \"leave\","
                      " \"reason\": null, \"guards\": null, \"rule\": null, \"class\": \"none\"},"
                      "{\"size\": 268435456, \"block\": null, \"first\": null, \"last\": null, "
                      "\"node\": 1,"
                      " \"origin\": \"virtio-mem\", \"state\": \"absent\","
                      " \"decision\": \"movable\", \"reason\": \"256M@1\","
                      " \"guards\": \"max_movable_ratio(node)\", \"rule\": null,"
                      " \"class\": \"movable\"}]}");
        json_object_put(plan);
}
END_TEST

START_TEST(plan_hands_a_configuration_over)
{
        char path[PATH_MAX], wanted[PATH_MAX + 64];

        write_file("draft.conf", 0600, "settle = \"1s\"; # one");
        in_folder("draft.conf", path);
        ck_assert_int_eq(setenv("COLUMNS", "4200", true), 0);
        RUN("plan", "-n", "-o", "BLOCK,RULE,REASON", "--config", path);
        snprintf(wanted, sizeof(wanted), "   44 %s settle = \"1s\"; # one\n", path);
        expect_rows(wanted);
        write_file("draft.conf", 0600, "");
        RUN("plan", "-n", "-o", "BLOCK,RULE", "--config", path);
        snprintf(wanted, sizeof(wanted), "   44 %s\n", path);
        expect_rows(wanted);
        unlink(path);
}
END_TEST

static void expect_end(const char *wanted)
{
        size_t n = strlen(output.out), n_wanted = strlen(wanted);

        ck_assert_str_eq(output.err, "");
        ck_assert_msg(n >= n_wanted && strcmp(output.out + n - n_wanted, wanted) == 0, "%s",
                      output.out);
}

START_TEST(plan_says_whether_a_file_is_taken_alone_or_with_the_rest)
{
        char path[PATH_MAX], wanted[PATH_MAX + 128];

        write_file("draft.conf", 0600, "settle = \"1s\"; # one");
        in_folder("draft.conf", path);
        ck_assert_int_eq(setenv("COLUMNS", "4200", true), 0);
        RUN("plan", "--config", path);
        snprintf(wanted, sizeof(wanted),
                 "\nConfiguration:          %s alone, without the installed files (--with-drop-in "
                 "takes both)\n",
                 path);
        expect_end(wanted);
        RUN("plan", "--with-drop-in", path);
        snprintf(wanted, sizeof(wanted),
                 "\nConfiguration:          the installed files, with %s as a drop-in\n", path);
        expect_end(wanted);
        RUN("plan", "-n", "-o", "BLOCK,RULE,REASON", "--with-drop-in", path);
        snprintf(wanted, sizeof(wanted), "   44 %s settle = \"1s\"; # one\n", path);
        expect_rows(wanted);
        unlink(path);
        RUN("plan", "--with-drop-in", path);
        snprintf(wanted, sizeof(wanted), "memoryctl: cannot open '%s': No such file or directory\n",
                 path);
        expect(1, "", wanted);
}
END_TEST

START_TEST(plan_names_a_configuration_that_it_cannot_read)
{
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX], wanted[PATH_MAX + 96];

        RUN("plan", "--config=/nonexistent/memoryd.conf");
        expect(1, "",
               "memoryctl: cannot open '/nonexistent/memoryd.conf': No such file or directory\n");
        RUN("plan", "--config=/");
        expect(1, "", "memoryctl: '/': expected a file of at most 1048576 bytes\n");

        write_file("big.conf", 0600, "#");
        in_folder("big.conf", path);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (1 << 20) + 1), 0);
        RUN("plan", "--config", path);
        snprintf(wanted, sizeof(wanted),
                 "memoryctl: '%s': expected a file of at most 1048576 bytes\n", path);
        expect(1, "", wanted);
        ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
        RUN("plan", "--config", path);
        snprintf(wanted, sizeof(wanted),
                 "memoryctl: '%s': expected a configuration, got a byte of zero\n", path);
        expect(1, "", wanted);
        write_file("big.conf", 0600, "# \377\n");
        RUN("plan", "--config", path);
        expect(1, "",
               "memoryctl: --add, --config and --with-drop-in: expected UTF-8, in the name of the "
               "file as well\n");
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        RUN("plan", "--config", path);
        snprintf(wanted, sizeof(wanted),
                 "memoryctl: '%s': expected a file of at most 1048576 bytes\n", path);
        expect(1, "", wanted);
        unlink(path);
}
END_TEST

START_TEST(plan_passes_on_what_memoryd_refuses_to_add)
{
        RUN("plan", "--add", "16M", "--add", "x@1");
        expect(1, "", "memoryctl: '16M': expected SIZE@NODE\n");
}
END_TEST

/* Sets the date of a picture. Returns the name of this host. */
static const char *picture_setup(void)
{
        static char host[256];

        ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
        ck_assert_int_eq(setenv("SOURCE_DATE_EPOCH", "1000000000", true), 0);
        return host;
}

/* Without a terminal: no colours, and the width of COLUMNS or 80. */
START_TEST(map_is_a_row_of_cells_for_each_node)
{
        const char *host = picture_setup();
        char wanted[4096];

        RUN("map");
        snprintf(
                wanted, sizeof(wanted),
                "%s: Sun 2001-09-09 01:46:40 UTC, memoryd 0.1.0, degraded\n"
                "policy: movable memory at most 2.00 times kernel memory, of the machine and of\n"
                "  each node with a CPU; at least a block of kernel memory per node; 2 rules;\n"
                "  from /usr/lib/memoryd/memoryd.conf, /etc/memoryd/memoryd.conf\n"
                "machine: kernel 2.3G, movable 768M, left 128M, pending 512M, going-offline 128M,\n"
                "  foreign 128M, failed 256M\n"
                "  [KKKKKKKK:KKKKKKKKKMMMMMMM]  movable/kernel 0.37, limit 2.00\n"
                "\n"
                "node 0: kernel 2G\n"
                "  CPU, distance 21 to node 1\n"
                "  [KKKKKKKK:KKKKKKKKKKKKKKKK]  movable/kernel 0.00, limit 2.00\n"
                "  devices: boot 0-15\n"
                " 0 KKKKKKKKKKKKKKKK\n"
                "\n"
                "node 1: kernel 256M, movable 768M, left 128M, pending 384M, going-offline 128M,\n"
                "  foreign 128M, failed 256M\n"
                "  no CPU, distance 21 to node 0, short of kernel memory\n"
                "  [KKKKKKKMMMMMMMMMMMMMMMMM]  movable/kernel 2.33\n"
                "  devices: PNP0C80:00 (dimm) 32-48, dax0.0 (kmem) 49\n"
                "32 KKMMMMMMFFXp|pp|g-\n"
                "\n"
                "no node: pending 128M\n"
                "  devices: PNP0C80:00 (dimm) 44\n"
                "44 p\n"
                "\n"
                "A cell is a block, 128M.\n"
                "K kernel 2.3G   M movable 768M   - left 128M   p pending 512M\n"
                "  g going-offline 128M   X foreign 128M   F failed 256M   | hole\n"
                "  : least kernel memory\n",
                host);
        expect(0, wanted, "");
}
END_TEST

START_TEST(map_fits_the_width)
{
        ck_assert_int_eq(setenv("COLUMNS", "20", true), 0);
        RUN("map");
        ck_assert_int_eq(output.exit_code, 0);
        for (char *line = strtok(output.out, "\n"); line; line = strtok(NULL, "\n"))
                ck_assert_msg(strlen(line) <= 28 || (*line == ' ' && !strchr(line + 2, ' ')),
                              "too long: %s", line);
        ck_assert_int_eq(setenv("COLUMNS", "zero", true), 0);
        RUN("map", "-b");
        ck_assert_ptr_nonnull(strstr(output.out, "K kernel 2415919104   M movable 805306368   "));
}
END_TEST

START_TEST(map_can_be_json)
{
        json_object *map, *nodes;

        RUN("map", "-J");
        map = expect_json();
        expect_json_equal(get(map, "block_size"), "134217728");
        expect_json_equal(get(map, "blocks_per_cell"), "1");
        expect_json_equal(get(map, "blocks"),
                          "{\"kernel\": 18, \"movable\": 6, \"left\": 1, \"pending\": 4,"
                          " \"going-offline\": 1, \"foreign\": 1, \"failed\": 2}");
        nodes = get(map, "nodes");
        ck_assert_uint_eq(json_object_array_length(nodes), 3);
        expect_json_equal(json_object_array_get_idx(nodes, 2),
                          "{\"node\": null, \"blocks\": {\"pending\": 1}, \"cells\": ["
                          "{\"first\": 44, \"last\": 44, \"class\": \"pending\","
                          " \"blocks\": {\"pending\": 1}}]}");
        json_object_put(map);
}
END_TEST

/* What is in the file for a machine of each kind, and that it says so when it cannot be written. */
START_TEST(map_can_be_drawn)
{
        static char picture[OUTPUT_MAX];
        _cleanup_close_ int fd = -EBADF;
        const char *host = picture_setup();
        char path[PATH_MAX], wanted[512];

        in_folder("map.svg", path);
        RUN("map", "--svg", path);
        expect(0, "", "");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        read_back(fd, picture);
        unlink(path);
        snprintf(wanted, sizeof(wanted), "<title id=\"title\">Memory of %s</title>", host);
        ck_assert_ptr_nonnull(strstr(picture, wanted));
        ck_assert_ptr_nonnull(strstr(picture, ">Sun 2001-09-09 01:46:40 UTC, memoryd "));
        ck_assert_ptr_nonnull(strstr(picture, "><title>blocks 34-39, 0x110000000-0x13fffffff: "
                                              "movable 768M</title></rect>"));
        ck_assert_ptr_nonnull(
                strstr(picture, "<title>hole: block 44, 0x160000000-0x167ffffff, 128M"));
        ck_assert_ptr_nonnull(strstr(picture, ">PNP0C80:00 (dimm)</text>"));
        ck_assert_ptr_nonnull(strstr(picture, ">failed 256M</text>\n"));

        RUN("map", "--svg", "-");
        expect(0, picture, "");

        RUN("map", "--svg=/nonexistent/map.svg");
        expect(1, "",
               "memoryctl: cannot write '/nonexistent/map.svg': No such file or directory\n");
        RUN("map", "--svg=/dev/full");
        expect(1, "", "memoryctl: cannot write '/dev/full': No space left on device\n");
}
END_TEST

START_TEST(reload_and_rescan_say_what_was_done)
{
        RUN("reload");
        expect(0, "Configuration reloaded: 2 files, 2 rules.\n", "");
        RUN("rescan");
        expect(0, "memoryd reads all blocks again, and retries 2 that failed.\n", "");
        RUN("rescan", "--all");
        expect(0,
               "memoryd reads all blocks again, and retries 2 that failed. It also decides on "
               "memory "
               "that was taken offline.\n",
               "");
        RUN("reload", "-q");
        expect(0, "", "");
        RUN("rescan", "--quiet");
        expect(0, "", "");
}
END_TEST

/* Reads a file of the source tree, or, with a `/` at its start, any file. Returns a text that is valid until the next. */
static const char *text_of(const char *name)
{
        static char text[1 << 16];
        char path[PATH_MAX];
        FILE *file;
        size_t n;

        snprintf(path, sizeof(path), "%s%s", *name == '/' ? "" : environment("srcdir", "."), "/");
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s", name);
        file = fopen(path, "re");
        ck_assert_msg(file != NULL, "no %s", path);
        n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = '\0';
        fclose(file);
        return text;
}

/* promtool reads the first of these texts in tests/check_metrics.py. */
START_TEST(metrics_have_all_figures_and_counters)
{
        RUN("metrics");
        expect(0, text_of("tests/ctl/metrics.prom"), "");
        RUN("metrics", "--openmetrics");
        expect(0, text_of("tests/ctl/openmetrics.txt"), "");
        RUN("metrics", "--json");
        expect(2, "", "memoryctl: option '--json' has no meaning for 'metrics'\n" TRY);
}
END_TEST

START_TEST(metrics_replace_a_file_as_a_whole)
{
        char path[PATH_MAX], link[PATH_MAX], error[2 * PATH_MAX];
        struct stat status;

        in_folder("metrics.prom", path);
        in_folder("metrics.prom.new", link);
        write_file("metrics.prom", 0600, "of an earlier time\n");
        RUN("metrics", "--file", path);
        expect(0, "", "");
        ck_assert_str_eq(text_of(path), text_of("tests/ctl/metrics.prom"));
        ck_assert_int_eq(lstat(path, &status), 0);
        ck_assert_uint_eq(status.st_mode, S_IFREG | 0644);
        ck_assert_int_lt(lstat(link, &status), 0);

        /* A link in the place of the new file is not followed. */
        ck_assert_int_eq(symlink("elsewhere", link), 0);
        RUN("metrics", "--file", path);
        snprintf(error, sizeof(error), "memoryctl: cannot write '%s': %s\n", path, strerror(ELOOP));
        expect(1, "", error);
        ck_assert_int_eq(unlink(link), 0);

        /* Nor a link in the place of the folder, which can be that of another user. */
        in_folder("link", link);
        ck_assert_int_eq(symlink(folder, link), 0);
        strcat(link, "/metrics.prom");
        RUN("metrics", "--file", link);
        snprintf(error, sizeof(error), "memoryctl: cannot write '%s': %s\n", link,
                 strerror(ENOTDIR));
        expect(1, "", error);

        RUN("metrics", "--file=/nonexistent/metrics.prom");
        expect(1, "",
               "memoryctl: cannot write '/nonexistent/metrics.prom': No such file or directory\n");
        RUN("metrics", "--file", "");
        expect(2, "", "memoryctl: --file: expected the name of a file, got ''\n" TRY);
        RUN("metrics", "--file", "/tmp/");
        expect(2, "", "memoryctl: --file: expected the name of a file, got '/tmp/'\n" TRY);
}
END_TEST

#define METRICS_WITHOUT_DAEMON                                                                     \
        "# HELP memoryd_up Whether memoryd answered when it was asked for these metrics.\n"        \
        "# TYPE memoryd_up gauge\n"                                                                \
        "memoryd_up 0\n"                                                                           \
        "# EOF\n"

/* A monitoring system is to learn that memoryd does not answer: that is no failure. */
START_TEST(metrics_tell_that_the_daemon_is_not_there)
{
        char path[PATH_MAX];

        RUN("metrics");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_str_eq(output.out, METRICS_WITHOUT_DAEMON);
        ck_assert_ptr_nonnull(strstr(output.err, "memoryd is not running"));
        in_folder("metrics.prom", path);
        RUN("metrics", "--openmetrics", "--file", path);
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_str_eq(output.out, "");
        ck_assert_str_eq(text_of(path), METRICS_WITHOUT_DAEMON);
}
END_TEST

START_TEST(metrics_without_counters_have_no_histogram)
{
        RUN("metrics");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_ptr_nonnull(strstr(output.out, "\nmemoryd_up 1\n"));
        ck_assert_ptr_nonnull(strstr(output.out, "\nmemoryd_blocks{node=\"0\",state=\"online\","
                                                 "class=\"kernel\",origin=\"boot\"} 8\n"));
        ck_assert_ptr_null(strstr(output.out, "\nmemoryd_online_duration_seconds_"));
        ck_assert_ptr_nonnull(strstr(output.out, "\nmemoryd_config_faults 0\n"));
}
END_TEST

START_TEST(no_legend_is_another_name_for_noheadings)
{
        RUN("zones", "-o", "ZONE,SPANNED", "--no-legend");
        expect_rows("    DMA   16M\n"
                    "  DMA32 1008M\n"
                    " Normal    1G\n"
                    " Normal  1.4G\n"
                    "Movable  1.9G\n");
        RUN("status", "--no-legend");
        expect(2, "", "memoryctl: option '--no-legend' has no meaning for 'status'\n" TRY);
}
END_TEST

START_TEST(a_quiet_verify_tells_by_its_exit_status)
{
        RUN("verify", "-q");
        expect(1, "", "");
}
END_TEST

/* This ssh reaches the same bus, as the bridge of another machine would. */
START_TEST(a_remote_host_is_asked_through_ssh)
{
        char path[2 * PATH_MAX];

        write_file("ssh", 0700,
                   "#!/bin/sh\nexec systemd-stdio-bridge -p \"$DBUS_SYSTEM_BUS_ADDRESS\"\n");
        snprintf(path, sizeof(path), "%s:%s", folder, environment("PATH", "/usr/bin:/bin"));
        ck_assert_int_eq(setenv("PATH", path, true), 0);
        RUN("-H", "root@elsewhere", "list", "-n", "-o", "BLOCK");
        expect_rows(" 0-15\n32-46\n48-49\n");
}
END_TEST

START_TEST(a_remote_host_that_cannot_be_reached_is_named)
{
        char path[2 * PATH_MAX];

        write_file("ssh", 0700, "#!/bin/sh\nexit 255\n");
        snprintf(path, sizeof(path), "%s:%s", folder, environment("PATH", "/usr/bin:/bin"));
        ck_assert_int_eq(setenv("PATH", path, true), 0);
        RUN("--host=elsewhere", "nodes");
        ck_assert_int_eq(output.exit_code, 1);
        ck_assert_str_eq(output.out, "");
        ck_assert_ptr_nonnull(
                strstr(output.err, "memoryctl: cannot reach the system bus of elsewhere: "));
}
END_TEST

/*
 * What bash would offer for a line that ends where it is to be completed, in the words that bash makes
 * of it. Nothing is typed: the function is called as bash does.
 */
static void complete(const char *line, const char *const *words)
{
        char script[PATH_MAX + 512], path[PATH_MAX];
        const char *arguments[16] = { "bash" };
        size_t n = 1;

        snprintf(script, sizeof(script),
                 "source '%s/src/ctl/memoryctl.bash-completion'\n"
                 "compopt() { :; }\n"
                 "COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\n"
                 "shift\n"
                 "COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n"
                 "_memoryctl\n"
                 "echo \"${COMPREPLY[*]}\"\n",
                 environment("srcdir", "."));
        write_file("complete", 0600, script);
        in_folder("complete", path);
        arguments[n++] = path;
        arguments[n++] = line;
        while (*words)
                arguments[n++] = *words++;
        run_program(arguments);
        ck_assert_str_eq(output.err, "");
}

#define COMPLETE(line, ...) complete(line, (const char *const[]){ "memoryctl", __VA_ARGS__, NULL })

START_TEST(completion_knows_what_a_verb_can_take)
{
        extend_path();
        COMPLETE("memoryctl of", "of");
        ck_assert_str_eq(output.out, "offline\n");
        COMPLETE("memoryctl offline ", "offline", "");
        ck_assert_str_eq(output.out, "0-15 32-39 42\n");
        COMPLETE("memoryctl online 4", "online", "4");
        ck_assert_str_eq(output.out, "40-41 43-46 49\n");
        COMPLETE("memoryctl set-zone ", "set-zone", "");
        ck_assert_str_eq(output.out, "movable kernel 0-15 32-39 42\n");
        COMPLETE("memoryctl set-zone 32 m", "set-zone", "32", "m");
        ck_assert_str_eq(output.out, "movable\n");
        COMPLETE("memoryctl list 3", "list", "3");
        ck_assert_str_eq(output.out, "32-39\n");
        COMPLETE("memoryctl explain ", "explain", "");
        ck_assert_str_eq(output.out, "0 32 40 42 43 48 49\n");
        COMPLETE("memoryctl cancel ", "cancel", "");
        ck_assert_str_eq(output.out, "3 4\n");
        COMPLETE("memoryctl jobs -o ID,P", "jobs", "-o", "ID,P");
        ck_assert_str_eq(output.out, "ID,PATH\n");
        COMPLETE("memoryctl online --z", "online", "--z");
        ck_assert_str_eq(output.out, "--zone\n");
        COMPLETE("memoryctl offline --z", "offline", "--z");
        ck_assert_str_eq(output.out, "\n");
}
END_TEST

START_TEST(completion_knows_nodes_zones_and_devices)
{
        extend_path();
        COMPLETE("memoryctl offline --node ", "offline", "--node", "");
        ck_assert_str_eq(output.out, "0 1\n");
        COMPLETE("memoryctl offline --node=1", "offline", "--node", "=", "1");
        ck_assert_str_eq(output.out, "1\n");
        COMPLETE("memoryctl online 1 --zone k", "online", "1", "--zone", "k");
        ck_assert_str_eq(output.out, "kernel\n");
        COMPLETE("memoryctl offline --device ", "offline", "--device", "");
        ck_assert_str_eq(output.out, "PNP0C80:00 dax0.0 PNP0C80:02\n");
        COMPLETE("memoryctl offline --device PNP0C80:", "offline", "--device", "PNP0C80", ":");
        ck_assert_str_eq(output.out, "00 02\n");
        COMPLETE("memoryctl offline --device=PNP0C80:0", "offline", "--device", "=", "PNP0C80", ":",
                 "0");
        ck_assert_str_eq(output.out, "00 02\n");
        COMPLETE("memoryctl offline --device=d", "offline", "--device", "=", "d");
        ck_assert_str_eq(output.out, "dax0.0\n");
}
END_TEST

/* What is here says nothing about another machine. */
START_TEST(completion_asks_no_other_machine)
{
        extend_path();
        COMPLETE("memoryctl -H elsewhere cancel ", "-H", "elsewhere", "cancel", "");
        ck_assert_str_eq(output.out, "\n");
        COMPLETE("memoryctl cancel --machine=x ", "cancel", "--machine", "=", "x", "");
        ck_assert_str_eq(output.out, "\n");
}
END_TEST

START_TEST(completion_is_silent_without_the_daemon)
{
        extend_path();
        COMPLETE("memoryctl offline ", "offline", "");
        ck_assert_str_eq(output.out, "\n");
        COMPLETE("memoryctl offline --device ", "offline", "--device", "");
        ck_assert_str_eq(output.out, "\n");
        COMPLETE("memoryctl cancel ", "cancel", "");
        ck_assert_str_eq(output.out, "\n");
}
END_TEST

START_TEST(output_that_cannot_be_written_is_a_failure)
{
        _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        int status;
        pid_t pid;

        ck_assert_int_ge(full, 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                dup2(full, STDOUT_FILENO);
                dup2(full, STDERR_FILENO);
                execl(environment("MEMORYCTL", "./memoryctl"), "memoryctl", "list", NULL);
                _exit(127);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

START_TEST(a_calm_machine_has_nothing_open)
{
        RUN("status");
        expect(0,
               "memoryd 0.1.0\n"
               "\n"
               "Memory block size:      128M\n"
               "Online:                 1G (kernel 1G, movable 0B)\n"
               "Offline:                0B\n"
               "Blocks:                 0 pending, 0 failed, 0 foreign\n"
               "Kernel auto-online:     not in this kernel\n"
               "\n"
               "NODE CPU ONLINE OFFLINE KERNEL MOVABLE  FREE MOVABLE_ONLY DISTANCES\n"
               "   0 yes     2G      0B     2G      0B 1000M           no 0:10,1:21\n"
               "   1  no   1.3G    768M   384M    896M  1.2G           no 0:21,1:10\n",
               "");
}
END_TEST

START_TEST(a_calm_machine_as_json_has_empty_arrays_and_null)
{
        json_object *status;

        RUN("status", "-J");
        status = expect_json();
        expect_json_equal(get(status, "degraded"), "false");
        expect_json_equal(get(status, "kernel_auto_online"), "null");
        expect_json_equal(get(status, "kernel_features"), "[]");
        expect_json_equal(get(status, "failed_devices"), "[]");
        expect_json_equal(get(status, "blocks"), "[]");
        expect_json_equal(get(status, "config_files"), "[]");
        expect_json_equal(get(status, "config_faults"), "[]");
        json_object_put(status);
}
END_TEST

START_TEST(a_quiet_verify_of_a_calm_machine_succeeds)
{
        RUN("verify", "--quiet");
        expect(0, "", "");
        RUN("reload");
        expect(0, "Configuration reloaded: 0 files, 2 rules.\n", "");
        RUN("rescan");
        expect(0, "memoryd reads all blocks again.\n", "");
}
END_TEST

START_TEST(plan_says_that_there_is_nothing_to_decide)
{
        json_object *plan;

        RUN("plan");
        expect(0, "Nothing to decide.\n", "");
        RUN("plan", "-n");
        expect(0, "", "");
        RUN("plan", "-J");
        plan = expect_json();
        expect_json_equal(plan, "{\"plan\": []}");
        json_object_put(plan);
}
END_TEST

START_TEST(plan_says_so_as_well_if_all_is_shown_and_stays)
{
        RUN("plan");
        expect(0, "Nothing to decide.\n", "");
        RUN("plan", "--all", "-o", "BLOCK,DECISION");
        expect(0, "BLOCK DECISION\n 0-15 none\n\nNothing to decide.\n", "");
}
END_TEST

START_TEST(a_machine_without_blocks_and_nodes_is_shown)
{
        static const char *const names[][2] = {
                { "list", "{\"memory\": []}" },
                { "nodes", "{\"nodes\": []}" },
                { "zones", "{\"zones\": []}" },
        };

        RUN("nodes");
        expect(0, "", "");
        RUN("list", "0");
        expect(1, "", "memoryctl: there is no memory0\n");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                json_object *object;

                RUN(names[i][0], "-J");
                object = expect_json();
                expect_json_equal(object, names[i][1]);
                json_object_put(object);
        }
}
END_TEST

START_TEST(a_refused_reload_prints_every_fault)
{
        RUN("reload");
        expect(1, "",
               "memoryctl: configuration refused, the running one stays:\n"
               "/etc/memoryd/memoryd.conf:3: 'zone': expected a word, got 3\n"
               "/etc/memoryd/memoryd.conf:7: 'nod': unknown key\n");
        RUN("reload", "-q");
        expect(1, "",
               "memoryctl: configuration refused, the running one stays:\n"
               "/etc/memoryd/memoryd.conf:3: 'zone': expected a word, got 3\n"
               "/etc/memoryd/memoryd.conf:7: 'nod': unknown key\n");
        RUN("rescan", "-q");
        expect(0, "", "");
}
END_TEST

START_TEST(a_plan_with_a_refused_configuration_prints_every_fault)
{
        char path[PATH_MAX], wanted[PATH_MAX + 128];

        write_file("draft.conf", 0600, "zone = 3;");
        in_folder("draft.conf", path);
        RUN("plan", "--config", path);
        unlink(path);
        snprintf(wanted, sizeof(wanted),
                 "memoryctl: configuration refused, the running one stays:\n"
                 "%s:3: 'zone': expected a word, got 3\n",
                 path);
        expect(1, "", wanted);
        RUN("plan", "-n", "-o", "BLOCK");
        expect_rows("   44\n");
}
END_TEST

START_TEST(denied_access_is_said_as_such)
{
        static const char *const verbs[] = { "reload", "rescan" };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                RUN(verbs[i]);
                expect(1, "", "memoryctl: access denied by memoryd or polkit: Permission denied\n");
                RUN("--no-ask-password", verbs[i]);
                expect(1, "",
                       "memoryctl: access denied by memoryd or polkit: "
                       "Interactive authentication required.\n");
        }
}
END_TEST

START_TEST(a_plan_is_denied_with_a_configuration_alone)
{
        char path[PATH_MAX];

        write_file("draft.conf", 0600, "zone = 3;");
        in_folder("draft.conf", path);
        RUN("plan", "--config", path);
        expect(1, "", "memoryctl: access denied by memoryd or polkit: Permission denied\n");
        RUN("plan", "--no-ask-password", "--config", path);
        expect(1, "",
               "memoryctl: access denied by memoryd or polkit: "
               "Interactive authentication required.\n");
        unlink(path);
        RUN("plan", "-n", "-o", "BLOCK");
        expect_rows("   44\n");
}
END_TEST

START_TEST(an_answer_of_another_type_is_an_error)
{
        RUN("status");
        expect(1, "",
               "memoryctl: memoryd gave an answer that is not understood, is it another "
               "version?\n");
}
END_TEST

#define NOT_RUNNING                                                                                \
        "memoryctl: memoryd is not running on this machine: 'systemctl enable --now memoryd' "     \
        "starts it, now and at each boot\n"

START_TEST(without_the_daemon_one_line_says_so_and_how_to_start_it)
{
        static const char *const verbs[][2] = {
                { "status" },        { "list" },         { "nodes" },       { "zones" },
                { "map" },           { "reload" },       { "rescan" },      { "history" },
                { "plan" },          { "jobs" },         { "verify" },      { "explain", "32" },
                { "offline", "32" }, { "online", "32" }, { "cancel", "3" },
        };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                RUN(verbs[i][0], verbs[i][1]);
                expect(1, "", NOT_RUNNING);
        }
        RUN("set-zone", "32", "kernel");
        expect(1, "", NOT_RUNNING);
}
END_TEST

/* The bus of another machine can be there without memoryd. */
START_TEST(without_the_daemon_of_another_host_the_hint_names_the_host)
{
        write_file("ssh", 0755,
                   "#!/bin/sh\nexec systemd-stdio-bridge -p \"$DBUS_SYSTEM_BUS_ADDRESS\"\n");
        extend_path();
        RUN("-H", "root@elsewhere", "status");
        expect(1, "",
               "memoryctl: memoryd is not running on root@elsewhere: 'systemctl -H root@elsewhere "
               "enable --now memoryd' starts it, now and at each boot\n");
}
END_TEST

START_TEST(without_a_bus_it_says_so_and_how_to_start_both)
{
        static const char *const verbs[][2] = { { "status" },        { "plan" },
                                                { "verify" },        { "reload" },
                                                { "explain", "32" }, { "offline", "32" } };

        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", true), 0);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                RUN(verbs[i][0], verbs[i][1]);
                expect(1, "",
                       "memoryctl: cannot reach the system bus of this machine, which memoryctl "
                       "asks "
                       "memoryd through: No such file or directory; 'systemctl start dbus' starts "
                       "the bus, and 'systemctl enable --now memoryd' starts memoryd\n");
        }
}
END_TEST

/* None of these gets as far as the bus. */
START_TEST(wrong_usage_is_named)
{
        static const struct {
                const char *arguments[4];
                const char *err;
        } cases[] = {
                { { "lsit" }, "unknown verb 'lsit', did you mean 'list'?" },
                { { "STATUS" }, "unknown verb 'STATUS', did you mean 'status'?" },
                { { "on" }, "unknown verb 'on', did you mean 'online'?" },
                { { "offlnie" }, "unknown verb 'offlnie', did you mean 'offline'?" },
                { { "setzone" }, "unknown verb 'setzone', did you mean 'set-zone'?" },
                { { "rescna" }, "unknown verb 'rescna', did you mean 'rescan'?" },
                { { "x" }, "unknown verb 'x'" },
                { { "" }, "unknown verb ''" },
                { { "frobnicate-all-the-memory-blocks-now" },
                  "unknown verb 'frobnicate-all-the-memory-blocks-now'" },
                { { "enable" }, "unknown verb 'enable'" },
                { { "\033[31mstatus\xff\n" }, "unknown verb '?[31mstatus?\?'" },
                { { "nodes", "1" }, "'nodes' takes no arguments, got '1'" },
                { { "--frob" }, "unknown option '--frob'" },
                { { "list", "--outptu=NODE" },
                  "unknown option '--outptu', did you mean '--output'?" },
                { { "online", "--undo-on-failrue" },
                  "unknown option '--undo-on-failrue', did you mean '--undo-on-failure'?" },
                { { "--vi" }, "option '--virtualization' needs a value" },
                { { "list", "--siz", "1G", "--mo=1" },
                  "option '--size' has no meaning for 'list'" },
                { { "map", "--ma" }, "option '--machine' needs a value" },
                { { "--vers=1" }, "option '--version' takes no value" },
                { { "--ad=1G@0", "list", "--sy" }, "option '--sysroot' needs a value" },
                { { "--m=x" }, "option '--m' is ambiguous: --movable, --machine" },
                { { "list", "-bZ" }, "unknown option '-Z'" },
                { { "list", "-\303\244" }, "unknown option, a byte 0xc3" },
                { { "list", "--all=yes" }, "option '--all' takes no value" },
                { { "list", "-o" }, "option '--output' needs a value" },
                { { "nodes", "-a" }, "option '--all' has no meaning for 'nodes'" },
                { { "status", "-o", "NODE" }, "option '--output' has no meaning for 'status'" },
                { { "reload", "-J" }, "option '--json' has no meaning for 'reload'" },
                { { "reload", "-n" }, "option '--noheadings' has no meaning for 'reload'" },
                { { "status", "-q" }, "option '--quiet' has no meaning for 'status'" },
                { { "verify", "-qJ" }, "--quiet and --json exclude each other" },
                { { "status", "-o", "help" }, "option '--output' has no meaning for 'status'" },
                { { "zones", "-o", "help,NODE" },
                  "unknown column 'help', expected some of NODE, ZONE, PRESENT, MANAGED, SPANNED, "
                  "FREE" },
                { { "-H", "a", "-Mb" }, "--host and --machine exclude each other" },
                { { "-s", "/", "-Mb" }, "--sysroot and --machine exclude each other" },
                { { "list", "--sysroot=/", "-Ha" }, "--sysroot and --host exclude each other" },
                { { "list", "--sysroot=" }, "--sysroot: expected a folder, got ''" },
                { { "list", "--architecture=s390x" }, "--architecture needs --sysroot" },
                { { "plan", "--virtualization=zvm" }, "--virtualization needs --sysroot" },
                { { "list", "-s/", "--architecture=x86_64" },
                  "--architecture: expected a name such as x86-64, arm64 or s390x, got 'x86_64'" },
                { { "list", "-s/", "--architecture=native" },
                  "--architecture: expected a name such as x86-64, arm64 or s390x, got 'native'" },
                { { "map", "-s/", "--virtualization=vm" },
                  "--virtualization: expected a name such as none, kvm or zvm, got 'vm'" },
                { { "map", "-s/", "--virtualization=" },
                  "--virtualization: expected a name such as none, kvm or zvm, got ''" },
                { { "-s", "/" }, "'status' has to ask memoryd: it cannot be used with --sysroot" },
                { { "rescan", "-s", "/" },
                  "'rescan' has to ask memoryd: it cannot be used with --sysroot" },
                { { "list", "--svg=x" }, "option '--svg' has no meaning for 'list'" },
                { { "map", "--svg=x", "-J" }, "--svg and --json exclude each other" },
                { { "map", "--svg" }, "option '--svg' needs a value" },
                { { "help", "lsit" }, "unknown verb 'lsit', did you mean 'list'?" },
                { { "lsit", "--help" }, "unknown verb 'lsit', did you mean 'list'?" },
                { { "help", "list", "map" }, "'help' takes one verb, got 2 arguments" },
                { { "help", "-J" }, "option '--json' has no meaning for 'help'" },
                { { "explain" }, "'explain' takes one block, got 0 arguments" },
                { { "explain", "1", "2" }, "'explain' takes one block, got 2 arguments" },
                { { "explain", "-o", "NODE", "1" },
                  "option '--output' has no meaning for 'explain'" },
                { { "explain", "--add=1G@0", "1" }, "option '--add' has no meaning for 'explain'" },
                { { "explain", "-s/", "1" },
                  "'explain' has to ask memoryd: it cannot be used with --sysroot" },
                { { "history", "1" }, "'history' takes no arguments, got '1'" },
                { { "history", "--size=1G" }, "option '--size' has no meaning for 'history'" },
                { { "history", "--since=soon" },
                  "--since: expected a time such as \"-1h\", today, yesterday, 08:30 or "
                  "\"2026-12-31 08:30\", got 'soon'" },
                { { "history", "--since" }, "option '--since' needs a value" },
                { { "history", "--node=x" }, "--node: expected the number of a node, got 'x'" },
                { { "list", "--since=today" }, "option '--since' has no meaning for 'list'" },
                { { "history", "-a" }, "option '--all' has no meaning for 'history'" },
                { { "history", "--sysroot=/" },
                  "'history' has to ask memoryd: it cannot be used with --sysroot" },
                { { "history", "-o", "WHEN" },
                  "unknown column 'WHEN', expected some of TIME, SIZE, BLOCK, NODE, DECISION, "
                  "STATUS, REASON, UNTIL, DEVICE, RULE, GUARDS, ONLINED_BY, ERROR, DECISIONS, "
                  "USEC, "
                  "UNTIL_USEC" },
                { { "plan", "1G@0" }, "'plan' takes no arguments, got '1G@0'" },
                { { "plan", "--add" }, "option '--add' needs a value" },
                { { "plan", "--config" }, "option '--config' needs a value" },
                { { "plan", "--config=a.conf", "--with-drop-in=b.conf" },
                  "--config and --with-drop-in exclude each other: the first plans with its file "
                  "alone" },
                { { "plan", "--with-drop-in=draft" },
                  "--with-drop-in: expected the name of a drop-in, such as 10-local.conf, got "
                  "'draft'" },
                { { "plan", "--with-drop-in=/etc/.x.conf" },
                  "--with-drop-in: expected the name of a drop-in, such as 10-local.conf, got "
                  "'/etc/.x.conf'" },
                { { "plan", "--svg=x" }, "option '--svg' has no meaning for 'plan'" },
                { { "list", "--add=1G@0" }, "option '--add' has no meaning for 'list'" },
                { { "--add=1G@0" }, "option '--add' has no meaning for 'status'" },
                { { "reload", "--config=x" }, "option '--config' has no meaning for 'reload'" },
                { { "map", "--config=x" }, "option '--config' has no meaning for 'map'" },
                { { "zones", "-o", "NODE,SIZE" },
                  "unknown column 'SIZE', expected some of NODE, ZONE, PRESENT, MANAGED, SPANNED, "
                  "FREE" },
                { { "zones", "-o", "" },
                  "unknown column '', expected some of NODE, ZONE, PRESENT, MANAGED, SPANNED, "
                  "FREE" },
                { { "zones", "-o", "+NODE,," },
                  "unknown column '', expected some of NODE, ZONE, PRESENT, MANAGED, SPANNED, "
                  "FREE" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char err[320];

                RUN(cases[i].arguments[0], cases[i].arguments[1], cases[i].arguments[2],
                    cases[i].arguments[3]);
                snprintf(err, sizeof(err), "memoryctl: %s\n" TRY, cases[i].err);
                expect(2, "", err);
        }
}
END_TEST

START_TEST(bad_blocks_are_named)
{
        static const char *const cases[][2] = {
                /* the argument, and the part of it that is wrong */
                { "x", "x" },
                { "", "" },
                { "3-", "3-" },
                { "-", "-" },
                { "39-32", "39-32" },
                { "1,2x,3", "2x" },
                { "1,,2", "" },
                { "1-2-3", "1-2-3" },
                { "4294967296", "4294967296" },
                { " 1", " 1" },
                { "+1", "+1" },
                { "0x20", "0x20" },
                { "1 2", "1 2" },
                { "1,", "" },
                { "memory", "memory" },
                { "memoryx", "memoryx" },
                { "Memory32", "Memory32" },
                { "memory32-", "memory32-" },
                { "memory39-memory32", "memory39-memory32" },
                { "memory32,memory3x", "memory3x" },
                { "memorymemory32", "memorymemory32" },
                { "/sys/devices/system/memory/32", "/sys/devices/system/memory/32" },
                { "/sys/devices/system/memory/", "/sys/devices/system/memory/" },
                { "/sys/devices/system/node/node1/memory32",
                  "/sys/devices/system/node/node1/memory32" },

                /* addresses: two, both with 0x, in order, within 64 bits */
                { "0x100000000-", "0x100000000-" },
                { "0x100000000-32", "0x100000000-32" },
                { "32-0x107ffffff", "32-0x107ffffff" },
                { "0x-0x107ffffff", "0x-0x107ffffff" },
                { "0X0-0x107ffffff", "0X0-0x107ffffff" },
                { "0x108000000-0x107ffffff", "0x108000000-0x107ffffff" },
                { "1,0x0-0x10000000000000000", "0x0-0x10000000000000000" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char err[400];

                RUN("list", "32", cases[i][0]);
                snprintf(err, sizeof(err),
                         "memoryctl: bad BLOCKS '%s' in '%s', expected a number, a name such as "
                         "memory32, a range such as 32-39, several such as 32-39,45, or addresses "
                         "as in the column RANGE\n" TRY,
                         cases[i][1], cases[i][0]);
                expect(2, "", err);
        }
}
END_TEST

START_TEST(a_bad_block_to_explain_is_named)
{
        static const char *const bad[] = { "x",  "",     "memory",     "memoryx", "-0",
                                           "+1", "0x20", "4294967296", "Memory32" };
        static const char *const several[] = { "32-33", "memory32-memory39", "32,33",
                                               "memory32-33" };
        char err[256];

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                RUN("explain", "--", bad[i]);
                snprintf(err, sizeof(err),
                         "memoryctl: bad BLOCKS '%s' in '%s', expected a number, a name such as "
                         "memory32, a range such as 32-39, several such as 32-39,45, or addresses "
                         "as in the column RANGE\n" TRY,
                         bad[i], bad[i]);
                expect(2, "", err);
        }
        for (size_t i = 0; i < ELEMENTSOF(several); i++) {
                RUN("explain", several[i]);
                snprintf(err, sizeof(err), "memoryctl: 'explain' takes one block, got '%s'\n" TRY,
                         several[i]);
                expect(2, "", err);
        }
}
END_TEST

START_TEST(more_memory_to_add_than_there_is_room_for_is_refused)
{
        const char *arguments[68] = { "memoryctl", "plan" };

        for (size_t i = 2; i < 67; i++)
                arguments[i] = "--add=1G@0";
        run_arguments(arguments);
        expect(2, "", "memoryctl: --add: expected at most 64, got 65\n" TRY);
}
END_TEST

START_TEST(a_name_that_no_container_can_have_is_refused)
{
        RUN("-M", "a/b", "nodes");
        expect(1, "", "memoryctl: 'a/b' is not the name of a container\n");
}
END_TEST

START_TEST(version_is_that_of_the_package)
{
        RUN("--version");
        expect(0, "memoryctl " PACKAGE_VERSION "\n", "");
        RUN("-V");
        expect(0, "memoryctl " PACKAGE_VERSION "\n", "");
}
END_TEST

/* No line is wider than a terminal. */
static void expect_narrow(const char *text)
{
        for (; text && *text; text = strchr(text, '\n'), text += text ? 1 : 0)
                ck_assert_msg(strcspn(text, "\n") <= 80, "too wide: %.*s",
                              (int) strcspn(text, "\n"), text);
}

START_TEST(help_groups_the_verbs)
{
        static char help[OUTPUT_MAX];

        RUN("--help");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_str_eq(output.err, "");
        expect_narrow(output.out);
        ck_assert_ptr_nonnull(strstr(output.out, "Usage: memoryctl [OPTION...] [VERB]"));
        ck_assert_ptr_nonnull(strstr(output.out, "\nVerbs that show memory:\n  status "));
        ck_assert_ptr_nonnull(strstr(output.out, "\nVerbs that change memory:\n  online "));
        ck_assert_ptr_nonnull(strstr(output.out, "\nOther verbs:\n  reload "));
        ck_assert_ptr_nonnull(strstr(output.out, "\nOptions:\n  -a, --all  "));
        strcpy(help, output.out);
        RUN("help");
        expect(0, help, "");
        RUN("-h");
        expect(0, help, "");
}
END_TEST

/* In each way to ask for it. */
START_TEST(each_verb_has_its_own_help)
{
        static const char *const verbs[] = { "status", "list",    "nodes",    "zones",  "map",
                                             "plan",   "explain", "history",  "verify", "monitor",
                                             "online", "offline", "set-zone", "jobs",   "cancel",
                                             "reload", "rescan",  "help" };
        static char help[OUTPUT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                char usage[64];

                RUN("help", verbs[i]);
                snprintf(usage, sizeof(usage), "Usage: memoryctl %s [OPTION...]", verbs[i]);
                ck_assert_msg(strncmp(output.out, usage, strlen(usage)) == 0, "%s", output.out);
                ck_assert_ptr_nonnull(
                        strstr(output.out, "\nOptions of all verbs:\n      --no-pager  "));
                expect_narrow(output.out);
                strcpy(help, output.out);
                expect(0, help, "");
                RUN(verbs[i], "--help");
                expect(0, help, "");
                RUN("-h", verbs[i], "what", "ever");
                expect(0, help, "");
        }
}
END_TEST

START_TEST(the_help_of_a_verb_has_its_options_and_columns_alone)
{
        static const char wanted[] = "Usage: memoryctl zones [OPTION...]\n"
                                     "\n"
                                     "Zones of the nodes.\n"
                                     "\n"
                                     "Options:\n"
                                     "  -b, --bytes               Print sizes in bytes\n"
                                     "  -n, --noheadings ";

        RUN("zones", "--help");
        ck_assert_msg(strncmp(output.out, wanted, strlen(wanted)) == 0, "%s", output.out);
        ck_assert_ptr_nonnull(strstr(output.out, "\nColumns:\n"
                                                 "  NODE                      number of the node\n"
                                                 "  ZONE                      name of the zone\n"));
        ck_assert_ptr_null(strstr(output.out, "--all"));
        RUN("rescan", "--help");
        ck_assert_ptr_nonnull(strstr(output.out,
                                     "  -a, --all                 Also decide on memory "
                                     "that was taken offline\n"));
        ck_assert_ptr_null(strstr(output.out, "Columns"));
        RUN("set-zone", "--help");
        ck_assert_ptr_nonnull(strstr(output.out,
                                     "Usage: memoryctl set-zone [OPTION...] BLOCKS... ZONE\n"
                                     "       memoryctl set-zone [--node N | --device "));
}
END_TEST

/* Nobody is asked for it. */
START_TEST(output_help_lists_the_columns)
{
        RUN("zones", "-o", "help");
        expect(0,
               "  NODE                      number of the node\n"
               "  ZONE                      name of the zone\n"
               "  PRESENT                   memory that exists\n"
               "  MANAGED                   memory the page allocator has\n"
               "  SPANNED                   first to last address, with holes\n"
               "  FREE                      memory not in use\n",
               "");
        RUN("jobs", "--output=help");
        ck_assert_int_eq(output.exit_code, 0);
        ck_assert_ptr_nonnull(strstr(output.out, "\n *PATH                      its object"));
}
END_TEST

static Suite *memoryctl_suite(void)
{
        Suite *suite = suite_create("memoryctl");

        ADD_CASE(suite, "busy", start_busy,
                 status_shows_totals_nodes_what_is_open_and_the_configuration, status_can_be_json,
                 status_as_json_has_the_reason_for_each_run_of_open_blocks,
                 list_merges_neighbours_that_look_the_same,
                 list_merges_by_the_columns_that_are_shown, list_all_has_a_line_for_each_block,
                 list_prints_bytes_and_totals_of_what_it_shows,
                 list_takes_more_columns_behind_the_usual_ones,
                 list_can_be_json_with_sizes_as_numbers,
                 list_takes_the_addresses_and_names_that_are_printed,
                 list_names_the_first_block_that_does_not_exist, nodes_are_a_table,
                 nodes_can_be_json, nodes_show_tier_and_performance_when_asked,
                 nodes_tell_where_kernel_memory_runs_short,
                 zones_are_a_table_in_the_order_of_the_kernel, zones_can_be_json,
                 map_is_a_row_of_cells_for_each_node, map_fits_the_width, map_can_be_json,
                 map_can_be_drawn, explain_says_why_in_a_sentence_and_lists_the_rest,
                 explain_says_what_failed_and_which_rule,
                 explain_says_what_holds_a_block_and_what_to_do,
                 cxl_memory_has_its_region_and_memory_devices_when_asked, explain_can_be_json,
                 explain_names_a_block_that_is_not_there, history_is_a_table,
                 history_can_be_of_a_time_a_node_or_a_device,
                 plan_is_a_table_of_what_would_be_decided,
                 plan_has_no_block_numbers_for_memory_that_is_not_there_yet,
                 plan_prints_a_burst_of_equal_units_as_one_line, plan_can_be_json,
                 plan_says_whether_a_file_is_taken_alone_or_with_the_rest,
                 plan_hands_a_configuration_over, plan_names_a_configuration_that_it_cannot_read,
                 plan_passes_on_what_memoryd_refuses_to_add, reload_and_rescan_say_what_was_done,
                 no_legend_is_another_name_for_noheadings, a_quiet_verify_tells_by_its_exit_status,
                 a_remote_host_is_asked_through_ssh, a_remote_host_that_cannot_be_reached_is_named,
                 completion_knows_what_a_verb_can_take, completion_knows_nodes_zones_and_devices,
                 completion_asks_no_other_machine, output_that_cannot_be_written_is_a_failure);
        ADD_CASE(suite, "metrics", start_busy, metrics_have_all_figures_and_counters,
                 metrics_replace_a_file_as_a_whole);
        ADD_CASE(suite, "metrics of a calm machine", start_calm,
                 metrics_without_counters_have_no_histogram);
        ADD_CASE(suite, "metrics without a daemon", start_bus,
                 metrics_tell_that_the_daemon_is_not_there);
        ADD_CASE(suite, "calm", start_calm, a_calm_machine_has_nothing_open,
                 a_calm_machine_as_json_has_empty_arrays_and_null,
                 plan_says_so_as_well_if_all_is_shown_and_stays,
                 a_quiet_verify_of_a_calm_machine_succeeds, a_history_without_decisions_is_empty);
        ADD_CASE(suite, "empty", start_empty, a_machine_without_blocks_and_nodes_is_shown,
                 plan_says_that_there_is_nothing_to_decide);
        ADD_CASE(suite, "refusing", start_refusing, a_refused_reload_prints_every_fault,
                 a_plan_with_a_refused_configuration_prints_every_fault);
        ADD_CASE(suite, "denying", start_denying, denied_access_is_said_as_such,
                 a_plan_is_denied_with_a_configuration_alone);
        ADD_CASE(suite, "garbled", start_garbled, an_answer_of_another_type_is_an_error);
        ADD_CASE(suite, "no daemon", start_bus,
                 without_the_daemon_one_line_says_so_and_how_to_start_it,
                 without_the_daemon_of_another_host_the_hint_names_the_host,
                 completion_is_silent_without_the_daemon);
        ADD_CASE(suite, "no bus", NULL, without_a_bus_it_says_so_and_how_to_start_both,
                 wrong_usage_is_named, bad_blocks_are_named, a_bad_block_to_explain_is_named,
                 more_memory_to_add_than_there_is_room_for_is_refused,
                 a_name_that_no_container_can_have_is_refused, version_is_that_of_the_package,
                 help_groups_the_verbs, each_verb_has_its_own_help,
                 the_help_of_a_verb_has_its_options_and_columns_alone,
                 output_help_lists_the_columns);
        return suite;
}

int main(void)
{
        return check_main(memoryctl_suite());
}
