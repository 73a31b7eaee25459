-- CreateTable
CREATE TABLE "Search" (
    "type" TEXT NOT NULL,
    "id" UUID NOT NULL,
    "scope" UUID NOT NULL,
    "parent" UUID,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "version" INTEGER NOT NULL,
    "tsv" tsvector NOT NULL,

    CONSTRAINT "Search_pkey" PRIMARY KEY ("type","id")
);

-- CreateTable
CREATE TABLE "SearchWord" (
    "word" TEXT NOT NULL,
    "variants" TEXT[],

    CONSTRAINT "SearchWord_pkey" PRIMARY KEY ("word")
);

-- CreateTable
CREATE TABLE "SearchBuild" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "language" TEXT NOT NULL,
    "step" INTEGER NOT NULL DEFAULT 0,
    "after" UUID,
    "builtAt" TIMESTAMPTZ(3),

    CONSTRAINT "SearchBuild_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Search_scope_type_at_idx" ON "Search"("scope", "type", "at");

-- CreateIndex
CREATE INDEX "Search_parent_idx" ON "Search"("parent");

-- CreateIndex
CREATE INDEX "SearchWord_variants_idx" ON "SearchWord" USING GIN ("variants");

-- Words, within the projects or conversations of a person. Each type that has many rows has an index of its own, so that the words of the
-- others are found beside them. A short list of what is not sorted in yet: each search reads all of it.
CREATE INDEX "Search_comment_words" ON "Search" USING gin ((ARRAY["scope"]), "tsv") WITH (gin_pending_list_limit = 256) WHERE "type" = 'comment';
CREATE INDEX "Search_message_words" ON "Search" USING gin ((ARRAY["scope"]), "tsv") WITH (gin_pending_list_limit = 256) WHERE "type" = 'message';
CREATE INDEX "Search_other_words" ON "Search" USING gin ((ARRAY["scope"]), "tsv") WITH (gin_pending_list_limit = 256)
  WHERE "type" NOT IN ('comment', 'message');

ALTER TABLE "SearchBuild" ADD CONSTRAINT "SearchBuild_one" CHECK ("id" = 1);
