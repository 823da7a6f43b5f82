/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "kernel/sysfs.h"

#define PAGE UINT64_C(4096)

/* Linux 4.9: no cma line, per-node statistics behind the first heading of a node. */
static const char text_4_9[] = "Node 0, zone      DMA\n"
                               "  per-node stats\n"
                               "      nr_inactive_anon 2309\n"
                               "      nr_active_anon 33841\n"
                               "      nr_isolated_anon 0\n"
                               "  pages free     3977\n"
                               "        min      33\n"
                               "        low      41\n"
                               "        high     49\n"
                               "   node_scanned  0\n"
                               "        spanned  4095\n"
                               "        present  3998\n"
                               "        managed  3977\n"
                               "      nr_free_pages 3977\n"
                               "      nr_zone_inactive_anon 0\n"
                               "      nr_free_cma  0\n"
                               "        protection: (0, 1956, 1956, 1956, 1956)\n"
                               "  pagesets\n"
                               "    cpu: 0\n"
                               "              count: 0\n"
                               "              high:  0\n"
                               "              batch: 1\n"
                               "  vm stats threshold: 4\n"
                               "  node_unreclaimable:  0\n"
                               "  start_pfn:           1\n"
                               "  node_inactive_ratio: 0\n"
                               "Node 0, zone    DMA32\n"
                               "  pages free     430236\n"
                               "        min      11179\n"
                               "        spanned  520160\n"
                               "        present  520160\n"
                               "        managed  501017\n"
                               "      nr_free_pages 430236\n"
                               "        protection: (0, 0, 0, 0, 0)\n"
                               "  start_pfn:           4096\n"
                               "Node 0, zone   Normal\n"
                               "  pages free     0\n"
                               "        min      0\n"
                               "        spanned  0\n"
                               "        present  0\n"
                               "        managed  0\n"
                               "        protection: (0, 0, 0, 0, 0)\n"
                               "Node 0, zone  Movable\n"
                               "  pages free     0\n"
                               "        spanned  0\n"
                               "        present  0\n"
                               "        managed  0\n"
                               "        protection: (0, 0, 0, 0, 0)\n";

/* Linux 6.1: boost and cma, a node that has movable memory alone. */
static const char text_6_1[] = "Node 0, zone   Normal\n"
                               "  per-node stats\n"
                               "      nr_inactive_anon 81\n"
                               "      nr_foll_pin_acquired 0\n"
                               "  pages free     12345\n"
                               "        boost    0\n"
                               "        min      700\n"
                               "        low      900\n"
                               "        high     1100\n"
                               "        spanned  262144\n"
                               "        present  262143\n"
                               "        managed  240000\n"
                               "        cma      16384\n"
                               "        protection: (0, 0, 0, 7936)\n"
                               "      nr_free_pages 12345\n"
                               "      nr_free_cma  16000\n"
                               "  pagesets\n"
                               "    cpu: 0\n"
                               "              count: 63\n"
                               "              high:  378\n"
                               "              batch: 63\n"
                               "  vm stats threshold: 16\n"
                               "  node_unreclaimable:  0\n"
                               "  start_pfn:           1048576\n"
                               "Node 1, zone   Normal\n"
                               "  pages free     0\n"
                               "        boost    0\n"
                               "        spanned  0\n"
                               "        present  0\n"
                               "        managed  0\n"
                               "        cma      0\n"
                               "        protection: (0, 0, 0, 0)\n"
                               "Node 1, zone  Movable\n"
                               "  per-node stats\n"
                               "      nr_inactive_anon 0\n"
                               "  pages free     2031616\n"
                               "        boost    0\n"
                               "        spanned  2097152\n"
                               "        present  2031616\n"
                               "        managed  2031616\n"
                               "        cma      0\n"
                               "        protection: (0, 0, 0, 0)\n"
                               "Node 1, zone   Device\n"
                               "  pages free     0\n"
                               "        spanned  0\n"
                               "        present  0\n"
                               "        managed  0\n";

/* Linux 6.12: promo, free_highatomic; and a zone of the future, between others. */
static const char text_6_12[] = "Node 1, zone  Movable\n"
                                "  pages free     10\n"
                                "        boost    0\n"
                                "        min      1\n"
                                "        low      2\n"
                                "        high     3\n"
                                "        promo    4\n"
                                "        spanned  32768\n"
                                "        present  32768\n"
                                "        managed  32768\n"
                                "        cma      0\n"
                                "      nr_free_pages 10\n"
                                "  node_unreclaimable:  0\n"
                                "  start_pfn:           4194304\n"
                                "  reserved_highatomic: 0\n"
                                "  free_highatomic:     0\n"
                                "Node 0, zone   Future\n"
                                "  pages free     99\n"
                                "        spanned  99\n"
                                "        present  99\n"
                                "        managed  99\n"
                                "        cma      99\n"
                                "Node 0, zone   Normal\n"
                                "  pages free     20\n"
                                "        boost    0\n"
                                "        promo    4\n"
                                "        spanned  65536\n"
                                "        present  65536\n"
                                "        managed  60000\n"
                                "        cma      4096\n"
                                "Node 0, zone      DMA\n"
                                "  pages free     30\n"
                                "        spanned  4095\n"
                                "        present  3998\n"
                                "        managed  3840\n";

/* In pages. */
typedef struct Expected {
        uint32_t node;
        ZoneType type;
        uint64_t present, managed, spanned, free, cma;
} Expected;

static const struct {
        const char *text;
        size_t n;
        Expected zones[4];
} cases[] = {
        { text_4_9,
          2,
          { { 0, ZONE_DMA, 3998, 3977, 4095, 3977, 0 },
            { 0, ZONE_DMA32, 520160, 501017, 520160, 430236, 0 } } },
        { text_6_1,
          2,
          { { 0, ZONE_NORMAL, 262143, 240000, 262144, 12345, 16384 },
            { 1, ZONE_MOVABLE, 2031616, 2031616, 2097152, 2031616, 0 } } },
        { text_6_12,
          3,
          { { 0, ZONE_DMA, 3998, 3840, 4095, 30, 0 },
            { 0, ZONE_NORMAL, 65536, 60000, 65536, 20, 4096 },
            { 1, ZONE_MOVABLE, 32768, 32768, 32768, 10, 0 } } },

        /* nothing, and next to nothing */
        { "", 0, {} },
        { "\n\n\n", 0, {} },
        { "Node 0, zone\n", 0, {} },
        { "  pages free 7\n  spanned 7\n", 0, {} },
        { "Node 0, zone Normal\n", 0, {} },
        { "Node 0, zone Normal\n spanned many\n", 0, {} },
        { "Node x, zone Normal\n spanned 1\n", 0, {} },
        { "Node 0 zone Normal\n spanned 1\n", 0, {} },
        { "Node 3, zone Normal\n spanned 8", 1, { { 3, ZONE_NORMAL, 0, 0, 8, 0, 0 } } },
};

START_TEST(zones_that_span_pages_are_found_by_node_and_type)
{
        static const uint64_t pages[] = { PAGE, 16 * PAGE };

        for (size_t p = 0; p < ELEMENTSOF(pages); p++) {
                Zone *zones = NULL;
                size_t n = 99;

                ck_assert_int_eq(zoneinfo_parse(cases[_i].text, pages[p], &zones, &n), 0);
                ck_assert_uint_eq(n, cases[_i].n);
                for (size_t i = 0; i < n; i++) {
                        const Expected *expected = &cases[_i].zones[i];

                        ck_assert_uint_eq(zones[i].node, expected->node);
                        ck_assert_int_eq(zones[i].type, expected->type);
                        ck_assert_uint_eq(zones[i].present_bytes, expected->present * pages[p]);
                        ck_assert_uint_eq(zones[i].managed_bytes, expected->managed * pages[p]);
                        ck_assert_uint_eq(zones[i].spanned_bytes, expected->spanned * pages[p]);
                        ck_assert_uint_eq(zones[i].free_bytes, expected->free * pages[p]);
                        ck_assert_uint_eq(zones[i].cma_bytes, expected->cma * pages[p]);
                }
                free(zones);
        }
}
END_TEST

static void parse_front(const char *text, size_t length, size_t n_zones)
{
        /* A block of its own, so that a checker sees a read behind the end. */
        char *front = strndup(text, length);
        Zone *zones = NULL;
        size_t n = 0;

        if (!front || zoneinfo_parse(front, PAGE, &zones, &n) < 0 || n > n_zones)
                ck_abort_msg("%zu zones in the first %zu bytes", n, length);
        for (size_t i = 1; i < n; i++)
                if (zones[i - 1].node > zones[i].node)
                        ck_abort_msg("zones are not sorted in the first %zu bytes", length);
        free(zones);
        free(front);
}

/* Watermarks, what a zone holds back from kernel memory that Normal could serve, free CMA. */
static const char text_watermarks[] = "Node 0, zone      DMA\n"
                                      "  pages free     3840\n"
                                      "        boost    0\n"
                                      "        min      8\n"
                                      "        low      11\n"
                                      "        high     14\n"
                                      "        spanned  4095\n"
                                      "        protection: (0, 2900, 15000, 20000, 20001)\n"
                                      "  pagesets\n"
                                      "              high:  99\n"
                                      "Node 0, zone    DMA32\n"
                                      "  pages free     20000\n"
                                      "        min      800\n"
                                      "        low      1000\n"
                                      "        high     1200\n"
                                      "        spanned  1044480\n"
                                      "        cma      4096\n"
                                      "        protection: (0, 0, 12100, 17100, 17101)\n"
                                      "      nr_free_pages 20000\n"
                                      "      nr_free_cma  4000\n"
                                      "Node 0, zone   Normal\n"
                                      "  pages free     5\n"
                                      "        min      3\n"
                                      "        low      4\n"
                                      "        high     6\n"
                                      "        spanned  65536\n"
                                      "        protection: (0, 0, 0, 5000, 5001)\n"
                                      "Node 1, zone      DMA\n"
                                      "        spanned  0\n"
                                      "Node 1, zone   Normal\n"
                                      "  pages free     7\n"
                                      "        spanned  65536\n"
                                      "        protection: (0, 0, 9, 5000, 5001)\n";

START_TEST(watermarks_and_what_is_held_back_are_read)
{
        static const struct {
                uint64_t min, low, high, reserve, free_cma;
        } expected[] = {
                { 8, 11, 14, 15000, 0 },
                { 800, 1000, 1200, 12100, 4000 },
                { 3, 4, 6, 0, 0 },
                { 0, 0, 0, 9, 0 },
        };
        Zone *zones = NULL;
        size_t n = 0;

        ck_assert_int_eq(zoneinfo_parse(text_watermarks, PAGE, &zones, &n), 0);
        ck_assert_uint_eq(n, ELEMENTSOF(expected));
        for (size_t i = 0; i < n; i++) {
                ck_assert_uint_eq(zones[i].min_bytes, expected[i].min * PAGE);
                ck_assert_uint_eq(zones[i].low_bytes, expected[i].low * PAGE);
                ck_assert_uint_eq(zones[i].high_bytes, expected[i].high * PAGE);
                ck_assert_uint_eq(zones[i].reserve_bytes, expected[i].reserve * PAGE);
                ck_assert_uint_eq(zones[i].free_cma_bytes, expected[i].free_cma * PAGE);
        }
        free(zones);
}
END_TEST

START_TEST(without_a_zone_normal_nothing_is_known_to_be_held_back)
{
        static const char text[] = "Node 0, zone DMA\n spanned 1\n protection: (1, 2, 3)\n"
                                   "Node 1, zone Normal\n spanned 1\n protection: (4\n";
        Zone *zones = NULL;
        size_t n = 0;

        ck_assert_int_eq(zoneinfo_parse(text, PAGE, &zones, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_uint_eq(zones[0].reserve_bytes, 0);
        ck_assert_uint_eq(zones[1].reserve_bytes, 0);
        free(zones);
}
END_TEST

START_TEST(text_that_ends_anywhere_has_no_zone_too_many)
{
        for (size_t length = 0; length <= strlen(cases[_i].text); length++)
                parse_front(cases[_i].text, length, cases[_i].n);
}
END_TEST

START_TEST(damaged_text_is_survived)
{
        static const char junk[] = { '\n', ' ', '9', '-', 'N', (char) 0xff, 1 };
        char text[sizeof(text_6_1)];

        for (size_t at = 0; at < sizeof(text) - 1; at++)
                for (size_t i = 0; i < ELEMENTSOF(junk); i++) {
                        memcpy(text, text_6_1, sizeof(text));
                        text[at] = junk[i];
                        parse_front(text, sizeof(text), 4);
                }
}
END_TEST

START_TEST(a_line_of_any_length_is_survived)
{
        const size_t length = 100000;
        char *text = malloc(length);
        Zone *zones = NULL;
        size_t n = 0;

        ck_assert_ptr_nonnull(text);
        memset(text, 'x', length);
        memcpy(text, "Node 0, zone Normal\n protection: ", 33);
        strcpy(text + length - 12, "\n spanned 5");
        ck_assert_int_eq(zoneinfo_parse(text, PAGE, &zones, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(zones[0].spanned_bytes, 5 * PAGE);
        free(zones);
        free(text);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("zoneinfo");
        TCase *tcase = tcase_create("zoneinfo");

        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, zones_that_span_pages_are_found_by_node_and_type, 0,
                            ELEMENTSOF(cases));
        tcase_add_test(tcase, watermarks_and_what_is_held_back_are_read);
        tcase_add_test(tcase, without_a_zone_normal_nothing_is_known_to_be_held_back);
        tcase_add_loop_test(tcase, text_that_ends_anywhere_has_no_zone_too_many, 0,
                            ELEMENTSOF(cases));
        tcase_add_test(tcase, damaged_text_is_survived);
        tcase_add_test(tcase, a_line_of_any_length_is_survived);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
