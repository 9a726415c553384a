/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/api/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/buf.h"
#include "core/clock.h"

enum { RULES_MAX = 64, THREADS_MAX = 64, HUGE_BODY = 64 << 20 };

struct server {
	struct server_options o;
	int fd, port, drop;
	_Atomic bool stop;
	char *url, *ca;
	SSL_CTX *tls;
	pthread_mutex_t lock;
	pthread_t main, threads[THREADS_MAX];
	size_t n_threads;
	struct rule rules[RULES_MAX];
	size_t n_rules;
	struct strv log;
};

struct link {
	struct server *s;
	int fd;
	bool drop;
	SSL *ssl;
};

/* --- a certificate */

static void add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static void make_tls(struct server *s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	char path[] = "/tmp/nh-ca-XXXXXX";
	FILE *f;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	add_ext(x, NID_basic_constraints, "critical,CA:TRUE");
	add_ext(x, NID_subject_alt_name,
		s->o.wrong_name ? "DNS:elsewhere.example" : "IP:127.0.0.1");
	X509_sign(x, key, EVP_sha256());
	f = fdopen(mkstemp(path), "w");
	PEM_write_X509(f, x);
	fclose(f);
	s->ca = mem_strdup(path);
	s->tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(s->tls, x);
	SSL_CTX_use_PrivateKey(s->tls, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* --- one connection */

static bool wait_in(struct link *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	while (!l->s->stop) {
		if (l->ssl && SSL_pending(l->ssl))
			return true;
		if (poll(&p, 1, 50) > 0)
			return true;
	}
	return false;
}

static int link_read(struct link *l, char *p, int n)
{
	if (!wait_in(l))
		return -1;
	return l->ssl ? SSL_read(l->ssl, p, n) : (int)read(l->fd, p, (size_t)n);
}

static bool link_write(struct link *l, const char *p, size_t n)
{
	while (n && !l->s->stop) {
		ssize_t k = l->ssl ? SSL_write(l->ssl, p, (int)n)
				   : send(l->fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return n == 0;
}

/* A whole request into B; false at its end. */
static bool read_request(struct link *l, struct buf *b)
{
	size_t need = 0;
	char piece[4096];

	for (;;) {
		const char *end = strstr(buf_str(b), "\r\n\r\n");
		const char *len = strcasestr(buf_str(b), "\r\ncontent-length:");
		int n;

		if (end) {
			need = (size_t)(end + 4 - b->p) +
			       (len && len < end ? strtoul(len + 17, NULL, 10)
						 : 0);
			if (b->len >= need)
				return true;
		}
		n = link_read(l, piece, sizeof(piece));
		if (n <= 0)
			return false;
		buf_put(b, piece, (size_t)n);
	}
}

static struct rule find_rule(struct server *s, const char *request)
{
	struct rule found = {.status = 418, .body = "{}"};

	pthread_mutex_lock(&s->lock);
	strv_add(&s->log, request);
	for (size_t i = 0; i < s->n_rules; i++) {
		struct rule *r = &s->rules[i];
		AUTO(mem_freep)
		char *line =
			mem_printf("%s %s HTTP/1.1\r\n", r->method, r->path);

		if (r->times < 0 || strncmp(request, line, strlen(line)))
			continue;
		found = *r;
		if (r->times > 0 && --r->times == 0)
			r->times = -1;
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static bool dribble(struct link *l)
{
	while (!l->s->stop && link_write(l, " ", 1))
		usleep(100000);
	return false;
}

static bool flood(struct link *l)
{
	char block[65536];

	memset(block, ' ', sizeof(block));
	for (size_t n = 0; n < HUGE_BODY; n += sizeof(block))
		if (!link_write(l, block, sizeof(block)))
			break;
	return false;
}

/* false: the connection ends */
static bool answer(struct link *l, const struct rule *r)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	size_t n = r->body ? strlen(r->body) : 0;

	if (r->how == RULE_CUT)
		return false;
	if (r->how == RULE_SLOW || r->how == RULE_HUGE)
		n = HUGE_BODY;
	buf_printf(&b, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n",
		   r->status ? r->status : 200, n,
		   r->headers ? r->headers : "");
	if (!link_write(l, b.p, b.len))
		return false;
	if (r->how == RULE_SLOW)
		return dribble(l);
	if (r->how == RULE_HUGE)
		return flood(l);
	if (r->how == RULE_HALF) {
		link_write(l, r->body, n / 2);
		return false;
	}
	return link_write(l, r->body, n) && r->how != RULE_CLOSE;
}

static void *serve(void *arg)
{
	struct linger hard = {.l_onoff = 1};
	struct link *l = arg;
	bool on = !l->drop;

	if (l->drop && wait_in(l))
		setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (on && l->s->tls) {
		l->ssl = SSL_new(l->s->tls);
		SSL_set_fd(l->ssl, l->fd);
		on = SSL_accept(l->ssl) == 1;
	}
	while (on) {
		AUTO(buf_clear) struct buf b = BUF_INIT;
		struct rule r;

		if (!read_request(l, &b))
			break;
		r = find_rule(l->s, buf_str(&b));
		on = answer(l, &r);
	}
	if (l->ssl)
		SSL_free(l->ssl);
	close(l->fd);
	mem_free(l);
	return NULL;
}

/* --- the server */

static void take(struct server *s, int fd)
{
	struct link *l;

	if (s->n_threads == THREADS_MAX)
		abort();
	l = MEM_NEW(struct link);
	l->s = s;
	l->fd = fd;
	pthread_mutex_lock(&s->lock);
	l->drop = s->drop > 0;
	s->drop -= l->drop;
	pthread_mutex_unlock(&s->lock);
	pthread_create(&s->threads[s->n_threads++], NULL, serve, l);
}

static void *run(void *arg)
{
	struct server *s = arg;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (s->o.delay_ms) {
		usleep((useconds_t)s->o.delay_ms * 1000);
		listen(s->fd, 16);
	}
	while (!s->stop) {
		if (poll(&p, 1, 50) > 0) {
			int fd = accept(s->fd, NULL, NULL);

			if (fd >= 0)
				take(s, fd);
		}
	}
	for (size_t i = 0; i < s->n_threads; i++)
		pthread_join(s->threads[i], NULL);
	return NULL;
}

struct server *server_start(const struct server_options *o)
{
	struct server *s = MEM_NEW(struct server);
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	/* as every program of ours does (core/stop.h): both ends are here */
	signal(SIGPIPE, SIG_IGN);
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &n))
		abort();
	s->port = ntohs(a.sin_port);
	s->url =
		mem_printf("http%s://127.0.0.1:%d", o->tls ? "s" : "", s->port);
	if (o->tls)
		make_tls(s);
	if (!o->delay_ms && listen(s->fd, 16))
		abort();
	pthread_create(&s->main, NULL, run, s);
	return s;
}

void server_stop(struct server *s)
{
	s->stop = true;
	pthread_join(s->main, NULL);
	close(s->fd);
	if (s->ca)
		unlink(s->ca);
	SSL_CTX_free(s->tls);
	strv_clear(&s->log);
	mem_free(s->url);
	mem_free(s->ca);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

int server_port(const struct server *s)
{
	return s->port;
}

const char *server_url(const struct server *s)
{
	return s->url;
}

const char *server_ca(const struct server *s)
{
	return s->ca;
}

void server_on(struct server *s, struct rule r)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_rules == RULES_MAX)
		abort();
	s->rules[s->n_rules++] = r;
	pthread_mutex_unlock(&s->lock);
}

void server_drop(struct server *s, int n)
{
	pthread_mutex_lock(&s->lock);
	s->drop = n;
	pthread_mutex_unlock(&s->lock);
}

int server_count(struct server *s, const char *start)
{
	int n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->log.n; i++)
		n += strncmp(s->log.v[i], start, strlen(start)) == 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *server_last(struct server *s, const char *start)
{
	const char *found = "";

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->log.n; i++)
		if (strncmp(s->log.v[i], start, strlen(start)) == 0)
			found = s->log.v[i];
	pthread_mutex_unlock(&s->lock);
	return found;
}
