-- AlterTable
ALTER TABLE "Session" ADD COLUMN     "confirmed" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Event" ADD COLUMN     "bytes" INTEGER;

-- AlterTable
ALTER TABLE "IdempotencyKey" ADD COLUMN     "eventId" UUID,
ALTER COLUMN "answer" DROP NOT NULL;

-- From here on by hand.

-- Refresh tokens of sessions that exist already: the one before the last is not accepted any more.
UPDATE "Session" SET "confirmed" = "generation";

-- The events of a transaction that wait for their position. Only the transaction that made them can see them.
CREATE INDEX "Event_unstamped" ON "Event" ("room") WHERE "seq" IS NULL;

-- As before, but a transaction updates the room twice at most, however many events it has there: each further update would walk
-- through all versions of the row that the same transaction left (10,000 events took 12 s).
CREATE OR REPLACE FUNCTION event_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  position bigint;
  waiting bigint;
BEGIN
  -- The first event of this transaction in this room. A room row that this transaction has written is not updated here.
  UPDATE "Room" SET "head" = "head" + 1 WHERE "id" = NEW."room" AND xmin <> pg_current_xact_id()::xid RETURNING "head" INTO position;
  IF FOUND THEN
    UPDATE "Event" SET "seq" = position, "at" = clock_timestamp() WHERE "id" = NEW."id";
    RETURN NULL;
  END IF;
  IF (SELECT "seq" IS NOT NULL FROM "Event" WHERE "id" = NEW."id") THEN
    RETURN NULL;
  END IF;
  -- The second one: all that are left, in the order of their ids, which is the order in which they were made.
  SELECT count(*) FROM "Event" WHERE "room" = NEW."room" AND "seq" IS NULL INTO waiting;
  UPDATE "Room" SET "head" = "head" + waiting WHERE "id" = NEW."room" RETURNING "head" - waiting INTO position;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no room %', NEW."room" USING ERRCODE = 'foreign_key_violation';
  END IF;
  UPDATE "Event" e SET "seq" = position + o.n, "at" = clock_timestamp()
    FROM (SELECT "id", row_number() OVER (ORDER BY "id") AS n FROM "Event" WHERE "room" = NEW."room" AND "seq" IS NULL) o
    WHERE e."id" = o."id";
  RETURN NULL;
END $$;

-- Ids that sort by the microsecond in which they were made (UUID version 7), so that events keep the order of their calls.
CREATE OR REPLACE FUNCTION append(room text, name text, payload json, actor_id uuid DEFAULT NULL, actor_name text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$
  INSERT INTO "Event" ("id", "room", "name", "payload", "bytes", "actorId", "actorName")
  SELECT (substr(t.hex, 1, 8) || '-' || substr(t.hex, 9, 4) || '-7' || t.fraction || '-8' || substr(r.hex, 1, 3) || '-' || substr(r.hex, 4, 12))::uuid,
    room, name, payload, octet_length(payload::text), actor_id, actor_name
  FROM (SELECT lpad(to_hex(us / 1000), 12, '0') AS hex, lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0') AS fraction
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS c) AS t,
    (SELECT replace(gen_random_uuid()::text, '-', '') AS hex) AS r
  RETURNING "id"
$$;
