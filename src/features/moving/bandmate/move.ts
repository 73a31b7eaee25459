import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Query } from '../../../db/client.ts'
import type { Write } from '../../../rooms/log/commit.ts'
import type { Account } from '../../auth/serialize.ts'
import type { ContentStore } from '../contents.ts'
import { MovingError, plainRow, ROWS } from '../export.ts'
import { type Imported, type ImportOptions, importProject } from '../import.ts'
import { header } from '../lines.ts'
import { OPT_OUT } from '../statements.ts'
import { type MovedType, movedTables } from '../tables.ts'
import { commentRows, convertFiles, lyricsRows } from './contents.ts'
import { createLog } from './log.ts'
import type { People } from './people.ts'
import {
  accountOf,
  type BandMateProject,
  type Converting,
  convertMembers,
  cutRows,
  memberRows,
  projectRow,
  vibeRows,
} from './project.ts'
import type { Content } from './recordings.ts'
import { idFrom, type Misfit } from './values.ts'

interface Converted {
  lines: Record<string, unknown>[]
  /** Where the content of a file lies, by the file's id here. */
  paths: ReadonlyMap<string, string>
}

const lineOf = (type: MovedType, row: object): Record<string, unknown> => {
  const plain = plainRow(row as Record<string, unknown>)
  return { line: type, ...Object.fromEntries(movedTables[type].columns.map((column) => [column, plain[column]])) }
}

const personLine = ({ id, email, name, avatarUrl, version, createdAt, updatedAt }: Account) => ({
  line: 'person',
  ...plainRow({ id, email, name, avatarUrl, version, createdAt, updatedAt }),
})

/** Accounts that rows name, by any of the columns that name one. */
function namedIn(lines: readonly Record<string, unknown>[], { accounts }: People): Account[] {
  const named = new Set(lines.flatMap(({ authorId, userId }) => [authorId, userId]))
  return [...new Set(accounts.values())].filter(({ id }) => named.has(id))
}

/**
 * A project of BandMate as lines of an export: its rows, and a log that says when each came to be.
 * @throws MovingError where there is no one in it, and no administrator
 */
function convert(
  source: BandMateProject,
  people: People,
  admins: ReadonlySet<string>,
  contents: ReadonlyMap<string, Content>,
  { misfits, version }: { misfits: Misfit[]; version: string },
): Converted {
  const { project } = source
  const found = convertMembers(source, people, admins)
  if (!found) throw new MovingError(`Project ${project.id} “${project.name}” has no member, and there is no administrator`)
  const { author, members } = found
  const log = createLog()
  const converting: Converting = { source, people, log, misfits, projectId: idFrom(project.id), author }
  if (project.image !== null)
    misfits.push({ what: `project “${project.name}”`, message: 'has a picture, which projects have not here' })
  const takes = (cutId: string) =>
    source.files.filter((file) => file.cutId === cutId && contents.get(file.id)?.kind === 'audio').length
  const row = projectRow(source, author.id)
  const below = [
    ...memberRows(converting, members).map((each) => lineOf('member', each)),
    ...vibeRows(converting).map((each) => lineOf('vibe', each)),
    ...cutRows(converting, takes).map((each) => lineOf('cut', each)),
  ]
  const files = convertFiles(converting, contents)
  const kept = [...files.values()]
  const renditions = kept.flatMap(({ row: { id }, content: { outcome } }) =>
    outcome?.ok ? [lineOf('rendition', { fileId: id, ...outcome.rendition })] : [],
  )
  const lyrics = lyricsRows(converting, files)
  const comments = commentRows(converting, files)
  const rows = [
    lineOf('project', row),
    ...below,
    ...lyrics.map((each) => lineOf('lyrics', each)),
    ...kept.map((file) => lineOf('file', file.row)),
    ...renditions,
    ...comments.map((comment) => lineOf(comment.parentId === null ? 'comment' : 'reply', comment)),
  ]
  const events = log.rows(row.id).map((event) => ({ line: 'event', ...event }))
  const head = events.length
  const before = [
    header(version, 'bandmate', new Date()),
    { line: 'room', head, floor: 0 },
    ...namedIn(rows, people).map(personLine),
  ]
  const all = [...before, ...rows, ...events]
  return {
    lines: [...all, { line: 'end', lines: all.length + 1 }],
    paths: new Map(kept.map(({ row, content }) => [row.id, content.path])),
  }
}

export interface MoveOptions extends Pick<ImportOptions, 'dryRun' | 'onProgress'> {
  people: People
  admins: ReadonlySet<string>
  contents: ReadonlyMap<string, Content>
  misfits: Misfit[]
  /** Of this program. */
  version: string
}

/**
 * Brings one project: all of it, or nothing.
 * @throws MovingError
 */
export async function moveProject(
  store: ContentStore & { query: Query },
  source: BandMateProject,
  { people, admins, contents, misfits, version, ...options }: MoveOptions,
): Promise<Imported> {
  const { lines, paths } = convert(source, people, admins, contents, { misfits, version })
  const optedOut = source.optedOut.flatMap((id) => accountOf({ people }, id)?.id ?? [])
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-bandmate-'))
  try {
    await pipeline(
      function* () {
        for (const line of lines) yield `${JSON.stringify(line)}\n`
      },
      createWriteStream(join(folder, ROWS)),
    )
    return await importProject(store, {
      ...options,
      folder,
      contentOf: ({ id }) => paths.get(id) ?? '',
      finish: (write: Write) => write.query({ text: OPT_OUT, values: [idFrom(source.project.id), optedOut] }),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
