/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "api/json_priv.h"
#include "core/clock.h"
#include "core/stop.h"

enum { HEADER_KEPT_MAX = 65536 };

struct http {
	CURL *curl;
	const struct cloud *cloud;
	char error[CURL_ERROR_SIZE];
};

/* One exchange. */
struct exchange {
	const struct http_request *q;
	struct http_reply *r;
	bool too_large;
};

const char *http_method_name(enum api_method m)
{
	static const char *const names[] = {
		[API_GET] = "GET",	 [API_POST] = "POST",
		[API_PUT] = "PUT",	 [API_PATCH] = "PATCH",
		[API_DELETE] = "DELETE",
	};

	return names[m];
}

void http_reply_clear(struct http_reply *r)
{
	secret_clear(&r->body);
	mem_free(r->request_id);
	mem_free(r->location);
	secret_free(r->subject_token);
	*r = (struct http_reply){.retry_after_s = -1};
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	mem_free(h);
	curl_global_cleanup();
}

struct http *http_new(const struct cloud *c, struct err *e)
{
	struct http *h = MEM_NEW(struct http);

	/* Counted by libcurl. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		h->curl = curl_easy_init();
	if (!h->curl) {
		err_set(e, ERR_FAILED, "libcurl does not start");
		mem_free(h);
		return NULL;
	}
	h->cloud = c;
	return h;
}

/* The value of header NAME in LINE, trimmed; NULL if it is another. */
static char *value_of(const char *line, size_t n, const char *name)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) || line[k] != ':' ||
	    n > HEADER_KEPT_MAX)
		return NULL;
	line += k + 1;
	n -= k + 1;
	while (n && isspace((unsigned char)*line))
		line++, n--;
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	return mem_strndup(line, n);
}

static void keep(char **slot, char *value)
{
	if (!value)
		return;
	secret_free(*slot);
	*slot = value;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct exchange *x = arg;
	AUTO(mem_freep) char *after = NULL;

	if (n > 5 && strncmp(p, "HTTP/", 5) == 0)
		http_reply_clear(x->r);
	keep(&x->r->request_id, value_of(p, n, "x-openstack-request-id"));
	if (!x->r->request_id)
		keep(&x->r->request_id, value_of(p, n, "x-compute-request-id"));
	keep(&x->r->location, value_of(p, n, "location"));
	keep(&x->r->subject_token, value_of(p, n, "x-subject-token"));
	after = value_of(p, n, "retry-after");
	if (after) {
		long s = strtol(after, NULL, 10);

		/* An HTTP date is "later": one second. */
		x->r->retry_after_s = s < 1 ? 1 : s > 86400 ? 86400 : (int)s;
	}
	return one * n;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (x->r->body.len + n > x->q->body_max) {
		x->too_large = true;
		return 0;
	}
	buf_put(&x->r->body, p, n);
	return one * n;
}

/* Reading stops at a signal; a change is waited for. */
static int on_progress(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut,
		       curl_off_t un)
{
	const struct exchange *x = arg;

	(void)dt, (void)dn, (void)ut, (void)un;
	return x->q->method == API_GET && stop_requested();
}

static void set_common(struct http *h, struct exchange *x)
{
	const struct http_request *q = x->q;
	int64_t left_ms = (q->deadline_us - clock_mono_us()) / 1000;
	int64_t connect_ms = q->connect_us / 1000;
	CURL *c = h->curl;

	left_ms = left_ms < 1 ? 1 : left_ms;
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "novahaul");
	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(connect_ms < left_ms ? connect_ms : left_ms));
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

static void set_tls(struct http *h)
{
	const struct cloud *k = h->cloud;
	CURL *c = h->curl;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, k->insecure ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, k->insecure ? 0L : 2L);
	if (k->cacert) {
		/* That file alone, as python-requests does. */
		curl_easy_setopt(c, CURLOPT_CAINFO, k->cacert);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	if (k->cert) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, k->cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY, k->key ? k->key : k->cert);
	}
}

static void set_method(struct http *h, const struct http_request *q)
{
	CURL *c = h->curl;

	if (q->method == API_GET) {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
		return;
	}
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	if (q->body || q->method == API_POST) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body ? q->body : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)(q->body ? q->body_len : 0));
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, http_method_name(q->method));
}

static void slist_wipe(struct curl_slist *l)
{
	for (struct curl_slist *i = l; i; i = i->next)
		explicit_bzero(i->data, strlen(i->data));
	curl_slist_free_all(l);
}

static int unverified(struct http *h, const char *why, struct err *e)
{
	err_set(e, ERR_REFUSED, "TLS: %s", why);
	if (h->cloud->cacert)
		return err_hint(e, "is %s the CA that signed it?",
				h->cloud->cacert);
	return err_hint(e, "if its CA is your own, name it: cacert in "
			   "clouds.yaml, or OS_CACERT");
}

/* Which of our kinds an error of libcurl is. */
static int failed(struct http *h, const struct exchange *x, CURLcode rc,
		  struct err *e)
{
	const char *why = h->error[0] ? h->error : curl_easy_strerror(rc);
	long sent = 0;

	curl_easy_getinfo(h->curl, CURLINFO_REQUEST_SIZE, &sent);
	if (x->too_large)
		return err_set(
			e, x->q->method == API_GET ? ERR_FAILED : ERR_LOST,
			"the answer has more than %zu bytes", x->q->body_max);
	if (rc == CURLE_PEER_FAILED_VERIFICATION ||
	    rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_CERTPROBLEM ||
	    rc == CURLE_SSL_ISSUER_ERROR)
		return unverified(h, why, e);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(e, ERR_FAILED, "%s", why);
	return err_set(e, sent ? ERR_LOST : ERR_RETRY, "%s", why);
}

int http_do(struct http *h, const struct http_request *q, struct http_reply *r,
	    struct err *e)
{
	struct exchange x = {.q = q, .r = r};
	struct curl_slist *headers = NULL;
	long status = 0;
	CURLcode rc;

	http_reply_clear(r);
	if (clock_mono_us() >= q->deadline_us)
		return err_set(e, ERR_RETRY, "the time for it is over");
	h->error[0] = '\0';
	curl_easy_reset(h->curl);
	set_common(h, &x);
	set_tls(h);
	set_method(h, q);
	for (size_t i = 0; i < q->headers->n; i++)
		headers = curl_slist_append(headers, q->headers->v[i]);
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	rc = curl_easy_perform(h->curl);
	slist_wipe(headers);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	if (rc != CURLE_OK)
		return failed(h, &x, rc, e);
	return 0;
}

/* --- redirects */

struct place {
	char *scheme, *host, *port;
};

static void place_clear(struct place *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
}

static bool place_of(CURLU *u, struct place *p)
{
	return !curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) &&
	       !curl_url_get(u, CURLUPART_HOST, &p->host, 0) &&
	       !curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT);
}

char *http_follow(const char *url, const char *location)
{
	AUTO(place_clear) struct place from = {0}, to = {0};
	CURLU *u = curl_url();
	char *text = NULL, *out = NULL;

	if (!curl_url_set(u, CURLUPART_URL, url, 0) && place_of(u, &from) &&
	    !curl_url_set(u, CURLUPART_URL, location, 0) && place_of(u, &to) &&
	    !curl_url_get(u, CURLUPART_URL, &text, 0) &&
	    strcasecmp(from.host, to.host) == 0 &&
	    ((strcmp(from.scheme, to.scheme) == 0 &&
	      strcmp(from.port, to.port) == 0) ||
	     (strcmp(from.scheme, "http") == 0 &&
	      strcmp(to.scheme, "https") == 0)))
		out = mem_strdup(text);
	curl_free(text);
	curl_url_cleanup(u);
	return out;
}
