-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "assignedVersion" INTEGER;

-- CreateTable
CREATE TABLE "Notification" (
    "id" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
    "projectId" UUID,
    "actorId" UUID,
    "targetType" TEXT NOT NULL,
    "targetId" UUID NOT NULL,
    "targetName" TEXT,
    "text" TEXT,
    "link" TEXT NOT NULL,
    "onId" UUID,
    "about" UUID[],
    "seenAt" TIMESTAMPTZ(3),
    "deletedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Notification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "NotificationPreferences" (
    "userId" UUID NOT NULL,
    "kinds" JSONB NOT NULL DEFAULT '{}',
    "projects" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "NotificationPreferences_pkey" PRIMARY KEY ("userId")
);

-- CreateIndex
CREATE INDEX "Notification_userId_id_idx" ON "Notification"("userId", "id");

-- CreateIndex
CREATE INDEX "Notification_projectId_id_idx" ON "Notification"("projectId", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Notification_userId_cause_key" ON "Notification"("userId", "cause");

-- AddForeignKey
ALTER TABLE "Notification" ADD CONSTRAINT "Notification_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Notification" ADD CONSTRAINT "Notification_projectId_fkey" FOREIGN KEY ("projectId") REFERENCES "Project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "NotificationPreferences" ADD CONSTRAINT "NotificationPreferences_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand.

-- What a person has not seen, for its number.
CREATE INDEX "Notification_unseen" ON "Notification"("userId", "id") WHERE "seenAt" IS NULL AND "deletedAt" IS NULL;
-- What ends with a thing that is deleted.
CREATE INDEX "Notification_about" ON "Notification" USING GIN ("about");

ALTER TABLE "Notification" ADD CONSTRAINT "Notification_kind" CHECK
  ("kind" IN ('mention', 'reply', 'assignment', 'invitation', 'added', 'role-changed', 'upload', 'approval'));

-- Names of events may have a hyphen before the colon, too: `notification-preferences:updated`.
ALTER TABLE "Event" DROP CONSTRAINT "Event_name",
  ADD CONSTRAINT "Event_name" CHECK ("name" ~ '^[a-z]+(-[a-z]+)*:[a-z-]+$') NOT VALID;
