/* The scripts that come with the program. `parley mock --show NAME` prints one to start from. */
#include "server/mock/script.h"

const struct builtin builtins[] = {
    {"calm", "# nothing goes wrong: a bot that answers\n"},
    {"drop", "# the connection breaks every second and every few frames, in the middle of anything\n"
             "chatter 150ms 20\n"
             "beacon 1s\n"
             "every 1s: cut\n"
             "on request each 9: cut\n"
             "on push each 17: cut\n"},
    {"lost-acks", "# a message is stored, and the connection breaks before its answer\n"
                  "chatter 200ms 10\n"
                  "on answer post 1 in 3: cut\n"},
    {"duplicate", "# answers and pushes come twice\n"
                  "chatter 100ms 20\n"
                  "on answer 1 in 2: twice\n"
                  "on push 1 in 2: twice\n"},
    {"reorder", "# answers and pushes overtake each other\n"
                "chatter 60ms 30\n"
                "beacon 1s\n"
                "on answer 1 in 2: late 2\n"
                "on push 1 in 2: late 3\n"},
    {"lost-pushes", "# what others say does not arrive; heads tell that it is there\n"
                    "chatter 100ms 20\n"
                    "beacon 1s\n"
                    "on push item 1 in 2: lose\n"},
    {"slow", "# everything takes its time\n"
             "chatter 200ms 10\n"
             "on answer: late 400ms\n"
             "on push: late 700ms\n"},
    {"bad-token", "# the first token is not accepted; only another one is\n"
                  "on request hello first 1: refuse unauthenticated\n"},
    {"expired-token", "# tokens have expired, or do so while they are in use\n"
                      "chatter 200ms 10\n"
                      "on request hello first 1: refuse token_expired\n"
                      "on answer hello first 2: expires 1s\n"},
    {"drain", "# the server goes down and says when to come back, again and again\n"
              "chatter 200ms 20\n"
              "after 300ms first 3: drain 200ms\n"},
    {"closes", "# it closes with each of the codes that mean come back\n"
               "chatter 100ms 20\n"
               "on request post first 1: close 1000\n"
               "on answer post first 1: close 1001 going away\n"
               "on push item each 13: close 1011 a fault\n"
               "on request post each 8: close 1012 going down\n"
               "on request post each 11: close 1013 too busy\n"
               "on answer post each 9: close 4001 you read too slowly\n"
               "on answer hello each 7: close 4003 too many requests\n"
               "on push item each 19: close 4006 the database cannot be reached\n"},
    {"blocked", "# it closes with codes that mean do not come back: only the user can try again\n"
                "on request post first 1: close 4500 not understood\n"
                "on answer post first 1: close 4503 the same device connected again\n"
                "on push item first 1: close 4502 you may not do this\n"
                "after 200ms first 1: close 4999\n"},
    {"revoked", "# it closes in the middle with codes that ask for a new token\n"
                "chatter 200ms 10\n"
                "on request post first 1: close 4501 not accepted\n"
                "on answer post first 1: close 4004 the token has expired\n"},
    {"half-open", "# it accepts, then says nothing: at the start, and in the middle\n"
                  "chatter 200ms 10\n"
                  "beacon 1s\n"
                  "on open first 1: silence\n"
                  "on request post first 2: silence\n"
                  "on push item each 9: silence\n"},
    {"mute", "# some requests are never answered\n"
             "beacon 1s\n"
             "on answer post each 5: lose\n"
             "on answer range 1 in 3: lose\n"},
    {"lying-heads", "# heads are higher or lower than the truth\n"
                    "history 30\n"
                    "chatter 150ms 20\n"
                    "beacon 1s\n"
                    "on push head 1 in 2: head +3\n"
                    "on push head 1 in 2: head -3\n"
                    "on answer hello first 2: head +5\n"
                    "on answer range 1 in 4: head -2\n"
                    "on answer range 1 in 4: head +2\n"
                    "every 700ms first 3: cut\n"},
    {"truncated", "# answers and pushes break off in the middle\n"
                  "chatter 100ms 20\n"
                  "on answer hello 1 in 6: torn\n"
                  "on answer post 1 in 8: torn\n"
                  "on answer post 1 in 8: half\n"
                  "on push item 1 in 20: torn\n"
                  "on push item 1 in 20: half\n"},
    {"refusing", "# posts are refused for now: busy, too many, the database is away\n"
                 "chatter 200ms 10\n"
                 "on request post 1 in 5: refuse unavailable 150ms\n"
                 "on request post 1 in 6: refuse rate_limited 100ms\n"
                 "on request post 1 in 7: refuse busy\n"
                 "on request range 1 in 4: refuse busy 100ms\n"},
    {"long-absence", "# much was said meanwhile: more than one answer holds\n"
                     "history 900\n"
                     "chatter 5ms 300\n"
                     "every 600ms first 3: cut\n"},
    {"storm", "# all of it at once\n"
              "history 60\n"
              "chatter 80ms 40\n"
              "beacon 1s\n"
              "every 2s first 8: cut\n"
              "on request 1 in 20: cut\n"
              "on request post 1 in 15: refuse busy 50ms\n"
              "on answer post 1 in 6: cut\n"
              "on answer 1 in 6: twice\n"
              "on answer 1 in 6: late 2\n"
              "on answer 1 in 25: torn\n"
              "on push item 1 in 6: lose\n"
              "on push head 1 in 3: head +4\n"
              "on push 1 in 6: late 3\n"
              "on push 1 in 6: twice\n"
              "on push 1 in 30: half\n"},
    {0},
};

const struct builtin *builtin_find(const char *name)
{
    for (const struct builtin *b = builtins; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

struct span builtin_about(const struct builtin *b)
{
    const char *about = b->text + 2; /* "# " */
    return span_of(about, strcspn(about, "\n"));
}
