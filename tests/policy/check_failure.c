/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "policy/failure.h"

static const struct {
        BlockStatus status;
        Verdict verdict;
        int error;
        uint8_t attempts;
        const char *failure, *cause, *advice;
} failures[] = {
        { BLOCK_STATUS_FAILED, VERDICT_MOVABLE, -EBUSY, 8,
          "it could not be brought online as movable memory, in 8 attempts",
          "EBUSY (Device or resource busy): something on this machine does not let it go online",
          "See the kernel's log (journalctl -k) for what refused it, then run \"memoryctl "
          "rescan\"" },
        { BLOCK_STATUS_RETRYING, VERDICT_KERNEL, -ENOMEM, 1,
          "it could not be brought online as kernel memory, in 1 attempt",
          "ENOMEM (Cannot allocate memory): there is not enough free memory to describe it",
          "Free some memory" },
        { BLOCK_STATUS_RETRYING, VERDICT_KERNEL_DEFAULT, -ETIMEDOUT, 0,
          "it could not be brought online",
          "ETIMEDOUT (Connection timed out): the kernel was busy with other memory for too long",
          "" },
        { BLOCK_STATUS_FAILED, VERDICT_KERNEL_DEFAULT, -EAGAIN, 8,
          "it could not be brought online, in 8 attempts",
          "EAGAIN (Resource temporarily unavailable): the kernel was not able to just then",
          "Run \"memoryctl rescan\" to have it tried again" },
        { BLOCK_STATUS_FAILED, VERDICT_MOVABLE, -EINVAL, 2,
          "it could not be brought online as movable memory, in 2 attempts",
          "EINVAL (Invalid argument): the kernel refuses: it cannot go into that zone",
          "Try the other class with \"memoryctl online --zone\", then run \"memoryctl rescan\"" },
        { BLOCK_STATUS_FAILED, VERDICT_MOVABLE, -ENOTTY, 2,
          "it could not be brought online as movable memory, in 2 attempts",
          "ENOTTY (Inappropriate ioctl for device): the kernel refuses",
          "See the kernel's log (journalctl -k) for what refused it, then run \"memoryctl "
          "rescan\"" },
        { BLOCK_STATUS_RETRYING, VERDICT_MOVABLE, -524, 2,
          "it could not be brought online as movable memory, in 2 attempts",
          "error 524: the kernel refuses",
          "See the kernel's log (journalctl -k) for what refused it" },
};

START_TEST(a_failure_has_its_cause_and_what_to_do)
{
        char *text = NULL;
        Block block;

        block_init(&block, 40);
        block.status = failures[_i].status;
        block.decision.verdict = failures[_i].verdict;
        block.error = (int16_t) failures[_i].error;
        block.attempts = failures[_i].attempts;
        ck_assert(failure_is_of(&block));
        ck_assert_int_eq(failure_format(&block, &text), 0);
        ck_assert_str_eq(text, failures[_i].failure);
        free(text);
        ck_assert_int_eq(failure_format_cause(&block, &text), 0);
        ck_assert_str_eq(text, failures[_i].cause);
        free(text);
        ck_assert_int_eq(failure_format_advice(&block, &text), 0);
        ck_assert_str_eq(text, failures[_i].advice);
        free(text);
}
END_TEST

START_TEST(a_block_that_has_not_failed_has_no_failure)
{
        Block block;

        block_init(&block, 40);
        for (BlockStatus status = 0; status < _BLOCK_STATUS_MAX; status++) {
                block.status = status;
                ck_assert_int_eq(failure_is_of(&block),
                                 status == BLOCK_STATUS_RETRYING || status == BLOCK_STATUS_FAILED);
        }
}
END_TEST

START_TEST(an_errno_may_mean_something_else_for_going_offline)
{
        ck_assert_str_eq(failure_meaning(-EBUSY, true),
                         "it holds memory that is in use and cannot be moved");
        ck_assert_str_eq(failure_meaning(-EBUSY, false),
                         "something on this machine does not let it go online");
        ck_assert_str_eq(failure_meaning(-EINTR, true), failure_meaning(-EINTR, false));
        ck_assert_ptr_null(failure_meaning(-ENOTTY, true));
        ck_assert_ptr_null(failure_meaning(0, false));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("failure");
        TCase *tcase = tcase_create("failure");

        tcase_add_loop_test(tcase, a_failure_has_its_cause_and_what_to_do, 0, ELEMENTSOF(failures));
        tcase_add_test(tcase, a_block_that_has_not_failed_has_no_failure);
        tcase_add_test(tcase, an_errno_may_mean_something_else_for_going_offline);
        suite_add_tcase(suite, tcase);
        return check_main_pure(suite);
}
