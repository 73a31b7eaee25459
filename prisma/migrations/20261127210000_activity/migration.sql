-- CreateTable
CREATE TABLE "ActivityRead" (
    "userId" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "seq" BIGINT NOT NULL,

    CONSTRAINT "ActivityRead_pkey" PRIMARY KEY ("userId","projectId")
);

-- CreateTable
CREATE TABLE "ActivityDismissal" (
    "userId" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "seq" BIGINT NOT NULL,

    CONSTRAINT "ActivityDismissal_pkey" PRIMARY KEY ("userId","projectId","seq")
);

-- CreateIndex
CREATE INDEX "ActivityDismissal_projectId_seq_idx" ON "ActivityDismissal"("projectId", "seq");

-- AddForeignKey
ALTER TABLE "ActivityRead" ADD CONSTRAINT "ActivityRead_projectId_userId_fkey" FOREIGN KEY ("projectId", "userId") REFERENCES "Member"("projectId", "userId") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ActivityDismissal" ADD CONSTRAINT "ActivityDismissal_projectId_userId_fkey" FOREIGN KEY ("projectId", "userId") REFERENCES "Member"("projectId", "userId") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand.

-- What happened before this version counts as read.
INSERT INTO "ActivityRead" ("userId", "projectId", "seq")
  SELECT m."userId", m."projectId", r."head" FROM "Member" m JOIN "Room" r ON r."id" = 'project:' || m."projectId" WHERE r."head" > 0;

-- The position of the last event of a room before a time, `floor` if there is none. `seq` has no gaps, and `at` rises with it unless the
-- clock was set back: the distance from the head is doubled until an event is old enough, then halved. Of a quiet room one event is
-- read, and no index beside that of (room, seq) makes each write dearer.
CREATE FUNCTION event_before(room text, floor bigint, head bigint, before timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := floor;
  high bigint := head + 1;
  probe bigint := head;
  distance bigint := 1;
  is_before boolean;
BEGIN
  WHILE high - low > 1 LOOP
    SELECT e."at" < before INTO is_before FROM "Event" e WHERE e."room" = event_before.room AND e."seq" = probe;
    -- An event that retention has removed was before it.
    IF is_before IS NOT FALSE THEN
      low := probe;
      distance := 0;
    ELSE
      high := probe;
    END IF;
    IF distance > 0 THEN
      probe := greatest(probe - distance, low + 1);
      distance := distance * 2;
    ELSE
      probe := (low + high) / 2;
    END IF;
  END LOOP;
  RETURN low;
END $$;
