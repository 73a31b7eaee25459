import type { Member } from '@cutroom/contract'
import { generateNKeysBetween } from 'fractional-indexing'
import type { Rows } from '../../../db/client.ts'
import type { Account } from '../../auth/serialize.ts'
import { presentCut } from '../../cuts/serialize.ts'
import { presentMember } from '../../members/serialize.ts'
import { presentPerson } from '../../shared/serialize.ts'
import { presentVibe } from '../../vibes/serialize.ts'
import { type Authors, authorsBy } from './authors.ts'
import type { Log } from './log.ts'
import type { People } from './people.ts'
import type { BandMateRow, BandMateSource } from './source.ts'
import { idFrom, later, lineFrom, type Misfit, noteLong, textFrom } from './values.ts'

/** A project of BandMate, as its tables have it. */
export interface BandMateProject {
  project: BandMateRow<'Project'>
  members: BandMateRow<'ProjectMember'>[]
  vibes: BandMateRow<'Vibe'>[]
  cuts: BandMateRow<'Cut'>[]
  files: BandMateRow<'ManagedFile'>[]
  comments: BandMateRow<'Comment'>[]
  authors: Authors
  /** People who want no digest of it by mail. */
  optedOut: string[]
}

const OF_PROJECT = '"projectId" = ?'
const OF_VIBES = '"vibeId" IN (SELECT id FROM "Vibe" WHERE "projectId" = ?)'
const OF_CUTS = `"cutId" IN (SELECT id FROM "Cut" WHERE ${OF_VIBES})`

const byTime = (a: { createdAt: Date; id: string }, b: { createdAt: Date; id: string }): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1)

/** Rows below those that could be read. */
function below<T extends { id: string }>(
  above: readonly { id: string }[],
  rows: T[],
  nameOf: (row: T) => string,
  misfits: Misfit[],
  kind: string,
): T[] {
  const there = new Set(above.map(({ id }) => id))
  return rows.filter((row) => {
    if (there.has(nameOf(row))) return true
    misfits.push({ what: `${kind} ${row.id}`, message: 'what it is in was left out; it is, too' })
    return false
  })
}

/** Reads all rows of a project, what came first before what came later; cuts by their order. */
export function readProject({ read }: BandMateSource, project: BandMateRow<'Project'>, misfits: Misfit[]): BandMateProject {
  const vibes = read('Vibe', misfits, OF_PROJECT, project.id).sort(byTime)
  const cuts = below(vibes, read('Cut', misfits, OF_VIBES, project.id), ({ vibeId }) => vibeId, misfits, 'cut')
  const onCut = ({ cutId }: { cutId: string }) => cutId
  return {
    project,
    members: read('ProjectMember', misfits, OF_PROJECT, project.id),
    vibes,
    cuts: cuts.sort((a, b) => a.order - b.order || byTime(a, b)),
    files: below(cuts, read('ManagedFile', misfits, OF_CUTS, project.id), onCut, misfits, 'file').sort(byTime),
    comments: below(cuts, read('Comment', misfits, OF_CUTS, project.id), onCut, misfits, 'comment').sort(byTime),
    authors: authorsBy(read('Activity', misfits, OF_PROJECT, project.id)),
    optedOut: read('ProjectMemberDigestPreference', misfits, OF_PROJECT, project.id)
      .filter(({ optedOut }) => optedOut)
      .map(({ userId }) => userId),
  }
}

/** What a project becomes: rows as they are in the database, and its log. */
export interface Converting {
  source: BandMateProject
  people: People
  log: Log
  misfits: Misfit[]
  projectId: string
  /** Of the project, and of vibes and cuts of which no activity tells who made them. */
  author: Account
}

/** The person whose id it is there, if there is one. */
export const accountOf = ({ people }: Pick<Converting, 'people'>, id: string | undefined): Account | undefined =>
  id === undefined ? undefined : people.accounts.get(id)

/**
 * Owners, the first of them the oldest account: administrators who are members, or else the first administrator, or else the first member.
 * A project of BandMate has no owner, but its administrators may do everything.
 */
function ownersOf(members: readonly Account[], isAdmin: (account: Account) => boolean, people: People): Account[] {
  const owners = members.filter(isAdmin)
  if (owners.length > 0) return owners
  const admin = [...people.accounts.values()].filter(isAdmin).sort(byTime)[0]
  return [admin ?? members[0]].filter((owner) => owner !== undefined)
}

/** Who is in a project, and in which role; null where there is no one. */
export function convertMembers(
  { project, members, authors }: BandMateProject,
  people: People,
  admins: ReadonlySet<string>,
): { author: Account; members: { account: Account; role: Member['role'] }[] } | null {
  const known = members.map(({ userId }) => accountOf({ people }, userId)).filter((account) => account !== undefined)
  const present = [...new Set(known)].sort(byTime)
  const owners = ownersOf(present, ({ id }) => admins.has(id), people)
  const [first] = owners
  if (!first) return null
  const all = [...new Set([...owners, ...present])]
  return {
    author: accountOf({ people }, authors.of('project_created', { at: project.createdAt })) ?? first,
    members: all.map((account) => ({ account, role: owners.includes(account) ? 'owner' : 'editor' })),
  }
}

export function projectRow({ project }: BandMateProject, authorId: string): Rows['Project'] {
  const { createdAt } = project
  return {
    id: idFrom(project.id),
    name: lineFrom(project.name, 200, 'Untitled'),
    description: null,
    authorId,
    version: 1,
    createdAt,
    updatedAt: later(createdAt, project.updatedAt),
  }
}

/** Rows of members. Who made the project was its first member, and is told by no event, as always. */
export function memberRows(
  { source, log, projectId, author }: Converting,
  members: readonly { account: Account; role: Member['role'] }[],
): Rows['Member'][] {
  const at = source.project.createdAt
  return members.map(({ account, role }) => {
    const row = { projectId, userId: account.id, role, version: 1, createdAt: at, updatedAt: at }
    if (account !== author) log.add(at, 'member:joined', presentMember({ ...row, user: presentPerson(account) }), author)
    return row
  })
}

/** Vibes in the order in which they were made: they have no other there. */
export function vibeRows(converting: Converting): Rows['Vibe'][] {
  const { source, log, projectId, author, misfits } = converting
  const ranks = generateNKeysBetween(null, null, source.vibes.length)
  return source.vibes.map(({ id, name, theme, notes, image, createdAt, updatedAt }, n) => {
    const by = accountOf(converting, source.authors.of('vibe_created', { name, at: createdAt })) ?? author
    noteLong(misfits, `vibe ${id}`, { name: [name, 200], theme: [theme, 500], notes: [notes, 20_000] })
    if (image !== null) misfits.push({ what: `vibe ${id} “${name}”`, message: 'has a picture, which vibes have not here' })
    const row = {
      id: idFrom(id),
      projectId,
      name: lineFrom(name, 200, 'Untitled'),
      theme: theme && textFrom(theme, 500),
      notes: notes && textFrom(notes, 20_000),
      rank: ranks[n] ?? '',
      authorId: by.id,
      version: 1,
      createdAt,
      updatedAt: later(createdAt, updatedAt),
    }
    log.add(createdAt, 'vibe:created', presentVibe({ ...row, author: presentPerson(by) }), by)
    return row
  })
}

const TIME_SIGNATURE = /^[1-9]\d?\/(1|2|4|8|16|32)$/

/** Cuts in their order within their vibes. */
export function cutRows(converting: Converting, takes: (cutId: string) => number): Rows['Cut'][] {
  const { source, log, projectId, author, misfits } = converting
  const ranks = new Map(
    source.vibes.map(({ id }) => [
      id,
      generateNKeysBetween(null, null, source.cuts.filter(({ vibeId }) => vibeId === id).length)[Symbol.iterator](),
    ]),
  )
  return source.cuts.map(({ id, vibeId, name, bpm, timeSignature, createdAt, updatedAt }) => {
    const by = accountOf(converting, source.authors.of('cut_created', { id, name, at: createdAt })) ?? author
    const isTempo = bpm === null || (bpm >= 1 && bpm <= 999)
    const isMeter = timeSignature === null || TIME_SIGNATURE.test(timeSignature)
    noteLong(misfits, `cut ${id}`, { name: [name, 200] })
    if (!isTempo || !isMeter)
      misfits.push({ what: `cut ${id} “${name}”`, message: `its ${isTempo ? 'time signature' : 'bpm'} is none, and is left out` })
    const row = {
      id: idFrom(id),
      projectId,
      vibeId: idFrom(vibeId),
      name: lineFrom(name, 200, 'Untitled'),
      bpm: isTempo ? bpm : null,
      timeSignature: isMeter ? timeSignature : null,
      rank: ranks.get(vibeId)?.next().value ?? '',
      state: 'draft' as const,
      lastTake: takes(id),
      approvedFileId: null,
      approvedTake: null,
      approvedAt: null,
      approvedById: null,
      authorId: by.id,
      version: 1,
      createdAt,
      updatedAt: later(createdAt, updatedAt),
    }
    log.add(createdAt, 'cut:created', presentCut({ ...row, author: presentPerson(by), approvedBy: null }), by)
    return row
  })
}
