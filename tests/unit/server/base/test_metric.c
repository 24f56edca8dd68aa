/* server/base/metric: what workers count is added up, and the text is what Prometheus reads. */
#include "tests/unit/unit.h"

#include "server/base/metric.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 18, ROUNDS = 20000 };

static char *scrape(void)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    metric_write(&out, "9.9.9");
    buf_add(&out, "", 1);
    assert_int_equal(out.status, PARLEY_OK);
    return out.ptr;
}

/* The number behind "name " at the beginning of a line; -1 without such a line. */
static double value_of(const char *series)
{
    char *text = scrape();
    size_t len = strlen(series);
    double found = -1;
    for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, series, len) == 0 && line[len] == ' ')
            found = strtod(line + len, NULL);
    free(text);
    return found;
}

static void *work(void *arg)
{
    metric_worker((int)(intptr_t)arg);
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(METRIC_messages_total, 1);
        metric_add_by(METRIC_frame_errors_total, PARLEY_DENIED, 1);
    }
    metric_set(METRIC_connections, 10 + (int)(intptr_t)arg);
    return NULL;
}

/* While the workers write; what is read only grows. */
static void slots_of_workers_are_added_up(void **state)
{
    pthread_t threads[3];
    double last = 0;
    for (intptr_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < 20; i++) {
        double now = value_of("parley_messages_total");
        assert_true(now >= last && now <= 3 * ROUNDS);
        last = now;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    metric_add(METRIC_messages_total, 5); /* no worker: slot 0 */
    assert_true(value_of("parley_messages_total") == 3 * ROUNDS + 5);
    assert_true(value_of("parley_connections") == 33);
    assert_true(value_of("parley_frame_errors_total{code=\"denied\"}") == 3 * ROUNDS);
    assert_true(value_of("parley_frame_errors_total{code=\"ok\"}") == -1);
}

static void histograms_count_up_to_each_bound(void **state)
{
    metric_observe_us(METRIC_loop_lag_seconds, 0);
    metric_observe_us(METRIC_loop_lag_seconds, 100);
    metric_observe_us(METRIC_loop_lag_seconds, 101);
    metric_observe_us(METRIC_loop_lag_seconds, 60000000);
    assert_true(value_of("parley_loop_lag_seconds_bucket{le=\"0.0001\"}") == 2);
    assert_true(value_of("parley_loop_lag_seconds_bucket{le=\"0.00025\"}") == 3);
    assert_true(value_of("parley_loop_lag_seconds_bucket{le=\"10\"}") == 3);
    assert_true(value_of("parley_loop_lag_seconds_bucket{le=\"+Inf\"}") == 4);
    assert_true(value_of("parley_loop_lag_seconds_count") == 4);
    assert_true(value_of("parley_loop_lag_seconds_sum") > 60.0002 && value_of("parley_loop_lag_seconds_sum") < 60.0003);
}

static void the_process_is_described(void **state)
{
    assert_true(value_of("parley_build_info{version=\"9.9.9\"}") == 1);
    assert_true(value_of("process_resident_memory_bytes") > 100000);
    assert_true(value_of("process_cpu_seconds_total") >= 0);
    assert_true(value_of("process_open_fds") >= 3);
    assert_true(value_of("process_start_time_seconds") > 1.6e9);
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(text + len - n, end, n) == 0;
}

/* What promtool complains of: names, counters without _total and others with it, units that are not base units, help.
 */
static void check_type_line(const char *line)
{
    char name[128], type[32];
    assert_int_equal(sscanf(line, "# TYPE %127s %31s", name, type), 2);
    size_t len = strlen(name);
    assert_true(strncmp(name, "parley_", 7) == 0 || strncmp(name, "process_", 8) == 0);
    for (const char *p = name; *p; p++)
        assert_true(islower((unsigned char)*p) || *p == '_');
    assert_true(ends_with(name, len, "_total") == (strcmp(type, "counter") == 0));
    static const char *const units[] = {"milliseconds", "_ms", "_us", "minutes", "kilobytes", "_kb", "_mb", "percent"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        assert_null(strstr(name, units[i]));
    if (strcmp(type, "histogram") == 0)
        assert_true(ends_with(name, len, "_seconds") || ends_with(name, len, "_bytes"));
}

static void check_sample_line(const char *line, const char *name)
{
    size_t len = strlen(name);
    assert_memory_equal(line, name, len);
    const char *space = strchr(line, ' ');
    char *end;
    assert_non_null(space);
    assert_int_equal(strncmp(strchr(line, '{') && strchr(line, '{') < space ? space - 1 : "}", "}", 1), 0);
    strtod(space + 1, &end);
    assert_int_equal(*end, '\n');
}

static void every_line_follows_the_rules(void **state)
{
    char *text = scrape(), name[128] = "";
    int series = 0;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %127s", name), 1);
            assert_true(strcspn(line + 7 + strlen(name), "\n") > 3);
            series++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_memory_equal(line + 7, name, strlen(name));
            check_type_line(line);
        } else {
            check_sample_line(line, name);
        }
    }
    assert_int_equal(series, METRICS + 5);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_of_workers_are_added_up),
        cmocka_unit_test(histograms_count_up_to_each_bound),
        cmocka_unit_test(the_process_is_described),
        cmocka_unit_test(every_line_follows_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
