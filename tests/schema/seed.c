/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as Nova leaves them; columns that a release lacks are left out. */
#include "schema/world.h"

#define T0 "2026-11-20 10:00:00"

static void host(const char *id, const char *service, const char *name,
		 const char *node)
{
	const char *disabled = !strcmp(name, "compute-60") ? "1" : "0";
	const char *down = !strcmp(name, "compute-70") ? "1" : "0";
	char version[16];
	AUTO(mem_freep)
	char *uuid = mem_printf("c0000000-0000-4000-8000-0000000000%s", id);

	snprintf(version, sizeof(version), "%d", releases[world.index].service);
	if (*service)
		row("nova", "services", "id", service, "host", name, "binary",
		    "nova-compute", "topic", "compute", "report_count", "100",
		    "disabled", disabled, "deleted", "0", "disabled_reason",
		    *disabled == '1' ? "broken fan" : NULL, "forced_down", down,
		    "version", version, "created_at", T0, "updated_at", T0,
		    "last_seen_up", T0, NULL);
	row("nova", "compute_nodes", "id", id, "service_id",
	    *service ? service : "5", "host", name, "hypervisor_hostname", node,
	    "vcpus", "16", "memory_mb", "65536", "local_gb", "900",
	    "vcpus_used", "2", "memory_mb_used", "2048", "local_gb_used", "20",
	    "hypervisor_type", "QEMU", "hypervisor_version", "7002000",
	    "cpu_info",
	    "{\"arch\": \"x86_64\", \"model\": \"Broadwell\", \"vendor\": "
	    "\"Intel\", \"features\": [\"aes\", \"avx2\"]}",
	    "deleted", "0", "host_ip", "10.0.0.34", "uuid", uuid, "created_at",
	    T0, NULL);
}

static void instance(const char *id, const char *uuid, const char *name,
		     const char *on, const char *node, const char *deleted)
{
	row("nova", "instances", "id", id, "uuid", uuid, "display_name", name,
	    "hostname", name, "host", on, "node", node, "compute_id",
	    !strcmp(on, H30) ? "11" : "12", "vm_state", "stopped",
	    "power_state", "4", "task_state", NULL, "locked", NULL, "deleted",
	    deleted, "user_id", "u-1", "project_id", "p-1", "image_ref",
	    "aaaaaaaa-0000-4000-8000-000000000000", "memory_mb", "512", "vcpus",
	    "1", "root_gb", "10", "ephemeral_gb", "0", "instance_type_id", "7",
	    "availability_zone", "az-30", "launched_on", on, "config_drive",
	    "True", "os_type", NULL, "root_device_name", "/dev/vda",
	    "created_at", T0, "updated_at", T0, "hidden", "0", "cleaned", "0",
	    NULL);
	row("nova", "instance_system_metadata", "instance_uuid", uuid, "key",
	    "image_base_image_ref", "value",
	    "aaaaaaaa-0000-4000-8000-000000000000", "deleted", "0", NULL);
	row("nova", "instance_system_metadata", "instance_uuid", uuid, "key",
	    "image_hw_firmware_type", "value", "uefi", "deleted", "0", NULL);
	/* Left by an unlock of long ago. */
	row("nova", "instance_system_metadata", "instance_uuid", uuid, "key",
	    "locked_reason", "value", "novahaul j-test 1", "deleted", "9",
	    NULL);
}

static const char flavor[] =
	"{\"cur\": {\"nova_object.name\": \"Flavor\", \"nova_object.data\": "
	"{\"name\": \"m1.small\", \"swap\": 64, \"memory_mb\": 512, "
	"\"extra_specs\": {\"hw:cpu_policy\": \"shared\"}}}, \"old\": null, "
	"\"new\": null}";

static void extras(const char *uuid)
{
	if (has_column("nova", "instance_extra", "pci_requests"))
		row("nova", "instance_extra", "instance_uuid", uuid, "deleted",
		    "0", "pci_requests", "[]", "numa_topology", NULL, "flavor",
		    flavor, NULL);
	row("nova", "instance_info_caches", "instance_uuid", uuid, "deleted",
	    "0", "network_info",
	    "[{\"id\": \"p1\", \"address\": \"fa:16:3e:00:00:01\", \"type\": "
	    "\"ovs\", \"vnic_type\": \"normal\", \"devname\": \"tapp1\", "
	    "\"ovs_interfaceid\": \"p1\", \"active\": true, \"profile\": "
	    "{\"pci_slot\": \"0000:05:00.1\", \"gone\": null}, \"details\": "
	    "{\"port_filter\": true, \"ovs_hybrid_plug\": true}, \"network\": "
	    "{\"id\": \"n1\", \"bridge\": \"br-int\", \"meta\": {\"mtu\": "
	    "1450}}}]",
	    NULL);
	row("nova", "block_device_mapping", "instance_uuid", uuid,
	    "device_name", "/dev/vda", "source_type", "image",
	    "destination_type", "local", "boot_index", "0", "image_id",
	    "aaaaaaaa-0000-4000-8000-000000000000", "deleted", "0",
	    "delete_on_termination", "1", NULL);
	row("nova", "block_device_mapping", "instance_uuid", uuid,
	    "device_name", "/dev/vdb", "source_type", "volume",
	    "destination_type", "volume", "boot_index", NULL, "volume_id",
	    "vol-1", "volume_size", "5", "deleted", "0", "attachment_id",
	    "att-1", "connection_info",
	    "{\"driver_volume_type\": \"nfs\", \"multiattach\": true, "
	    "\"data\": {\"export\": \"s:/e\", \"encrypted\": true}}",
	    NULL);
	row("nova", "block_device_mapping", "instance_uuid", uuid,
	    "device_name", "/dev/vdc", "source_type", "blank",
	    "destination_type", "local", "guest_format", "swap", "boot_index",
	    "-1", "deleted", "7", NULL);
}

static void tokens(const char *hash, const char *uuid)
{
	if (has_column("nova", "console_auth_tokens", "instance_uuid"))
		row("nova", "console_auth_tokens", "token_hash", hash,
		    "console_type", "novnc", "host", H30, "port", "5900",
		    "instance_uuid", uuid, "expires", "1", NULL);
}

static void migration(const char *id, const char *uuid, const char *from,
		      const char *to, const char *type, const char *status,
		      const char *deleted)
{
	AUTO(mem_freep)
	char *u = mem_printf("e0000000-0000-4000-8000-00000000000%s", id);

	row("nova", "migrations", "id", id, "uuid", u, "instance_uuid", uuid,
	    "source_compute", from, "dest_compute", to, "status", status,
	    "migration_type", type, "old_instance_type_id", "7",
	    "new_instance_type_id", "7", "deleted", deleted, "created_at", T0,
	    NULL);
}

static void fault(const char *id, const char *host, const char *message,
		  const char *details, const char *deleted)
{
	row("nova", "instance_faults", "id", id, "instance_uuid", U1, "host",
	    host, "code", "500", "message", message, "details", details,
	    "deleted", deleted, "created_at", T0, NULL);
}

static void faults(void)
{
	fault("1", H30, "older", "older", "0");
	fault("2", H30, "libvirtError",
	      "Traceback (most recent call last):\n  File \"driver.py\"\n"
	      "libvirt.libvirtError: no disk\n\n",
	      "0");
	fault("3", H30, "deleted", "deleted", "3");
	fault("4", H34, "NoValidHost", "", "0");
}

/* nova-network: one address on a network per host, one that is not. */
static void addresses(void)
{
	row("nova", "networks", "id", "1", "multi_host", "1", "deleted", "0",
	    NULL);
	row("nova", "networks", "id", "2", "multi_host", "0", "deleted", "0",
	    NULL);
	row("nova", "fixed_ips", "id", "1", "address", "10.1.0.2", "network_id",
	    "1", "instance_uuid", U1, "host", H30, "deleted", "0", NULL);
	row("nova", "fixed_ips", "id", "2", "address", "10.2.0.2", "network_id",
	    "2", "instance_uuid", U1, "deleted", "0", NULL);
	row("nova", "fixed_ips", "id", "3", "address", "10.1.0.3", "network_id",
	    "1", "instance_uuid", U2, "deleted", "0", NULL);
	for (int i = 1; i <= 3; i++) {
		char id[4], ip[16];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		row("nova", "floating_ips", "id", id, "fixed_ip_id", id,
		    "address", ip, "host", H30, "deleted", "0", NULL);
	}
}

static void group(const char *db, const char *member)
{
	row(db, "instance_groups", "id", "1", "uuid", "g-1", "name", "apart",
	    "deleted", "0", NULL);
	row(db, "instance_group_policy", "group_id", "1", "policy",
	    "anti-affinity", "rules", "{\"max_server_per_host\": 2}", "deleted",
	    "0", NULL);
	row(db, "instance_group_member", "group_id", "1", member, U1, "deleted",
	    "0", NULL);
	row(db, "instance_group_member", "group_id", "1", member, U5, "deleted",
	    "0", NULL);
}

static void zone(const char *db)
{
	row(db, "aggregates", "id", "1", "name", "a34", "deleted", "0", NULL);
	row(db, "aggregate_hosts", "id", "1", "aggregate_id", "1", "host", H34,
	    "deleted", "0", NULL);
	row(db, "aggregate_metadata", "id", "1", "aggregate_id", "1", "key",
	    "availability_zone", "value", "az-34", "deleted", "0", NULL);
}

static void api_rows(void)
{
	if (!world.api)
		return;
	row("nova_api", "cell_mappings", "id", "1", "uuid",
	    "00000000-0000-0000-0000-000000000000", "name", "cell0",
	    "transport_url", "none:///", "database_connection",
	    "{scheme}://{username}:{password}@{hostname}/nova_cell0", NULL);
	row("nova_api", "cell_mappings", "id", "2", "uuid",
	    "ce110000-0000-4000-8000-000000000000", "name", "cell1",
	    "database_connection",
	    "{scheme}://{username}:{password}@{hostname}/nova?{query}", NULL);
	row("nova_api", "instance_mappings", "instance_uuid", U1, "cell_id",
	    "2", "project_id", "p-1", "queued_for_delete", "0", NULL);
	if (world.f->api_hosts) {
		row("nova_api", "host_mappings", "host", H30, "cell_id", "2",
		    NULL);
		row("nova_api", "host_mappings", "host", H34, "cell_id", "2",
		    NULL);
	}
	if (world.f->api_specs)
		row("nova_api", "request_specs", "instance_uuid", U1, "spec",
		    "{\"nova_object.data\": {\"availability_zone\": "
		    "\"az-30\"}}",
		    NULL);
	if (world.f->api_groups) {
		group("nova_api", "instance_uuid");
		zone("nova_api");
	}
	if (world.f->api_placement) {
		row("nova_api", "resource_providers", "id", "5", "uuid",
		    "c0000000-0000-4000-8000-000000000011", "name", N30,
		    "generation", "3", NULL);
		row("nova_api", "allocations", "resource_provider_id", "5",
		    "consumer_id", U1, "resource_class_id", "0", "used", "1",
		    NULL);
	}
}

void world_seed(void)
{
	row("nova", "instance_types", "id", "7", "name", "m1.small",
	    "memory_mb", "512", "vcpus", "1", "swap", "64", "flavorid", "f7",
	    "deleted", "0", NULL);
	row("nova", "instance_type_extra_specs", "instance_type_id", "7", "key",
	    "hw:cpu_policy", "value", "shared", "deleted", "0", NULL);
	host("11", "1", H30, N30);
	host("12", "2", H34, N34);
	host("13", "3", "compute-60", "compute-60");
	host("14", "4", "compute-70", "compute-70");
	host("15", "5", "ironic-1", "node-a");
	host("16", "", "ironic-1", "node-b");
	instance("1", U1, "web-1", H30, N30, "0");
	instance("2", U2, "twin", H30, N30, "0");
	instance("3", U3, "twin", H34, N34, "0");
	instance("4", U4, "web-1", H30, N30, "4");
	/* archived: a deleted one, and what cannot be */
	row("nova", "shadow_instances", "id", "90", "uuid", U90, "deleted",
	    "90", "created_at", T0, NULL);
	row("nova", "shadow_instances", "id", "91", "uuid", U91, "deleted", "0",
	    "created_at", T0, NULL);
	instance("5", U5, "WEB-1", H34, N34, "0");
	extras(U1);
	extras(U2);
	tokens("t1", U1);
	tokens("t2", U1);
	tokens("t3", U2);
	migration("1", U1, H34, H30, "migration", "confirmed", "0");
	migration("2", U1, H34, H30, "evacuation", "done", "2");
	migration("3", U2, H30, H34, "live-migration", "running", "0");
	faults();
	addresses();
	if (!world.f->api_groups) {
		group("nova", "instance_id");
		zone("nova");
	}
	api_rows();
}
