/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLAlchemy database URLs, as oslo.db reads them, with PyMySQL's meaning of
 * the ssl_ options: naming a CA asks for verification of chain and name.
 */
#include "db/db_priv.h"

#include <stdlib.h>
#include <string.h>

void db_url_clear(struct db_url *u)
{
	char *owned[] = {u->user, u->password, u->host, u->socket, u->name,
			 u->ca,	  u->capath,   u->cert, u->key,	   u->cipher};

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		mem_free(owned[i]);
	*u = (struct db_url){0};
}

/* Where the parts of a URL start; each ends where the next begins. */
struct parts {
	const char *user, *user_end; /* NULL without "user@" */
	const char *pass, *pass_end; /* NULL without ":password" */
	const char *host, *host_end;
	const char *port, *port_end;
	const char *path, *path_end; /* without its slash */
	const char *query;	     /* without "?", "" at the end */
};

/* A raw password may hold '/' and even '@': the last '@' before the query ends
 * it.  Only when there is none may the '?' belong to the password. */
static const char *find_at(const char *s)
{
	const char *query = strchr(s, '?'), *at = NULL;

	for (const char *p = s; *p && p != query; p++)
		if (*p == '@')
			at = p;
	return at ? at : strrchr(s, '@');
}

static void split_host(const char *p, const char *end, struct parts *o)
{
	const char *close =
		*p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
	const char *colon;

	o->host = close ? p + 1 : p;
	colon = memchr(close ? close : p, ':',
		       (size_t)(end - (close ? close : p)));
	o->host_end = close ? close : colon ? colon : end;
	if (colon) {
		o->port = colon + 1;
		o->port_end = end;
	}
}

static int split(const char *url, struct parts *o, struct err *e)
{
	const char *p = strstr(url, "://"), *at, *end;

	*o = (struct parts){0};
	if (!p || strncmp(url, "mysql", 5) != 0) {
		if (!p || strncmp(url, "mariadb", 7) != 0)
			return err_set(e, ERR_USAGE,
				       "only mysql:// and mysql+DRIVER:// "
				       "database URLs are understood");
	}
	p += 3;
	at = find_at(p);
	if (at) {
		o->user = p;
		o->user_end = memchr(p, ':', (size_t)(at - p));
		if (o->user_end) {
			o->pass = o->user_end + 1;
			o->pass_end = at;
		} else {
			o->user_end = at;
		}
		p = at + 1;
	}
	end = p + strcspn(p, "/?");
	split_host(p, end, o);
	o->path = *end == '/' ? end + 1 : end;
	o->path_end = o->path + strcspn(o->path, "?");
	o->query = *o->path_end ? o->path_end + 1 : o->path_end;
	return 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *decode(const char *p, const char *end, bool plus)
{
	struct buf b = BUF_INIT;

	for (; p && p < end; p++) {
		if (*p == '%' && end - p > 2 && nibble(p[1]) >= 0 &&
		    nibble(p[2]) >= 0) {
			buf_putc(&b, (char)(nibble(p[1]) << 4 | nibble(p[2])));
			p += 2;
		} else {
			buf_putc(&b, plus && *p == '+' ? ' ' : *p);
		}
	}
	return buf_steal(&b);
}

static bool truth(const char *s)
{
	return strcmp(s, "0") && strcasecmp(s, "false") &&
	       strcasecmp(s, "no") && strcasecmp(s, "off") && *s;
}

static void keep(char **slot, const char *v)
{
	mem_free(*slot);
	*slot = *v ? mem_strdup(v) : NULL;
}

struct tls_words {
	bool any;
	int cert, name; /* -1 not said */
	int mode;	/* enum url_tls, or -1 */
};

static void option(struct db_url *u, struct tls_words *t, const char *key,
		   const char *v)
{
	struct {
		const char *key;
		char **slot;
		bool tls;
	} slots[] = {
		{"unix_socket", &u->socket, false},
		{"ssl_ca", &u->ca, true},
		{"ssl_capath", &u->capath, true},
		{"ssl_cert", &u->cert, true},
		{"ssl_key", &u->key, true},
		{"ssl_cipher", &u->cipher, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (!strcmp(key, slots[i].key)) {
			keep(slots[i].slot, v);
			t->any |= slots[i].tls && *v;
		}
	if (!strcmp(key, "ssl_verify_cert"))
		t->cert = truth(v);
	if (!strcmp(key, "ssl_check_hostname") ||
	    !strcmp(key, "ssl_verify_identity"))
		t->name = truth(v);
	if (!strcmp(key, "ssl"))
		t->any |= truth(v);
	if (!strcmp(key, "ssl_mode"))
		t->mode = !strcasecmp(v, "VERIFY_IDENTITY") ? TLS_VERIFY_NAME
			  : !strcasecmp(v, "VERIFY_CA")	    ? TLS_VERIFY_CA
			  : !strcasecmp(v, "REQUIRED")	    ? TLS_REQUIRED
							    : TLS_DEFAULT;
}

static enum url_tls tls_of(const struct db_url *u, const struct tls_words *t)
{
	bool ca = u->ca || u->capath;

	if (t->mode >= 0)
		return (enum url_tls)t->mode;
	if (!t->any && t->cert != 1 && t->name != 1)
		return TLS_DEFAULT;
	if (t->cert == 0 || (!ca && t->cert != 1 && t->name != 1))
		return TLS_REQUIRED;
	return t->name == 0 ? TLS_VERIFY_CA : TLS_VERIFY_NAME;
}

static void options(struct db_url *u, const char *query)
{
	struct tls_words t = {.cert = -1, .name = -1, .mode = -1};
	AUTO(strv_clear) struct strv pieces = STRV_INIT;

	strv_split(&pieces, query, "&");
	for (size_t i = 0; i < pieces.n; i++) {
		const char *s = pieces.v[i], *eq = s + strcspn(s, "=");
		AUTO(mem_freep) char *k = decode(s, eq, true);
		AUTO(mem_freep)
		char *v = decode(*eq ? eq + 1 : eq, s + strlen(s), true);

		option(u, &t, k, v);
	}
	u->tls = tls_of(u, &t);
}

int db_url_parse(const char *url, struct db_url *out, struct err *e)
{
	struct parts p;
	AUTO(mem_freep) char *port = NULL;
	unsigned long n = 3306;
	char *end;

	*out = (struct db_url){0};
	if (split(url, &p, e))
		return -1;
	port = decode(p.port, p.port_end, false);
	if (*port) {
		n = strtoul(port, &end, 10);
		if (*end || *port == '-' || n < 1 || n > 65535)
			return err_set(e, ERR_USAGE,
				       "database URL: bad port number");
	}
	out->port = (unsigned)n;
	out->user = decode(p.user, p.user_end, false);
	if (p.pass)
		out->password = decode(p.pass, p.pass_end, false);
	out->host = decode(p.host, p.host_end, false);
	out->name = decode(p.path, p.path_end, false);
	options(out, p.query);
	if (!*out->host)
		keep(&out->host, "localhost");
	if (*out->name)
		return 0;
	db_url_clear(out);
	return err_set(e, ERR_USAGE, "database URL: no database name");
}

int db_url_each(const char *url, struct strv *out, struct err *e)
{
	AUTO(strv_clear) struct strv hosts = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;
	const char *from, *to;
	struct parts p;

	if (split(url, &p, e))
		return -1;
	/* With its port, and the bracket of an IPv6 address. */
	from = p.user ? (p.pass ? p.pass_end : p.user_end) + 1
		      : strstr(url, "://") + 3;
	to = from + strcspn(from, "/?");
	list = mem_strndup(from, (size_t)(to - from));
	if (*list == ',' || strstr(list, ",,") || (*list && to[-1] == ','))
		return err_set(e, ERR_USAGE,
			       "database URL: an empty name among its hosts");
	strv_split(&hosts, list, ",");
	if (!hosts.n)
		strv_add(&hosts, "");
	for (size_t i = 0; i < hosts.n; i++)
		strv_addf(out, "%.*s%s%s", (int)(from - url), url, hosts.v[i],
			  to);
	return 0;
}

void db_url_tls(struct db_url *u, const struct db_config *cfg)
{
	if (u->tls != TLS_DEFAULT || u->socket)
		return;
	if (!cfg->ssl_ca && !cfg->ssl_cert && !cfg->ssl_key)
		return;
	u->ca = mem_strdup0(cfg->ssl_ca);
	u->cert = mem_strdup0(cfg->ssl_cert);
	u->key = mem_strdup0(cfg->ssl_key);
	u->tls = cfg->ssl_ca && !cfg->ssl_no_verify ? TLS_VERIFY_NAME
						    : TLS_REQUIRED;
}

char *db_url_mask(const char *url)
{
	struct err e = ERR_INIT;
	struct parts p;

	if (split(url, &p, &e)) {
		/* What is not understood may hold anything: show none of it. */
		err_clear(&e);
		return mem_strdup("(a database URL)");
	}
	if (!p.pass)
		return mem_strdup(url);
	return mem_printf("%.*s***%s", (int)(p.pass - url), url, p.pass_end);
}

char *db_url_where(const struct db_url *u)
{
	if (u->socket)
		return mem_printf("%s on %s", u->name, u->socket);
	return mem_printf("%s on %s:%u", u->name, u->host, u->port);
}

/* The value of one template word; NULL if there is no such word. */
static char *template_word(const char *word, size_t n, const char *main,
			   const struct parts *p)
{
	const struct {
		const char *word, *from, *to;
	} words[] = {
		{"scheme", main, strstr(main, "://")},
		{"username", p->user, p->user_end},
		{"password", p->pass, p->pass_end},
		{"hostname", p->host, p->host_end},
		{"port", p->port, p->port_end},
		{"path", p->path, p->path_end},
		{"query", p->query, p->query + strlen(p->query)},
		{"fragment", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == n &&
		    !strncmp(words[i].word, word, n))
			return words[i].from
				       ? mem_strndup(words[i].from,
						     (size_t)(words[i].to -
							      words[i].from))
				       : mem_strdup("");
	return NULL;
}

char *db_url_template(const char *url, const char *main, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct parts p;

	if (!strchr(url, '{'))
		return mem_strdup(url);
	if (!main) {
		err_set(e, ERR_USAGE,
			"the cell's database URL is a template, and there is "
			"no main URL to fill it from");
		return NULL;
	}
	if (split(main, &p, e))
		return NULL;
	while (*url) {
		size_t n = *url == '{' ? strcspn(url + 1, "}") : 0;
		AUTO(mem_freep) char *word = NULL;

		if (*url != '{' || url[n + 1] != '}') {
			buf_putc(&b, *url++);
			continue;
		}
		word = template_word(url + 1, n, main, &p);
		if (!word) {
			err_set(e, ERR_USAGE,
				"unknown word {%.*s} in the template of a "
				"cell's database URL",
				(int)(n < 20 ? n : 20), url + 1);
			return NULL;
		}
		buf_puts(&b, word);
		url += n + 2;
	}
	return buf_steal(&b);
}
