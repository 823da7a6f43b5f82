/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "model/device.h"

START_TEST(origins_have_words)
{
        static const char *const words[] = { "unknown", "boot",    "dimm",    "virtio-mem",
                                             "kmem",    "balloon", "standby", "driver" };

        ck_assert_int_eq(_ORIGIN_MAX, ELEMENTSOF(words));
        for (int i = 0; i < _ORIGIN_MAX; i++) {
                ck_assert_str_eq(origin_to_string((Origin) i), words[i]);
                ck_assert_int_eq(origin_from_string(words[i]), i);
        }
        ck_assert_ptr_null(origin_to_string(_ORIGIN_MAX));
        ck_assert_ptr_null(origin_to_string(_ORIGIN_INVALID));
        ck_assert_int_eq(origin_from_string("DIMM"), _ORIGIN_INVALID);
        ck_assert_int_eq(origin_from_string("virtio_mem"), _ORIGIN_INVALID);
        ck_assert_int_eq(origin_from_string(""), _ORIGIN_INVALID);
}
END_TEST

START_TEST(a_device_is_static_unless_it_grows_or_was_there_at_boot)
{
        for (int i = 0; i < _ORIGIN_MAX; i++) {
                const Device whole = { .origin = (Origin) i };
                const Device grows = { .origin = (Origin) i, .unit_blocks = 1 };
                const Device grows_much = { .origin = (Origin) i, .unit_blocks = UINT32_MAX };

                ck_assert_int_eq(device_is_static(&whole), i != ORIGIN_BOOT);
                ck_assert(!device_is_static(&grows));
                ck_assert(!device_is_static(&grows_much));
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("device");
        TCase *tcase = tcase_create("device");

        tcase_add_test(tcase, origins_have_words);
        tcase_add_test(tcase, a_device_is_static_unless_it_grows_or_was_there_at_boot);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
