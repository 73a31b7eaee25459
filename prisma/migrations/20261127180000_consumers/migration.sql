-- CreateTable
CREATE TABLE "Consumer" (
    "name" TEXT NOT NULL,
    "lost" BIGINT NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Consumer_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "Cursor" (
    "consumer" TEXT NOT NULL,
    "room" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,

    CONSTRAINT "Cursor_pkey" PRIMARY KEY ("consumer","room")
);

-- CreateTable
CREATE TABLE "Retry" (
    "consumer" TEXT NOT NULL,
    "room" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "error" TEXT NOT NULL,
    "nextAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Retry_pkey" PRIMARY KEY ("consumer","room","seq")
);

-- CreateTable
CREATE TABLE "DeadLetter" (
    "consumer" TEXT NOT NULL,
    "room" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "attempts" INTEGER NOT NULL,
    "error" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "DeadLetter_pkey" PRIMARY KEY ("consumer","room","seq")
);

-- CreateTable
CREATE TABLE "Due" (
    "consumer" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "payload" JSON NOT NULL DEFAULT '{}',
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "claimedBy" UUID,
    "failedAt" TIMESTAMPTZ(3),

    CONSTRAINT "Due_pkey" PRIMARY KEY ("consumer","key")
);

-- CreateIndex
CREATE INDEX "Retry_consumer_nextAt_idx" ON "Retry"("consumer", "nextAt");

-- AddForeignKey
ALTER TABLE "Cursor" ADD CONSTRAINT "Cursor_consumer_fkey" FOREIGN KEY ("consumer") REFERENCES "Consumer"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Retry" ADD CONSTRAINT "Retry_consumer_fkey" FOREIGN KEY ("consumer") REFERENCES "Consumer"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "DeadLetter" ADD CONSTRAINT "DeadLetter_consumer_fkey" FOREIGN KEY ("consumer") REFERENCES "Consumer"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand.

-- What is due, by job; and what a leader that died has claimed.
CREATE INDEX "Due_at" ON "Due" ("consumer", "at") WHERE "failedAt" IS NULL;
CREATE INDEX "Due_claimed" ON "Due" ("consumer") WHERE "claimedBy" IS NOT NULL;

-- Narrow rows, updated in place: HOT updates need free space on the page.
ALTER TABLE "Cursor" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What the write of a consumer or a job assumes of its place: that no other leader was there before. Where it does not hold, the write
-- fails with an SQLSTATE that nothing else has.
CREATE FUNCTION assert_current(holds boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS NOT TRUE THEN
    RAISE EXCEPTION 'another leader was here before' USING ERRCODE = 'CR002';
  END IF;
END $$;
