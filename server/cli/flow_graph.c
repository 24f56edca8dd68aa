/* parley flow graph: a flow as a picture. */
#include "server/cli/cli.h"
#include "server/cli/flow_tools.h"
#include "server/flow/bundle.h"
#include "server/flow/graph.h"

#include <stdio.h>

enum { SVG_MAX = 16 << 20 };

int flow_graph(struct cli *cli)
{
    struct flow_source source = {0};
    struct bundle bundle;
    struct buf svg;
    buf_init(&svg, SVG_MAX);
    char room[FLOW_PATH];
    const char *path = flow_file(cli_operand(cli, 0), room, sizeof room);
    int code = flow_source_read(path, &source);
    if (code == CLI_OK) {
        bundle_split(buf_span(&source.text), &bundle);
        parley_status st = graph_write(bundle.parts[0].text, &svg);
        if (st != PARLEY_OK)
            code = cli_fail(CLI_FAILED, "%s is too intricate to be drawn", path);
        else if (fwrite(svg.ptr, 1, svg.len, stdout) != svg.len)
            code = cli_fail(CLI_FAILED, "cannot write the picture");
    }
    buf_done(&svg);
    buf_done(&source.text);
    return code;
}
