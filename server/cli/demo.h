/* What `parley dev` starts with: an app with a key and a bot, a queue, two agents and a supervisor. Single thread. */
#ifndef SERVER_CLI_DEMO_H
#define SERVER_CLI_DEMO_H

struct conf;
struct db;

enum { DEMO_PEOPLE = 3 };

struct demo_person {
    const char *email;
    const char *role;
    char password[24]; /* "" when they were there already */
};

struct demo {
    struct demo_person people[DEMO_PEOPLE];
};

/* Adds what is missing, in one transaction; the private key and the passwords go to files in `dir` for nobody else to
 * read. A cli_exit; what failed has been said. */
int demo_fill(struct db *db, const struct conf *conf, const char *dir, struct demo *out);

#endif
