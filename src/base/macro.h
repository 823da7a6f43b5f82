/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

/* Macros and helpers for every file: scoped cleanup, transfer of ownership, growing arrays, string tables. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static_assert(sizeof(off_t) == 8,
              "config.h comes before all headers, and makes off_t 64 bits wide");

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((format(printf, text, first)))

/* Returns the value of a pointer and sets the pointer to NULL, so that its cleanup does nothing. */
#define TAKE_PTR(pointer)                                                                          \
        ({                                                                                         \
                __typeof__(pointer) _taken = (pointer);                                            \
                (pointer) = NULL;                                                                  \
                _taken;                                                                            \
        })

/* Returns a file descriptor and sets the variable to -EBADF, so that its cleanup does nothing. */
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int _fd = (fd);                                                                    \
                (fd) = -EBADF;                                                                     \
                _fd;                                                                               \
        })

/* Defines a cleanup function for a pointer type. It calls the destructor, but not for NULL. */
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

/* Frees an array of strings that ends with NULL, and its strings. The array may be NULL. */
static inline void strings_free(char **strings)
{
        for (char **string = strings; string && *string; string++)
                free(*string);
        free(strings);
}

/* Compares two elements by a first member of type uint32_t, such as an id, for qsort() and bsearch(). */
static inline int id_compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

/*
 * Returns the size to allocate for an array of `n` elements that is to grow: the first power of two above
 * `n`.
 */
static inline size_t grown_size(size_t n)
{
        size_t size = 1;

        while (size <= n)
                size *= 2;
        return size;
}

/*
 * Makes room for one more element in an array of `n`. The array must always have grown with GROW(), or have
 * been allocated with grown_size(). Returns 0, or -ENOMEM with the array unchanged.
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
 * Defines name_to_string() and name_from_string() for the table name_table[]. name_to_string() returns NULL
 * for a value that is out of range, name_from_string() returns -EINVAL for a word that is not in the table.
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
