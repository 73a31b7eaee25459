import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import sqlite from 'node-sqlite3-wasm'

/** The tables of BandMate 1.4.6, as its Prisma schema makes them in SQLite. */
const TABLES = `
  CREATE TABLE "User" ("id" TEXT NOT NULL PRIMARY KEY, "email" TEXT NOT NULL UNIQUE, "password" TEXT, "name" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'MEMBER', "authProvider" TEXT NOT NULL DEFAULT 'local', "providerId" TEXT, "avatarUrl" TEXT,
    "lastLogin" DATETIME, "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "Project" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "slug" TEXT NOT NULL UNIQUE, "image" TEXT,
    "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "ProjectMember" ("id" TEXT NOT NULL PRIMARY KEY, "userId" TEXT NOT NULL, "projectId" TEXT NOT NULL,
    "canCreateVibes" BOOLEAN NOT NULL DEFAULT true);
  CREATE TABLE "Vibe" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "slug" TEXT NOT NULL, "image" TEXT, "theme" TEXT,
    "notes" TEXT, "projectId" TEXT NOT NULL, "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "Cut" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "slug" TEXT NOT NULL, "vibeId" TEXT NOT NULL,
    "order" INTEGER NOT NULL DEFAULT 0, "lyrics" TEXT, "bpm" INTEGER, "timeSignature" TEXT DEFAULT '4/4',
    "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "ManagedFile" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT, "filename" TEXT NOT NULL, "originalName" TEXT NOT NULL,
    "path" TEXT NOT NULL, "fileSize" INTEGER NOT NULL, "mimeType" TEXT NOT NULL, "type" TEXT NOT NULL, "duration" REAL,
    "waveformData" TEXT, "isPublic" BOOLEAN NOT NULL DEFAULT false, "shareToken" TEXT, "cutId" TEXT NOT NULL,
    "uploadedById" TEXT NOT NULL, "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "Comment" ("id" TEXT NOT NULL PRIMARY KEY, "content" TEXT NOT NULL, "timestamp" REAL, "managedFileId" TEXT NOT NULL,
    "cutId" TEXT NOT NULL, "userId" TEXT NOT NULL, "parentId" TEXT, "createdAt" DATETIME NOT NULL, "updatedAt" DATETIME NOT NULL);
  CREATE TABLE "Activity" ("id" TEXT NOT NULL PRIMARY KEY, "type" TEXT NOT NULL, "userId" TEXT NOT NULL, "projectId" TEXT NOT NULL,
    "metadata" TEXT, "resourceLink" TEXT, "createdAt" DATETIME NOT NULL);
  CREATE TABLE "ProjectMemberDigestPreference" ("id" TEXT NOT NULL PRIMARY KEY, "projectId" TEXT NOT NULL, "userId" TEXT NOT NULL,
    "optedOut" BOOLEAN NOT NULL DEFAULT false);
  CREATE TABLE "Notification" ("id" TEXT NOT NULL PRIMARY KEY, "recipientId" TEXT NOT NULL);
  CREATE TABLE "RefreshToken" ("id" TEXT NOT NULL PRIMARY KEY, "token" TEXT NOT NULL)`

type Value = string | number | null | bigint
type Columns = Record<string, Value>

/** Tables whose rows say when they were made, and when they were changed. */
const changes = new Set(['User', 'Project', 'Vibe', 'Cut', 'ManagedFile', 'Comment'])
const begins = new Set([...changes, 'Activity'])

/** Fills a database of BandMate, in which rows come one second after another. */
export class BandMateBuilder {
  readonly path: string
  readonly uploads: string
  readonly #database
  #at = Date.parse('2024-05-01T12:00:00.000Z')

  constructor(folder: string) {
    this.path = join(folder, 'band.db')
    this.uploads = join(folder, 'uploads')
    this.#database = new sqlite.Database(this.path)
    this.#database.exec(TABLES)
  }

  /** Inserts a row; what is not given gets a value that fits. @returns its id */
  add(table: string, columns: Columns): string {
    this.#at += 1_000
    const id = columns.id ?? randomUUID()
    const dates: Columns = {
      ...(begins.has(table) && { createdAt: this.#at }),
      ...(changes.has(table) && { updatedAt: this.#at }),
    }
    const row: Columns = { id, ...dates, ...columns }
    const names = Object.keys(row)
    this.#database.run(
      `INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join()}) VALUES (${names.map(() => '?').join()})`,
      Object.values(row),
    )
    return `${id}`
  }

  /** A file in a cut, with its content in the folder of uploads, deep as there. */
  async file(columns: Columns & { originalName: string; cutId: string; uploadedById: string }, content: Buffer | null) {
    const ending = columns.originalName.split('.').at(-1)
    const filename = `${randomUUID()}.${ending}`
    const path = join(this.uploads, 'album', 'verse', 'take', columns.type === 'STEM' ? 'stems' : 'audio', filename)
    await mkdir(dirname(path), { recursive: true })
    if (content) await writeFile(path, content)
    const about = { filename, path, fileSize: content?.length ?? 0, mimeType: 'audio/wav', type: 'CUT' }
    return this.add('ManagedFile', { ...about, ...columns })
  }

  run(sql: string): void {
    this.#database.exec(sql)
  }

  close(): void {
    this.#database.close()
  }
}
