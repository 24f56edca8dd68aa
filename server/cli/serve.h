/* Running the daemon, for `serve` and `dev`. Single thread until the daemon makes its own. */
#ifndef SERVER_CLI_SERVE_H
#define SERVER_CLI_SERVE_H

struct conf;
struct daemon_options;

/* Looks at the TLS files, sets logging up, brings the schema up to date or checks it, and serves. A cli_exit. */
int serve_run(const struct conf *conf, const struct daemon_options *options);

#endif
