/* SPDX-License-Identifier: Apache-2.0 */
/* The providers, with programs that do as they should, hang, flood and lie. */
#include "unit/unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "fence/fence.h"

#define SECRET "s3cret-of-the-bmc"

struct fix {
	char dir[64];
	struct strv made, command, readback, storage, rbd, rbd_command;
	char *options;
	struct fence_way w;
	struct fence_finding f;
	struct err e;
};

static int64_t skipped;

static int64_t fake_mono(void)
{
	return skipped;
}

static void fake_sleep(int64_t us)
{
	/* Short ones are for a program that really runs. */
	if (us >= 1000000)
		skipped += us;
	else
		usleep((useconds_t)us);
}

static char *put(struct fix *f, const char *name, const char *text, mode_t mode)
{
	char *path = mem_printf("%s/%s", f->dir, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, mode), 0);
	if (!strv_has(&f->made, path))
		strv_add(&f->made, path);
	return path;
}

static void put_free(struct fix *f, const char *name, const char *text)
{
	mem_free(put(f, name, text, 0600));
}

static char *get(struct fix *f, const char *name)
{
	char *path = mem_printf("%s/%s", f->dir, name);
	FILE *in = fopen(path, "r");
	char text[4096];
	size_t n = in ? fread(text, 1, sizeof(text), in) : 0;

	if (in) {
		fclose(in);
		if (!strv_has(&f->made, path))
			strv_add(&f->made, path);
	}
	mem_free(path);
	return mem_strndup(text, n);
}

/* A program that works in the test's directory. */
static char *script(struct fix *f, const char *name, const char *body)
{
	char *text =
		mem_printf("#!/bin/bash\ncd %s || exit 99\n%s\n", f->dir, body);
	char *path = put(f, name, text, 0700);

	mem_free(text);
	return path;
}

static int set_up(void **state)
{
	struct fix *f = MEM_NEW(struct fix);

	strcpy(f->dir, "/tmp/nh-fence-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->w = (struct fence_way){
		.host = "compute-30",
		.timeout_s = 20,
		.act = true,
		.command = &f->command,
		.readback = &f->readback,
		.storage = &f->storage,
		.rbd = &f->rbd,
		.rbd_command = &f->rbd_command,
	};
	skipped = 0;
	clock_set_ops(&(struct clock_ops){.mono_us = fake_mono,
					  .sleep_us = fake_sleep});
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fix *f = *state;

	clock_set_ops(&(struct clock_ops){0});
	fence_finding_clear(&f->f);
	err_clear(&f->e);
	for (size_t i = f->made.n; i-- > 0;)
		remove(f->made.v[i]);
	assert_int_equal(rmdir(f->dir), 0);
	strv_clear(&f->made);
	strv_clear(&f->command);
	strv_clear(&f->readback);
	strv_clear(&f->storage);
	strv_clear(&f->rbd);
	strv_clear(&f->rbd_command);
	mem_free((char *)f->w.agent);
	mem_free(f->options);
	mem_free(f);
	return 0;
}

static enum fence_verdict look(struct fix *f, const char *provider)
{
	const struct fence_provider *p = fence_provider(provider);

	assert_non_null(p);
	assert_true(p->usable(&f->w));
	if (fence_take(p, &f->w, &f->f, &f->e))
		fail_msg("%s", err_msg(&f->e));
	assert_non_null(f->f.note);
	assert_true(f->f.taken_us > 0);
	return f->f.verdict;
}

static void wrong(struct fix *f, const char *provider, const char *word)
{
	assert_int_equal(
		fence_take(fence_provider(provider), &f->w, &f->f, &f->e), -1);
	assert_int_equal(f->e.kind, ERR_USAGE);
	if (!strstr(err_msg(&f->e), word))
		fail_msg("%s", err_msg(&f->e));
	assert_null(strstr(err_msg(&f->e), SECRET));
	err_clear(&f->e);
}

static void noted(struct fix *f, const char *word)
{
	if (!strstr(f->f.note, word))
		fail_msg("%s", f->f.note);
}

/* --- command */

static void commands(struct fix *f, const char *command, const char *readback)
{
	char *c = script(f, "off", command), *r = script(f, "read", readback);

	strv_clear(&f->command);
	strv_clear(&f->readback);
	strv_add(&f->command, c);
	strv_add(&f->command, "%h");
	strv_add(&f->readback, r);
	strv_add(&f->readback, "-n%h");
	mem_free(c);
	mem_free(r);
}

static void t_command(void **state)
{
	struct fix *f = *state;
	char *said;

	commands(f, "echo \"$@\" > said; echo off > state",
		 "echo \"$@\" >> said; cat state");
	put_free(f, "state", "on\n");
	assert_int_equal(look(f, "command"), FENCE_OFF);
	said = get(f, "said");
	assert_string_equal(said, "compute-30\n-ncompute-30\n");
	mem_free(said);
	/* Only looked at: nothing is switched off. */
	put_free(f, "state", "Chassis Power is on\n");
	f->w.act = false;
	assert_int_equal(look(f, "command"), FENCE_ALIVE);
	put_free(f, "state", "Chassis Power is off\n");
	assert_int_equal(look(f, "command"), FENCE_OFF);
	put_free(f, "state", "S5/soft\n");
	assert_int_equal(look(f, "command"), FENCE_UNKNOWN);
	f->w.off_word = "s5/SOFT";
	assert_int_equal(look(f, "command"), FENCE_OFF);
}

/* It says that it did, and the host is up: the read-back is what counts. */
static void t_command_lies(void **state)
{
	struct fix *f = *state;

	commands(f, "true", "cat state");
	put_free(f, "state", "on\n");
	assert_int_equal(look(f, "command"), FENCE_ALIVE);
	/* Until it has had its time. */
	assert_true(skipped >= 15 * 1000000LL);
	/* It says that it did not: not proven, whatever the read-back says. */
	commands(f, "exit 3", "cat state");
	put_free(f, "state", "off\n");
	assert_int_equal(look(f, "command"), FENCE_UNKNOWN);
	noted(f, "exit code 3");
}

/* The host takes some time to go down. */
static void t_command_slow(void **state)
{
	struct fix *f = *state;

	commands(f, "rm -f n",
		 "echo >> n; [ $(wc -l < n) -gt 3 ] && echo off "
		 "|| echo on");
	assert_int_equal(look(f, "command"), FENCE_OFF);
	assert_int_equal(skipped, 3 * 1000000LL);
	mem_free(get(f, "n"));
}

static void t_readback_hostile(void **state)
{
	struct fix *f = *state;
	static const char *const says[] = {
		"echo not off",	     "echo off; echo on",
		"printf 'off\\0on'", "printf 'off\\r\\non'",
		"printf 'o\\001ff'", "true",
		"echo off; exit 1",  "echo off >&2",
		"echo offoff",	     "head -c 1000000 /dev/zero",
		"yes off",	     "kill -9 $$",
		"echo ' is off'",    "printf 'off\\n\\n on'",
	};

	f->w.act = false;
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		commands(f, "true", says[i]);
		if (look(f, "command") != FENCE_UNKNOWN)
			fail_msg("%s: %s", says[i], f->f.note);
		for (const char *p = f->f.note; *p; p++)
			assert_true(*p >= ' ' && *p <= '~');
	}
	commands(f, "true", "printf '\\n  OFF \\n\\n'");
	assert_int_equal(look(f, "command"), FENCE_OFF);
}

static void t_hang(void **state)
{
	struct fix *f = *state;

	clock_set_ops(&(struct clock_ops){0});
	f->w.timeout_s = 1;
	commands(f, "sleep 60", "echo off");
	assert_int_equal(look(f, "command"), FENCE_UNKNOWN);
	noted(f, "in time");
	f->w.act = false;
	commands(f, "true", "echo off; sleep 60");
	assert_int_equal(look(f, "command"), FENCE_UNKNOWN);
	noted(f, "in time");
	f->w.agent = script(f, "fence_hangs", "sleep 60; exit 2");
	assert_int_equal(look(f, "agent"), FENCE_UNKNOWN);
	noted(f, "in time");
}

static void t_command_config(void **state)
{
	struct fix *f = *state;

	assert_false(fence_provider("command")->usable(&f->w));
	strv_add(&f->command, "true");
	wrong(f, "command", "read back");
	strv_clear(&f->command);
	strv_add(&f->readback, "/nonexistent/readback");
	wrong(f, "command", "to switch it off");
	f->w.act = false;
	assert_int_equal(look(f, "command"), FENCE_UNKNOWN);
	assert_null(fence_provider("no such"));
}

/* --- agent */

/* Speaks as those of fence-agents, and writes down how it was called. */
static const char agent[] =
	"cat > in; printf '%s\\n' \"$@\" > args; tr '\\0' '\\n' < "
	"/proc/self/environ > env\n"
	"action=$(sed -n 's/^action=//p' in); echo $action >> log\n"
	"cat in >&2; cat in\n"
	"case $action in\n"
	"off) [ -e stuck ] || echo off > state; exit $(cat offcode);;\n"
	"status) case $(cat state) in on) exit 0;; off) exit 2;; esac; exit 1;;"
	"\nesac; exit 1";

static void agent_up(struct fix *f, const char *options)
{
	f->w.agent = script(f, "fence_toy", agent);
	f->options = put(f, "compute-30.conf", options, 0600);
	mem_free(f->options);
	f->options = mem_printf("%s/%%h.conf", f->dir);
	f->w.options = f->options;
	put_free(f, "state", "on\n");
	put_free(f, "offcode", "0");
	put_free(f, "in", "");
	put_free(f, "args", "");
	put_free(f, "env", "");
	put_free(f, "log", "");
}

static void says(struct fix *f, const char *name, const char *want)
{
	char *text = get(f, name);

	if (strcmp(text, want))
		fail_msg("%s: %s", name, text);
	mem_free(text);
}

static void has_no_secret(struct fix *f, const char *name)
{
	char *text = get(f, name);

	assert_null(strstr(text, SECRET));
	mem_free(text);
}

static void t_agent(void **state)
{
	struct fix *f = *state;
	char *what;

	agent_up(f,
		 "# the BMC\nip=10.0.0.30\r\n\npassword=" SECRET "\nlanplus=1");
	assert_int_equal(look(f, "agent"), FENCE_OFF);
	says(f, "log", "off\nstatus\n");
	says(f, "in",
	     "ip=10.0.0.30\npassword=" SECRET "\nlanplus=1\naction=status\n");
	/* Nowhere but on its standard input. */
	says(f, "args", "\n");
	has_no_secret(f, "env");
	what = json_dumps(f->f.what, 0);
	assert_null(strstr(what, SECRET));
	assert_null(strstr(f->f.note, SECRET));
	mem_free(what);
	assert_int_equal(
		json_integer_value(json_object_get(f->f.what, "status")), 2);
}

static void t_agent_codes(void **state)
{
	struct fix *f = *state;

	agent_up(f, "ip=10.0.0.30\n");
	/* Says that it failed, but the host is off: the read-back counts. */
	put_free(f, "offcode", "1");
	assert_int_equal(look(f, "agent"), FENCE_OFF);
	/* Says that it is done, but the host is on. */
	put_free(f, "offcode", "0");
	put_free(f, "stuck", "");
	put_free(f, "state", "on\n");
	assert_int_equal(look(f, "agent"), FENCE_ALIVE);
	put_free(f, "state", "?\n");
	assert_int_equal(look(f, "agent"), FENCE_UNKNOWN);
	noted(f, "exit code 1");
	/* Only looked at. */
	f->w.act = false;
	put_free(f, "log", "");
	put_free(f, "state", "off\n");
	assert_int_equal(look(f, "agent"), FENCE_OFF);
	says(f, "log", "status\n");
	mem_free((char *)f->w.agent);
	f->w.agent = mem_strdup("fence_that_is_not_there");
	assert_int_equal(look(f, "agent"), FENCE_UNKNOWN);
}

static void t_agent_options(void **state)
{
	struct fix *f = *state;
	static const char *const bad[] = {
		"password: " SECRET "\n", "action=on\npassword=" SECRET "\n",
		"ip=1\n" SECRET "\n",	  "=" SECRET "\n",
		"a b=" SECRET "\n",	  "option=on\n",
	};
	char *path;

	agent_up(f, "ip=10.0.0.30\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_free(f, "compute-30.conf", bad[i]);
		wrong(f, "agent", "options");
	}
	path = put(f, "compute-30.conf", "ip=1\n", 0640);
	wrong(f, "agent", "its owner's alone");
	mem_free(path);
	f->w.options = f->dir;
	wrong(f, "agent", "regular file");
	f->w.options = "/nonexistent/options";
	wrong(f, "agent", "No such file");
	f->w.options = NULL;
	mem_free((char *)f->w.agent);
	f->w.agent = mem_strdup("./fence_toy");
	wrong(f, "agent", "fence_toy");
	mem_free((char *)f->w.agent);
	f->w.agent = mem_strdup("rm");
	wrong(f, "agent", "fence agent");
	says(f, "log", "");
}

/* --- statement */

static void t_statement(void **state)
{
	struct fix *f = *state;
	static const char *const bad[] = {"",
					  "compute-3 is off",
					  "compute-30 is off ",
					  "compute-30 is off.",
					  "Compute-30 is off",
					  "compute-30 is not off",
					  "yes"};

	char name[102] = "";

	assert_false(fence_provider("statement")->usable(&f->w));
	f->w.by = "Jane Roe";
	f->w.reason = "the power cord is in my hand";
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f->w.statement = bad[i];
		wrong(f, "statement", "to the letter");
	}
	f->w.statement = "compute-30 is off";
	assert_int_equal(look(f, "statement"), FENCE_OFF);
	assert_string_equal(
		json_string_value(json_object_get(f->f.what, "reason")),
		f->w.reason);
	f->w.reason = " -";
	wrong(f, "statement", "a reason");
	f->w.reason = NULL;
	wrong(f, "statement", "a reason");
	f->w.reason = "two\nlines";
	wrong(f, "statement", "a reason");
	f->w.reason = "caf\xe9";
	wrong(f, "statement", "not UTF-8");
	f->w.reason = "caf\xc3\xa9";
	assert_int_equal(look(f, "statement"), FENCE_OFF);
	f->w.by = "";
	wrong(f, "statement", "a name");
	memset(name, 'n', sizeof(name) - 1);
	f->w.by = name;
	wrong(f, "statement", "longer than 100 bytes");
}

/* --- those that watch */

static int listener(unsigned *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static void t_probe(void **state)
{
	struct fix *f = *state;
	int fd = listener(&f->w.port);

	clock_set_ops(&(struct clock_ops){0});
	f->w.timeout_s = 1;
	f->w.address = "127.0.0.1";
	assert_int_equal(look(f, "probe"), FENCE_ALIVE);
	noted(f, "took a connection");
	/* Nobody listens there any more: the host says so itself. */
	close(fd);
	assert_int_equal(look(f, "probe"), FENCE_ALIVE);
	noted(f, "refused");
	/* No answer is no proof, however long one waits. */
	f->w.address = "fe80::1";
	assert_int_equal(look(f, "probe"), FENCE_UNKNOWN);
	noted(f, "proves nothing");
	f->w.address = "not:an:address";
	assert_int_equal(look(f, "probe"), FENCE_UNKNOWN);
	assert_false(fence_provider("probe")->proves);
}

static void lock_at(int fd, short type, off_t at)
{
	struct flock l = {.l_type = type,
			  .l_whence = SEEK_SET,
			  .l_start = at,
			  .l_len = 1};

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &l), 0);
}

static void t_storage(void **state)
{
	struct fix *f = *state;
	char *dir = mem_printf("%s/i", f->dir), *disk, *link;
	int fd;

	assert_false(fence_provider("storage")->usable(&f->w));
	assert_int_equal(mkdir(dir, 0700), 0);
	strv_add(&f->made, dir);
	disk = put(f, "i/disk", "a disk", 0600);
	link = mem_printf("%s/link", dir);
	assert_int_equal(symlink("/dev/zero", link), 0);
	strv_add(&f->made, link);
	strv_add(&f->storage, f->dir);
	assert_int_equal(look(f, "storage"), FENCE_UNKNOWN);
	noted(f, "proves nothing");
	fd = open(disk, O_RDWR | O_CLOEXEC);
	/* Somebody else's lock, not QEMU's. */
	lock_at(fd, F_WRLCK, 0);
	assert_int_equal(look(f, "storage"), FENCE_UNKNOWN);
	/* As a QEMU that writes: shared locks on bytes of its own. */
	lock_at(fd, F_RDLCK, 201);
	assert_int_equal(look(f, "storage"), FENCE_ALIVE);
	noted(f, disk);
	close(fd);
	assert_int_equal(look(f, "storage"), FENCE_UNKNOWN);
	strv_add(&f->storage, "/nonexistent/disks");
	assert_int_equal(look(f, "storage"), FENCE_UNKNOWN);
	noted(f, "not all");
	mem_free(dir);
	mem_free(disk);
	mem_free(link);
}

static void t_rbd(void **state)
{
	struct fix *f = *state;
	static const struct {
		const char *body;
		enum fence_verdict want;
	} cases[] = {
		{"echo '{\"watchers\":[]}'", FENCE_UNKNOWN},
		{"echo '{\"watchers\":[{\"address\":\"10.0.0.30:0/123\","
		 "\"client\":4,\"cookie\":1}]}'",
		 FENCE_ALIVE},
		{"echo '{\"watchers\":\"many\"}'", FENCE_UNKNOWN},
		{"echo '{}'", FENCE_UNKNOWN},
		{"echo no json", FENCE_UNKNOWN},
		{"echo '{\"watchers\":[]}'; exit 2", FENCE_UNKNOWN},
		{"head -c 1000000 /dev/zero", FENCE_UNKNOWN},
	};
	char *path = mem_printf("%s/rbd", f->dir);

	strv_add(&f->rbd_command, path);
	strv_add(&f->rbd, "vms/9f2c1f1e_disk");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		mem_free(script(f, "rbd", cases[i].body));
		if (look(f, "rbd") != cases[i].want)
			fail_msg("%s: %s", cases[i].body, f->f.note);
	}
	strv_add(&f->rbd, "--id=admin");
	wrong(f, "rbd", "not an image");
	mem_free(path);
}

/* Whoever only watches never says OFF, and is asked after those that prove. */
static void t_table(void **state)
{
	bool watching = false;

	(void)state;
	for (const struct fence_provider *const *p = fence_providers; *p; p++) {
		assert_true((*p)->proves || !(*p)->acts);
		assert_false(watching && (*p)->proves);
		watching |= !(*p)->proves;
	}
	assert_true(watching);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_command),
		T(t_command_lies),
		T(t_command_slow),
		T(t_hang),
		T(t_command_config),
		T(t_readback_hostile),
		T(t_agent),
		T(t_agent_codes),
		T(t_agent_options),
		T(t_statement),
		T(t_probe),
		T(t_storage),
		T(t_rbd),
		cmocka_unit_test(t_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
