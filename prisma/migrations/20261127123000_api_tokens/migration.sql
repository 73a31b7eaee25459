-- AlterTable
ALTER TABLE "Session" ADD COLUMN     "allProjects" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "maxRole" "Role",
ADD COLUMN     "name" TEXT,
ADD COLUMN     "projectIds" UUID[] DEFAULT ARRAY[]::UUID[];

-- A session with a name is an API token, and has a highest role.
ALTER TABLE "Session" ADD CONSTRAINT "Session_api_token" CHECK (("name" IS NULL) = ("maxRole" IS NULL));
