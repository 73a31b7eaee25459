-- CreateEnum
CREATE TYPE "DigestFrequency" AS ENUM ('off', 'daily', 'weekly');

-- CreateTable
CREATE TABLE "MailPreference" (
    "userId" UUID NOT NULL,
    "missed" BOOLEAN NOT NULL DEFAULT true,
    "digest" "DigestFrequency" NOT NULL DEFAULT 'weekly',
    "missedUpTo" TIMESTAMPTZ(3),

    CONSTRAINT "MailPreference_pkey" PRIMARY KEY ("userId")
);

-- CreateTable
CREATE TABLE "MemberMail" (
    "userId" UUID NOT NULL,
    "projectId" UUID NOT NULL,
    "digest" "DigestFrequency",
    "upTo" BIGINT,

    CONSTRAINT "MemberMail_pkey" PRIMARY KEY ("projectId","userId")
);

-- CreateIndex
CREATE INDEX "MemberMail_userId_idx" ON "MemberMail"("userId");

-- AddForeignKey
ALTER TABLE "MailPreference" ADD CONSTRAINT "MailPreference_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "MemberMail" ADD CONSTRAINT "MemberMail_projectId_userId_fkey" FOREIGN KEY ("projectId", "userId") REFERENCES "Member"("projectId", "userId") ON DELETE CASCADE ON UPDATE CASCADE;
