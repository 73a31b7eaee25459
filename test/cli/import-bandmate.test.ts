import { join } from 'node:path'
import type { Comment, File, Lyrics, ProjectEventName, RoomEvent, Snapshot } from '@cutroom/contract'
import { hashSync } from '@node-rs/bcrypt'
import { describe, expect, it } from 'vitest'
import { applyEvent, snapshotOf, stateOf } from '../../packages/client/src/reduce.ts'
import { useApp } from '../support/app.ts'
import { BandMateBuilder } from '../support/bandmate.ts'
import { useCommand } from '../support/command.ts'
import { bytesOf, download, sha256, wavOf, zipOf } from '../support/files.ts'
import { folderForTest } from '../support/moving.ts'
import { login, type Person, register, request } from '../support/people.ts'

const PASSWORD = 'a song of 1997'
const iso = (text: string) => Date.parse(text)

/** A band of four with two songs, as it stood in BandMate. */
async function band(emails: Record<'ann' | 'bo', string>) {
  const built = new BandMateBuilder(await folderForTest())
  const password = hashSync(PASSWORD, 4)
  const ann = built.add('User', { email: emails.ann, name: 'Ann', role: 'ADMIN', password, createdAt: '2024-01-02 03:04:05' })
  const bo = built.add('User', { email: emails.bo, name: 'Bo', password, avatarUrl: 'https://example.com/bo.png' })
  const cleo = built.add('User', { email: `cleo-${ann}@example.com`, name: 'Cleo', authProvider: 'google' })
  const alone = built.add('User', { email: `dan-${ann}@example.com`, name: 'Dan', password })
  const project = built.add('Project', { name: 'Album', slug: `album-${ann}`, image: 'images/x.png' })
  built.add('Activity', { type: 'project_created', userId: ann, projectId: project })
  for (const userId of [ann, bo, cleo]) built.add('ProjectMember', { userId, projectId: project })
  const verse = built.add('Vibe', { name: 'Verse ideas', slug: 'verse', projectId: project, theme: 'dawn', notes: 'low tuning' })
  built.add('Activity', { type: 'vibe_created', userId: bo, projectId: project, metadata: '{"vibeName":"Verse ideas"}' })
  const chorus = built.add('Vibe', { name: 'Chorus', slug: 'chorus', projectId: project })
  const [second, first] = [1, 0].map((order) =>
    built.add('Cut', { name: `Take ${order + 1}`, slug: `take-${order}`, vibeId: verse, order, bpm: 97 }),
  ) as [string, string]
  built.add('Activity', { type: 'cut_created', userId: bo, projectId: project, resourceLink: `/cuts/${first}` })
  const [old, mix] = [wavOf(1), wavOf(2)]
  const rough = await built.file({ originalName: 'rough.wav', cutId: first, uploadedById: bo, isPublic: 1, shareToken: 'x' }, old)
  const later = await built.file({ originalName: 'mix.wav', name: 'The mix', cutId: first, uploadedById: ann }, mix)
  const stems = await built.file({ originalName: 'stems.zip', type: 'STEM', cutId: first, uploadedById: bo }, zipOf(2_000))
  const lost = await built.file({ originalName: 'lost.wav', cutId: second, uploadedById: bo }, null)
  const lines = [
    { timestamp: 1.5, text: 'Morning comes' },
    { timestamp: 2.25, text: 'and goes' },
  ]
  built.run(`UPDATE "Cut" SET lyrics = '${JSON.stringify([
    { managedFileId: lost, lines: [{ timestamp: 0, text: 'of a file that is not there' }] },
    { audioFileId: later, lines },
    { audioFileId: rough, lines: [{ timestamp: 0, text: 'old' }] },
  ])}',
    "updatedAt" = ${iso('2024-06-01T00:00:00Z')} WHERE id = '${first}'`)
  const on = { cutId: first, managedFileId: rough }
  const say = built.add('Comment', { ...on, userId: bo, content: 'Louder here', timestamp: 0.4405 })
  const reply = built.add('Comment', { ...on, userId: ann, content: 'How much?', parentId: say })
  const deep = built.add('Comment', {
    ...on,
    userId: bo,
    content: 'Much',
    parentId: reply,
    updatedAt: iso('2024-07-01T00:00:00Z'),
  })
  built.add('Comment', { ...on, userId: ann, content: '   ' })
  built.add('Comment', { ...on, userId: ann, content: 'To no one', parentId: 'never-was' })
  const apart = built.add('Comment', { cutId: second, managedFileId: lost, userId: cleo, content: 'Where is it?', timestamp: 3 })
  built.add('ProjectMemberDigestPreference', { projectId: project, userId: bo, optedOut: 1 })
  built.add('Notification', { recipientId: ann })
  built.close()
  return {
    built,
    ann,
    bo,
    cleo,
    alone,
    project,
    verse,
    chorus,
    first,
    second,
    rough,
    later,
    stems,
    lost,
    say,
    deep,
    apart,
    old,
    mix,
  }
}

describe('cutroom import bandmate', () => {
  const app = useApp()
  const { run } = useCommand()
  const here = () => ({ DATABASE_URL: app().databaseUrl, DATA_DIR: app().config.dataDir })
  const emailsOf = (mark: string) => ({ ann: `Ann-${mark}@Example.com`, bo: `bo-${mark}@example.com` })
  const count = async () =>
    (
      await app().db.query(
        `SELECT (SELECT count(*) FROM "User") AS people, (SELECT count(*) FROM "Event") AS events, (SELECT count(*) FROM "Comment") AS comments,
          (SELECT count(*) FROM "StoredObject") AS objects`,
      )
    ).rows[0]
  const snapshotFor = (person: Person, projectId: string) => person.must<Snapshot>('GET', `/api/projects/${projectId}/snapshot`)

  it('V4 people, songs, files and words come with ids, authors, order and dates; again nothing changes', async () => {
    const emails = emailsOf('whole')
    const made = await band(emails)
    const before = await count()
    const tried = await run(['import', 'bandmate', made.built.path, '--dry-run'], here())
    expect(tried).toMatchObject({ code: 0, out: '', notes: expect.stringMatching(/People: 4 get accounts, 0 had one/) })
    expect(tried.notes).toMatch(/“Album” \(\S+\) fits; nothing was changed: 4 comments, 3 files/)
    expect(await count()).toEqual(before)
    const came = await run(['import', 'bandmate', made.built.path], here())
    expect(came).toMatchObject({ code: 0, notes: expect.stringMatching(/“Album” \(\S+\) is here now: 4 comments, 3 files/) })
    const told = [
      `file ${made.lost} “lost.wav”: \\S+ is not among the uploads`,
      `file ${made.rough} “rough.wav”: its public link ends`,
      'project “Album”: has a picture',
      `person cleo-\\S+: has no password`,
      `lyrics of cut ${made.first}`,
      'what it replies to is not there',
      'says nothing',
      'Tables that stay behind, with their rows: Notification \\(1\\)',
    ]
    for (const line of told) expect(came.notes).toMatch(new RegExp(line))
    const there = await count()
    expect((await run(['import', 'bandmate', made.built.path], here())).notes).toContain('is here already; nothing was changed')
    expect(await count()).toEqual(there)

    const ann = await login(app(), { email: emails.ann }, PASSWORD)
    expect(ann.id).toBe(made.ann)
    const snapshot = await snapshotFor(ann, made.project)
    const roles = snapshot.members.map(({ userId, role }) => [userId, role])
    expect(new Map(roles as [string, string][])).toEqual(
      new Map([
        [made.ann, 'owner'],
        [made.bo, 'editor'],
        [made.cleo, 'editor'],
      ]),
    )
    const vibes = snapshot.vibes.toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    expect(vibes.map(({ id, author, theme, notes }) => [id, author.id, theme, notes])).toEqual([
      [made.verse, made.bo, 'dawn', 'low tuning'],
      [made.chorus, made.ann, null, null],
    ])
    const cuts = snapshot.cuts.toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    expect(cuts.map(({ id, author, bpm, timeSignature }) => [id, author.id, bpm, timeSignature])).toEqual([
      [made.first, made.bo, 97, '4/4'],
      [made.second, made.ann, 97, '4/4'],
    ])
    expect(await ann.must<Lyrics>('GET', `/api/cuts/${made.first}/lyrics`)).toMatchObject({
      lyrics: [
        { atMs: 1500, text: 'Morning comes' },
        { atMs: 2250, text: 'and goes' },
      ],
      updatedAt: '2024-06-01T00:00:00.000Z',
    })
    const files = (await ann.must<{ data: File[] }>('GET', `/api/projects/${made.project}/files?cutId=${made.first}`)).data
    expect(new Map(files.map(({ id, kind, take, status, author }) => [id, [kind, take, status, author.id]]))).toEqual(
      new Map([
        [made.rough, ['audio', 1, 'ready', made.bo]],
        [made.later, ['audio', 2, 'ready', made.ann]],
        [made.stems, ['stems', null, 'ready', made.bo]],
      ]),
    )
    expect(files.find(({ id }) => id === made.later)).toMatchObject({ name: 'The mix', audio: { durationMs: 2000 } })
    expect((await ann.call('GET', `/api/files/${made.later}/peaks`)).status).toBe(200)
    expect(sha256(await bytesOf(await download(app(), ann, made.later)))).toBe(sha256(made.mix))
    const comments = (await ann.must<{ data: Comment[] }>('GET', `/api/cuts/${made.first}/comments`)).data
    const [say] = comments
    expect(comments.map(({ body, author, atMs, fileId, parentId }) => [body, author.id, atMs, fileId, parentId])).toEqual([
      ['Louder here', made.bo, 441, made.rough, null],
      ['How much?', made.ann, null, null, say?.id],
      ['Much', made.bo, null, null, say?.id],
    ])
    expect(comments[2]).toMatchObject({ editedAt: '2024-07-01T00:00:00.000Z' })
    const apart = (await ann.must<{ data: Comment[] }>('GET', `/api/cuts/${made.second}/comments`)).data
    expect(apart).toMatchObject([{ body: 'Where is it?', atMs: 3000, fileId: null, author: { id: made.cleo } }])
  })

  it('V4 log and snapshot agree, in the order in which things happened', async () => {
    const emails = emailsOf('log')
    const made = await band(emails)
    expect(await run(['import', 'bandmate', made.built.path], here())).toMatchObject({ code: 0 })
    const ann = await login(app(), { email: emails.ann }, PASSWORD)
    const at = `/api/projects/${made.project}`
    const { data, head } = await ann.must<{ data: RoomEvent<ProjectEventName>[]; head: number }>(
      'GET',
      `${at}/events?after=0&limit=200`,
    )
    expect(data.map(({ meta }) => meta.seq)).toEqual(Array.from({ length: head }, (_, n) => n + 1))
    const times = data.map(({ meta }) => meta.at)
    expect(times).toEqual(times.toSorted())
    const whole = await snapshotFor(ann, made.project)
    // What stands before the first event of a project: the person who made it.
    const empty = { tasks: [], vibes: [], cuts: [], lyrics: [], files: [], shares: [], comments: [], invitations: [] }
    const state = stateOf({ ...whole, ...empty, members: whole.members.filter(({ userId }) => userId === made.ann) })
    for (const event of data) applyEvent(state, event)
    expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(whole)))
  })

  it('V4 a password of bcrypt opens a session and is renewed, also by several logins at once; a wrong one does nothing', async () => {
    const emails = emailsOf('login')
    const made = await band(emails)
    expect(await run(['import', 'bandmate', made.built.path], here())).toMatchObject({ code: 0 })
    const hashOf = async (id: string) =>
      (await app().db.query<{ passwordHash: string }>('SELECT "passwordHash" FROM "User" WHERE id = $1', [id])).rows[0]
        ?.passwordHash
    const old = await hashOf(made.bo)
    expect(old).toMatch(/^\$2/)
    const wrong = await request(app().url, 'POST', '/api/auth/login', { body: { email: emails.bo, password: 'a song of 1998' } })
    expect(wrong).toMatchObject({ status: 401, body: { code: 'bad-credentials' } })
    expect(await hashOf(made.bo)).toBe(old)
    await Promise.all([1, 2, 3, 4].map(() => login(app(), { email: emails.bo }, PASSWORD)))
    expect(await hashOf(made.bo)).toMatch(/^\$argon2id\$/)
    await login(app(), { email: emails.bo }, PASSWORD)
    const dan = await login(app(), { email: `dan-${made.ann}@example.com` }, PASSWORD)
    expect(await dan.must('GET', '/api/projects')).toMatchObject({ data: [] })
    await dan.must('PUT', '/api/me/password', { current: PASSWORD, next: 'another long one' })
    await login(app(), dan, 'another long one')
    const { rows } = await app().db.query(
      'SELECT "userId", digest FROM "MemberMail" WHERE "projectId" = $1 AND digest IS NOT NULL',
      [made.project],
    )
    expect(rows).toEqual([{ userId: made.bo, digest: 'off' }])
  })

  it('V4 an e-mail that has an account here is another person, unless it is said to be the same', async () => {
    const bo = await register(app(), 'Bo')
    const made = await band({ ann: 'ann-joined@example.com', bo: bo.email.toUpperCase() })
    const before = await count()
    const refused = await run(['import', 'bandmate', made.built.path], here())
    expect(refused).toMatchObject({ code: 1, notes: expect.stringContaining('--join-accounts') })
    expect(refused.notes).toContain(bo.email)
    expect(await count()).toEqual(before)
    for (const outcome of ['is here now', 'is here already']) {
      const came = await run(['import', 'bandmate', made.built.path, '--join-accounts'], here())
      expect(came).toMatchObject({ code: 0, notes: expect.stringContaining(outcome) })
    }
    const comments = (await bo.must<{ data: Comment[] }>('GET', `/api/cuts/${made.first}/comments`)).data
    expect(comments[0]).toMatchObject({ body: 'Louder here', author: { id: bo.id } })
  })

  it('V4 what is no BandMate, what is damaged and what is odd is said in a line, and the rest comes', async () => {
    const folder = await folderForTest()
    const says = async (file: string, message: string, ...options: string[]) => {
      const { code, notes } = await run(['import', 'bandmate', file, ...options], here())
      expect({ code, notes }).toMatchObject({ code: 1, notes: expect.stringContaining(message) })
    }
    await says(join(folder, 'absent.db'), 'is no file that can be read')
    await says(import.meta.filename, 'is no database of SQLite')
    const other = new BandMateBuilder(folder)
    other.run('DROP TABLE "Vibe"')
    other.close()
    await says(other.path, 'it has no table Vibe')
    const made = await band(emailsOf('odd'))
    await says(made.built.path, 'is no folder: --uploads names the one', '--uploads', join(folder, 'nowhere'))

    const odd = new BandMateBuilder(await folderForTest())
    const mail = `eva-${made.ann}@example.com`
    const eva = odd.add('User', { email: mail, name: ' \n ', password: hashSync(PASSWORD, 4) })
    const twin = odd.add('User', { email: mail.toUpperCase(), name: 'Twin', password: '$2b$31$' })
    const project = odd.add('Project', { id: 'not-a-uuid', name: 'x'.repeat(300), slug: 'x' })
    for (const userId of [eva, twin, 'never-was']) odd.add('ProjectMember', { userId, projectId: project })
    const vibe = odd.add('Vibe', { name: 'Line\nbreak', slug: 'v', projectId: project, theme: 't'.repeat(600) })
    const gone = odd.add('Vibe', { name: 'No time', slug: 'w', projectId: project, createdAt: 'yesterday' })
    odd.add('Cut', { name: 'Below it', slug: 'b', vibeId: gone })
    const cut = odd.add('Cut', { name: 'Take\0 1', slug: 'c', vibeId: vibe, bpm: 5000, timeSignature: 'waltz', lyrics: '{' })
    const page = await odd.file({ originalName: 'page.html', cutId: cut, uploadedById: twin }, Buffer.from('<!doctype html><p>'))
    odd.add('Comment', { cutId: cut, managedFileId: page, userId: 'never-was', content: 'By no one', timestamp: 1 })
    const odds = odd.add('Comment', { cutId: cut, managedFileId: page, userId: eva, content: 'Still here', timestamp: -4 })
    const long = odd.add('Comment', { cutId: cut, managedFileId: page, userId: eva, content: 'l'.repeat(10_001), timestamp: 2 })
    const [a, b] = ['loop-a', 'loop-b']
    odd.add('Comment', { id: a, cutId: cut, managedFileId: page, userId: eva, content: 'Round', parentId: b })
    odd.add('Comment', { id: b, cutId: cut, managedFileId: page, userId: eva, content: 'and round', parentId: a })
    odd.add('Project', { name: 'Empty', slug: 'empty' })
    odd.close()
    const came = await run(['import', 'bandmate', odd.path], here())
    expect(came).toMatchObject({ code: 1, notes: expect.stringMatching(/“x{200}” \(\S+\) is here now: 2 comments, 0 files/) })
    for (const line of [
      `Vibe ${gone}: createdAt: is no time`,
      'what it is in was left out',
      'its bpm is none',
      'are not as BandMate writes them',
      'it is of no type that is accepted',
      'its author is unknown',
      `comment ${odds}: its moment is none`,
      `comment ${long}: has more than 10000 letters`,
      'comment loop-a: what it replies to is not there',
      'another person’s, too',
      'its theme is cut after 500',
      '“Empty” has no member, and there is no administrator',
      '1 project did not come',
    ])
      expect(came.notes).toContain(line)
    const person = await login(app(), { email: mail }, PASSWORD)
    expect(person.name).toBe('Unnamed')
    const [shown] = (await person.must<{ data: { id: string; name: string }[] }>('GET', '/api/projects')).data
    expect(shown?.name).toBe('x'.repeat(200))
    // What came fits what people may write.
    const { data } = await person.must<{ data: Comment[] }>('GET', `/api/cuts/${cut}/comments`)
    for (const { id, body } of data) await person.must('PATCH', `/api/comments/${id}`, { body })
    expect(data.map(({ body }) => body)).toEqual(['Still here', 'l'.repeat(10_000)])
    expect(came.notes.split('\n').some((line) => line.includes('    at '))).toBe(false)
  })
})
