-- DropIndex
DROP INDEX "Cut_projectId_idx";

-- DropIndex
DROP INDEX "Lyrics_projectId_idx";

-- CreateIndex
CREATE INDEX "Task_projectId_id_idx" ON "Task"("projectId", "id");

-- CreateIndex
CREATE INDEX "Vibe_projectId_id_idx" ON "Vibe"("projectId", "id");

-- CreateIndex
CREATE INDEX "Cut_projectId_id_idx" ON "Cut"("projectId", "id");

-- CreateIndex
CREATE INDEX "Lyrics_projectId_cutId_idx" ON "Lyrics"("projectId", "cutId");
