/* The one program; what it does is the verb's business. */
#include "server/cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
