import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { openDatabase, type Query, type Transaction } from '../../src/db/client.ts'
import { openContentStore } from '../../src/features/moving/contents.ts'
import { exportProject, ROWS } from '../../src/features/moving/export.ts'
import { importProject } from '../../src/features/moving/import.ts'
import { openStorage } from '../../src/ports/storage/open-storage.ts'
import { createCommit } from '../../src/rooms/log/commit.ts'
import type { TestApp } from './app.ts'
import { processed, textOf, uploadFile, wavOf } from './files.ts'
import { createTeam } from './people.ts'

/** A folder that is gone when the test ends. */
export async function folderForTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-moving-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What the commands do, on the database and the store of a server that runs. @param onRows told what an export reads at a time */
export function movingOn(
  { databaseUrl, config }: Pick<TestApp, 'databaseUrl' | 'config'>,
  onRows: (rows: unknown[]) => void = () => {},
) {
  const database = openDatabase(databaseUrl, { connections: 2, onError: () => {} })
  const commit = createCommit({ begin: database.begin, poke: () => {} })
  const storage = openStorage(config)
  const contents = openContentStore(config, { pool: database.pool, commit }, () => {})
  onTestFinished(async () => {
    await contents.close()
    await storage.close()
    await database.close()
  })
  const begin = async (): Promise<Transaction> => {
    const transaction = await database.begin()
    const query: Query = async (statement) => {
      const rows = await transaction.query(statement)
      onRows(rows)
      return rows as never
    }
    return Object.assign(Object.create(transaction) as Transaction, { query })
  }
  return {
    database,
    out: (projectId: string, folder: string) => exportProject({ begin }, storage, { projectId, folder, version: '0.0.0' }),
    in: (folder: string, dryRun = false) => importProject({ ...contents, query: database.query }, { folder, dryRun }),
  }
}

/** Lines of an export without the first one, which names the time. */
export const linesOf = async (folder: string): Promise<string> => {
  const text = await readFile(join(folder, ROWS), 'utf8')
  return text.slice(text.indexOf('\n') + 1)
}

type Row = Record<string, unknown> & { line: string }

/** All lines of an export as values. */
export async function rowsOf(folder: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const line of createInterface({ input: createReadStream(join(folder, ROWS)) })) rows.push(JSON.parse(line) as Row)
  return rows
}

/** Writes lines in the place of those of an export; the last one counts them. */
export async function writeRows(folder: string, rows: readonly unknown[]): Promise<void> {
  const lines = rows.map((row) => {
    const isEnd = typeof row === 'object' && (row as Row).line === 'end'
    return typeof row === 'string' ? row : JSON.stringify(isEnd ? { ...(row as Row), lines: rows.length } : row)
  })
  await writeFile(join(folder, ROWS), `${lines.join('\n')}\n`)
}

/** A project with a row of every kind, written by three people, of which one has left. */
export async function fullProject(app: Pick<TestApp, 'url' | 'db'>) {
  const { project, owner, editor, commenter, viewer } = await createTeam(app, 'editor', 'commenter', 'viewer')
  const at = `/api/projects/${project.id}`
  const vibe = await owner.must<{ id: string }>('POST', `${at}/vibes`, { name: 'Verse ideas', notes: 'Zwei „Zeilen“\n\u2028' })
  const cut = await editor.must<{ id: string }>('POST', `/api/vibes/${vibe.id}/cuts`, { name: 'Take 1', bpm: 97.5 })
  await editor.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'Morning 🌅 comes', atMs: 1200 }, { text: '' }] })
  const sound = await uploadFile(app, editor, cut.id, wavOf(1), { filename: 'rough mix.wav' })
  const notes = await uploadFile(app, owner, cut.id, textOf(500), { filename: '../../notes.txt' })
  const again = await uploadFile(app, owner, cut.id, textOf(400), { filename: 'notes.txt' })
  await owner.must('DELETE', `/api/files/${again.id}`)
  await processed(editor, sound.id)
  const task = await editor.must<{ id: string }>('POST', `${at}/tasks`, {
    title: 'Mix',
    assigneeId: commenter.id,
    labels: ['mix', 'loud'],
    dueAt: '2026-03-08T17:00:00.000Z',
  })
  const first = await commenter.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder here', atMs: 400 })
  await owner.must('POST', `/api/comments/${first.id}/replies`, { body: `As @[Mo](${editor.id}) said` })
  await owner.must('POST', `/api/comments/${first.id}/resolve`)
  await commenter.must('POST', `/api/tasks/${task.id}/comments`, { body: 'When?' })
  await owner.must('POST', `/api/files/${notes.id}/shares`, { allows: 'download' })
  await owner.must('POST', `${at}/invitations`, { role: 'viewer', email: 'cy@example.com' })
  await owner.must('DELETE', `${at}/members/${commenter.id}`)
  return { project, owner, editor, commenter, viewer, cut, task, first, sound, notes }
}
