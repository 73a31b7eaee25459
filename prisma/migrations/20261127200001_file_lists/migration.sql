-- DropIndex
DROP INDEX "File_projectId_kind_id_idx";

-- DropIndex
DROP INDEX "File_cutId_id_idx";

-- DropIndex
DROP INDEX "File_cutId_kind_id_idx";

-- CreateIndex
CREATE INDEX "File_projectId_createdAt_id_idx" ON "File"("projectId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "File_projectId_kind_createdAt_id_idx" ON "File"("projectId", "kind", "createdAt", "id");

-- CreateIndex
CREATE INDEX "File_cutId_createdAt_id_idx" ON "File"("cutId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "File_cutId_kind_createdAt_id_idx" ON "File"("cutId", "kind", "createdAt", "id");
