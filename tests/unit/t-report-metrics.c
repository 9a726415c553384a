/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures for Prometheus: right, and in its text format (version 0.0.4) by a
 * reader that is stricter than Prometheus is.
 */
#include "unit/unit.h"

#include <ctype.h>
#include <jansson.h>
#include <unistd.h>

#include "core/clock.h"
#include "engine/journal.h"
#include "report/metrics.h"

#define SECOND 1000000LL
#define T0 (1795276555 * SECOND)

static char dir[] = "/tmp/nh-metrics.XXXXXX";
static struct journal *j;
static int64_t now = T0;

static int64_t fake_now(void)
{
	return now;
}

/* --- the reader */

static bool is_name(const char *s, size_t n)
{
	if (!n || isdigit((unsigned char)*s))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

/* {name="value",...}: what is behind it. */
static const char *read_labels(const char *s)
{
	size_t n;

	for (s++; *s != '}'; s++) {
		n = strcspn(s, "=");
		assert_true(is_name(s, n));
		s += n + 1;
		assert_true(*s++ == '"');
		for (; *s != '"'; s++) {
			assert_true((unsigned char)*s >= ' ');
			if (*s == '\\')
				assert_non_null(strchr("\\\"n", *++s));
		}
		s++;
		assert_true(*s == ',' || *s == '}');
		if (*s == '}')
			break;
	}
	return s + 1;
}

/* May a sample of this name stand in FAMILY of TYPE? */
static bool belongs(const char *name, size_t n, const char *family,
		    const char *type)
{
	size_t f = strlen(family);

	if (n < f || strncmp(name, family, f))
		return false;
	if (!strcmp(type, "summary"))
		return (n == f + 4 && !strncmp(name + f, "_sum", 4)) ||
		       (n == f + 6 && !strncmp(name + f, "_count", 6));
	return n == f;
}

struct reader {
	char family[100], type[20];
	struct strv families, samples;
	size_t of_family; /* samples */
};

static void read_help(struct reader *r, const char *s)
{
	size_t n = strcspn(s, " ");

	/* every family has samples, and stands once, whole */
	assert_true(!*r->family || r->of_family);
	assert_true(is_name(s, n) && s[n] == ' ' && s[n + 1]);
	assert_int_equal(strncmp(s, "novahaul_", 9), 0);
	assert_null(strchr(s, '\\'));
	snprintf(r->family, sizeof(r->family), "%.*s", (int)n, s);
	assert_false(strv_has(&r->families, r->family));
	strv_add(&r->families, r->family);
	*r->type = '\0';
	r->of_family = 0;
}

static void read_type(struct reader *r, const char *s)
{
	static const char *const types[] = {"gauge", "counter", "summary"};
	size_t n = strcspn(s, " ");
	bool known = false;

	/* right behind its HELP */
	assert_true(strlen(r->family) == n && !strncmp(s, r->family, n));
	assert_false(*r->type);
	assert_int_equal(r->of_family, 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known = known || !strcmp(s + n + 1, types[i]);
	assert_true(known);
	snprintf(r->type, sizeof(r->type), "%s", s + n + 1);
	/* a counter is named so, and nothing else is */
	assert_int_equal(!strcmp(r->type, "counter"),
			 n > 6 && !strcmp(r->family + n - 6, "_total"));
}

static void read_sample(struct reader *r, const char *s)
{
	size_t n = strcspn(s, "{ ");
	const char *rest = s[n] == '{' ? read_labels(s + n) : s + n;
	AUTO(mem_freep) char *who = mem_strndup(s, (size_t)(rest - s));
	char *end;
	double v;

	assert_true(*r->type && belongs(s, n, r->family, r->type));
	assert_false(strv_has(&r->samples, who));
	strv_add(&r->samples, who);
	assert_true(*rest == ' ' && !isspace((unsigned char)rest[1]));
	v = strtod(rest + 1, &end);
	assert_true(end > rest + 1 && !*end && v == v && v >= 0);
	r->of_family++;
}

static void read_all(const char *text)
{
	struct reader r = {.of_family = 0};

	while (*text) {
		size_t n = strcspn(text, "\n");
		AUTO(mem_freep) char *line = mem_strndup(text, n);

		assert_true(text[n] == '\n'); /* the last one, too */
		if (!strncmp(line, "# HELP ", 7))
			read_help(&r, line + 7);
		else if (!strncmp(line, "# TYPE ", 7))
			read_type(&r, line + 7);
		else
			read_sample(&r, line);
		text += n + 1;
	}
	assert_true(r.of_family > 0);
	strv_clear(&r.families);
	strv_clear(&r.samples);
}

/* --- */

static void create(const char *kind, struct journal_job *job)
{
	struct err e = ERR_INIT;
	static char uuid[] = "a";
	json_t *plan = json_pack(
		"{s:s, s:{s:s, s:s}, s:{s:b}, s:[{s:s}, {s:s}, {s:s}]}", "kind",
		kind, "instance", "uuid", uuid, "name", "tenant's \"name\"",
		"move", "was_running", 1, "steps", "step", "stop", "step",
		"final-copy", "step", "start");

	assert_int_equal(journal_create(j, plan, "o", job, &e), 0);
	/* Where several write, an instance has one open job at most. */
	uuid[0]++;
	json_decref(plan);
}

static void ran(const struct journal_job *job, size_t i, int from, int to,
		uint64_t sent)
{
	struct journal_key k = journal_key(job);
	struct journal_step s = {.idx = i,
				 .mark = MARK_DONE,
				 .attempt = 1,
				 .started_us = job->created_us + from * SECOND,
				 .ended_us = job->created_us + to * SECOND,
				 .sent = sent,
				 .read = 2 * sent};
	struct err e = ERR_INIT;

	now = s.ended_us;
	assert_int_equal(journal_mark(j, &k, &s, &e), 0);
}

static void end(const struct journal_job *job, enum journal_state state)
{
	struct journal_key k = journal_key(job);
	struct journal_turn t = {.state = state};
	struct err e = ERR_INIT;

	assert_int_equal(journal_turn(j, &k, &t, &e), 0);
}

static void kept(const struct journal_job *job, json_int_t n)
{
	struct journal_key k = journal_key(job);
	json_t *v = json_integer(n);
	struct journal_record r = {.idx = 1, .key = "kept_bytes", .value = v};
	struct err e = ERR_INIT;

	assert_int_equal(journal_record(j, &k, &r, &e), 0);
	json_decref(v);
}

static char *figures(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (report_metrics(j, now, &b, &e))
		fail_msg("%s", err_msg(&e));
	read_all(buf_str(&b));
	return buf_steal(&b);
}

static void has(const char *text, const char *sample)
{
	AUTO(mem_freep) char *line = mem_printf("\n%s\n", sample);

	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", sample, text);
}

static void t_empty(void **state)
{
	AUTO(mem_freep) char *text = figures();
	struct buf none = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	has(text, "novahaul_open_jobs 0");
	has(text, "novahaul_oldest_open_job_age_seconds 0");
	has(text, "novahaul_sent_bytes_total 0");
	assert_null(strstr(text, "last_move"));
	/* no journal says the same */
	assert_int_equal(report_metrics(NULL, now, &none, &e), 0);
	assert_string_equal(buf_str(&none), text);
	buf_clear(&none);
}

static void t_jobs(void **state)
{
	struct journal_job a, b, c;
	char *text;

	(void)state;
	create("move", &a);
	ran(&a, 0, 1, 3, 0);
	ran(&a, 1, 3, 6, 1 << 20);
	kept(&a, 5000);
	kept(&a, 7000); /* the latest of a key counts */
	ran(&a, 2, 6, 8, 0);
	now = a.created_us + 10 * SECOND;
	end(&a, JOURNAL_DONE);
	create("move", &b);
	ran(&b, 1, 0, 1, 1 << 20);
	kept(&b, 11);
	now = b.created_us + 4 * SECOND;
	create("fix \"x\\\n", &c);
	now += 20 * SECOND;
	text = figures();
	has(text, "novahaul_jobs{kind=\"move\",state=\"done\"} 1");
	has(text, "novahaul_jobs{kind=\"move\",state=\"open\"} 1");
	has(text, "novahaul_jobs{kind=\"fix \\\"x\\\\\\n\",state=\"open\"} 1");
	has(text, "novahaul_job_duration_seconds_sum{kind=\"move\","
		  "state=\"done\"} 10");
	has(text, "novahaul_job_duration_seconds_count{kind=\"move\","
		  "state=\"done\"} 1");
	has(text, "novahaul_step_duration_seconds_sum{step=\"final-copy\"} 4");
	has(text, "novahaul_step_duration_seconds_count{step=\"final-copy\"} "
		  "2");
	has(text, "novahaul_open_jobs 2");
	has(text, "novahaul_oldest_open_job_age_seconds 24");
	has(text, "novahaul_sent_bytes_total 2097152");
	has(text, "novahaul_read_bytes_total 4194304");
	has(text, "novahaul_kept_bytes 7011");
	has(text, "novahaul_last_move_success 1");
	has(text, "novahaul_last_move_end_timestamp_seconds 1795276565");
	has(text, "novahaul_last_move_duration_seconds 10");
	has(text, "novahaul_last_move_downtime_seconds 7");
	has(text, "novahaul_last_move_sent_bytes 1048576");
	assert_null(strstr(text, "tenant"));
	mem_free(text);
	/* what is purged is kept no more; the last move is another now */
	struct err e = ERR_INIT;

	assert_int_equal(journal_purged(j, a.id, &e), 0);
	end(&b, JOURNAL_ROLLED_BACK);
	text = figures();
	has(text, "novahaul_kept_bytes 11");
	has(text, "novahaul_last_move_success 0");
	has(text, "novahaul_jobs{kind=\"move\",state=\"rolled-back\"} 1");
	assert_null(strstr(text, "last_move_downtime"));
	mem_free(text);
	journal_job_clear(&a);
	journal_job_clear(&b);
	journal_job_clear(&c);
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
	journal_close(j);
	clock_set_ops(NULL);
	unlink(file);
	unlink(reserve);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_empty),
		cmocka_unit_test(t_jobs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
