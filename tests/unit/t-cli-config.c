/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "core/log.h"

static void t_defaults(void **state)
{
	struct config c = CONFIG_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(config_parse("f", "", &c, &e), 0);
	assert_string_equal(c.journal, CONFIG_DEFAULT_JOURNAL);
	assert_string_equal(c.ssh.user, "root");
	assert_int_equal(c.ssh.port, 22);
	assert_true(c.db.ssl_verify);
	assert_int_equal(c.db.nova_conf.n, 1);
	assert_string_equal(c.db.placement_conf.v[0],
			    "/etc/placement/placement.conf");
	assert_string_equal(c.db.neutron_conf.v[0],
			    "/etc/neutron/neutron.conf");
	assert_string_equal(c.db.cinder_conf.v[0], "/etc/cinder/cinder.conf");
	assert_null(c.db.neutron_connection);
	assert_null(config_host(&c, "compute-30"));
	for (size_t i = 0; i < CONFIG_HOOKS; i++)
		assert_int_equal(c.hooks.argv[i].n, 0);
	assert_int_equal(c.hooks.timeout, 10);
	config_clear(&c);
}

static void t_all(void **state)
{
	static const char text[] =
		"[DEFAULT]\njournal = /j.db\nagent = /a\n"
		"[ssh]\nuser = nova\nport = 2222\nidentity = /k1\n"
		"identity = /k2\nknown_hosts = /kh\nkeepalive = 5\n"
		"connect_timeout = 3\ncommand_timeout = 9\n"
		"[database]\nconnection = mysql://n:p#$$@h/nova\n"
		"api_connection = mysql://a\nnova_conf = /n1\n"
		"placement_connection = mysql://p\nneutron_conf = /u1\n"
		"neutron_connection = mysql://u\nplacement_conf = /p1\n"
		"cinder_connection = mysql://v\ncinder_conf = /v1\n"
		"ssl_ca = /ca\nssl_cert = /c\nssl_key = /k\n"
		"ssl_verify = off\n"
		"[host:Compute-30]\naddress = 10.0.0.30\nport = 23\n"
		"user = root\ninstances_path = /srv/i\n"
		"virsh = docker exec 'nova libvirt' virsh\n"
		"nova_user = n\nnova_group = g\nqemu_user = q\n"
		"qemu_group = k\npath_map = /var/lib/nova=/srv/nova\n"
		"[hooks]\nstart = /bin/x 'a b'\nend = /bin/y\n"
		"before_start=/b\nstep=/s\nfail=/f\ntimeout = 7\n"
		"[metrics]\ntextfile = /m/n.prom\n"
		"[host:b]\naddress = fe80::1\n";
	struct config c = CONFIG_INIT;
	struct err e = ERR_INIT;
	const struct config_host *h;

	(void)state;
	if (config_parse("f", text, &c, &e))
		fail_msg("%s", err_msg(&e));
	assert_string_equal(c.journal, "/j.db");
	assert_int_equal(c.ssh.identity.n, 2);
	assert_string_equal(c.ssh.identity.v[1], "/k2");
	assert_int_equal(c.ssh.port, 2222);
	assert_string_equal(c.db.connection, "mysql://n:p#$@h/nova");
	assert_string_equal(c.db.placement_connection, "mysql://p");
	assert_string_equal(c.db.neutron_connection, "mysql://u");
	assert_string_equal(c.db.placement_conf.v[0], "/p1");
	assert_string_equal(c.db.cinder_connection, "mysql://v");
	assert_string_equal(c.db.cinder_conf.v[0], "/v1");
	assert_string_equal(c.db.neutron_conf.v[0], "/u1");
	assert_false(c.db.ssl_verify);
	assert_int_equal(c.hooks.timeout, 7);
	assert_string_equal(c.textfile, "/m/n.prom");
	assert_string_equal(c.hooks.argv[CONFIG_HOOK_START].v[1], "a b");
	assert_string_equal(c.hooks.argv[CONFIG_HOOK_END].v[0], "/bin/y");
	assert_string_equal(c.hooks.argv[CONFIG_HOOK_FAIL].v[0], "/f");
	assert_string_equal(config_hook_name(CONFIG_HOOK_STEP), "step");
	assert_int_equal(c.n_hosts, 2);
	h = config_host(&c, "Compute-30");
	assert_non_null(h);
	assert_int_equal(h->virsh.n, 4);
	assert_string_equal(h->virsh.v[2], "nova libvirt");
	assert_string_equal(h->path_map.v[0], "/var/lib/nova=/srv/nova");
	assert_string_equal(h->qemu_group, "k");
	config_clear(&c);
}

/* [fence:NAME] before [fence], key by key. */
static void t_fence(void **state)
{
	static const char text[] =
		"[fence]\nmax_age = 60\nagent = fence_ipmilan\n"
		"options = /bmc/%h\ntimeout = 5\nstorage = /a\nstorage = /b\n"
		"[fence:compute-30]\ntimeout = 9\ncommand = off 'now' %h\n"
		"readback = state\nreadback_off = S5\nstorage = /c\n"
		"provider = command statement\nrbd = vms/x\n";
	struct config c = CONFIG_INIT;
	struct err e = ERR_INIT;
	struct config_fence f;

	(void)state;
	if (config_parse("f", text, &c, &e))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(c.fence_max_age, 60);
	f = config_fence(&c, "compute-34");
	assert_string_equal(f.agent, "fence_ipmilan");
	assert_int_equal(f.command.n, 0);
	assert_int_equal(f.storage.n, 2);
	assert_int_equal(f.timeout, 5);
	f = config_fence(&c, "compute-30");
	assert_string_equal(f.agent, "fence_ipmilan");
	assert_string_equal(f.options, "/bmc/%h");
	assert_int_equal(f.command.n, 3);
	assert_string_equal(f.command.v[2], "%h");
	assert_string_equal(f.off_word, "S5");
	assert_int_equal(f.storage.n, 1);
	assert_int_equal(f.provider.n, 2);
	assert_string_equal(f.rbd.v[0], "vms/x");
	assert_int_equal(f.timeout, 9);
	config_clear(&c);
	assert_int_equal(config_parse("f", "", &c, &e), 0);
	assert_int_equal(c.fence_max_age, 900);
	config_clear(&c);
}

static void t_refused(void **state)
{
	static const char *const bad[][2] = {
		{"[DEFAULT]\njurnal = x\n", "f:2: no option jurnal"},
		{"[shh]\nport = 1\n", "f:2: no section [shh]"},
		{"[hooks]\nend = mail me | cat\n", "f:2: end: '|' would need"},
		{"[metrics]\ntextfile = x.prom\n", "not an absolute path"},
		{"[metrics]\ntextfile = /x.txt\n", "not an absolute path"},
		{"[hooks]\ntimeout = 0\n", "f:2: timeout: not a number"},
		{"[copy]\npriority = high\n", "neither low, idle nor normal"},
		{"[copy]\ncompress = no\n", "neither auto, never nor always"},
		{"[copy]\nstreams = 9\n", "f:2: streams: not a number"},
		{"[copy]\ntls_ports = 9-8\n", "neither a port nor two"},
		{"[copy]\ntls_ports = 0\n", "neither a port nor two"},
		{"[copy]\ntls_ports = 1-\n", "neither a port nor two"},
		{"[copy]\ntls_ports = 1-65536\n", "neither a port nor two"},
		{"[copy]\ntls_ports = 1 - 2\n", "neither a port nor two"},
		{"[copy]\ntls_ports =\n", "neither a port nor two"},
		{"[host:-x]\nport = 1\n", "f:2: no section [host:-x]"},
		{"[host:a/b]\nport = 1\n", "no section"},
		{"[ssh]\nport = 0\n", "f:2: port: not a number"},
		{"[ssh]\nport = 22x\n", "f:2: port: not a number"},
		{"[ssh]\nkeepalive = -1\n", "not a number"},
		{"[ssh]\nkeepalive = 99999999999999999999\n", "not a number"},
		{"[database]\nssl_verify = maybe\n", "f:2: ssl_verify"},
		{"[host:a]\nvirsh = ssh x $(id)\n", "f:2: virsh: '$'"},
		{"[host:a]\nvirsh = 'x\n", "does not end"},
		{"[host:a]\naddress = -oProxyCommand=x\n", "neither a name"},
		{"[host:a]\ninstances_path = x\n", "not an absolute"},
		{"[host:a]\npath_map = /a\n", "path_map"},
		{"[fence]\nmax_age = 15m\n", "f:2: max_age: not a number"},
		{"[fence:a]\nmax_age = 60\n", "f:2: no option max_age"},
		{"[fence:a b]\nagent = x\n", "no section"},
		{"[fence]\ncommand = off | sh\n", "f:2: command: '|'"},
		{"no section\n", "f:1: "},
	};
	struct config c = CONFIG_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(config_parse("f", bad[i][0], &c, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(err_msg(&e), bad[i][1]))
			fail_msg("%s: not in: %s", bad[i][1], err_msg(&e));
		assert_null(c.journal);
		err_clear(&e);
	}
}

static void words(const char *s, const char *want)
{
	struct strv v = STRV_INIT;
	struct err e = ERR_INIT;

	if (!want) {
		assert_int_equal(config_split_words(s, &v, &e), -1);
		err_clear(&e);
	} else {
		char *got;

		assert_int_equal(config_split_words(s, &v, &e), 0);
		got = strv_join(&v, "|");
		assert_string_equal(got, want);
		mem_free(got);
	}
	strv_clear(&v);
}

static void t_words(void **state)
{
	(void)state;
	words("", "");
	words("  a  b ", "a|b");
	words("a 'b c' \"d e\"f ''", "a|b c|d ef|");
	words("a\\ b '\\' \"\\x\\\"\"", "a b|\\|\\x\"");
	words("'$x;*'", "$x;*");
	words("\"$x\"", NULL);
	words("a;b", NULL);
	words("a `b`", NULL);
	words("a > b", NULL);
	words("\"a", NULL);
}

static void t_host_names(void **state)
{
	char longest[300];

	(void)state;
	assert_true(config_host_name_ok("compute-30.example_x"));
	assert_false(config_host_name_ok(""));
	assert_false(config_host_name_ok("-oProxyCommand"));
	assert_false(config_host_name_ok("../x"));
	assert_false(config_host_name_ok("a b"));
	assert_false(config_host_name_ok("a;b"));
	assert_false(config_host_name_ok("a\n"));
	memset(longest, 'a', sizeof(longest));
	longest[254] = '\0';
	assert_false(config_host_name_ok(longest));
}

static void count_warnings(enum log_level level, const char *line, void *arg)
{
	(void)level;
	assert_null(strstr(line, "hunter2"));
	(*(int *)arg)++;
}

/* A file with a password that others may read is told about; a file that was
 * asked for must exist; without one, the defaults. */
static void t_files(void **state)
{
	char path[] = "/tmp/nh-config-XXXXXX";
	static const char text[] =
		"[database]\nconnection = mysql://n:hunter2@h/nova\n";
	int fd = mkstemp(path), warned = 0;
	struct config c = CONFIG_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	log_set(LOG_WARN, count_warnings, &warned);
	assert_int_equal(config_load(path, &c, &e), 0);
	assert_string_equal(c.file, path);
	assert_int_equal(warned, 0);
	config_clear(&c);
	assert_int_equal(fchmod(fd, 0640), 0);
	setenv("NOVAHAUL_CONFIG", path, 1);
	assert_int_equal(config_load(NULL, &c, &e), 0);
	assert_string_equal(c.db.connection, "mysql://n:hunter2@h/nova");
	assert_int_equal(warned, 1);
	config_clear(&c);
	close(fd);
	unlink(path);
	assert_int_equal(config_load(NULL, &c, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	log_set(LOG_WARN, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_defaults), cmocka_unit_test(t_all),
		cmocka_unit_test(t_fence),    cmocka_unit_test(t_refused),
		cmocka_unit_test(t_words),    cmocka_unit_test(t_host_names),
		cmocka_unit_test(t_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
