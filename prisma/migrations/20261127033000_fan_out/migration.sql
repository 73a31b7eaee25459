-- AlterTable
ALTER TABLE "Project" ADD COLUMN     "deletedAt" TIMESTAMPTZ(3);

-- From here on by hand.

-- Deleted projects whose rows are still being taken away.
CREATE INDEX "Project_deleted" ON "Project" ("id") WHERE "deletedAt" IS NOT NULL;

-- An id that sorts by the microsecond in which it was made (UUID version 7), so that events keep the order of their calls.
CREATE FUNCTION event_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT (substr(t.hex, 1, 8) || '-' || substr(t.hex, 9, 4) || '-7' || t.fraction || '-8' || substr(r.hex, 1, 3) || '-' || substr(r.hex, 4, 12))::uuid
  FROM (SELECT lpad(to_hex(us / 1000), 12, '0') AS hex, lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0') AS fraction
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS c) AS t,
    (SELECT replace(gen_random_uuid()::text, '-', '') AS hex) AS r
$$;

CREATE OR REPLACE FUNCTION append(room text, name text, payload json, actor_id uuid DEFAULT NULL, actor_name text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$
  INSERT INTO "Event" ("id", "room", "name", "payload", "bytes", "actorId", "actorName")
  VALUES (event_id(), room, name, payload, octet_length(payload::text), actor_id, actor_name) RETURNING "id"
$$;

-- An event for thousands of rooms is stamped by the statement that inserts it, the last one before COMMIT: one update of all
-- counters, which stay locked until then, instead of one in each call of the trigger.
DROP TRIGGER event_stamp ON "Event";
CREATE CONSTRAINT TRIGGER event_stamp AFTER INSERT ON "Event"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW."seq" IS NULL) EXECUTE FUNCTION event_stamp();
