/* The pages, from the two tables. */
#include "server/flow/page.h"

#include <string.h>

struct example {
    const char *code, *wrong, *right;
};

#define FLOW_PAGE(code, wrong, right) {#code, wrong, right},
static const struct example examples[] = {
#include "server/flow/pages.def"
};
#undef FLOW_PAGE

#define FLOW_ERROR(code, meaning, help) {#code, meaning, help, NULL, NULL},
static const struct flow_page pages[] = {
#include "server/flow/errors.def"
};
#undef FLOW_ERROR

size_t flow_page_count(void)
{
    return sizeof pages / sizeof *pages;
}

struct flow_page flow_page_at(size_t i)
{
    struct flow_page page = pages[i];
    for (size_t k = 0; k < sizeof examples / sizeof *examples; k++) {
        if (strcmp(examples[k].code, page.code) == 0) {
            page.wrong = examples[k].wrong;
            page.right = examples[k].right;
        }
    }
    return page;
}

/* What a terminal would take for more than text is shown as its number. */
static void add_lines(struct buf *out, const char *indent, const char *text)
{
    buf_add_str(out, indent);
    for (const char *at = text; *at; at++) {
        if (*at == '\n') {
            buf_add_char(out, '\n');
            buf_add_str(out, indent);
        } else if ((unsigned char)*at < ' ') {
            buf_printf(out, "\\x%02x", (unsigned)*at);
        } else {
            buf_add_char(out, *at);
        }
    }
    buf_add_char(out, '\n');
}

bool flow_page_print(const char *code, struct buf *out)
{
    for (size_t i = 0; i < flow_page_count(); i++) {
        struct flow_page page = flow_page_at(i);
        if (strcmp(page.code, code) != 0)
            continue;
        buf_printf(out, "%s  %s\n\nWhat to do: %s.\n", page.code, page.meaning, page.help);
        if (page.wrong) {
            buf_add_str(out, "\nWrong:\n\n");
            add_lines(out, "    ", page.wrong);
            buf_add_str(out, "\nRight:\n\n");
            add_lines(out, "    ", page.right);
        }
        return true;
    }
    return false;
}

static void add_section(struct buf *out, const char *code)
{
    static const char *const sections[] = {"Words", "Arguments", "Order and determinism", "Limits", "The script's own"};
    buf_printf(out, "\n## E%cxx: %s\n", code[1], sections[code[1] - '1']);
}

void flow_pages_markdown(struct buf *out)
{
    char section = 0;
    buf_add_str(
        out, "# What can be wrong with a flow\n\nMade of `errors.def` and `pages.def`; `parley flow help CODE` shows "
             "a page of it. Each example is played by a test.\n");
    for (size_t i = 0; i < flow_page_count(); i++) {
        struct flow_page page = flow_page_at(i);
        if (page.code[1] != section)
            add_section(out, page.code);
        section = page.code[1];
        buf_printf(out, "\n### %s: %s\n\nWhat to do: %s.\n", page.code, page.meaning, page.help);
        if (!page.wrong)
            continue;
        buf_add_str(out, "\n```lua\n-- wrong\n");
        add_lines(out, "", page.wrong);
        buf_add_str(out, "\n-- right\n");
        add_lines(out, "", page.right);
        buf_add_str(out, "```\n");
    }
}
