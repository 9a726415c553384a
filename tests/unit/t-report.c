/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of a job and the page that is made of it, from a real journal
 * whose clock stands where the test puts it.
 */
#include "unit/unit.h"

#include <jansson.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "engine/batch.h"
#include "report/report.h"

#define SECOND 1000000LL
#define T0 (1795276555 * SECOND) /* 2026-11-21T15:55:55Z */

static char dir[] = "/tmp/nh-report.XXXXXX";
static struct journal *j;
static struct journal_job job;
static int64_t now = T0;

static int64_t fake_now(void)
{
	return now;
}

static const char *const names[] = {"claim",	  "precopy", "stop",
				    "final-copy", "rewrite", "start"};
enum { CLAIM, PRECOPY, STOP, COPY, REWRITE, START, STEPS };

static const char hostile[] =
	"<script>alert(1)</script>'\"&amp;\x1b[2J\xe2\x80\xae"
	"gnp.exe\xef\xbb\xbf\xc2\x85";

/* The batch that jobs are created for, and as which member; "": none. */
static char of_batch[JOURNAL_ID_MAX];
static int of_member;

/* At T0, by OWNER. */
static void create(const char *name, const char *owner)
{
	json_t *steps = json_array(), *plan;
	struct err e = ERR_INIT;
	static unsigned n;
	char uuid[16];

	/* Where several write, an instance has one open job at most. */
	snprintf(uuid, sizeof(uuid), "u-%u", n++);
	journal_job_clear(&job);
	for (size_t i = 0; i < STEPS; i++)
		json_array_append_new(
			steps, json_pack("{s:s, s:s}", "step", names[i],
					 "summary", i ? "do <b>it</b>" : ""));
	plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:{s:b}, s:o}", "kind",
			 "move", "instance", "uuid", uuid, "name", name,
			 "source", "compute-30", "target", "compute-34", "move",
			 "was_running", 1, "steps", steps);
	if (*of_batch)
		json_object_set_new(plan, "batch",
				    json_pack("{s:s, s:i, s:i}", "id", of_batch,
					      "member", of_member, "epoch", 1));
	else
		now = T0;
	if (journal_create(j, plan, owner, &job, &e))
		fail_msg("%s", err_msg(&e));
	json_decref(plan);
}

/* SECONDS after T0. */
static void at(double seconds)
{
	now = T0 + (int64_t)(seconds * SECOND);
}

static void mark(size_t i, enum journal_mark m, unsigned attempt, uint64_t sent)
{
	struct journal_key k = journal_key(&job);
	struct journal_step s = {.idx = i,
				 .mark = m,
				 .attempt = attempt,
				 .started_us = now,
				 .sent = sent};
	struct err e = ERR_INIT;

	if (m == MARK_DONE || m == MARK_UNDONE)
		s.ended_us = now;
	assert_int_equal(journal_mark(j, &k, &s, &e), 0);
}

static void ran(size_t i, double from, double to, uint64_t sent)
{
	at(from);
	mark(i, MARK_RUNNING, 1, 0);
	at(to);
	mark(i, MARK_DONE, 1, sent);
}

static void turn(enum journal_state state, enum journal_dir how,
		 const char *why)
{
	struct journal_key k = journal_key(&job);
	struct err cause = ERR_INIT, e = ERR_INIT;

	if (why)
		err_set(&cause, ERR_FAILED, "%s", why);
	if (why)
		err_hint(&cause, "novahaul resume <it>");
	assert_int_equal(
		journal_turn(j, &k,
			     &(struct journal_turn){.state = state,
						    .dir = how,
						    .why = why ? &cause : NULL},
			     &e),
		0);
	err_clear(&cause);
}

static void say(const char *text)
{
	struct journal_key k = journal_key(&job);
	struct err e = ERR_INIT;

	assert_int_equal(journal_say(j, &k, 1, text, &e), 0);
}

static void take(const char *owner)
{
	struct err e = ERR_INIT;

	assert_int_equal(
		journal_take(j, &job,
			     &(struct journal_takeover){.owner = owner}, &e),
		0);
}

/* A move that went well. */
static void moved(const char *name)
{
	create(name, "controller pid 7");
	ran(CLAIM, 0.1, 0.2, 0);
	ran(PRECOPY, 0.2, 20, 50 << 20);
	say("half of it");
	ran(STOP, 20, 22, 0);
	ran(COPY, 22, 24, 1 << 20);
	ran(REWRITE, 24, 24.5, 0);
	ran(START, 24.5, 26, 0);
	at(26);
	turn(JOURNAL_DONE, JOURNAL_FORWARD, NULL);
}

static json_t *document(void)
{
	struct err e = ERR_INIT;
	json_t *doc = report_job(j, job.id, T0 + 3600 * SECOND, &e);

	if (!doc)
		fail_msg("%s", err_msg(&e));
	return doc;
}

static const json_t *path(const json_t *v, const char *p)
{
	char part[64];

	while (v && *p) {
		size_t n = strcspn(p, "/");

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		v = json_is_array(v)
			    ? json_array_get(v, (size_t)strtol(part, NULL, 10))
			    : json_object_get(v, part);
		p += n + (p[n] == '/');
	}
	return v;
}

static double num(const json_t *doc, const char *p)
{
	const json_t *v = path(doc, p);

	return json_is_number(v) ? json_number_value(v) : -1;
}

static void is(const json_t *doc, const char *p, const char *want)
{
	const char *s = json_string_value(path(doc, p));

	if (!s || strcmp(s, want))
		fail_msg("%s is \"%s\", not \"%s\"", p, s ? s : "(none)", want);
}

/* --- pages */

static int complaints;

/* HTML 4 knows neither section nor svg: those alone may be complained of. */
static void complain(void *arg, xmlErrorPtr err)
{
	(void)arg;
	if (err->code == XML_HTML_UNKNOWN_TAG)
		return;
	complaints++;
	print_message("line %d: %s", err->line, err->message);
}

static void no_foreign(const xmlNode *n)
{
	static const char *const banned[] = {"script", "link",	 "img",
					     "iframe", "object", "embed",
					     "base",   "form",	 "a"};

	for (size_t i = 0; i < ARRAY_SIZE(banned); i++)
		assert_string_not_equal((const char *)n->name, banned[i]);
	for (const xmlAttr *a = n->properties; a; a = a->next) {
		const char *name = (const char *)a->name;
		xmlChar *v = xmlNodeListGetString(n->doc, a->children, 1);

		if (!strncmp(name, "on", 2) || strstr(name, "href") ||
		    !strcmp(name, "src") || !strcmp(name, "action"))
			fail_msg("attribute %s", name);
		if (v && (strstr((char *)v, "://") ||
			  strstr((char *)v, "javascript:")))
			fail_msg("%s=\"%s\"", name, (char *)v);
		xmlFree(v);
	}
}

static int count(const xmlNode *n, const char *name)
{
	int sum = 0;

	for (; n; n = n->next) {
		if (n->type == XML_ELEMENT_NODE) {
			no_foreign(n);
			sum += !strcmp((const char *)n->name, name);
		}
		sum += count(n->children, name);
	}
	return sum;
}

/* The page of DOC as an XML tree, after HTML's parser has taken it as well: it
 * is well-formed for both.  The caller frees. */
static xmlDocPtr page(const json_t *doc, struct buf *out)
{
	htmlDocPtr html;
	xmlDocPtr xml;

	report_html(doc, out);
	complaints = 0;
	xmlSetStructuredErrorFunc(NULL, complain);
	html = htmlReadMemory(out->p, (int)out->len, NULL, "utf-8",
			      HTML_PARSE_NONET);
	xml = xmlReadMemory(out->p, (int)out->len, NULL, "utf-8",
			    XML_PARSE_NONET | XML_PARSE_HUGE);
	xmlSetStructuredErrorFunc(NULL, NULL);
	assert_non_null(html);
	assert_non_null(xml);
	assert_int_equal(complaints, 0);
	xmlFreeDoc(html);
	return xml;
}

static bool says(xmlDocPtr doc, const char *text)
{
	xmlChar *all = xmlNodeGetContent(xmlDocGetRootElement(doc));
	bool yes = all && strstr((char *)all, text);

	xmlFree(all);
	return yes;
}

/* --- tests */

/* For who wants to see them: NH_REPORT_PAGES=FOLDER. */
static void keep(const char *name, const struct buf *page_of)
{
	const char *folder = getenv("NH_REPORT_PAGES");
	struct err e = ERR_INIT;
	AUTO(mem_closefd) int fd = -1;

	if (!folder)
		return;
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(
		fs_write_atomic(fd, name, page_of->p, page_of->len, 0644, &e),
		0);
}

static void t_done(void **state)
{
	json_t *doc;

	(void)state;
	moved("web1");
	doc = document();
	is(doc, "report", "job");
	is(doc, "id", job.id);
	is(doc, "outcome", "done");
	is(doc, "created", "2026-11-21T15:55:55.000000Z");
	is(doc, "generated", "2026-11-21T16:55:55.000000Z");
	assert_true(num(doc, "schema_version") == 1);
	assert_true(num(doc, "seconds") == 26);
	assert_true(num(doc, "totals/instances") == 1);
	assert_true(num(doc, "totals/outcomes/done") == 1);
	assert_true(num(doc, "totals/outcomes/failed") == 0);
	assert_true(num(doc, "totals/bytes_sent") == 51 << 20);
	assert_true(num(doc, "totals/downtime_max_s") == 6);
	is(doc, "instances/0/server/name", "web1");
	is(doc, "instances/0/from", "compute-30");
	assert_true(num(doc, "instances/0/downtime/at_s") == 20);
	assert_true(num(doc, "instances/0/downtime/seconds") == 6);
	is(doc, "instances/0/steps/1/step", "precopy");
	assert_true(num(doc, "instances/0/steps/1/spans/0/at_s") == 0.2);
	assert_true(num(doc, "instances/0/steps/1/spans/0/seconds") == 19.8);
	is(doc, "instances/0/steps/1/spans/0/end", "done");
	is(doc, "instances/0/controllers/0/owner", "controller pid 7");
	assert_int_equal(json_array_size(path(doc, "instances/0/failures")), 0);
	/* 12 marks, a line, done */
	assert_int_equal(json_array_size(path(doc, "instances/0/events")), 14);
	is(doc, "time/0/step", "precopy");
	assert_true(num(doc, "time/0/seconds") == 19.8);
	json_decref(doc);
}

/* The sum of all that is said of the time is the time. */
static void t_time(void **state)
{
	double sum = 0;
	json_t *doc, *t;
	size_t i;

	(void)state;
	moved("web1");
	doc = document();
	json_array_foreach (json_object_get(doc, "time"), i, t)
		sum += num(t, "seconds");
	assert_true(sum > 25.99 && sum < 26.01);
	/* the first tenth of a second belongs to no step */
	assert_null(path(doc, "time/6/step"));
	assert_true(num(doc, "time/6/seconds") == 0.1);
	json_decref(doc);
}

/* Tried again, killed, taken over two hours later, rolled back by itself. */
static void fail_late(void)
{
	create("web2", "one pid 1");
	ran(CLAIM, 0, 1, 0);
	at(1);
	mark(PRECOPY, MARK_RUNNING, 1, 0);
	at(3);
	mark(PRECOPY, MARK_RUNNING, 2, 0);
	at(5);
	say("still at it");
	at(7200);
	take("two pid 2");
	at(7201);
	mark(PRECOPY, MARK_RUNNING, 3, 0);
	at(7203);
	turn(JOURNAL_OPEN, JOURNAL_BACKWARD, "the disk <i>burns</i>");
	at(7204);
	mark(PRECOPY, MARK_UNDOING, 3, 0);
	at(7206);
	mark(PRECOPY, MARK_UNDONE, 3, 0);
	mark(CLAIM, MARK_UNDONE, 1, 0);
	turn(JOURNAL_ROLLED_BACK, JOURNAL_BACKWARD, "the disk <i>burns</i>");
}

static void t_failed(void **state)
{
	static const struct {
		const char *what, *end;
		double at, s;
	} want[] = {{"run", "again", 1, 2},
		    {"run", "cut", 3, 2},
		    {"run", "failed", 7201, 2},
		    {"undo", "done", 7204, 2}};
	json_t *doc;
	char p[64];

	(void)state;
	fail_late();
	doc = document();
	is(doc, "outcome", "failed");
	is(doc, "error/message", "the disk <i>burns</i>");
	is(doc, "error/hint", "novahaul resume <it>");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		snprintf(p, sizeof(p), "instances/0/steps/1/spans/%zu", i);
		is(path(doc, p), "what", want[i].what);
		is(path(doc, p), "end", want[i].end);
		assert_true(num(path(doc, p), "at_s") == want[i].at);
		assert_true(num(path(doc, p), "seconds") == want[i].s);
	}
	assert_int_equal(json_array_size(path(doc, "instances/0/failures")), 1);
	assert_true(num(doc, "instances/0/failures/0/at_s") == 7203);
	/* Who had it first is not known any more. */
	assert_null(path(doc, "instances/0/controllers/0/owner"));
	is(doc, "instances/0/controllers/1/owner", "two pid 2");
	assert_true(num(doc, "instances/0/controllers/1/epoch") == 2);
	/* nobody was at it for two hours */
	assert_null(path(doc, "time/0/step"));
	json_decref(doc);
}

/* Killed in a step whose work was done: whoever takes the job over finds it so
 * and runs nothing.  Killed between two steps, no try of either was lost. */
static void t_cut(void **state)
{
	json_t *doc;

	(void)state;
	create("web4", "one pid 1");
	ran(CLAIM, 0, 1, 0);
	at(1);
	mark(PRECOPY, MARK_RUNNING, 1, 0);
	at(3);
	say("still at it");
	at(60);
	take("two pid 2");
	at(61);
	mark(PRECOPY, MARK_DONE, 1, 0);
	at(70);
	take("three pid 3");
	at(71);
	mark(STOP, MARK_RUNNING, 1, 0);
	at(72);
	mark(STOP, MARK_DONE, 1, 0);
	doc = document();
	is(doc, "instances/0/steps/1/spans/0/end", "cut");
	assert_true(num(doc, "instances/0/steps/1/spans/0/seconds") == 2);
	is(doc, "instances/0/steps/1/spans/1/end", "done");
	assert_true(num(doc, "instances/0/steps/1/spans/1/seconds") == 0);
	assert_int_equal(
		json_array_size(path(doc, "instances/0/steps/2/spans")), 1);
	is(doc, "instances/0/steps/2/spans/0/end", "done");
	assert_int_equal(json_array_size(path(doc, "instances/0/controllers")),
			 3);
	json_decref(doc);
}

static void t_open(void **state)
{
	json_t *doc;

	(void)state;
	create("web3", "one pid 1");
	at(1);
	mark(CLAIM, MARK_RUNNING, 1, 0);
	at(4);
	say("waiting");
	doc = document();
	is(doc, "outcome", "open");
	assert_null(path(doc, "ended"));
	is(doc, "instances/0/steps/0/spans/0/end", "open");
	assert_true(num(doc, "instances/0/steps/0/spans/0/seconds") == 3);
	assert_true(num(doc, "seconds") == 4);
	json_decref(doc);
}

static void t_page(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	json_t *doc;
	xmlDocPtr xml;
	xmlNode *root;

	(void)state;
	moved("web1");
	doc = document();
	xml = page(doc, &out);
	root = xmlDocGetRootElement(xml);
	/* a bar a step in the timeline and in the steps, each told in words */
	assert_int_equal(count(root, "section"), 3);
	assert_true(says(xml, "run precopy: 19.8 s, done"));
	assert_true(says(xml, "down 6.00 s"));
	assert_true(says(xml, "51.0 MiB"));
	assert_true(says(xml, "half of it"));
	assert_true(says(xml, "controller pid 7"));
	assert_true(says(xml, "do <b>it</b>"));
	assert_false(says(xml, "What went wrong"));
	assert_non_null(strstr(out.p, "role=\"img\" aria-label=\"web1: done"));
	keep("job.html", &out);
	xmlFreeDoc(xml);
	json_decref(doc);
}

/* A pause of two hours takes little of the width. */
static void t_pause(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	const char *bar;
	double x = 0, w = 0;
	json_t *doc;

	(void)state;
	fail_late();
	doc = document();
	xmlFreeDoc(page(doc, &out));
	keep("failed.html", &out);
	bar = strstr(out.p, "<title>undo precopy");
	assert_non_null(bar);
	while (strncmp(bar, "<rect", 5))
		bar--;
	assert_int_equal(sscanf(bar,
				"<rect class=\"undo\" x=\"%lf%%\" "
				"width=\"%lf%%\"",
				&x, &w),
			 2);
	/* two of ten seconds, in what the pause leaves */
	assert_true(w > 10 && w < 25);
	assert_true(x + w > 98 && x + w < 100.5);
	bar = strstr(out.p, "<rect class=\"pause\" x=\"");
	assert_int_equal(sscanf(bar,
				"<rect class=\"pause\" x=\"%lf%%\" "
				"width=\"%lf%%\"",
				&x, &w),
			 2);
	assert_true(w > 1 && w <= 5);
	json_decref(doc);
}

static void t_hostile(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	json_t *doc;
	xmlDocPtr xml;

	(void)state;
	create(hostile, hostile);
	at(1);
	mark(CLAIM, MARK_RUNNING, 1, 0);
	say(hostile);
	say("no \xff utf-8 \xc0\xaf");
	turn(JOURNAL_OPEN, JOURNAL_FORWARD, hostile);
	doc = document();
	is(doc, "instances/0/server/name", hostile);
	is(doc, "instances/0/events/2/text", "no \\xff utf-8 \\xc0\\xaf");
	xml = page(doc, &out);
	assert_int_equal(count(xmlDocGetRootElement(xml), "script"), 0);
	assert_true(says(xml, "<script>alert(1)</script>'\"&amp;\\x1b[2J"
			      "\\u{202e}gnp.exe\\u{feff}\\x85"));
	assert_null(strstr(out.p, "<script"));
	keep("hostile.html", &out);
	assert_null(strstr(out.p, "\x1b"));
	assert_null(strstr(out.p, "\xe2\x80\xae"));
	assert_null(strstr(out.p, "\xef\xbb\xbf"));
	xmlFreeDoc(xml);
	json_decref(doc);
}

/* A name of 100 KB, and 3,000 lines: the page stays one to look at. */
static void t_huge(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT, name = BUF_INIT;
	json_t *doc;
	xmlDocPtr xml;

	(void)state;
	/* MariaDB has room for the 255 characters that Nova has. */
	if (getenv("NH_TEST_STORE"))
		skip();
	for (int i = 0; i < 20000; i++)
		buf_puts(&name, "\xc3\xa4<\"x");
	create(buf_str(&name), "o");
	mark(CLAIM, MARK_RUNNING, 1, 0);
	for (int i = 0; i < 3000; i++)
		say(i == 2999 ? "the very last" : "again & again");
	doc = document();
	assert_int_equal(json_array_size(path(doc, "instances/0/events")),
			 3001);
	xml = page(doc, &out);
	assert_true(says(xml, "(100000 bytes in all)"));
	assert_true(says(xml, "and 2500 lines more: novahaul show --events"));
	assert_false(says(xml, "the very last"));
	assert_true(out.len < 150000);
	keep("huge.html", &out);
	xmlFreeDoc(xml);
	json_decref(doc);
}

/* 12 of them, of which one is open, and others failed; or many, or one. */
static int members = 12;

static void create_batch(struct batch *b)
{
	static const char *const names_of[] = {
		"web1", "db-primary", hostile,
		"an instance of which the name is long "
		"enough to need more than one line of its cell, and then some"};
	json_t *all = json_array(), *plan, *m;
	struct err e = ERR_INIT;

	for (int i = 0; i < members; i++) {
		char uuid[40];

		snprintf(uuid, sizeof(uuid), "9f2c1f1e-0b1d-4c57-8b9c-%012d",
			 i);
		m = json_pack("{s:{s:s, s:s}, s:s, s:s}", "instance", "uuid",
			      uuid, "name", i < 4 ? names_of[i] : uuid,
			      "source", "compute-30", "target",
			      i % 2 ? "compute-34" : "compute-35");
		if (i == 11)
			json_object_set_new(m, "why",
					    json_string("it fits <nowhere>"));
		json_array_append_new(all, m);
	}
	plan = json_pack("{s:s, s:s, s:o}", "kind", "evacuate", "host",
			 "compute-30", "members", all);
	now = T0;
	assert_int_equal(batch_create(j, plan, "controller pid 7", b, &e), 0);
	json_decref(plan);
}

/* As the controller does before it starts a process for it. */
static void start_member(const struct batch *b, int i)
{
	struct journal_key k = batch_key(b);
	struct batch_member m = b->members[i];
	struct err e = ERR_INIT;

	m.state = MEMBER_RUNNING;
	m.attempts = 1;
	m.started_us = now;
	assert_int_equal(batch_member_set(j, &k, &m, &e), 0);
}

/* Three at a time; some fail, one is open, one waits, one cannot go. */
static void run_batch(const struct batch *b)
{
	memcpy(of_batch, b->id, sizeof(of_batch));
	for (int i = 0; i < members; i++) {
		double t = (double)(i / 3) * 30 + (i % 3) * 2;

		if (i == 10 || i == 11)
			continue;
		of_member = i;
		at(t);
		start_member(b, i);
		create(b->members[i].name, "controller pid 8");
		ran(CLAIM, t + 0.1, t + 0.4, 0);
		ran(PRECOPY, t + 0.4, t + 12 + i, 50 << 20);
		at(t + 12 + i);
		mark(STOP, MARK_RUNNING, 1, 0);
		if (i == 4) {
			at(t + 16);
			turn(JOURNAL_OPEN, JOURNAL_BACKWARD, "no space left");
			mark(STOP, MARK_UNDOING, 1, 0);
			at(t + 19);
			mark(STOP, MARK_UNDONE, 1, 0);
			mark(PRECOPY, MARK_UNDONE, 1, 0);
			mark(CLAIM, MARK_UNDONE, 1, 0);
			turn(JOURNAL_ROLLED_BACK, JOURNAL_BACKWARD,
			     "no space left");
			continue;
		}
		at(t + 14 + i);
		mark(STOP, MARK_DONE, 1, 0);
		ran(COPY, t + 14 + i, t + 16 + i, 3 << 20);
		if (i == 9) {
			mark(REWRITE, MARK_RUNNING, 1, 0);
			turn(JOURNAL_OPEN, JOURNAL_FORWARD,
			     "host compute-34: no route to host");
			continue;
		}
		ran(REWRITE, t + 16 + i, t + 16.5 + i, 0);
		ran(START, t + 16.5 + i, t + 18 + i, 0);
		turn(JOURNAL_DONE, JOURNAL_FORWARD, NULL);
	}
	*of_batch = '\0';
}

static void t_batch(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct batch b = {0};
	json_t *doc;
	xmlDocPtr xml;

	(void)state;
	create_batch(&b);
	run_batch(&b);
	doc = report_batch(j, b.id, now, &e);
	assert_non_null(doc);
	is(doc, "report", "batch");
	is(doc, "id", b.id);
	is(doc, "host", "compute-30");
	is(doc, "outcome", "open");
	assert_true(num(doc, "totals/instances") == 12);
	assert_true(num(doc, "totals/outcomes/done") == 8);
	assert_true(num(doc, "totals/outcomes/failed") == 1);
	assert_true(num(doc, "totals/outcomes/open") == 1);
	assert_true(num(doc, "totals/outcomes/pending") == 1);
	assert_true(num(doc, "totals/outcomes/skipped") == 1);
	/* stopped, and not yet started again */
	assert_true(num(doc, "instances/9/down_at_s") == 111);
	assert_null(path(doc, "instances/9/downtime"));
	assert_null(path(doc, "instances/8/down_at_s"));
	/* the second lot begins when the first one is over */
	assert_true(num(doc, "instances/3/at_s") == 30);
	is(doc, "instances/4/error/message", "no space left");
	is(doc, "instances/11/error/message", "it fits <nowhere>");
	assert_null(path(doc, "instances/11/job"));
	is(doc, "controllers/0/owner", "controller pid 7");
	xml = page(doc, &out);
	assert_true(says(xml, "evacuate of compute-30: 12 instances"));
	assert_true(
		says(xml, "8 done, 1 failed, 1 open, 1 pending, 1 skipped"));
	assert_true(says(xml, "it fits <nowhere>"));
	assert_int_equal(count(xmlDocGetRootElement(xml), "script"), 0);
	keep("batch.html", &out);
	xmlFreeDoc(xml);
	json_decref(doc);
	batch_clear(&b);
	assert_null(report_batch(j, "b-aaaaaaaa", now, &e));
	assert_int_equal(e.kind, ERR_NOTHING);
	err_clear(&e);
}

/* One that is large, and one that is not: for the eye and for browser.sh. */
static void t_batch_sizes(void **state)
{
	static const struct {
		int members;
		const char *file;
	} cases[] = {{60, "batch60.html"}, {1, "batch1.html"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf_clear) struct buf out = BUF_INIT;
		struct err e = ERR_INIT;
		struct batch b = {0};
		json_t *doc;

		members = cases[i].members;
		create_batch(&b);
		run_batch(&b);
		doc = report_batch(j, b.id, now, &e);
		assert_non_null(doc);
		assert_true(num(doc, "totals/instances") == members);
		xmlFreeDoc(page(doc, &out));
		keep(cases[i].file, &out);
		json_decref(doc);
		batch_clear(&b);
	}
	members = 12;
}

/* --- runs */

static json_t *runbook_step(const char *name, const char *type)
{
	return json_pack("{s:s, s:s, s:s}", "name", name, "type", type,
			 "description", "as <i>said</i>");
}

static void create_run(struct batch *run)
{
	static const char *const of[][2] = {{"off", "disable-service"},
					    {"drain", "evacuate"},
					    {"one", "move"},
					    {"look", "audit"},
					    {"home", "return"}};
	json_t *list = json_array(), *all = json_array(), *plan;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		json_array_append_new(list, runbook_step(of[i][0], of[i][1]));
		json_array_append_new(all,
				      json_pack("{s:s}", "name", of[i][0]));
	}
	plan = json_pack("{s:s, s:s, s:o, s:{s:s, s:o}}", "kind", "run", "host",
			 "compute-30", "members", all, "runbook", "name",
			 "kernel <update>", "steps", list);
	now = T0;
	assert_int_equal(batch_create(j, plan, "controller pid 7", run, &e), 0);
	json_decref(plan);
}

static void step_is(const struct batch *run, size_t i,
		    enum batch_member_state state, const char *why)
{
	struct journal_key k = batch_key(run);
	struct batch_member *m = &run->members[i];
	struct err e = ERR_INIT;

	m->state = state;
	m->attempts += state == MEMBER_RUNNING;
	if (!m->started_us)
		m->started_us = now;
	m->ended_us = state == MEMBER_RUNNING ? 0 : now;
	err_clear(&m->why);
	if (why)
		err_set(&m->why, ERR_REFUSED, "%s", why);
	assert_int_equal(batch_member_set(j, &k, m, &e), 0);
}

static void run_step(const struct batch *run, size_t i, double from, double to)
{
	at(from);
	step_is(run, i, MEMBER_RUNNING, NULL);
	at(to);
	step_is(run, i, MEMBER_DONE, NULL);
}

/* Two instances away, by a batch of step 1; another by a job of step 2. */
static void drain(const struct batch *run, struct batch *b)
{
	struct journal_key k = batch_key(run);
	json_t *note = json_string("2 instances"), *plan;
	struct err e = ERR_INIT;

	at(5);
	step_is(run, 1, MEMBER_RUNNING, NULL);
	plan = json_pack("{s:s, s:s, s:{s:s, s:i}, s:[{s:{s:s, s:s}, s:s, s:s},"
			 "{s:{s:s, s:s}}]}",
			 "kind", "evacuate", "host", "compute-30", "run", "id",
			 run->id, "step", 1, "members", "instance", "uuid",
			 "u-1", "name", "web1", "source", "compute-30",
			 "target", "compute-34", "instance", "uuid", "u-2",
			 "name", hostile);
	assert_int_equal(batch_create(j, plan, "controller pid 7", b, &e), 0);
	json_decref(plan);
	assert_int_equal(batch_record(j, &k,
				      &(struct journal_record){.idx = 1,
							       .key = "note",
							       .value = note},
				      &e),
			 0);
	json_decref(note);
	memcpy(of_batch, b->id, sizeof(of_batch));
	of_member = 0;
	start_member(b, 0);
	create("web1", "controller pid 8");
	ran(STOP, 6, 8, 0);
	ran(COPY, 8, 15, 9 << 20);
	ran(START, 15, 16, 0);
	turn(JOURNAL_DONE, JOURNAL_FORWARD, NULL);
	step_is(run, 1, MEMBER_DONE, NULL);
	memcpy(of_batch, run->id, sizeof(of_batch));
	of_member = 2;
	at(16);
	step_is(run, 2, MEMBER_RUNNING, NULL);
	create("db", "controller pid 7");
	ran(COPY, 17, 20, 9 << 20);
	turn(JOURNAL_DONE, JOURNAL_FORWARD, NULL);
	step_is(run, 2, MEMBER_DONE, NULL);
	*of_batch = '\0';
}

static void t_run(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct batch run = {0}, b = {0}, other = {0};
	struct err e = ERR_INIT;
	json_t *doc;
	xmlDocPtr xml;

	(void)state;
	create_run(&run);
	run_step(&run, 0, 1, 2);
	/* of no run */
	members = 3;
	create_batch(&other);
	members = 12;
	drain(&run, &b);
	at(20);
	step_is(&run, 3, MEMBER_RUNNING, NULL);
	/* its controller was killed, another one tries the step again */
	at(300);
	assert_int_equal(
		batch_take(j, &run,
			   &(struct journal_takeover){.owner = "here pid 9"},
			   &e),
		0);
	step_is(&run, 3, MEMBER_RUNNING, NULL);
	at(302);
	step_is(&run, 3, MEMBER_OPEN, "1 finding: a <directory>");
	doc = report_batch(j, run.id, now, &e);
	assert_non_null(doc);
	is(doc, "report", "run");
	is(doc, "name", "kernel <update>");
	is(doc, "outcome", "open");
	is(doc, "steps/0/step", "off");
	is(doc, "steps/0/type", "disable-service");
	is(doc, "steps/0/state", "done");
	assert_true(num(doc, "steps/0/spans/0/at_s") == 1);
	assert_true(num(doc, "steps/0/spans/0/seconds") == 1);
	is(doc, "steps/1/note", "2 instances");
	assert_true(num(doc, "steps/1/seconds") == 11);
	is(doc, "steps/3/spans/0/end", "cut");
	is(doc, "steps/3/spans/1/end", "failed");
	is(doc, "steps/3/error/message", "1 finding: a <directory>");
	is(doc, "steps/4/state", "pending");
	assert_null(path(doc, "steps/4/at_s"));
	assert_true(num(doc, "totals/instances") == 3);
	assert_true(num(doc, "instances/0/run_step") == 2);
	is(doc, "instances/0/batch", b.id);
	is(doc, "instances/0/server/name", "web1");
	is(doc, "instances/0/outcome", "done");
	assert_true(num(doc, "instances/0/downtime/seconds") == 10);
	is(doc, "instances/1/outcome", "pending");
	assert_true(num(doc, "instances/2/run_step") == 3);
	is(doc, "instances/2/server/name", "db");
	assert_null(path(doc, "instances/2/batch"));
	assert_true(num(doc, "seconds") == 302);
	is(doc, "controllers/1/owner", "here pid 9");
	xml = page(doc, &out);
	assert_true(says(xml, "run of kernel <update>"));
	assert_true(says(xml, "1 finding: a <directory>"));
	assert_true(says(xml, "a step of the run"));
	keep("run.html", &out);
	xmlFreeDoc(xml);
	json_decref(doc);
	batch_clear(&run);
	batch_clear(&other);
	batch_clear(&b);
}

static void t_escape(void **state)
{
	static const struct {
		const char *in, *out;
		size_t max;
	} cases[] = {
		{"plain", "plain", 0},
		{"<&>\"'", "&lt;&amp;&gt;&quot;&#39;", 0},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 0},
		{"\xd7\xa9", "\xd7\xa9", 0}, /* Hebrew: it may stand there */
		{"a\tb\n", "a\\x09b\\x0a", 0},
		{"\xc3\xa4\xc3\xa4", "\xc3\xa4... (4 bytes in all)", 3},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", 0}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 0},
		{"\xf3\xa0\x81\x81", "\\u{e0041}", 0}, /* a tag */
		{"\xc3", "\\xc3", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf_clear) struct buf b = BUF_INIT;

		report_escape(&b, cases[i].in, cases[i].max);
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

static void t_words(void **state)
{
	char w[REPORT_WORD_MAX];

	(void)state;
	report_seconds(0, w);
	assert_string_equal(w, "0.00 s");
	report_seconds(59.97, w);
	assert_string_equal(w, "1 min 00 s");
	report_seconds(3599.6, w);
	assert_string_equal(w, "1 h 00 min");
	report_seconds(200000, w);
	assert_string_equal(w, "2 d 07 h");
	report_bytes(1536, w);
	assert_string_equal(w, "1.5 KiB");
	report_bytes(0, w);
	assert_string_equal(w, "0 B");
}

static int setup(void **state)
{
	struct err e = ERR_INIT;
	char file[64];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	clock_set_ops(&(struct clock_ops){.now_us = fake_now});
	snprintf(file, sizeof(file), "%s/journal.db", dir);
	j = journal_open(file, &e);
	return j ? 0 : -1;
}

static int teardown(void **state)
{
	AUTO(mem_freep) char *file = mem_printf("%s/journal.db", dir);
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", file);

	(void)state;
	journal_job_clear(&job);
	journal_close(j);
	clock_set_ops(NULL);
	xmlCleanupParser();
	unlink(file);
	unlink(reserve);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_done),    cmocka_unit_test(t_time),
		cmocka_unit_test(t_failed),  cmocka_unit_test(t_open),
		cmocka_unit_test(t_page),    cmocka_unit_test(t_pause),
		cmocka_unit_test(t_hostile), cmocka_unit_test(t_huge),
		cmocka_unit_test(t_batch),   cmocka_unit_test(t_batch_sizes),
		cmocka_unit_test(t_run),     cmocka_unit_test(t_escape),
		cmocka_unit_test(t_words),   cmocka_unit_test(t_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
