-- CreateEnum
CREATE TYPE "CutState" AS ENUM ('draft', 'review', 'approved');

-- CreateEnum
CREATE TYPE "FileKind" AS ENUM ('audio', 'stems', 'image', 'document');

-- CreateEnum
CREATE TYPE "FileStatus" AS ENUM ('processing', 'ready', 'failed');

-- AlterTable
ALTER TABLE "Cut" ADD COLUMN     "approvedAt" TIMESTAMPTZ(3),
ADD COLUMN     "approvedById" UUID,
ADD COLUMN     "approvedFileId" UUID,
ADD COLUMN     "approvedTake" INTEGER,
ADD COLUMN     "lastTake" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "state" "CutState" NOT NULL DEFAULT 'draft';

-- AlterTable
ALTER TABLE "Comment" ADD COLUMN     "carriedFrom" UUID,
ADD COLUMN     "fileId" UUID;

-- CreateTable
CREATE TABLE "File" (
    "id" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "cutId" UUID NOT NULL,
    "kind" "FileKind" NOT NULL,
    "take" INTEGER,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "size" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    "objectKey" UUID NOT NULL,
    "status" "FileStatus" NOT NULL,
    "failure" TEXT,
    "audio" JSONB,
    "image" JSONB,
    "authorId" UUID NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "File_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "StoredObject" (
    "key" UUID NOT NULL,
    "size" BIGINT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "fileId" UUID,

    CONSTRAINT "StoredObject_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "Rendition" (
    "fileId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "data" BYTEA NOT NULL,

    CONSTRAINT "Rendition_pkey" PRIMARY KEY ("fileId","name")
);

-- CreateTable
CREATE TABLE "Upload" (
    "id" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "cutId" UUID NOT NULL,
    "userId" UUID NOT NULL,
    "kind" "FileKind",
    "name" TEXT NOT NULL,
    "length" BIGINT NOT NULL,
    "fileId" UUID,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Upload_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "File_objectKey_key" ON "File"("objectKey");

-- CreateIndex
CREATE INDEX "File_projectId_id_idx" ON "File"("projectId", "id");

-- CreateIndex
CREATE INDEX "File_projectId_kind_id_idx" ON "File"("projectId", "kind", "id");

-- CreateIndex
CREATE INDEX "File_cutId_id_idx" ON "File"("cutId", "id");

-- CreateIndex
CREATE INDEX "File_cutId_kind_id_idx" ON "File"("cutId", "kind", "id");

-- CreateIndex
CREATE INDEX "File_authorId_idx" ON "File"("authorId");

-- CreateIndex
CREATE UNIQUE INDEX "File_cutId_take_key" ON "File"("cutId", "take");

-- CreateIndex
CREATE UNIQUE INDEX "StoredObject_fileId_key" ON "StoredObject"("fileId");

-- CreateIndex
CREATE INDEX "Upload_projectId_id_idx" ON "Upload"("projectId", "id");

-- CreateIndex
CREATE INDEX "Upload_cutId_idx" ON "Upload"("cutId");

-- CreateIndex
CREATE INDEX "Upload_userId_idx" ON "Upload"("userId");

-- CreateIndex
CREATE INDEX "Upload_expiresAt_idx" ON "Upload"("expiresAt");

-- CreateIndex
CREATE INDEX "Cut_approvedById_idx" ON "Cut"("approvedById");

-- AddForeignKey
ALTER TABLE "Cut" ADD CONSTRAINT "Cut_approvedById_fkey" FOREIGN KEY ("approvedById") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "File" ADD CONSTRAINT "File_projectId_fkey" FOREIGN KEY ("projectId") REFERENCES "Project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "File" ADD CONSTRAINT "File_cutId_fkey" FOREIGN KEY ("cutId") REFERENCES "Cut"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "File" ADD CONSTRAINT "File_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "StoredObject" ADD CONSTRAINT "StoredObject_fileId_fkey" FOREIGN KEY ("fileId") REFERENCES "File"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Rendition" ADD CONSTRAINT "Rendition_fileId_fkey" FOREIGN KEY ("fileId") REFERENCES "File"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Upload" ADD CONSTRAINT "Upload_projectId_fkey" FOREIGN KEY ("projectId") REFERENCES "Project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Upload" ADD CONSTRAINT "Upload_cutId_fkey" FOREIGN KEY ("cutId") REFERENCES "Cut"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- From here on by hand.

ALTER TABLE "Cut" ADD CONSTRAINT "Cut_approval" CHECK (
  num_nonnulls("approvedFileId", "approvedTake", "approvedAt") = CASE WHEN "state" = 'approved' THEN 3 ELSE 0 END);

ALTER TABLE "File" ADD CONSTRAINT "File_take" CHECK (("kind" = 'audio') = ("take" IS NOT NULL) AND "take" >= 1);
ALTER TABLE "File" ADD CONSTRAINT "File_failure" CHECK (("status" = 'failed') = ("failure" IS NOT NULL));
ALTER TABLE "File" ADD CONSTRAINT "File_size" CHECK ("size" >= 0);
ALTER TABLE "Rendition" ADD CONSTRAINT "Rendition_size" CHECK (octet_length("data") <= 1048576);
ALTER TABLE "Upload" ADD CONSTRAINT "Upload_length" CHECK ("length" >= 0);

-- What the sweep looks for: objects without a file.
CREATE INDEX "StoredObject_unclaimed" ON "StoredObject" ("createdAt") WHERE "fileId" IS NULL;

-- Threads on a take, and their copies: a thread is carried to a take once.
CREATE INDEX "Comment_fileId" ON "Comment" ("fileId", "id") WHERE "fileId" IS NOT NULL;
CREATE UNIQUE INDEX "Comment_carried" ON "Comment" ("carriedFrom", "fileId") WHERE "carriedFrom" IS NOT NULL;
