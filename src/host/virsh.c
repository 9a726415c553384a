/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port of virt.h through virsh.
 *
 * virsh takes an id, a uuid or a name for a domain, in this order: so whatever
 * changes something first looks for the uuid in libvirt's list of uuids.
 * Tables made for people are not read; what is read: lists of uuids, XML, and
 * domstats --raw.  Of error texts (in the C locale) only those are looked at
 * that tell "not done" from "not known".
 */
#include "host/virsh_priv.h"

#include <stdlib.h>
#include <string.h>

#include "domain/caps.h"

void virsh_call_clear(struct virsh_call *c)
{
	strv_clear(&c->argv);
	buf_clear(&c->out);
	buf_clear(&c->err);
}

int virsh_run(struct virsh *s, struct virsh_call *c, struct err *e)
{
	struct virt_cmd cmd = {.argv = c->argv.v,
			       .in = c->in,
			       .in_len = c->in ? strlen(c->in) : 0,
			       .timeout_us = (int64_t)c->timeout_s * 1000000,
			       .mutates = c->mutates,
			       .lasting = c->lasting ||
					  (s->runner.survey && !c->mutates)};
	int rc;

	if (s->runner.survey && c->mutates)
		return err_set(e, ERR_BUG, "%s in a survey",
			       c->argv.v[c->first]);
	buf_reset(&c->out);
	buf_reset(&c->err);
	rc = s->runner.run(s->runner.self, &cmd, e);
	buf_clear(&c->out);
	buf_clear(&c->err);
	c->out = cmd.out;
	c->err = cmd.err;
	c->exit_code = cmd.exit_code;
	if (rc)
		return err_wrap(e, "%s%s", c->first ? "virsh " : "",
				c->argv.v[c->first]);
	return 0;
}

bool virsh_says(const struct virsh_call *c, const char *text)
{
	return strstr(buf_str(&c->err), text);
}

/* libvirtd went away after it had got the request. */
static bool broke_off(const struct virsh_call *c)
{
	static const char *const signs[] = {
		"Cannot recv data",	   "Cannot write data",
		"End of file while",	   "client socket is closed",
		"keepalive timeout",	   "Connection reset by peer",
		"Disconnected from",	   "connection was closed",
		"Input/output error while"};

	if (c->exit_code >= 128)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (virsh_says(c, signs[i]))
			return true;
	return false;
}

/* stderr as one line, without virsh's "error: ". */
static char *one_line(const char *text)
{
	struct buf b = BUF_INIT;

	while (*text && b.len < 400) {
		size_t n = strcspn(text, "\n");
		size_t skip = strncmp(text, "error: ", 7) ? 0 : 7;

		if (n > skip) {
			if (b.len)
				buf_puts(&b, "; ");
			buf_put(&b, text + skip, n - skip);
		}
		text += n + (text[n] == '\n');
	}
	if (!b.len)
		buf_puts(&b, "no message");
	return buf_steal(&b);
}

int virsh_failed(const struct virsh_call *c, struct err *e)
{
	AUTO(mem_freep) char *why = one_line(buf_str(&c->err));
	enum err_kind kind = ERR_FAILED;

	if (virsh_says(c, "failed to connect to the hypervisor"))
		kind = ERR_RETRY;
	else if (broke_off(c))
		kind = c->mutates ? ERR_LOST : ERR_RETRY;
	else if (virsh_says(c, "cannot acquire state change lock"))
		kind = ERR_RETRY;
	err_set(e, kind, "%s%s: exit code %d: %s", c->first ? "virsh " : "",
		c->argv.v[c->first], c->exit_code, why);
	if (virsh_says(c, "failed to connect to the hypervisor"))
		err_hint(e, "is libvirtd running there? "
			    "systemctl status libvirtd");
	return -1;
}

int virsh_ok(struct virsh *s, struct virsh_call *c, struct err *e)
{
	if (virsh_run(s, c, e))
		return -1;
	return c->exit_code ? virsh_failed(c, e) : 0;
}

/* --- virsh itself */

static bool is_virsh(const char *word)
{
	const char *slash = strrchr(word, '/');

	return !strcmp(slash ? slash + 1 : word, "virsh");
}

/* The profile's prefix with the C locale put before virsh where something else
 * comes before that: inside of a container, where the agent's environment does
 * not reach. */
static void set_prefix(struct strv *to, const char *const *prefix)
{
	bool done = *prefix && is_virsh(*prefix);

	for (; *prefix; prefix++) {
		if (!done && is_virsh(*prefix)) {
			strv_add(to, "env");
			strv_add(to, "LC_ALL=C");
			done = true;
		}
		strv_add(to, *prefix);
	}
	strv_add(to, "-q");
}

void virsh_begin(const struct virsh *s, struct virsh_call *c)
{
	strv_addv(&c->argv, (const char *const *)s->prefix.v);
	c->first = c->argv.n;
}

/* Lines that are uuids and nothing else. */
static int parse_uuids(const char *text, struct strv *out, struct err *e)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;

	strv_split(&lines, text, "\n \t\r");
	for (size_t i = 0; i < lines.n; i++) {
		if (!uuid_valid(lines.v[i]))
			return err_set(e, ERR_FAILED,
				       "virsh list: \"%s\" is no uuid",
				       lines.v[i]);
		strv_add(out, lines.v[i]);
	}
	return 0;
}

static int read_uuids(const struct virsh_call *c, struct strv *out,
		      struct err *e)
{
	return parse_uuids(buf_str(&c->out), out, e);
}

/* All domains, or those that FILTER lets through. */
static int list(struct virsh *s, const char *filter, struct strv *out,
		struct err *e)
{
	CALL(s, c, T_ASK, false);

	VIRSH(&c, "list", "--all", "--uuid");
	if (filter)
		strv_add(&c.argv, filter);
	if (virsh_run(s, &c, e))
		return -1;
	if (c.exit_code && filter && virsh_says(&c, "doesn't support option"))
		return 0; /* it has none of what it does not know */
	if (c.exit_code)
		return virsh_failed(&c, e);
	return read_uuids(&c, out, e);
}

int virsh_listed(struct virsh *s, const char *filter, const char *uuid,
		 bool *is, struct err *e)
{
	AUTO(strv_clear) struct strv all = STRV_INIT;

	if (list(s, filter, &all, e))
		return -1;
	*is = strv_has(&all, uuid);
	return 0;
}

/* Runs TEXT, several commands; *GOOD: all went well, and the first N - 1 of
 * them have printed no '+', which stands between their outputs. */
static int run_many(struct virsh *s, struct virsh_call *c, const char *text,
		    size_t n, bool *good, struct err *e)
{
	const char *p;

	*good = false;
	if (s->one_by_one)
		return 0;
	VIRSH(c, text);
	if (virsh_run(s, c, e))
		return -1;
	p = buf_str(&c->out);
	while (n > 1 && (p = strchr(p, '+'))) {
		n--;
		p++;
	}
	if (!p)
		s->one_by_one = true;
	*good = p && !c->exit_code && !c->err.len;
	return 0;
}

/* The list before it was told. */
static bool no_such_domain(const struct virsh_call *c)
{
	return virsh_says(c, "failed to get domain") &&
	       !virsh_says(c, "ailed to list");
}

int virsh_both(struct virsh *s, struct virsh_call *c, const char *uuid,
	       const char *command, bool *is, const char **out, bool *good,
	       struct err *e)
{
	AUTO(mem_freep)
	char *text = mem_printf("list --all --uuid; echo +; %s", command);
	AUTO(strv_clear) struct strv all = STRV_INIT;
	AUTO(mem_freep) char *list_ = NULL;
	const char *plus;

	if (run_many(s, c, text, 2, good, e))
		return -1;
	/* Of one that is not listed nothing more can be told. */
	if (!*good && (s->one_by_one || !no_such_domain(c)))
		return 0;
	plus = strchr(buf_str(&c->out), '+');
	list_ = mem_strndup(buf_str(&c->out),
			    (size_t)(plus - buf_str(&c->out)));
	*out = plus + 1;
	if (parse_uuids(list_, &all, e))
		return -1;
	*is = strv_has(&all, uuid);
	*good = *good || !*is;
	return 0;
}

/* One list after the other, each up to its '+'; REST is what follows. */
static int each_list(const char *p, size_t n, const char *uuid, bool *is,
		     const char **rest, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(strv_clear) struct strv all = STRV_INIT;
		size_t len = strcspn(p, "+");
		AUTO(mem_freep) char *one = mem_strndup(p, len);

		if (parse_uuids(one, &all, e))
			return -1;
		is[i] = strv_has(&all, uuid);
		p += len + (p[len] == '+');
	}
	*rest = p;
	return 0;
}

static void put_lists(struct buf *text, const char *const *filters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "%slist --all --uuid%s%s",
			   i ? "; echo +; " : "", filters[i] ? " " : "",
			   filters[i] ? filters[i] : "");
}

int virsh_listed_then(struct virsh *s, struct virsh_call *c, const char *uuid,
		      struct virsh_lists *q, bool *good, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	put_lists(&text, q->filters, q->n);
	buf_printf(&text, "; echo +; %s", q->then);
	if (run_many(s, c, buf_str(&text), q->n + 1, good, e))
		return -1;
	return *good ? each_list(buf_str(&c->out), q->n, uuid, q->is, &q->rest,
				 e)
		     : 0;
}

int virsh_listed_n(struct virsh *s, const char *const *filters, size_t n,
		   const char *uuid, bool *is, struct err *e)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	CALL(s, c, T_ASK, false);
	const char *rest;
	bool good;

	put_lists(&text, filters, n);
	if (run_many(s, &c, buf_str(&text), n, &good, e))
		return -1;
	if (good)
		return each_list(buf_str(&c.out), n, uuid, is, &rest, e);
	for (size_t i = 0; i < n; i++)
		if (virsh_listed(s, filters[i], uuid, &is[i], e))
			return -1;
	return 0;
}

int virsh_unknown(struct err *e)
{
	return err_set(e, ERR_CONFLICT, "libvirt knows no domain of this uuid");
}

int virsh_must_exist(struct virsh *s, const char *uuid, struct err *e)
{
	bool is = false;

	if (virsh_listed(s, NULL, uuid, &is, e))
		return -1;
	return is ? 0 : virsh_unknown(e);
}

static int op_uuids(struct virt *v, struct strv *out, struct err *e)
{
	return list(VIRSH_SELF(v), NULL, out, e);
}

static int op_name_uuid(struct virt *v, const char *name,
			char uuid[UUID_LEN + 1], struct err *e)
{
	AUTO(strv_clear) struct strv names = STRV_INIT;
	AUTO(strv_clear) struct strv ids = STRV_INIT;
	CALL(VIRSH_SELF(v), l, T_ASK, false);
	CALL(VIRSH_SELF(v), c, T_ASK, false);

	/* virsh would take digits for an id. */
	if (!name[strspn(name, "0123456789")])
		return err_set(e, ERR_REFUSED, "\"%s\" is no domain's name",
			       name);
	VIRSH(&l, "list", "--all", "--name");
	if (virsh_ok(VIRSH_SELF(v), &l, e))
		return -1;
	strv_split(&names, buf_str(&l.out), "\n");
	if (!strv_has(&names, name))
		return 0;
	VIRSH(&c, "domuuid", "--domain", name);
	if (virsh_ok(VIRSH_SELF(v), &c, e) || read_uuids(&c, &ids, e))
		return -1;
	if (ids.n != 1)
		return err_set(e, ERR_FAILED, "virsh domuuid: %zu answers",
			       ids.n);
	memcpy(uuid, ids.v[0], UUID_LEN + 1);
	return 0;
}

/* --- the host */

static int xml_of(struct virsh *s, struct virsh_call *c, struct buf *xml,
		  struct err *e)
{
	if (virsh_ok(s, c, e))
		return -1;
	buf_put(xml, c->out.p, c->out.len);
	return 0;
}

static int op_capabilities(struct virt *v, struct buf *xml, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_ASK, false);

	c.lasting = true;
	VIRSH(&c, "capabilities");
	return xml_of(VIRSH_SELF(v), &c, xml, e);
}

static int op_domcapabilities(struct virt *v, const struct virt_domcaps *ask,
			      struct buf *xml, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_ASK, false);

	c.lasting = true;
	VIRSH(&c, "domcapabilities");
	if (ask->virttype)
		VIRSH(&c, "--virttype", ask->virttype);
	if (ask->emulator)
		VIRSH(&c, "--emulatorbin", ask->emulator);
	if (ask->arch)
		VIRSH(&c, "--arch", ask->arch);
	if (ask->machine)
		VIRSH(&c, "--machine", ask->machine);
	return xml_of(VIRSH_SELF(v), &c, xml, e);
}

/* "9.0.0" after KEY, skipping the product's name. */
static unsigned version_after(const char *text, const char *key)
{
	const char *p = strstr(text, key);
	unsigned part[3] = {0};

	if (!p)
		return 0;
	p += strlen(key);
	p += strcspn(p, "0123456789\n");
	for (size_t i = 0; i < 3; i++) {
		char *end;
		unsigned long n = strtoul(p, &end, 10);

		if (end == p || n > 999)
			return 0;
		part[i] = (unsigned)n;
		if (*end != '.')
			break;
		p = end + 1;
	}
	return part[0] * 1000000 + part[1] * 1000 + part[2];
}

static int op_version(struct virt *v, struct virt_version *out, struct err *e)
{
	CALL(VIRSH_SELF(v), c, T_ASK, false);
	const char *text;

	c.lasting = true;
	/* There is no other form of it. */
	VIRSH(&c, "version", "--daemon");
	if (virsh_ok(VIRSH_SELF(v), &c, e))
		return -1;
	text = buf_str(&c.out);
	out->libvirt = version_after(text, "Running against daemon:");
	if (!out->libvirt)
		out->libvirt = version_after(text, "Using library:");
	out->hypervisor = version_after(text, "Running hypervisor:");
	if (!out->libvirt)
		return err_set(e, ERR_FAILED, "virsh version: no version");
	return 0;
}

static int op_secret_has(struct virt *v, const char *uuid, bool *has,
			 struct err *e)
{
	struct caps_secret *x;
	CALL(VIRSH_SELF(v), c, T_ASK, false);

	VIRSH(&c, "secret-dumpxml", uuid);
	if (virsh_run(VIRSH_SELF(v), &c, e))
		return -1;
	if (c.exit_code && virsh_says(&c, "no secret with matching uuid"))
		return 0;
	if (c.exit_code)
		return virsh_failed(&c, e);
	x = caps_secret_parse(buf_str(&c.out), c.out.len, e);
	if (!x)
		return -1;
	*has = !strcmp(x->uuid, uuid);
	caps_secret_free(x);
	return 0;
}

static void op_free(struct virt *v)
{
	struct virsh *s = VIRSH_SELF(v);

	strv_clear(&s->prefix);
	mem_free(s->host);
	mem_free(s);
}

static const struct virt_ops virsh_ops = {
	.uuids = op_uuids,
	.name_uuid = op_name_uuid,
	.state = virsh_state,
	.flags = virsh_flags,
	.dumpxml = virsh_dumpxml,
	.look = virsh_look,
	.autostart = virsh_autostart,
	.shutdown = virsh_shutdown,
	.destroy = virsh_destroy,
	.undefine = virsh_undefine,
	.define = virsh_define,
	.start = virsh_start,
	.capabilities = op_capabilities,
	.domcapabilities = op_domcapabilities,
	.version = op_version,
	.secret_has = op_secret_has,
	.net_missing = virsh_net_missing,
	.net_plug = virsh_net_plug,
	.net_unplug = virsh_net_unplug,
	.free = op_free,
};

struct virt *virt_virsh_new(const char *host, const char *const *prefix,
			    const struct virt_runner *runner)
{
	struct virsh *s = MEM_NEW(struct virsh);

	s->host = mem_strdup(host);
	s->virt = (struct virt){.ops = &virsh_ops, .host = s->host};
	s->runner = *runner;
	set_prefix(&s->prefix, prefix);
	return &s->virt;
}
