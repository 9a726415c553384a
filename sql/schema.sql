-- SPDX-License-Identifier: Apache-2.0
-- What this schema is.

-- name: schema.columns
SELECT table_name AS t, column_name AS c
FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name IN
('aggregate_hosts', 'alembic_version', 'allocations', 'block_device_mapping',
 'build_requests', 'cell_mappings', 'compute_nodes', 'console_auth_tokens',
 'consumers',
 'floating_ips', 'host_mappings', 'instance_extra', 'instance_group_member',
 'instance_group_policy', 'instances', 'migrate_version', 'migrations',
 'ml2_port_bindings',
 'request_specs', 'services', 'share_mapping', 'volume_attachment')

-- name: schema.migrate
SELECT version FROM migrate_version WHERE repository_id IN ('nova', 'nova_api')

-- name: schema.alembic
SELECT version_num FROM alembic_version

-- Mixed during an upgrade: the lowest counts.
-- name: schema.service_version
SELECT MIN(version) AS version FROM services
WHERE deleted = 0 AND `binary` IN ('nova-compute', 'nova-conductor')
