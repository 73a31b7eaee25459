import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/db/embedded/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { withDatabase } from '../test/support/database.ts'
import { textOf } from '../test/support/files.ts'

/** `npx tsx bench/moving.ts`: time and memory of an export and of its import. Wants a build. */
const [COMMENTS, FILES, FILE_BYTES] = [100_000, 500, 256 * 1024]

/** Runs a command of the build. @returns its time and the most memory that it had */
async function measure(args: string[], env: Record<string, string>): Promise<{ seconds: number; mebibytes: number }> {
  const began = performance.now()
  const child = spawn(process.execPath, [join(import.meta.dirname, '../dist/server.js'), ...args], {
    env: { PATH: process.env.PATH, JWT_SECRET: 'a secret of the bench, thirty-two or more', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  let mebibytes = 0
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    mebibytes = Math.max(mebibytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
  }, 50)
  const [code] = await once(child, 'close')
  clearInterval(timer)
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}`)
  return { seconds: (performance.now() - began) / 1000, mebibytes }
}

const ROWS = `
  INSERT INTO "User" (id, email, name, "passwordHash") VALUES ($2, 'ann@example.com', 'Ann', '');
  INSERT INTO "Project" (id, name, "authorId") VALUES ($1, 'Album', $2);
  INSERT INTO "Member" ("projectId", "userId", role) VALUES ($1, $2, 'owner');
  INSERT INTO "Vibe" (id, "projectId", name, rank, "authorId") VALUES ($3, $1, 'Vibe', 'a0', $2);
  INSERT INTO "Cut" (id, "projectId", "vibeId", name, rank, "authorId") VALUES ($4, $1, $3, 'Cut', 'a0', $2);
  INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body)
    SELECT gen_random_uuid(), $1, $4, $2, 'Louder here, and then much softer ' || n FROM generate_series(1, $5) n;
  INSERT INTO "Room" (id, head) VALUES ('user:' || $2, 0), ('project:' || $1, $5);
  INSERT INTO "Event" (id, room, seq, name, payload, "actorId", "actorName", at)
    SELECT gen_random_uuid(), 'project:' || $1, row_number() OVER (), 'comment:created', json_build_object('id', id, 'projectId', $1::text,
      'cutId', "cutId", 'taskId', null, 'parentId', null, 'body', body, 'atMs', null, 'endMs', null, 'fileId', null, 'carriedFrom', null,
      'author', json_build_object('id', $2::text, 'name', 'Ann', 'avatarUrl', null), 'resolvedAt', null, 'resolvedBy', null,
      'editedAt', null, 'version', 1, 'createdAt', '2026-01-01T00:00:00.000Z', 'updatedAt', '2026-01-01T00:00:00.000Z'), $2, 'Ann', now()
    FROM "Comment"`

async function fill(url: string, dataDir: string): Promise<string> {
  const db = new pg.Client({ connectionString: url })
  await db.connect()
  const [project, person, vibe, cut] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const values = [project, person, vibe, cut].map((id) => `'${id}'`)
  // Several statements take no parameters: these are ids and numbers of ours.
  const text = ROWS.replace(/\$(\d)(::text)?/g, (_, n, cast = '') => (n === '5' ? `${COMMENTS}` : `${values[n - 1]}${cast}`))
  await db.query(text.replace(/'(project|user):' \|\| '([^']+)'/g, `'$1:$2'`))
  for (let n = 0; n < FILES; n++) {
    const [id, key, bytes] = [randomUUID(), randomUUID(), textOf(FILE_BYTES)]
    const folder = join(dataDir, 'files', key.slice(-4, -2), key.slice(-2))
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, key), bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await db.query(
      `INSERT INTO "File" (id, "projectId", "cutId", kind, name, type, size, sha256, "objectKey", status, "authorId")
       VALUES ($1, $2, $3, 'document', 'notes.txt', 'text/plain', $4, $5, $6, 'ready', $7)`,
      [id, project, cut, bytes.length, sha256, key, person],
    )
    await db.query('INSERT INTO "StoredObject" (key, size, "fileId") VALUES ($1, $2, $3)', [key, bytes.length, id])
  }
  await db.end()
  return project
}

const root = await mkdtemp(join(tmpdir(), 'cutroom-bench-moving-'))
await chmod(root, 0o755)
const postgres = await startEmbeddedPostgres({ dataDir: join(root, 'postgres'), log: () => {} })
try {
  const admin = new pg.Client({ connectionString: postgres.url })
  await admin.connect()
  for (const name of ['bench_source', 'bench_target']) await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const [source, target] = [withDatabase(postgres.url, 'bench_source'), withDatabase(postgres.url, 'bench_target')]
  await migrate(source)
  await migrate(target)
  const project = await fill(source, join(root, 'source'))
  const folder = join(root, 'export')
  const left = await measure(['export', project, folder], { DATABASE_URL: source, DATA_DIR: join(root, 'source') })
  const came = await measure(['import', folder], { DATABASE_URL: target, DATA_DIR: join(root, 'target') })
  for (const [name, { seconds, mebibytes }] of Object.entries({ export: left, import: came }))
    console.log(`${name}: ${seconds.toFixed(1)} s, ${mebibytes.toFixed(0)} MiB at most`)
} finally {
  await postgres.stop()
  await rm(root, { recursive: true, force: true })
}
