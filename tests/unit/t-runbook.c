/* SPDX-License-Identifier: Apache-2.0 */
/* Runbooks: each refusal with its place and what would be allowed; variables;
 * loops; and that the journal's form is read back as it was. */
#include "unit/unit.h"

#include "core/buf.h"
#include "core/fs.h"
#include "runbook/runbook.h"

static int parse_with(const char *text, const char *vars,
		      const char *const *set, struct runbook *rb, struct err *e)
{
	struct runbook_input in = {
		.book = {"b", text, strlen(text)},
		.vars = {"v", vars, vars ? strlen(vars) : 0},
		.set = set,
	};

	return runbook_parse(&in, rb, e);
}

static void good_with(const char *text, const char *vars,
		      const char *const *set, struct runbook *rb)
{
	struct err e = ERR_INIT;

	if (parse_with(text, vars, set, rb, &e))
		fail_msg("refused: %s", err_msg(&e));
}

static void good(const char *text, struct runbook *rb)
{
	good_with(text, NULL, NULL, rb);
}

static void refused_with(const char *text, const char *vars,
			 const char *const *set, const char *msg,
			 const char *hint)
{
	struct runbook rb;
	struct err e = ERR_INIT;

	if (!parse_with(text, vars, set, &rb, &e))
		fail_msg("accepted, without '%s':\n%s", msg, text);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(err_msg(&e), msg);
	if (hint)
		assert_string_equal(e.hint ? e.hint : "", hint);
	assert_int_equal(rb.n, 0);
	assert_null(rb.steps);
	err_clear(&e);
}

#define HEAD "version: 1\nname: t\n"
#define STEPS HEAD "steps:\n"
/* One step of this type, its further keys from line 6 on. */
#define STEP(type) STEPS "  - name: a\n    type: " type "\n"

static const struct refusal {
	const char *text, *msg, *hint;
} refusals[] = {
	/* not a runbook at all */
	{"", "b:1:1: the file is empty", NULL},
	{"- 1\n", "b:1:1: a runbook is a map, not a list", NULL},
	{"just text\n", "b:1:1: a runbook is a map, not text", NULL},
	{"a: [1\n",
	 "b:2:1: not YAML: did not find expected ',' or ']', while "
	 "parsing a flow sequence",
	 NULL},
	{"a: \"\\e[2J\"\n", "b:1:4: a control character in a text", NULL},
	{"a: \"x\\0y\"\n", "b:1:4: a control character in a text", NULL},
	{HEAD "x: &a 1\n",
	 "b:3:4: an anchor (&): write it out, or use a variable", NULL},
	{HEAD "x: &a [b]\n",
	 "b:3:4: an anchor (&): write it out, or use a variable", NULL},
	{HEAD "x: *a\n", "b:3:4: an alias (*): write it out, or use a variable",
	 NULL},
	{HEAD "x: !!int 1\n", "b:3:4: a tag (!): types are known", NULL},
	{HEAD "x: !python/object {}\n", "b:3:4: a tag (!): types are known",
	 NULL},
	{HEAD "? [a, b]\n: 1\n", "b:3:3: a key must be a word", NULL},
	{HEAD "name: u\n",
	 "b:3:1: key 'name' for the second time: it stands in line 2 already",
	 NULL},
	{HEAD "x: [[[[[[[[[[[[[1]]]]]]]]]]]]]\n", "b:3:15: nested too deep",
	 NULL},
	{STEP("report") "    file: /r.txt\n---\na: b\n",
	 "b:7:1: a second document: one file is one runbook", NULL},
	/* the head */
	{"name: t\nsteps: []\n",
	 "b:1:1: runbook: 'version' is missing: it is 1", NULL},
	{"version: 2\nname: t\n",
	 "b:1:10: version: this novahaul reads version 1", NULL},
	{"version: 1\nsteps: [x]\n", "b:1:1: runbook: 'name' is missing", NULL},
	{"version: 1\nname: a b\nsteps: [x]\n",
	 "b:2:7: name: 'a b' is not a name: letters, digits and . _ - (at most "
	 "64)",
	 NULL},
	{HEAD "step: []\n",
	 "b:3:1: runbook: unknown key 'step'; did you mean "
	 "'steps'?",
	 "allowed here: version, name, description, variables, profiles, "
	 "steps"},
	{HEAD "steps: {}\n", "b:3:8: steps: a list is expected, not a map",
	 NULL},
	{HEAD "steps: []\n", "b:3:8: steps: the list is empty", NULL},
	{HEAD "steps:\n", "b:3:7: steps: a list is expected, not text", NULL},
	/* variables */
	{HEAD "variables: [a]\n",
	 "b:3:12: variables: a map is expected, not a list", NULL},
	{HEAD "variables:\n  h: compute-1\n",
	 "b:4:6: variable 'h': a map is expected, not text", NULL},
	{HEAD "variables:\n  h: {typ: host}\n",
	 "b:4:7: variable: unknown key 'typ'; did you mean 'type'?",
	 "allowed here: type, description, default, required"},
	{HEAD "variables:\n  h: {type: hots}\n",
	 "b:4:13: type: 'hots' is unknown; did you mean 'hosts'?",
	 "allowed here: text, name, path, host, server, boolean, number, "
	 "duration, size, hosts, servers, texts"},
	{HEAD "variables:\n  h: {type: host, default: a/b}\n",
	 "b:4:28: h: 'a/b' is not the name of a host", NULL},
	{HEAD "variables:\n  h: {type: host, default: [a]}\n",
	 "b:4:28: h: the name of a host is expected, not a list", NULL},
	{HEAD "variables:\n  h: {type: hosts, default: [a, -b]}\n",
	 "b:4:33: h: '-b' is not the name of a host", NULL},
	{HEAD "variables:\n  h: {default: '${x}'}\n",
	 "b:4:16: h: a variable's value has no variables", NULL},
	{HEAD "variables:\n  h: {required: perhaps}\n",
	 "b:4:17: required: 'perhaps' is not yes or no", NULL},
	{HEAD "variables:\n  h: {type: host, required: yes}\nsteps: [x]\n",
	 "b:4:3: variable 'h' is required and not set",
	 "--var h=..., with the name of a host"},
	{HEAD "variables:\n  db_Password: {}\n",
	 "b:4:3: variable 'db_Password': a runbook and its variables are kept "
	 "in the journal and hold no secrets",
	 "let the hook read it where it is kept"},
	{HEAD "variables:\n  'a b': {}\n",
	 "b:4:3: variable 'a b': it is not a name: letters, digits and . _ - "
	 "(at most 64)",
	 NULL},
	/* profiles */
	{HEAD "profiles: {}\n", "b:1:1: runbook: 'steps' is missing", NULL},
	{HEAD "profiles: {}\nsteps: [x]\n",
	 "b:3:11: profiles: a list is expected, not a map", NULL},
	{HEAD "profiles:\n  - hosts: h\n    virsh: docker exec x virsh\nsteps: "
	      "[x]\n",
	 "b:5:12: virsh: it must be a command as a list of words: there is no "
	 "shell to split it",
	 NULL},
	{HEAD "profiles:\n  - hosts: h\n    path-map: [/a]\nsteps: [x]\n",
	 "b:5:15: path-map: '/a' is not /INSIDE=/OUTSIDE", NULL},
	/* steps */
	{STEPS "  - a\n", "b:4:5: step: a map is expected, not text", NULL},
	{STEPS "  - name: a\n", "b:4:5: step: 'type' is missing",
	 "allowed here: check, disable-service, enable-service, evacuate, "
	 "move, wait, hook, approve, return, audit, report"},
	{STEPS "  - type: audit\n", "b:4:5: step: 'name' is missing", NULL},
	{STEP("evacuat"),
	 "b:5:11: type: 'evacuat' is unknown; did you mean "
	 "'evacuate'?",
	 NULL},
	{STEP("evacuate"), "b:4:5: evacuate: 'host' is missing", NULL},
	{STEP("evacuate") "    host: h\n    tomeout: 5\n",
	 "b:7:5: evacuate: unknown key 'tomeout'", NULL},
	{STEP("hook") "    commandd: [x]\n",
	 "b:6:5: hook: unknown key 'commandd'; did you mean 'command'?",
	 "allowed here: name, type, description, when, unless, on-failure, "
	 "command, exit-codes, timeout, interrupted"},
	{STEP("evacuate") "    host: [a]\n",
	 "b:6:11: host: the name of a host is expected, not a list", NULL},
	{STEP("evacuate") "    host: h\n    to: {a: b}\n",
	 "b:7:9: to: it must be a list of hosts", NULL},
	{STEP("evacuate") "    host: h\n    to: [a, b c]\n",
	 "b:7:13: to: 'b c' is not the name of a host", NULL},
	{STEP("evacuate") "    host: h\n    to: [a, [b]]\n",
	 "b:7:13: a text is expected, not a list", NULL},
	{STEP("evacuate") "    host: h\n    parallel: many\n",
	 "b:7:15: parallel: 'many' is not a number from 0 to 100000", NULL},
	{STEP("evacuate") "    host: h\n    bwlimit: 20 M\n",
	 "b:7:14: bwlimit: '20 M' is not a size such as 512k, 20M or 1G", NULL},
	{STEP("evacuate") "    host: h\n    bwlimit: 9999999T\n",
	 "b:7:14: bwlimit: '9999999T' is not a size such as 512k, 20M or 1G",
	 NULL},
	{STEP("audit") "    on-failure: ignore\n",
	 "b:6:17: on-failure: 'ignore' is unknown",
	 "allowed here: stop, continue, rollback"},
	{STEP("audit") "    when: ${x}\n", "b:6:11: there is no variable 'x'",
	 "declare it under 'variables'"},
	{STEP("audit") "    when: ${x\n",
	 "b:6:11: '${' begins a variable: ${name}; for the two characters "
	 "write $${",
	 NULL},
	{STEP("audit") "    when: maybe\n",
	 "b:6:11: when: 'maybe' is not yes or no", NULL},
	{STEP("audit") "  - name: a\n    type: audit\n",
	 "b:6:11: step 'a' for the second time: one of that name stands in "
	 "line 4",
	 NULL},
	/* what goes together */
	{STEP("check"),
	 "b:4:5: check: either 'host' or 'servers' is what it "
	 "looks at",
	 NULL},
	{STEP("check") "    host: h\n    to: i\n",
	 "b:7:9: check: 'to' goes with 'servers'", NULL},
	{STEP("check") "    servers: [s]\n",
	 "b:4:5: check: 'servers' needs 'to'", NULL},
	{STEP("move") "    server: -s\n    to: h\n",
	 "b:6:13: server: '-s' is not the name or uuid of a server", NULL},
	{STEP("wait") "    for: host-emty\n    host: h\n",
	 "b:6:10: for: 'host-emty' is unknown; did you mean 'host-empty'?",
	 NULL},
	{STEP("wait") "    for: host-empty\n",
	 "b:4:5: wait: 'host-empty' needs 'host'", NULL},
	{STEP("wait") "    for: instance-status\n    server: s\n",
	 "b:4:5: wait: 'instance-status' needs 'status'", NULL},
	{STEP("wait") "    for: service-up\n    host: h\n    server: s\n",
	 "b:8:13: wait: 'server' does not go with 'service-up'", NULL},
	{STEP("wait") "    for: service-up\n    host: h\n    timeout: soon\n",
	 "b:8:14: timeout: 'soon' is not a time such as 90s, 10m, 2h or 1d",
	 NULL},
	{STEP("wait") "    for: service-up\n    host: h\n    interval: 0\n",
	 "b:8:15: wait: 'interval' is a second or more", NULL},
	{STEP("hook") "    command: reboot now\n",
	 "b:6:14: command: it must be a command as a list of words: there is "
	 "no shell to split it",
	 NULL},
	{STEP("hook") "    command: ['']\n",
	 "b:6:15: command: '' is not a text that is not empty", NULL},
	{STEP("hook") "    command: [x]\n    exit-codes: [0, 256]\n",
	 "b:7:17: hook: an exit code is at most 255", NULL},
	{STEP("hook") "    command: [x]\n    timeout: 0\n",
	 "b:7:14: hook: 'timeout' is a second or more", NULL},
	{STEP("approve") "    ask: Go on?\n",
	 "b:4:5: approve: 'word' (to type), 'file' (to appear), or both", NULL},
	{STEP("approve") "    ask: Go on?\n    file: here\n",
	 "b:7:11: file: 'here' is not an absolute path", NULL},
	{STEP("report") "    file: /tmp/report\n",
	 "b:6:11: report: the name ends in none of .txt, .json and .html, so "
	 "'format' is needed",
	 NULL},
	{STEP("return"),
	 "b:4:5: return: there is no evacuate step before this "
	 "one",
	 NULL},
	{STEP("evacuate") "    host: h\n  - name: b\n    type: return\n"
			  "    of: x\n",
	 "b:9:9: return: there is no evacuate step 'x' before this one", NULL},
	/* loops */
	{STEPS "  - for-each: [a, b]\n    as: h\n",
	 "b:4:5: for-each: 'steps' is missing", NULL},
	{STEPS "  - for-each: [a, b]\n    name: s\n    type: audit\n",
	 "b:4:15: for-each: 'steps' is missing: it holds the steps that are "
	 "repeated",
	 NULL},
	{STEPS "  - for-each: [a, a]\n    as: h\n    steps:\n"
	       "      - name: s\n        type: audit\n",
	 "b:7:15: step 's@a' for the second time: one of that name stands in "
	 "line 7",
	 NULL},
	{STEPS "  - for-each: [a]\n    as: h\n    steps:\n"
	       "      - for-each: [b]\n        as: i\n        steps: [x]\n",
	 "b:7:9: a for-each within a for-each", NULL},
	{STEPS "  - for-each: [a]\n    as: h\n    steps:\n"
	       "      - name: s\n        type: evacuate\n"
	       "        host: ${hh}\n",
	 "b:9:15: there is no variable 'hh'; did you mean 'h'?",
	 "allowed here: h"},
};

static void t_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		refused_with(refusals[i].text, NULL, NULL, refusals[i].msg,
			     refusals[i].hint);
}

static void t_not_utf8(void **state)
{
	(void)state;
	refused_with("name: a\nb: \xff\n", NULL, NULL,
		     "b:2:4: not YAML: invalid leading UTF-8 octet", NULL);
}

/* Text that would stand for more than is written, and text that is large. */
static void t_bombs(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	refused_with("a: &a [x,x]\nb: &b [*a,*a]\n", NULL, NULL,
		     "b:1:4: an anchor (&): write it out, or use a variable",
		     NULL);
	buf_puts(&b, HEAD "x: [");
	for (int i = 0; i < RUNBOOK_NODES_MAX; i++)
		buf_puts(&b, "1,");
	buf_puts(&b, "]\n");
	refused_with(buf_str(&b), NULL, NULL,
		     "b:3:39991: more than 20000 values", NULL);
	buf_reset(&b);
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, '[');
	refused_with(buf_str(&b), NULL, NULL, "b:1:13: nested too deep", NULL);
	while (b.len <= RUNBOOK_TEXT_MAX)
		buf_puts(&b, "# a comment\n");
	refused_with(buf_str(&b), NULL, NULL, "b:1:1: larger than 256 KiB",
		     NULL);
	buf_reset(&b);
	buf_puts(&b, HEAD "description: ");
	for (int i = 0; i <= RUNBOOK_VALUE_MAX; i++)
		buf_putc(&b, 'x');
	refused_with(buf_str(&b), NULL, NULL,
		     "b:3:14: a text of more than 8192 bytes", NULL);
}

/* A text that variables blow up, and steps that a loop multiplies. */
static void t_blown_up(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	(void)state;
	buf_puts(&b, HEAD "variables:\n  v: {default: ");
	for (int i = 0; i < 1000; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, "}\nsteps:\n  - name: a\n    type: disable-service\n"
		     "    host: h\n    reason: ");
	for (int i = 0; i < 9; i++)
		buf_puts(&b, "${v}");
	refused_with(buf_str(&b), NULL, NULL,
		     "b:9:13: a text of more than 8192 bytes, its variables "
		     "put in",
		     NULL);
	buf_reset(&b);
	buf_puts(&b, STEPS "  - for-each: [");
	for (int i = 0; i < 501; i++)
		buf_printf(&b, "h%d,", i);
	buf_puts(&b, "]\n    as: h\n    steps:\n"
		     "      - {name: a, type: audit}\n"
		     "      - {name: b, type: audit}\n");
	refused_with(buf_str(&b), NULL, NULL, "b:7:9: more than 1000 steps",
		     NULL);
}

#define VARS                                                                   \
	HEAD "variables:\n"                                                    \
	     "  host: {type: host, required: yes}\n"                           \
	     "  targets: {type: hosts, default: [c1, c2]}\n"                   \
	     "  rate: {type: size}\n"                                          \
	     "  really: {type: boolean, default: no}\n"                        \
	     "  note: {default: by hand}\n"

static const char vars_book[] = VARS
	"steps:\n"
	"  - name: off\n    type: disable-service\n    host: ${host}\n"
	"    reason: 'work on ${host}: ${note}; $${host} costs $5'\n"
	"  - name: empty\n    type: evacuate\n    host: ${host}\n"
	"    to: ['${targets}', c9]\n    bwlimit: ${rate}\n"
	"  - name: hook\n    type: hook\n    command: [ring, '${targets}', "
	"'-${note}-']\n    when: ${really}\n"
	"  - name: home\n    type: return\n    unless: ${really}\n";

static const char *text_of(const struct runbook_step *s, const char *key)
{
	const char *v = json_string_value(json_object_get(s->args, key));

	return v ? v : "";
}

static void assert_json(const json_t *v, const char *text)
{
	json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (!json_equal(v, want))
		fail_msg("not %s", text);
	json_decref(want);
}

static void t_variables(void **state)
{
	static const char *const set[] = {"host=c30", "targets=c3", NULL};
	struct runbook rb;

	(void)state;
	good_with(vars_book, "host: c29\nrate: 20M\nnote: from a file\n", set,
		  &rb);
	assert_int_equal(rb.n, 4);
	/* --var wins over --vars, that over the default */
	assert_string_equal(text_of(&rb.steps[0], "host"), "c30");
	assert_string_equal(text_of(&rb.steps[0], "reason"),
			    "work on c30: from a file; ${host} costs $5");
	assert_json(rb.steps[1].args,
		    "{\"host\": \"c30\", \"to\": [\"c3\", \"c9\"], "
		    "\"bwlimit\": 20971520}");
	assert_json(json_object_get(rb.steps[2].args, "command"),
		    "[\"ring\", \"c3\", \"-from a file-\"]");
	assert_true(rb.steps[2].skip);
	assert_false(rb.steps[3].skip);
	assert_string_equal(text_of(&rb.steps[3], "of"), "empty");
	assert_json(rb.vars, "{\"host\": \"c30\", \"targets\": [\"c3\"], "
			     "\"rate\": \"20M\", \"really\": \"no\", "
			     "\"note\": \"from a file\"}");
	runbook_clear(&rb);
}

/* A value that is one variable, which nobody set, is not there. */
static void t_unset(void **state)
{
	static const char *const set[] = {"host=c30", "targets=", NULL};
	struct runbook rb;

	(void)state;
	good_with(vars_book, NULL, set, &rb);
	assert_json(rb.steps[1].args, "{\"host\": \"c30\", \"to\": [\"c9\"]}");
	assert_null(json_object_get(rb.steps[1].args, "bwlimit"));
	runbook_clear(&rb);
	refused_with(HEAD "variables:\n  r: {}\nsteps:\n  - name: a\n"
			  "    type: disable-service\n    host: ${r}\n",
		     NULL, NULL, "b:8:11: disable-service: 'host' has no value",
		     NULL);
	refused_with(HEAD "variables:\n  r: {}\nsteps:\n  - name: a\n"
			  "    type: disable-service\n    host: x${r}\n",
		     NULL, NULL, "b:8:11: variable 'r' is not set",
		     "--var r=...");
	refused_with(HEAD "variables:\n  r: {type: hosts}\nsteps:\n"
			  "  - name: a\n    type: disable-service\n"
			  "    host: x${r}\n",
		     NULL, NULL,
		     "b:8:11: 'r' is a list: it cannot stand within a text",
		     NULL);
}

static void t_bad_variables(void **state)
{
	static const struct {
		const char *vars, *set, *msg, *hint;
	} bad[] = {
		{NULL, "host", "--var host: name=value is expected", NULL},
		{NULL, "hots=a",
		 "--var: the runbook has no variable 'hots'; did you mean "
		 "'host'?",
		 "allowed here: host, targets, rate, really, note"},
		{NULL, "host=a b",
		 "--var host: 'a b' is not the name of a host", NULL},
		{NULL, "targets=a,-b",
		 "--var targets: '-b' is not the name of a host", NULL},
		{"- a\n", NULL,
		 "v:1:1: a map of variables is expected, not a "
		 "list",
		 NULL},
		{"host: c1\nhost: c2\n", NULL,
		 "v:2:1: key 'host' for the second time: it stands in line 1 "
		 "already",
		 NULL},
		{"host: c1\nnott: x\n", NULL,
		 "v:2:1: the runbook has no variable 'nott'; did you mean "
		 "'note'?",
		 NULL},
		{"host: c1\nrate: fast\n", NULL,
		 "v:2:7: rate: 'fast' is not a size such as 512k, 20M or 1G",
		 NULL},
		{"host: {a: b}\n", NULL,
		 "v:1:7: host: the name of a host is expected, not a map",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *set[] = {bad[i].set, NULL};

		refused_with(vars_book, bad[i].vars, set, bad[i].msg,
			     bad[i].hint);
	}
}

/* What a variable holds is put in as it is, and not looked at again. */
static void t_once(void **state)
{
	static const char *const set[] = {"host=c30", "note=${host} $${x}",
					  NULL};
	struct runbook rb;

	(void)state;
	good_with(vars_book, NULL, set, &rb);
	assert_string_equal(text_of(&rb.steps[0], "reason"),
			    "work on c30: ${host} $${x}; ${host} costs $5");
	runbook_clear(&rb);
}

static void t_loop(void **state)
{
	struct runbook rb;

	(void)state;
	good(HEAD "variables:\n  all: {type: hosts, default: [c1, c2]}\n"
		  "steps:\n"
		  "  - name: first\n    type: audit\n"
		  "  - for-each: ${all}\n    as: h\n    steps:\n"
		  "      - name: drain\n        type: evacuate\n"
		  "        host: ${h}\n"
		  "      - name: home\n        type: return\n"
		  "        of: drain\n",
	     &rb);
	assert_int_equal(rb.n, 5);
	assert_string_equal(rb.steps[1].name, "drain@c1");
	assert_string_equal(rb.steps[3].name, "drain@c2");
	assert_string_equal(text_of(&rb.steps[3], "host"), "c2");
	assert_string_equal(text_of(&rb.steps[2], "of"), "drain@c1");
	assert_string_equal(text_of(&rb.steps[4], "of"), "drain@c2");
	runbook_clear(&rb);
}

/* What is left out has its value when the file is read: a resume does not
 * depend on what a later build would fill in. */
static void t_filled_in(void **state)
{
	struct runbook rb;

	(void)state;
	good(STEP("hook") "    command: [x]\n"
			  "  - {name: w, type: wait, for: host-empty, host: h, "
			  "interval: 2m}\n"
			  "  - {name: r, type: report, file: /x.html}\n"
			  "  - {name: p, type: approve, ask: ok, word: yes, "
			  "on-failure: rollback}\n",
	     &rb);
	assert_json(rb.steps[0].args,
		    "{\"command\": [\"x\"], \"timeout\": 300, "
		    "\"exit-codes\": [0], \"interrupted\": \"stop\"}");
	assert_json(rb.steps[1].args,
		    "{\"for\": \"host-empty\", \"host\": \"h\", "
		    "\"interval\": 120, \"timeout\": 600}");
	assert_string_equal(text_of(&rb.steps[2], "format"), "html");
	assert_json(rb.steps[3].args, "{\"ask\": \"ok\", \"word\": \"yes\", "
				      "\"timeout\": 0}");
	assert_int_equal(rb.steps[3].on_failure, RUNBOOK_ROLLBACK);
	runbook_clear(&rb);
}

static void t_profiles(void **state)
{
	struct runbook rb;

	(void)state;
	good(HEAD "profiles:\n"
		  "  - hosts: [c1, c2]\n"
		  "    virsh: [docker, exec, nova_libvirt, virsh]\n"
		  "    path-map: [/var/lib/nova=/srv/nova]\n"
		  "steps:\n  - name: a\n    type: audit\n",
	     &rb);
	assert_json(rb.profiles,
		    "[{\"hosts\": [\"c1\", \"c2\"], \"virsh\": [\"docker\", "
		    "\"exec\", \"nova_libvirt\", \"virsh\"], \"path-map\": "
		    "[\"/var/lib/nova=/srv/nova\"]}]");
	runbook_clear(&rb);
}

static void t_json(void **state)
{
	static const char *const set[] = {"host=c30", NULL};
	struct runbook rb, again;
	struct err e = ERR_INIT;
	json_t *j, *k;

	(void)state;
	good_with(vars_book, NULL, set, &rb);
	j = runbook_json(&rb);
	assert_non_null(j);
	assert_int_equal(runbook_from_json(j, &again, &e), 0);
	k = runbook_json(&again);
	assert_true(json_equal(j, k));
	assert_string_equal(again.steps[3].name, "home");
	assert_int_equal(again.steps[3].type, RUNBOOK_RETURN);
	assert_true(again.steps[2].skip);
	json_decref(k);
	runbook_clear(&again);
	/* what another build may have written */
	json_object_set_new(json_array_get(json_object_get(j, "steps"), 1),
			    "type", json_string("defragment"));
	assert_int_equal(runbook_from_json(j, &again, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(again.n, 0);
	err_clear(&e);
	json_decref(j);
	runbook_clear(&rb);
}

/* Every runbook that is shipped, with what it requires. */
static void t_shipped(void **state)
{
	static const struct {
		const char *file;
		const char *set[4];
	} books[] = {
		{"planned-maintenance.yaml", {"host=c30", NULL}},
		{"emergency-evacuation.yaml", {"host=c30", NULL}},
		{"config-drive-move.yaml",
		 {"servers=a,b", "host=c30", "to=c34", NULL}},
		{"rolling-kernel-update.yaml", {"hosts=c30,c34", NULL}},
	};
	const char *top = getenv("srcdir");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(books); i++) {
		AUTO(mem_freep)
		char *path = mem_printf("%s/contrib/runbooks/%s",
					top ? top : ".", books[i].file);
		AUTO(buf_clear) struct buf text = BUF_INIT;
		struct err e = ERR_INIT;
		struct runbook rb;

		if (fs_read_path(path, RUNBOOK_TEXT_MAX, &text, &e))
			fail_msg("%s", err_msg(&e));
		good_with(buf_str(&text), NULL, books[i].set, &rb);
		assert_true(rb.n > 3);
		assert_non_null(rb.description);
		runbook_clear(&rb);
	}
}

/* ---- novahaul-runbook(5) */

/* The keys that the page documents under "=head2 B<SECTION>", sorted as they
 * stand: "=item B<key>" lines. */
static void keys_of_page(const char *page, const char *section,
			 struct strv *out)
{
	AUTO(mem_freep) char *title = mem_printf("=head2 B<%s>\n", section);
	const char *p = strstr(page, title), *end;

	if (!p)
		fail_msg("novahaul-runbook(5) has no part '%s'", section);
	p += strlen(title);
	end = strstr(p, "\n=head");
	while ((p = strstr(p, "=item B<")) && (!end || p < end)) {
		AUTO(mem_freep) char *key = NULL;

		p += strlen("=item B<");
		key = mem_strndup(p, strcspn(p, ">"));
		strv_add(out, key);
	}
}

static void t_page(void **state)
{
	const char *top = getenv("srcdir");
	AUTO(mem_freep)
	char *path =
		mem_printf("%s/doc/man/novahaul-runbook.pod", top ? top : ".");
	AUTO(buf_clear) struct buf page = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	if (fs_read_path(path, 1 << 20, &page, &e))
		fail_msg("%s", err_msg(&e));
	for (const struct runbook_section *s = runbook_schema(); s->name; s++) {
		AUTO(strv_clear) struct strv keys = STRV_INIT;
		size_t i = 0;

		keys_of_page(buf_str(&page), s->name, &keys);
		for (const struct runbook_key *k = s->keys; k->name; k++, i++)
			if (i >= keys.n || strcmp(keys.v[i], k->name) != 0)
				fail_msg("%s: the page has %s where the "
					 "program has %s",
					 s->name, i < keys.n ? keys.v[i] : "-",
					 k->name);
		if (i != keys.n)
			fail_msg("%s: the page has %s, which the program does "
				 "not know",
				 s->name, keys.v[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_refusals),
		cmocka_unit_test(t_not_utf8),
		cmocka_unit_test(t_bombs),
		cmocka_unit_test(t_blown_up),
		cmocka_unit_test(t_variables),
		cmocka_unit_test(t_unset),
		cmocka_unit_test(t_bad_variables),
		cmocka_unit_test(t_once),
		cmocka_unit_test(t_loop),
		cmocka_unit_test(t_filled_in),
		cmocka_unit_test(t_profiles),
		cmocka_unit_test(t_json),
		cmocka_unit_test(t_shipped),
		cmocka_unit_test(t_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
