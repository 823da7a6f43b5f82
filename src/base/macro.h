/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every file uses: scoped cleanup, moving of ownership, string tables. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

/* Gives the value of a pointer away and leaves NULL behind, so that its cleanup does nothing. */
#define TAKE_PTR(pointer)                                                                          \
        ({                                                                                         \
                __typeof__(pointer) _taken = (pointer);                                            \
                (pointer) = NULL;                                                                  \
                _taken;                                                                            \
        })

/* The same for a file descriptor. */
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int _fd = (fd);                                                                    \
                (fd) = -EBADF;                                                                     \
                _fd;                                                                               \
        })

/* A cleanup function for a pointer type from its destructor, which must take NULL. */
#define DEFINE_CLEANUP(type, destructor)                                                           \
        static inline void destructor##p(type *pointer)                                            \
        {                                                                                          \
                if (*pointer)                                                                      \
                        destructor(*pointer);                                                      \
        }

static inline void freep(void *pointer)
{
        free(*(void **) pointer);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Frees an array of strings that ends with NULL, and the strings. */
static inline void strings_free(char **strings)
{
        for (char **string = strings; string && *string; string++)
                free(*string);
        free(strings);
}

/* So many elements an array of `n` has room for: the next power of two. */
static inline size_t grown_size(size_t n)
{
        size_t size = 1;

        while (size <= n)
                size *= 2;
        return size;
}

/*
 * Makes room for one element behind the `n` of an array that has grown so from the beginning, or was allocated with
 * grown_size(). 0 or -ENOMEM, in which case it is as it was.
 */
#define GROW(array, n) array_grow(&(array), sizeof(*(array)), n)

static inline int array_grow(void *array, size_t size, size_t n)
{
        void *elements, *more;

        if (n & (n - 1))
                return 0;
        memcpy(&elements, array, sizeof(elements));
        more = reallocarray(elements, grown_size(n), size);
        if (!more)
                return -ENOMEM;
        memcpy(array, &more, sizeof(more));
        return 0;
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/*
 * Defines name_to_string() and name_from_string() over the table name_table[]: the first returns
 * NULL for what is out of range, the second -EINVAL for a word that is not in the table.
 */
#define DEFINE_STRING_TABLE(name, type)                                                            \
        const char *name##_to_string(type value)                                                   \
        {                                                                                          \
                if ((int) value < 0 || (size_t) value >= ELEMENTSOF(name##_table))                 \
                        return NULL;                                                               \
                return name##_table[value];                                                        \
        }                                                                                          \
        type name##_from_string(const char *word)                                                  \
        {                                                                                          \
                for (size_t i = 0; i < ELEMENTSOF(name##_table); i++)                              \
                        if (name##_table[i] && strcmp(name##_table[i], word) == 0)                 \
                                return (type) i;                                                   \
                return (type) -EINVAL;                                                             \
        }
