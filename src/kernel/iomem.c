/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parses /proc/iomem. */

#include "kernel/iomem.h"

#include "base/parse.h"

/* The kernel indents each level by two spaces, but no further than this level (MAX_IORES_LEVEL). */
#define DEPTH_MAX 5

/* More than a hundred times as many as any known machine has. */
#define RANGES_MAX (1 << 20)

void iomem_done(Iomem *iomem)
{
        free(iomem->text);
        free(iomem->ranges);
        *iomem = (Iomem){};
}

/* Parses a line such as "  100000000-13fffffff : System RAM", and cuts it into its parts. */
static int parse_line(char *line, IomemRange *ret)
{
        size_t n_spaces = strspn(line, " ");
        char *first = line + n_spaces, *last = strchr(first, '-'), *name = strstr(first, " : ");
        IomemRange range = { .parent = IOMEM_TOP, .depth = (uint32_t) (n_spaces / 2) };

        if (n_spaces % 2 != 0 || n_spaces / 2 > DEPTH_MAX || !last || !name || name < last)
                return -EBADMSG;
        *last++ = 0;
        *name = 0;
        range.name = name + strlen(" : ");
        if (parse_hex_u64(first, &range.first) < 0 || parse_hex_u64(last, &range.last) < 0 ||
            range.first > range.last)
                return -EBADMSG;
        *ret = range;
        return 0;
}

static int parse_lines(Iomem *iomem)
{
        char *rest = NULL;

        for (char *line = strtok_r(iomem->text, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
                if (iomem->n_ranges >= RANGES_MAX)
                        return -EBADMSG;
                if (GROW(iomem->ranges, iomem->n_ranges) < 0)
                        return -ENOMEM;
                if (parse_line(line, &iomem->ranges[iomem->n_ranges]) < 0)
                        return -EBADMSG;
                iomem->n_ranges++;
        }
        return iomem->n_ranges > 0 ? 0 : -EBADMSG;
}

static bool is_hidden(const Iomem *iomem)
{
        for (size_t i = 0; i < iomem->n_ranges; i++)
                if (iomem->ranges[i].last > 0)
                        return false;
        return true;
}

static bool contains(const IomemRange *outer, const IomemRange *inner)
{
        return outer->first <= inner->first && inner->last <= outer->last;
}

/*
 * Finds the parent of a range. All ranges before it have theirs. The range must lie in its parent,
 * and behind the previous range with the same parent.
 */
static int link_range(Iomem *iomem, size_t i)
{
        IomemRange *range = &iomem->ranges[i];
        int32_t parent = (int32_t) i - 1, sibling = IOMEM_TOP;

        if (range->depth > (i > 0 ? iomem->ranges[i - 1].depth + 1 : 0))
                return -EBADMSG;

        while (parent != IOMEM_TOP && iomem->ranges[parent].depth >= range->depth) {
                /* On the last level, the text does not distinguish children from siblings. */
                if (range->depth == DEPTH_MAX && contains(&iomem->ranges[parent], range))
                        break;
                sibling = parent;
                parent = iomem->ranges[parent].parent;
        }
        if (parent != IOMEM_TOP && !contains(&iomem->ranges[parent], range))
                return -EBADMSG;
        if (sibling != IOMEM_TOP && iomem->ranges[sibling].last >= range->first)
                return -EBADMSG;
        range->parent = parent;
        return 0;
}

int iomem_parse(const char *text, Iomem *ret)
{
        Iomem iomem = { .text = strdup(text) };
        int r = iomem.text ? parse_lines(&iomem) : -ENOMEM;

        if (r >= 0 && is_hidden(&iomem))
                r = -EACCES;
        for (size_t i = 0; r >= 0 && i < iomem.n_ranges; i++)
                r = link_range(&iomem, i);
        if (r < 0) {
                iomem_done(&iomem);
                return r;
        }
        *ret = iomem;
        return 0;
}
