-- SPDX-License-Identifier: Apache-2.0
-- Reading nova_api; nothing is ever written there.

-- name: api.cells
[F_api_cells:SELECT id, uuid, name, database_connection AS url,
 [F_api_disabled:COALESCE(disabled, 0)][!F_api_disabled:0] AS disabled
FROM cell_mappings ORDER BY id]

-- name: api.cell_of
[F_api_cells:SELECT cell_id FROM instance_mappings WHERE instance_uuid = :u]

-- name: api.host_cell
[F_api_hosts:SELECT cell_id FROM host_mappings WHERE host = :h]

-- name: api.build_request
[F_api_builds:SELECT COUNT(*) AS n FROM build_requests
WHERE instance_uuid = :u]

-- name: api.request_spec
[F_api_specs:SELECT spec FROM request_specs WHERE instance_uuid = :u]

-- name: api.az
[F_api_aggregates:SELECT m.value FROM aggregate_hosts h
JOIN aggregate_metadata m
ON m.aggregate_id = h.aggregate_id AND m.`key` = 'availability_zone'
WHERE h.host = :h ORDER BY m.id LIMIT 1]

-- name: api.groups
[F_api_groups:SELECT g.id, g.uuid, g.name,
 (SELECT p.policy FROM instance_group_policy p
  WHERE p.group_id = g.id ORDER BY p.id LIMIT 1) AS policy,
 [F_api_rules:(SELECT p.rules FROM instance_group_policy p
  WHERE p.group_id = g.id ORDER BY p.id LIMIT 1)][!F_api_rules:NULL] AS rules
FROM instance_groups g JOIN instance_group_member m ON m.group_id = g.id
WHERE m.instance_uuid = :u ORDER BY g.id]

-- name: api.group_members
[F_api_groups:SELECT m.instance_uuid AS uuid FROM instance_group_member m
WHERE m.group_id = :g AND m.instance_uuid <> :u ORDER BY m.id]

-- Live only while Placement used this database (up to Stein); an empty or
-- stale decoy later.
-- name: api.allocations
[F_api_placement:SELECT p.uuid, COUNT(*) AS n FROM allocations a
JOIN resource_providers p ON p.id = a.resource_provider_id
WHERE a.consumer_id = :u GROUP BY p.uuid]
