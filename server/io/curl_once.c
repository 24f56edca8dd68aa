/* libcurl's easy interface, used once. */
#include "server/io/curl_once.h"

#include <curl/curl.h>
#include <stdio.h>

enum { CONNECT_S = 5, WHOLE_S = 20 };

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct buf *out = arg;
    buf_add(out, bytes, size * count);
    return out->status == PARLEY_OK ? size * count : 0;
}

struct once {
    const char *method; /* NULL: as libcurl has it */
    const char *url, *ca_file, *type;
    struct span body; /* ptr NULL: none */
};

static void prepare(CURL *curl, const struct once *once, struct curl_slist *headers, struct buf *out, char *why)
{
    curl_easy_setopt(curl, CURLOPT_URL, once->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (once->body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, once->body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)once->body.len);
    }
    if (once->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, once->method);
    if (once->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, once->ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WHOLE_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
}

static parley_status status_of(CURLcode code, const struct buf *out)
{
    if (out->status != PARLEY_OK)
        return out->status;
    return code == CURLE_OK ? PARLEY_OK : code == CURLE_OPERATION_TIMEDOUT ? PARLEY_TIMEOUT : PARLEY_UNAVAILABLE;
}

static parley_status run(const struct once *once, int *out_code, struct buf *out, char why[CURL_WHY])
{
    long code = 0;
    why[0] = '\0';
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, once->type);
    if (!curl || !headers) {
        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
        return PARLEY_NOMEM;
    }
    prepare(curl, once, headers, out, why);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    if (result != CURLE_OK && !*why)
        snprintf(why, CURL_WHY, "%s", curl_easy_strerror(result));
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    *out_code = (int)code;
    return status_of(result, out);
}

static const char json_type[] = "Content-Type: application/json";

parley_status curl_post_once(const char *url, const char *ca_file, struct span json, int *out_code, struct buf *out,
                             char why[CURL_WHY])
{
    return run(&(struct once){NULL, url, ca_file, json_type, json}, out_code, out, why);
}

parley_status curl_put_once(const char *url, const char *ca_file, struct span bytes, int *out_code, struct buf *out,
                            char why[CURL_WHY])
{
    return run(&(struct once){"PUT", url, ca_file, "Content-Type: application/octet-stream", bytes}, out_code, out,
               why);
}

parley_status curl_get_once(const char *url, int *out_code, struct buf *out, char why[CURL_WHY])
{
    return run(&(struct once){NULL, url, NULL, json_type, span_of(NULL, 0)}, out_code, out, why);
}
