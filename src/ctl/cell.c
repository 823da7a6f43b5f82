/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Formats the cells of tables, and what else is printed in the same form. */

#include "ctl/cell.h"

#include "base/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int format_span(CellType type, const Span *span, char **ret)
{
        uint64_t begin = span->first * span->block_size_bytes;
        uint64_t end = (span->last + UINT64_C(1)) * span->block_size_bytes;
        char size[SIZE_STRING_MAX];
        int r;

        if (type == CELL_SPAN)
                return cell_text(size_format(end - begin, size), ret);
        if (type == CELL_BLOCKS && span->first == span->last)
                return cell_number(span->first, ret);
        if (type == CELL_BLOCKS)
                r = asprintf(ret, "%" PRIu32 "-%" PRIu32, span->first, span->last);
        else
                r = asprintf(ret, "0x%016" PRIx64 "-0x%016" PRIx64, begin, end - 1);
        return r < 0 ? -ENOMEM : 0;
}

int cell_format(const Column *column, const void *row, char **ret)
{
        char text[MAX(MAX(SIZE_STRING_MAX, TIME_STRING_MAX), ERROR_STRING_MAX)];
        uint32_t figure;
        int32_t node;

        if (column->format)
                return column->format(row, ret);
        if (column->lacks_offset > 0 && *(const bool *) ((const char *) row + column->lacks_offset))
                return 0;
        switch (column->type) {
        case CELL_TEXT:
                return cell_text(PART(row, column, char *), ret);
        case CELL_ID:
                return cell_number(PART(row, column, uint32_t), ret);
        case CELL_NODE:
                node = PART(row, column, int32_t);
                return node < 0 ? 0 : cell_number((uint64_t) node, ret);
        case CELL_NUMBER:
                return cell_number(PART(row, column, uint64_t), ret);
        case CELL_FIGURE:
                figure = PART(row, column, uint32_t);
                return figure == 0 ? 0 : cell_number(figure, ret);
        case CELL_SIZE:
                return cell_text(size_format(PART(row, column, uint64_t), text), ret);
        case CELL_BOOL:
                return cell_text(PART(row, column, bool) ? "yes" : "no", ret);
        case CELL_ERROR:
                return cell_text(error_format(PART(row, column, int32_t), text), ret);
        case CELL_TIME:
                return cell_text(time_format(PART(row, column, uint64_t), text), ret);
        case CELL_BLOCKS:
        case CELL_ADDRESSES:
        case CELL_SPAN:
                return format_span(column->type, &PART(row, column, Span), ret);
        default:
                return -EINVAL;
        }
}

Color cell_color(const Column *column, const void *row)
{
        switch (column->colored ? column->type : _CELL_TYPE_MAX) {
        case CELL_TEXT:
                return color_of_word(PART(row, column, char *));
        case CELL_ID:
        case CELL_FIGURE:
                return PART(row, column, uint32_t) > 0 ? COLOR_BAD : COLOR_NONE;
        case CELL_BOOL:
                return PART(row, column, bool) ? COLOR_BAD : COLOR_NONE;
        case CELL_ERROR:
                return PART(row, column, int32_t) != 0 ? COLOR_BAD : COLOR_NONE;
        default:
                return COLOR_NONE;
        }
}

bool cell_is_alike(const Column *column, const void *a, const void *b)
{
        switch (column->type) {
        case CELL_TEXT:
                return strcmp(PART(a, column, char *), PART(b, column, char *)) == 0;
        case CELL_NODE:
        case CELL_ERROR:
                return PART(a, column, int32_t) == PART(b, column, int32_t);
        default:
                return true;
        }
}

int cell_text(const char *text, char **ret)
{
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int cell_number(uint64_t number, char **ret)
{
        return asprintf(ret, "%" PRIu64, number) < 0 ? -ENOMEM : 0;
}

const char *blocks_format(uint64_t first, uint64_t last, char buffer[static BLOCKS_STRING_MAX])
{
        if (first == last)
                snprintf(buffer, BLOCKS_STRING_MAX, "block %" PRIu64, first);
        else
                snprintf(buffer, BLOCKS_STRING_MAX, "blocks %" PRIu64 "-%" PRIu64, first, last);
        return buffer;
}

uint64_t ranges_count(const BlockRange *ranges, size_t n_ranges)
{
        uint64_t n = 0;

        for (size_t i = 0; i < n_ranges; i++)
                n += ranges[i].last - ranges[i].first + UINT64_C(1);
        return n;
}

int ranges_format(const BlockRange *ranges, size_t n_ranges, bool all, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        if (n_ranges > RANGES_SHOWN && !all)
                fprintf(stream, "%" PRIu64 " of %" PRIu32 "-%" PRIu32,
                        ranges_count(ranges, n_ranges), ranges[0].first, ranges[n_ranges - 1].last);
        else
                for (size_t i = 0; i < n_ranges; i++) {
                        fprintf(stream, "%s%" PRIu32, i > 0 ? "," : "", ranges[i].first);
                        if (ranges[i].last != ranges[i].first)
                                fprintf(stream, "-%" PRIu32, ranges[i].last);
                }
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

const char *size_format(uint64_t bytes, char buffer[static SIZE_STRING_MAX])
{
        if (!arg_bytes && !arg_json)
                return format_bytes(bytes, buffer);
        snprintf(buffer, SIZE_STRING_MAX, "%" PRIu64, bytes);
        return buffer;
}

const char *time_format(uint64_t usec, char buffer[static TIME_STRING_MAX])
{
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm local;

        /* A time_t of 32 bits ends in 2038. */
        if ((uint64_t) seconds != usec / USEC_PER_SEC || !localtime_r(&seconds, &local) ||
            strftime(buffer, TIME_STRING_MAX, "%a %Y-%m-%d %H:%M:%S %Z", &local) == 0)
                snprintf(buffer, TIME_STRING_MAX, "%llu us", (unsigned long long) usec);
        return buffer;
}

const char *error_format(int error, char buffer[static ERROR_STRING_MAX])
{
        const char *name = error != 0 ? strerrorname_np(error) : "";

        if (name)
                return name;
        snprintf(buffer, ERROR_STRING_MAX, "%d", error);
        return buffer;
}
