-- CreateEnum
CREATE TYPE "ShareAllows" AS ENUM ('listen', 'download');

-- CreateTable
CREATE TABLE "Share" (
    "id" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "fileId" UUID,
    "cutId" UUID,
    "allows" "ShareAllows" NOT NULL,
    "tokenHash" TEXT NOT NULL,
    "passwordHash" TEXT,
    "expiresAt" TIMESTAMPTZ(3),
    "plays" INTEGER NOT NULL DEFAULT 0,
    "authorId" UUID NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Share_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "Share_tokenHash_key" ON "Share"("tokenHash");

-- CreateIndex
CREATE INDEX "Share_projectId_id_idx" ON "Share"("projectId", "id");

-- CreateIndex
CREATE INDEX "Share_projectId_createdAt_id_idx" ON "Share"("projectId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Share_fileId_idx" ON "Share"("fileId");

-- CreateIndex
CREATE INDEX "Share_cutId_idx" ON "Share"("cutId");

-- CreateIndex
CREATE INDEX "Share_authorId_idx" ON "Share"("authorId");

-- AddForeignKey
ALTER TABLE "Share" ADD CONSTRAINT "Share_projectId_fkey" FOREIGN KEY ("projectId") REFERENCES "Project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Share" ADD CONSTRAINT "Share_fileId_fkey" FOREIGN KEY ("fileId") REFERENCES "File"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Share" ADD CONSTRAINT "Share_cutId_fkey" FOREIGN KEY ("cutId") REFERENCES "Cut"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Share" ADD CONSTRAINT "Share_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand.

ALTER TABLE "Share" ADD CONSTRAINT "Share_of" CHECK (num_nonnulls("fileId", "cutId") = 1);
ALTER TABLE "Share" ADD CONSTRAINT "Share_plays" CHECK ("plays" >= 0);
