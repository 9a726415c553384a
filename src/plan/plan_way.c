/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way the files will go, and why: what the carrier would find now.  It
 * chooses anew when the job runs, by the same order.
 */
#include <string.h>

#include "plan/plan_priv.h"

/* A newcomer adds a transport: a row, before those that it is better than. */
struct way {
	const char *transport; /* as --transport calls it */
	bool opt_in;	       /* not spoken of unless it is configured */
	const char *(*by)(const struct facts *f);
	/* NULL: it can be taken; else why it cannot.  The caller frees. */
	char *(*against)(const struct facts *f);
	bool spreads; /* over several connections */
};

/* Who reads the files. */
static const char *reader(const struct facts *f)
{
	return f->dead ? f->disks : f->host[SRC_HOST].name;
}

static const char *by_tls(const struct facts *f)
{
	(void)f;
	return "TLS 1.3; by ssh where its ports are not reached";
}

static char *against_tls(const struct facts *f)
{
	const struct fact_way *w = &f->way;

	if (w->err.kind != ERR_NONE)
		return mem_strdup(err_msg(&w->err));
	return w->seen.reached
		       ? NULL
		       : mem_printf("%s does not reach %s: %s", reader(f),
				    f->host[DST_HOST].name, w->seen.why);
}

static const char *by_ssh(const struct facts *f)
{
	return f->way.seen.gcm ? "OpenSSH's client, AES-GCM"
			       : "OpenSSH's client";
}

static char *against_ssh(const struct facts *f)
{
	const struct fact_way *w = &f->way;
	const char *src = reader(f), *dst = f->host[DST_HOST].name;

	if (w->err.kind != ERR_NONE)
		return mem_strdup(err_msg(&w->err));
	if (!w->seen.client)
		return mem_printf("%s has no OpenSSH client", src);
	if (!w->seen.reached)
		return mem_printf("%s does not reach %s: %s", src, dst,
				  w->seen.why);
	return NULL;
}

static const char *by_relay(const struct facts *f)
{
	(void)f;
	return "libssh2, through this machine";
}

static char *against_relay(const struct facts *f)
{
	(void)f;
	return NULL;
}

static const struct way ways[] = {
	{"tls", true, by_tls, against_tls, true},
	{"direct", false, by_ssh, against_ssh, true},
	{"relay", false, by_relay, against_relay, false},
};

/* The first that can be taken, or NULL; WHY gets what speaks against those
 * before it. */
static const struct way *choose(const struct facts *f, const char *asked,
				struct buf *why)
{
	bool any = !strcmp(asked, "auto");

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO(mem_freep) char *no = NULL;

		if (any ? ways[i].opt_in && !f->way.tls
			: strcmp(asked, ways[i].transport) != 0)
			continue;
		no = ways[i].against(f);
		if (!no)
			return &ways[i];
		if (!strstr(buf_str(why), no))
			buf_printf(why, "%s%s", why->len ? "; " : "", no);
	}
	return NULL;
}

/* What decides over how many connections. */
static void add_streams(const struct facts *f, const struct move *m, json_t *o,
			struct buf *why)
{
	const struct host_reach *seen = &f->way.seen;

	json_object_set_new(o, "rtt_ms", json_real((double)seen->rtt_us / 1e3));
	if (m->streams) {
		buf_printf(why, "%u asked for", (unsigned)m->streams);
		return;
	}
	json_object_set_new(o, "streams", json_integer(seen->streams));
	buf_printf(why, "a round trip from %s to %s takes %.1f ms, %u core%s",
		   reader(f), m->dst.host, (double)seen->rtt_us / 1e3,
		   seen->cores, seen->cores == 1 ? "" : "s");
}

json_t *plan_way(const struct facts *f, const struct move *m)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;
	const struct way *w;
	json_t *o =
		json_pack("{s:s, s:s, s:i}", "transport", m->transport, "asked",
			  m->transport, "streams", (int)m->streams);

	/* Nobody looked, but who asks for a relay gets one. */
	if (!f->way.asked && strcmp(m->transport, "relay") != 0)
		return o;
	w = choose(f, m->transport, &why);
	if (w) {
		json_object_set_new(o, "transport", json_string(w->transport));
		json_object_set_new(o, "by", json_string(w->by(f)));
	}
	if (w && w->spreads)
		add_streams(f, m, o, &why);
	else if (w)
		json_object_set_new(o, "streams", json_integer(1));
	if (why.len)
		json_object_set_new(o, "why", json_string(buf_str(&why)));
	return o;
}
