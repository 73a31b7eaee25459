-- A person's projects, and a project's members, in the order of their lists: a page is read without the rest.

-- CreateIndex
CREATE INDEX "Member_userId_projectId_idx" ON "Member"("userId", "projectId");

-- CreateIndex
CREATE INDEX "Member_projectId_createdAt_userId_idx" ON "Member"("projectId", "createdAt", "userId");

-- DropIndex
DROP INDEX "Member_userId_idx";
