/* How languages count and write numbers, money and days. Eight of them are known - en de fr es it nl pt ar -, the
 * others count as their family does and write as English does, days as 2026-03-01. Any thread. */
#ifndef SERVER_FLOW_LOCALE_H
#define SERVER_FLOW_LOCALE_H

#include "protocol/buf.h"

/* zero, one, two, few, many or other: which form of a noun goes with this number. */
const char *locale_plural(struct span language, double n);

void locale_number(struct span language, double n, int decimals, struct buf *out);

/* The currency's own number of decimals; the name as it is given (EUR), with a sign for the commonest. */
void locale_money(struct span language, double amount, struct span currency, struct buf *out);

void locale_date(struct span language, int year, int month, int day, struct buf *out);

/* Whether two tags name the same language, whatever the region: "pt-BR" and "pt". */
bool locale_same(struct span a, struct span b);

#endif
