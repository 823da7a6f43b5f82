/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int check_run(Suite *suite, enum fork_status forks)
{
        SRunner *runner = srunner_create(suite);
        int failed;

        srunner_set_fork_status(runner, forks);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Runs a suite, as the whole of a test program's main(): what it returns is the exit code. */
static inline int check_main(Suite *suite)
{
        return check_run(suite, CK_FORK_GETENV);
}

/*
 * The same for tests that leave nothing behind in their process. With the address sanitizer they share one: to look
 * for leaks at the end of a process takes longer than these tests.
 */
static inline int check_main_pure(Suite *suite)
{
#ifdef WITH_ASAN
        return check_run(suite, CK_NOFORK);
#else
        return check_main(suite);
#endif
}
