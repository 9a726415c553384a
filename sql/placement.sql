-- SPDX-License-Identifier: Apache-2.0
-- Placement's own database (Rocky and later), where its API does not answer:
-- transaction P.  Statements whose name starts with "pw." write; any other row
-- count than the one named rolls the transaction back.

-- name: placement.provider
[F_placement:SELECT id FROM resource_providers WHERE uuid = :rp]

-- name: placement.generation
[F_placement:SELECT generation FROM resource_providers WHERE id = :id]

-- name: placement.newest
[F_placement:SELECT MAX(COALESCE(updated_at, created_at)) AS at
FROM resource_providers]

-- name: placement.consumer
[F_placement:SELECT generation FROM consumers WHERE uuid = :u]

-- name: placement.allocations
[F_placement:SELECT a.resource_provider_id AS rp, p.name AS provider,
 a.resource_class_id AS rc, a.used,
 COALESCE(c.name, CONCAT('class ', a.resource_class_id)) AS class
FROM allocations a
LEFT JOIN resource_providers p ON p.id = a.resource_provider_id
LEFT JOIN resource_classes c ON c.id = a.resource_class_id
WHERE a.consumer_id = :u ORDER BY a.id]

-- What a provider has of each class, as Placement itself reckons it.
-- name: placement.room
[F_placement:SELECT i.resource_class_id AS rc,
 FLOOR((i.total - i.reserved) * i.allocation_ratio) AS capacity,
 i.min_unit, i.max_unit, i.step_size,
 (SELECT COALESCE(SUM(a.used), 0) FROM allocations a
  WHERE a.resource_provider_id = i.resource_provider_id
  AND a.resource_class_id = i.resource_class_id) AS used
FROM inventories i WHERE i.resource_provider_id = :rp]

-- The lock of whoever writes a provider's allocations; ascending id.   1 row
-- name: pw.provider
[F_placement:UPDATE resource_providers
SET generation = generation + 1, updated_at = :now
WHERE id = :rp AND generation = :g]

-- The instance's own; first of all, so that a lost one is waited for.  1 row
-- name: pw.consumer
[F_placement:UPDATE consumers
SET generation = generation + 1, updated_at = :now
WHERE uuid = :u AND generation = :cg]

-- All that it has, to the other provider.                   as many as read
-- name: pw.allocations
[F_placement:UPDATE allocations
SET resource_provider_id = :d, updated_at = :now
WHERE consumer_id = :u AND resource_provider_id = :s]
