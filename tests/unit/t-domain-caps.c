/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts say of themselves; and the judgement that a guest is stopped. */
#include "unit/unit.h"

#include <string.h>

#include "domain/caps.h"
#include "domain/hostconf.h"
#include "domain/prove.h"

/* `virsh capabilities` of libvirt 9.0.0, shortened; the second guest in the
 * form of libvirt 1.2, with machines of their own below the domain type. */
static const char caps_xml[] =
	"<capabilities>\n<host>\n"
	"<uuid>d115a39a-2019-4b6d-bf92-b4882b667f39</uuid>\n"
	"<cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor>"
	"<feature name='vme'/></cpu>\n</host>\n"
	"<guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64"
	"</wordsize><emulator>/usr/bin/qemu-system-x86_64</emulator>"
	"<machine maxCpus='255'>pc-i440fx-7.2</machine>"
	"<machine canonical='pc-i440fx-7.2' maxCpus='255'>pc</machine>"
	"<machine maxCpus='288'>pc-q35-7.2</machine>"
	"<domain type='qemu'/><domain type='kvm'/></arch></guest>\n"
	"<guest><os_type>hvm</os_type><arch name='aarch64'>"
	"<emulator>/usr/bin/qemu-system-aarch64</emulator>"
	"<domain type='qemu'><machine>virt-2.0</machine></domain></arch>"
	"</guest>\n</capabilities>\n";

static const char domcaps_xml[] =
	"<domainCapabilities><path>/usr/bin/qemu-system-x86_64</path>"
	"<domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch>"
	"<vcpu max='288'/><os supported='yes'><enum name='firmware'>"
	"<value>efi</value></enum><loader supported='yes'>"
	"<value>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</value>"
	"<value>/usr/share/OVMF/OVMF_CODE_4M.fd</value>"
	"<enum name='type'><value>rom</value><value>pflash</value></enum>"
	"<enum name='secure'><value>yes</value><value>no</value></enum>"
	"</loader></os><cpu><mode name='host-passthrough' supported='yes'/>"
	"<mode name='host-model' supported='yes'><model>EPYC</model></mode>"
	"<mode name='custom' supported='yes'>"
	"<model usable='no'>Icelake-Server</model>"
	"<model usable='yes'>qemu64</model>"
	"<model usable='unknown'>Nehalem</model></mode></cpu>"
	"<devices><tpm supported='yes'><enum name='model'>"
	"<value>tpm-tis</value><value>tpm-crb</value></enum>"
	"<enum name='backendModel'><value>emulator</value></enum>"
	"<enum name='backendVersion'><value>2.0</value></enum></tpm>"
	"</devices></domainCapabilities>";

static void t_host(void **state)
{
	struct err e = ERR_INIT;
	struct caps_host *c = caps_host_parse(caps_xml, strlen(caps_xml), &e);
	const struct caps_guest *g;

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->uuid, "d115a39a-2019-4b6d-bf92-b4882b667f39");
	assert_string_equal(c->cpu_model, "EPYC");
	g = caps_host_guest(c, "x86_64");
	assert_non_null(g);
	assert_true(g->kvm && g->qemu);
	assert_true(strv_has(&g->machines, "pc-i440fx-7.2"));
	assert_true(strv_has(&g->machines, "pc"));
	assert_false(strv_has(&g->machines, "pc-i440fx-8.0"));
	g = caps_host_guest(c, "aarch64");
	assert_true(g->qemu && !g->kvm);
	assert_true(strv_has(&g->machines, "virt-2.0"));
	assert_null(caps_host_guest(c, "s390x"));
	caps_host_free(c);
	assert_null(caps_host_parse(domcaps_xml, strlen(domcaps_xml), &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
}

static void t_domain(void **state)
{
	struct err e = ERR_INIT;
	struct caps_domain *c =
		caps_domain_parse(domcaps_xml, strlen(domcaps_xml), &e);
	static const char none[] = "<domainCapabilities><devices>"
				   "<tpm supported='no'/></devices>"
				   "</domainCapabilities>";

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->machine, "pc-q35-7.2");
	assert_int_equal(c->loaders.n, 2); /* not the enums below it */
	assert_true(strv_has(&c->firmwares, "efi"));
	assert_true(c->secure_boot);
	assert_true(c->tpm);
	assert_true(strv_has(&c->tpm_models, "tpm-crb"));
	assert_true(strv_has(&c->tpm_backends, "emulator"));
	assert_true(strv_has(&c->tpm_versions, "2.0"));
	assert_true(c->cpu_host_passthrough && c->cpu_host_model);
	assert_int_equal(c->cpu_known.n, 3);
	assert_int_equal(c->cpu_usable.n, 1);
	caps_domain_free(c);
	c = caps_domain_parse(none, strlen(none), &e);
	assert_non_null(c);
	assert_false(c->tpm || c->secure_boot || c->cpu_custom);
	caps_domain_free(c);
}

static void t_secret(void **state)
{
	static const char vtpm[] =
		"<secret ephemeral='no' private='yes'><uuid>6dd3e4a5-1d76-"
		"44ce-961f-f119f5aad935</uuid><usage type='vtpm'><name>c0ffee"
		"</name></usage></secret>";
	static const char bad[] = "<secret><uuid>x</uuid></secret>";
	struct err e = ERR_INIT;
	struct caps_secret *s = caps_secret_parse(vtpm, strlen(vtpm), &e);

	(void)state;
	assert_non_null(s);
	assert_true(s->private_ && !s->ephemeral);
	assert_string_equal(s->usage_type, "vtpm");
	assert_string_equal(s->usage_name, "c0ffee");
	caps_secret_free(s);
	assert_null(caps_secret_parse(bad, strlen(bad), &e));
	err_clear(&e);
}

static void t_state_texts(void **state)
{
	enum caps_state s;
	char why[48];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(caps_domstats_parse("Domain: 'state.state=1'\n"
					     "  state.state=5\n"
					     "  state.reason=5\n",
					     &s, why, &e),
			 0);
	assert_int_equal(s, CAPS_STATE_SHUTOFF);
	assert_string_equal(why, "saved");
	assert_int_equal(
		caps_domstate_parse("paused (I/O error)\n\n", &s, why, &e), 0);
	assert_int_equal(s, CAPS_STATE_PAUSED);
	assert_string_equal(why, "I/O error");
	assert_int_equal(caps_domstate_parse("shut off\n", &s, why, &e), 0);
	assert_int_equal(s, CAPS_STATE_SHUTOFF);
	assert_int_equal(caps_domstate_parse("shut", &s, why, &e), -1);
	assert_int_equal(caps_domstate_parse("", &s, why, &e), -1);
	assert_int_equal(caps_domstats_parse("", &s, why, &e), -1);
	assert_int_equal(caps_domstats_parse("state.state=5x\n", &s, why, &e),
			 -1);
	assert_int_equal(caps_domstats_parse("state.state=8\n", &s, why, &e),
			 -1);
	err_clear(&e);
}

/* --- prove_stopped */

static const struct prove_facts all_seen = {.domain = PROVE_DOMAIN_SHUTOFF,
					    .procs_done = true,
					    .fds_done = true,
					    .locks_done = true};

static void verdict(const struct prove_facts *f, enum prove_verdict want,
		    const char *word)
{
	char why[PROVE_REASON_MAX] = "junk";

	assert_int_equal(prove_stopped(f, why), want);
	if (!strstr(why, word))
		fail_msg("\"%s\" is not in \"%s\"", word, why);
	if (want == PROVE_STOPPED)
		assert_string_equal(why, "");
}

static void t_prove(void **state)
{
	struct prove_facts f = all_seen;

	(void)state;
	verdict(&f, PROVE_STOPPED, "");
	f.domain = PROVE_DOMAIN_ABSENT;
	verdict(&f, PROVE_STOPPED, "");
	f.domain = PROVE_DOMAIN_ACTIVE;
	f.domain_text = "paused (user)";
	verdict(&f, PROVE_RUNNING, "paused (user)");
	f.domain = PROVE_DOMAIN_UNKNOWN;
	verdict(&f, PROVE_UNKNOWN, "libvirt");
	f = (struct prove_facts){0};
	verdict(&f, PROVE_UNKNOWN, "libvirt");
	f = all_seen;
	f.procs_done = false;
	verdict(&f, PROVE_UNKNOWN, "processes");
	f = all_seen;
	f.fds_done = false;
	verdict(&f, PROVE_UNKNOWN, "open files");
	f = all_seen;
	f.locks_done = false;
	verdict(&f, PROVE_UNKNOWN, "locks");
}

static void t_prove_found(void **state)
{
	const struct prove_proc name = {.pid = 7, .comm = "qemu", .name = true};
	const struct prove_proc both[] = {
		name, {.pid = 8, .comm = "qemu-system-x86", .uuid = true}};
	const struct prove_fd fds[] = {
		{.pid = 9, .comm = "rsync", .file = "disk"},
		{.pid = 10, .comm = "qemu", .file = "disk", .writable = true}};
	const struct prove_lock locks[] = {
		{.pid = 11, .file = "disk", .start = 0, .end = 10},
		{.pid = -1, .file = "disk", .start = 201, .end = 201}};
	const struct prove_lock whole = {.pid = 1, .file = "disk", .end = -1};
	struct prove_facts f = all_seen;

	(void)state;
	f.procs = &name;
	f.n_procs = 1;
	verdict(&f, PROVE_UNKNOWN, "process 7");
	f.procs = both;
	f.n_procs = 2;
	verdict(&f, PROVE_RUNNING, "process 8");
	f = all_seen;
	f.fds = fds;
	f.n_fds = 1;
	verdict(&f, PROVE_UNKNOWN, "reading");
	f.n_fds = 2;
	verdict(&f, PROVE_RUNNING, "writing");
	f = all_seen;
	f.locks = locks;
	f.n_locks = 1;
	verdict(&f, PROVE_UNKNOWN, "not by QEMU");
	f.n_locks = 2;
	verdict(&f, PROVE_RUNNING, "as QEMU does");
	f.locks = &whole;
	f.n_locks = 1;
	verdict(&f, PROVE_RUNNING, "as QEMU does");
	/* evidence beats ignorance, whichever came first */
	f.domain = PROVE_DOMAIN_UNKNOWN;
	verdict(&f, PROVE_RUNNING, "locked");
}

/* libvirt's own files, as Debian 12 and RHEL 9 have them, and changed. */
static void t_hostconf(void **state)
{
	struct hostconf_qemu c = {0};
	enum hostconf_boot b = HOSTCONF_BOOT_UNKNOWN;

	(void)state;
	hostconf_qemu("# user = \"root\"\n#dynamic_ownership = 1\n", &c);
	assert_true(c.known);
	assert_null(c.user);
	assert_int_equal(c.dynamic_ownership, HOSTCONF_UNSET);
	hostconf_qemu("user = \"qemu\"\ngroup='kvm' # both\n"
		      "security_driver = [ \"selinux\", \"apparmor\" ]\n"
		      "dynamic_ownership = 1\n  dynamic_ownership=0\n"
		      "remember_owner = 1\nuserland = \"x\"\n"
		      "lock_manager = \"lockd\"\nvnc_password = \"pw\"\n"
		      "dynamic_ownership_of = 1\nuser =\n= 3\n\"\n",
		      &c);
	assert_null(c.user); /* the last one set none */
	assert_string_equal(c.group, "kvm");
	assert_string_equal(c.security_driver, "selinux");
	assert_string_equal(c.lock_manager, "lockd");
	assert_int_equal(c.dynamic_ownership, HOSTCONF_OFF);
	assert_int_equal(c.remember_owner, HOSTCONF_ON);
	hostconf_qemu_clear(&c);

	hostconf_on_boot("#ON_BOOT=start\n", &b);
	assert_int_equal(b, HOSTCONF_BOOT_UNKNOWN);
	hostconf_on_boot("URIS=\"default\"\nON_BOOT=\"start\"\n", &b);
	assert_int_equal(b, HOSTCONF_BOOT_START);
	hostconf_on_boot("ON_BOOT=ignore # Nova's\n", &b);
	assert_int_equal(b, HOSTCONF_BOOT_IGNORE);
	hostconf_on_boot("ON_BOOTS=start\nON_BOOT=$X\n", &b);
	assert_int_equal(b, HOSTCONF_BOOT_IGNORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_host),     cmocka_unit_test(t_domain),
		cmocka_unit_test(t_secret),   cmocka_unit_test(t_state_texts),
		cmocka_unit_test(t_prove),    cmocka_unit_test(t_prove_found),
		cmocka_unit_test(t_hostconf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
