/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "core/novaconf.h"

static struct novaconf load(const char *a, const char *b,
			    const char *const *env)
{
	struct novaconf_file f[] = {
		{"/etc/nova/nova.conf", a, strlen(a)},
		{"/etc/nova/nova-compute.conf", b, strlen(b)}};
	struct novaconf c = NOVACONF_INIT;
	struct err e = ERR_INIT;

	if (novaconf_parse(f, 2, env, &c, &e))
		fail_msg("%s", err_msg(&e));
	return c;
}

static void t_defaults(void **state)
{
	struct novaconf c = load("", "", NULL);

	(void)state;
	assert_string_equal(c.instances_path, "/var/lib/nova/instances");
	assert_string_equal(c.base_dir_name, "_base");
	assert_string_equal(c.images_type, "default");
	assert_string_equal(c.config_drive_format, "iso9660");
	assert_string_equal(c.virt_type, "kvm");
	assert_string_equal(c.instance_name_template, "instance-%08x");
	assert_true(c.use_cow_images);
	assert_true(c.force_raw_images);
	assert_false(c.force_config_drive);
	assert_null(c.connection);
	assert_null(c.host);
	assert_null(c.cpu_mode);
	assert_false(c.has_placement);
	assert_false(c.has_neutron);
	novaconf_clear(&c);
}

static void t_zed(void **state)
{
	static const char *const env[] = {"OS_DEFAULT__STATE_PATH=/srv/nova",
					  "OS_LIBVIRT__CPU_MODE=none", NULL};
	struct novaconf c =
		load("[DEFAULT]\n"
		     "my_ip = 10.0.0.30\n"
		     "host = compute-30\n"
		     "force_config_drive = True\n"
		     "config_drive_format = vfat\n"
		     "[image_cache]\n"
		     "subdirectory_name = cache\n"
		     "[database]\n"
		     "connection = mysql+pymysql://n:a$$b#c@h/nova\n"
		     "[api_database]\n"
		     "connection = mysql://api\n"
		     "[placement]\n"
		     "auth_url = http://k:5000\n"
		     "[neutron]\n"
		     "auth_type = password\n"
		     "[vnc]\n"
		     "server_listen = $my_ip\n"
		     "[libvirt]\n"
		     "virt_type = kvm\n"
		     "cpu_models = A,B\n"
		     "swtpm_enabled = yes\n",
		     "[libvirt]\nvirt_type = qemu\n"
		     "images_type = qcow2\n",
		     env);

	(void)state;
	assert_string_equal(c.state_path, "/srv/nova");
	assert_string_equal(c.instances_path, "/srv/nova/instances");
	assert_string_equal(c.base_dir_name, "cache");
	assert_string_equal(c.virt_type, "qemu");
	assert_string_equal(c.images_type, "qcow2");
	assert_string_equal(c.host, "compute-30");
	/* [DEFAULT] is searched last, as oslo.config does. */
	assert_string_equal(c.vnc_listen, "10.0.0.30");
	assert_string_equal(c.connection, "mysql+pymysql://n:a$b#c@h/nova");
	assert_string_equal(c.api_connection, "mysql://api");
	assert_string_equal(c.cpu_mode, "none");
	assert_string_equal(c.cpu_models, "A,B");
	assert_true(c.force_config_drive);
	assert_true(c.swtpm_enabled);
	assert_true(c.has_placement);
	assert_true(c.has_neutron);
	novaconf_clear(&c);
}

static void t_icehouse(void **state)
{
	struct novaconf c = load("[DEFAULT]\n"
				 "sql_connection = mysql://old\n"
				 "libvirt_images_type = raw\n"
				 "libvirt_type = qemu\n"
				 "libvirt_cpu_mode = custom\n"
				 "libvirt_cpu_model = Nehalem\n"
				 "image_cache_subdirectory_name = b\n"
				 "force_config_drive = always\n"
				 "vncserver_listen = 0.0.0.0\n"
				 "neutron_url = http://n\n",
				 "", NULL);

	(void)state;
	assert_string_equal(c.connection, "mysql://old");
	assert_string_equal(c.images_type, "raw");
	assert_string_equal(c.virt_type, "qemu");
	assert_string_equal(c.cpu_mode, "custom");
	assert_string_equal(c.cpu_models, "Nehalem");
	assert_string_equal(c.base_dir_name, "b");
	assert_string_equal(c.vnc_listen, "0.0.0.0");
	assert_true(c.force_config_drive);
	assert_true(c.has_neutron);
	assert_false(c.has_placement);
	novaconf_clear(&c);
}

static void t_refused(void **state)
{
	static const char *const texts[] = {
		"[DEFAULT]\nuse_cow_images = maybe\n", "[DEFAULT\n"};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct novaconf_file f = {"n.conf", texts[i], strlen(texts[i])};
		struct novaconf c = NOVACONF_INIT;

		assert_int_equal(novaconf_parse(&f, 1, NULL, &c, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_non_null(strstr(err_msg(&e), "n.conf:"));
		assert_null(c.instances_path);
		err_clear(&e);
	}
}

static void name_is(const char *template, const char *want)
{
	char t[64];
	struct novaconf c = {.instance_name_template = t};
	char *got;

	strncpy(t, template, sizeof(t) - 1);
	t[sizeof(t) - 1] = '\0';
	got = novaconf_instance_name(&c, 0x2a, "u-u");
	if (!want) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, want);
	mem_free(got);
}

static void t_instance_name(void **state)
{
	(void)state;
	name_is("instance-%08x", "instance-0000002a");
	name_is("vm%d-%%", "vm42-%");
	name_is("%4X", "  2A");
	name_is("uuid-%(uuid)s", "uuid-u-u");
	name_is("%(id)d", "42");
	name_is("%(hostname)s", NULL);
	name_is("%s", NULL);
	name_is("%99999999999999999999x", NULL);
	name_is("%", NULL);
	name_is("%n", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_defaults),	   cmocka_unit_test(t_zed),
		cmocka_unit_test(t_icehouse),	   cmocka_unit_test(t_refused),
		cmocka_unit_test(t_instance_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
