-- SPDX-License-Identifier: Apache-2.0
-- Neutron's database (ML2, Ocata and later), where its API does not answer:
-- transaction U.  Statements whose name starts with "nw." write; any other row
-- count than the one named rolls the transaction back.

-- name: neutron.ports
[F_neutron:SELECT p.id, p.mac_address AS mac, p.status
FROM ports p WHERE p.device_id = :u AND p.device_owner LIKE 'compute:%'
ORDER BY p.id]

-- name: neutron.port
[F_neutron:SELECT p.id, p.device_id, p.status, p.network_id,
 s.revision_number AS revision
FROM ports p JOIN standardattributes s ON s.id = p.standard_attr_id
WHERE p.id = :p]

-- name: neutron.bindings
[F_neutron:SELECT host, vif_type, vnic_type, profile, vif_details, status
FROM ml2_port_bindings WHERE port_id = :p ORDER BY host]

-- name: neutron.levels
[F_neutron:SELECT l.host, l.level, l.driver, l.segment_id AS segment,
 n.network_type AS type, n.physical_network AS physnet
FROM ml2_port_binding_levels l
LEFT JOIN networksegments n ON n.id = l.segment_id
WHERE l.port_id = :p ORDER BY l.host, l.level]

-- What only Neutron's server can move along: trunks, distributed routers,
-- guaranteed bandwidth, routed networks.
-- name: neutron.tied
[F_neutron:SELECT
 (SELECT COUNT(*) FROM trunks t WHERE t.port_id = :p)
 + (SELECT COUNT(*) FROM subports s WHERE s.port_id = :p) AS trunk,
 (SELECT COUNT(*) FROM ml2_distributed_port_bindings d
  JOIN ports r ON r.id = d.port_id
  JOIN ports p ON p.network_id = r.network_id WHERE p.id = :p) AS dvr,
 (SELECT COUNT(*) FROM qos_minimum_bandwidth_rules q
  WHERE q.qos_policy_id IN
  (SELECT b.policy_id FROM qos_port_policy_bindings b WHERE b.port_id = :p)
  OR q.qos_policy_id IN
  (SELECT n.policy_id FROM qos_network_policy_bindings n
   JOIN ports p ON p.network_id = n.network_id WHERE p.id = :p)) AS bandwidth,
 (SELECT COUNT(*) FROM ipallocations i JOIN subnets s ON s.id = i.subnet_id
  WHERE i.port_id = :p AND s.segment_id IS NOT NULL) AS routed]

-- The L2 agents of a host.  While Neutron's server is down no agent is heard,
-- so each is measured by the one that was heard last.
-- name: neutron.agents
[F_neutron:SELECT a.agent_type AS type, a.admin_state_up AS up,
 a.configurations AS conf,
 TIMESTAMPDIFF(SECOND, a.heartbeat_timestamp,
 (SELECT MAX(m.heartbeat_timestamp) FROM agents m)) AS behind
FROM agents a WHERE a.host = :h
AND a.agent_type IN ('Open vSwitch agent', 'Linux bridge agent')
ORDER BY a.agent_type]

-- The port's version; first of all, so that a lost one is waited for.  1 row
-- name: nw.revision
[F_neutron:UPDATE standardattributes
SET revision_number = revision_number + 1, updated_at = :now
WHERE id = (SELECT p.standard_attr_id FROM ports p WHERE p.id = :p)
AND revision_number = :rev]

-- The segments that it is bound on.                         as many as read
-- name: nw.levels_out
[F_neutron:DELETE FROM ml2_port_binding_levels WHERE port_id = :p]

-- With vif_type 'unbound' Neutron binds it on demand: at the next request of
-- the agent or the next change of the port.  A host alone would stay stuck. 1
-- name: nw.binding
[F_neutron:UPDATE ml2_port_bindings
SET host = :to, vif_type = :vif_type, vif_details = :vif_details
WHERE port_id = :p AND host = :from AND status = 'ACTIVE']

-- What stood there before, again.                                 1 row each
-- name: nw.level_in
[F_neutron:INSERT INTO ml2_port_binding_levels
(port_id, host, level, driver, segment_id)
SELECT id, :to, :level, :driver, :segment FROM ports WHERE id = :p]

-- The agent makes it ACTIVE.                                           1 row
-- name: nw.status
[F_neutron:UPDATE ports SET status = :status
WHERE id = :p AND device_id = :u]
