import {
  type Invitation,
  MAX_INVITATIONS,
  type Member,
  type NewInvitation,
  type ProjectInvitation,
  projectRoom,
  type Role,
  type Snapshot,
  userRoom,
} from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { startHolding } from '../../support/held-commit.ts'
import { accept, expireIn, invite, newAddress, registerWith, verdictOf } from '../../support/invitations.ts'
import { addMember, createProject, createTeam, login, type Person, register, request } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const app = useApp({ env: { PUBLIC_URL: 'https://band.example' } })

const preview = (token: string) => request(app().url, 'GET', `/api/invitations/by-token/${token}`)
const listOf = async (owner: Person, projectId: string) =>
  (await owner.must<{ data: ProjectInvitation[] }>('GET', `/api/projects/${projectId}/invitations`)).data
const eventsOf = async (person: Person, projectId: string) =>
  (
    await person.must<{ data: { name: string; payload: unknown; meta: { actor: { id: string } | null } }[] }>(
      'GET',
      `/api/projects/${projectId}/events`,
    )
  ).data

describe('an invitation', () => {
  it('is for seven days, has a link, and shows its address to owners only', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const email = newAddress()
    const made = await invite(owner, project.id, { email: email.toUpperCase(), role: 'viewer' })
    const { token, url, isMailed, ...listed } = made
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(url).toBe(`https://band.example/invitations/${token}`)
    expect(isMailed).toBe(false)
    expect(listed).toMatchObject({ projectId: project.id, role: 'viewer', kind: 'email', email, version: 1 })
    const days = (Date.parse(made.expiresAt) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(6.9)
    expect(days).toBeLessThanOrEqual(7)
    expect(await listOf(owner, project.id)).toEqual([listed])

    const { email: _, ...shown } = listed
    expect(await editor.must('GET', `/api/invitations/${made.id}`)).toEqual(shown)
    expect((await editor.must<Snapshot>('GET', `/api/projects/${project.id}/snapshot`)).invitations).toEqual([shown])
    expect(verdictOf(await editor.call('GET', `/api/projects/${project.id}/invitations`))).toBe('403 forbidden')
    const told = JSON.stringify(await eventsOf(editor, project.id))
    for (const secret of [email, token]) expect(told).not.toContain(secret)
    const { rows } = await app().db.query(`SELECT * FROM "Invitation" WHERE id = $1`, [made.id])
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  it('says by its token what it is to, and not whether the address has an account', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const other = await createProject(owner, 'Second album')
    const known = await invite(owner, other.id, { email: editor.email })
    const unknown = await invite(owner, other.id, { email: newAddress() })
    const link = await invite(owner, project.id, { role: 'commenter' })
    const shown = { project: { id: other.id, name: 'Second album' }, role: 'editor', kind: 'email', invitedBy: owner.name }
    expect((await preview(known.token)).body).toEqual({ ...shown, emailHint: 'm…@example.com', expiresAt: known.expiresAt })
    expect((await preview(unknown.token)).body).toEqual({ ...shown, emailHint: 'g…@example.com', expiresAt: unknown.expiresAt })
    expect((await preview(link.token)).body).toEqual({
      project: { id: project.id, name: project.name },
      role: 'commenter',
      kind: 'link',
      invitedBy: owner.name,
      emailHint: null,
      expiresAt: link.expiresAt,
    })
    expect((await preview(link.token)).headers.get('cache-control')).toBe('no-store')
    expect(verdictOf(await preview('A'.repeat(43)))).toBe('404 not-found')
    expect(verdictOf(await preview('short'))).toBe('404 not-found')
  })

  it.each<Role>(['viewer', 'commenter', 'editor', 'owner'])(
    'as %s makes a member with that role, with both events',
    async (role) => {
      const { project, owner } = await createTeam(app())
      const guest = await register(app(), 'Gail Guest')
      const [inRoom, own] = await Promise.all([connect(app(), owner), connect(app(), guest)])
      await inRoom.join(project.id)
      const made = await invite(owner, project.id, { role })
      const { body: member, status } = await accept(guest, made.token)
      expect(status).toBe(200)
      expect(member).toMatchObject({ projectId: project.id, userId: guest.id, role, user: { name: 'Gail Guest' } })
      await until('the events', () => inRoom.events(projectRoom(project.id)).length === 3)
      const { token: _, url: __, isMailed: ___, email: ____, ...shown } = made
      expect(inRoom.events(projectRoom(project.id)).map(({ name, payload, meta }) => [name, payload, meta.actor?.id])).toEqual([
        ['invitation:created', shown, owner.id],
        ['invitation:accepted', { invitationId: made.id }, guest.id],
        ['member:joined', member, guest.id],
      ])
      await until('project:joined', () => own.events(userRoom(guest.id)).some(({ name }) => name === 'project:joined'))
      expect(await listOf(owner, project.id)).toEqual([])
      expect(verdictOf(await owner.call('GET', `/api/invitations/${made.id}`))).toBe('404 not-found')
    },
  )

  it('N4 is used once: a second person is told that it is gone, the first one is answered again', async () => {
    const { project, owner } = await createTeam(app())
    const [first, second] = [await register(app()), await register(app())]
    const { token } = await invite(owner, project.id)
    const { body } = await accept(first, token)
    expect((await accept(first, token)).body).toEqual(body)
    expect(verdictOf(await accept(second, token))).toBe('410 gone')
    expect(verdictOf(await registerWith(app(), { invitation: token }))).toBe('410 gone')
    expect(verdictOf(await preview(token))).toBe('410 gone')
    const joined = (await eventsOf(owner, project.id)).filter(({ name }) => name === 'member:joined')
    expect(joined).toHaveLength(1)
  })

  it('N4 accepted by one person ten times at once makes one member; by ten people at once, one of them', async () => {
    const { project, owner } = await createTeam(app())
    const guest = await register(app())
    const [one, two] = [await invite(owner, project.id), await invite(owner, project.id)]
    const same = await Promise.all(Array.from({ length: 10 }, () => accept(guest, one.token)))
    expect(same.map(verdictOf)).toEqual(Array(10).fill('200'))
    const people = await Promise.all(Array.from({ length: 10 }, () => register(app())))
    const verdicts = (await Promise.all(people.map((person) => accept(person, two.token)))).map(verdictOf)
    expect(verdicts.toSorted()).toEqual(['200', ...Array(9).fill('410 gone')])
    const { data } = await owner.must<{ data: Member[] }>('GET', `/api/projects/${project.id}/members`)
    expect(data).toHaveLength(3)
    const names = (await eventsOf(owner, project.id)).map(({ name }) => name)
    expect(names.filter((name) => name === 'member:joined')).toHaveLength(2)
    expect(names.filter((name) => name === 'invitation:accepted')).toHaveLength(2)
  })

  it('two invitations to one project accepted by one person at once make one member', async () => {
    const { project, owner } = await createTeam(app())
    for (let n = 0; n < 5; n++) {
      const guest = await register(app())
      const [link, mail] = [await invite(owner, project.id), await invite(owner, project.id, { email: guest.email })]
      const answers = await Promise.all([accept(guest, link.token), accept(guest, mail.token)])
      expect(answers.map(verdictOf)).toEqual(['200', '200'])
      const joined = (await eventsOf(owner, project.id)).filter(
        ({ name, payload }) => name === 'member:joined' && (payload as Member).userId === guest.id,
      )
      expect(joined).toHaveLength(1)
    }
  })

  it('accepted by a member changes nothing; a link stays for another person, one by e-mail is used up', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const link = await invite(owner, project.id, { role: 'owner' })
    expect((await accept(viewer, link.token)).body).toMatchObject({ role: 'viewer', version: 1 })
    expect((await accept(owner, link.token)).body).toMatchObject({ role: 'owner', version: 1 })
    expect((await accept(await register(app()), link.token)).body).toMatchObject({ role: 'owner' })

    const guest = await register(app())
    const mail = await invite(owner, project.id, { email: guest.email, role: 'owner' })
    await addMember(owner, project.id, guest, 'viewer')
    expect(await listOf(owner, project.id)).toEqual([])
    expect((await accept(guest, mail.token)).body).toMatchObject({ role: 'viewer', version: 1 })
    // Nor do they come back by it.
    await owner.must('DELETE', `/api/projects/${project.id}/members/${guest.id}`)
    expect(verdictOf(await accept(guest, mail.token))).toBe('410 gone')
  })

  it('made at the moment in which its person becomes a member in another way is used up, too', async () => {
    const { node, holdNext, reached, release, metBy } = await startHolding()
    const { project, owner } = await createTeam(node)
    const guest = await register(node)
    await consumed(node.db)
    holdNext()
    const invited = owner.call('POST', `/api/projects/${project.id}/invitations`, { email: guest.email })
    await reached
    const added = addMember(owner, project.id, guest)
    await metBy(added)
    release()
    await Promise.all([invited, added])
    expect(await listOf(owner, project.id)).toEqual([])
  })

  it('by e-mail is for the account with that address, however it is written, or for who registers with it', async () => {
    const { project, owner } = await createTeam(app())
    const guest = await register(app())
    const known = await invite(owner, project.id, { email: guest.email.toUpperCase() })
    expect(verdictOf(await accept(await register(app()), known.token))).toBe('403 wrong-address')
    expect(verdictOf(await registerWith(app(), { invitation: known.token }))).toBe('403 wrong-address')
    expect(verdictOf(await registerWith(app(), { email: guest.email, invitation: known.token }))).toBe('409 email-taken')
    expect(verdictOf(await accept(guest, known.token))).toBe('200')

    const email = newAddress()
    const unknown = await invite(owner, project.id, { email, role: 'commenter' })
    const registered = await registerWith(app(), { email: email.toUpperCase(), invitation: unknown.token })
    expect(registered.status).toBe(201)
    const { data } = await request<{ data: { id: string; role: Role }[] }>(app().url, 'GET', '/api/projects', {
      token: registered.body.accessToken,
    }).then(({ body }) => body)
    expect(data).toMatchObject([{ id: project.id, role: 'commenter' }])
    const [joined] = (await eventsOf(owner, project.id)).slice(-1)
    expect(joined).toMatchObject({ name: 'member:joined', meta: { actor: { id: registered.body.user.id } } })
  })

  it('W1 that cannot be accepted leaves no account', async () => {
    const { project, owner } = await createTeam(app())
    const { token, id } = await invite(owner, project.id)
    await owner.must('DELETE', `/api/invitations/${id}`)
    const email = newAddress()
    expect(verdictOf(await registerWith(app(), { email, invitation: token }))).toBe('404 not-found')
    expect((await app().db.query('SELECT 1 FROM "User" WHERE email = $1', [email])).rowCount).toBe(0)
  })

  it('is refused to an address with a member or another invitation, and beyond a hundred of a project', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const call = (input: object) => owner.call('POST', `/api/projects/${project.id}/invitations`, input)
    expect(verdictOf(await call({ email: editor.email.toUpperCase() }))).toBe('409 already-member')
    const email = newAddress()
    const first = await invite(owner, project.id, { email })
    expect(verdictOf(await call({ email: email.toUpperCase() }))).toBe('409 already-invited')
    const several = await Promise.all(Array.from({ length: 5 }, () => call({ email: 'five@example.com' })))
    expect(several.map(verdictOf).toSorted()).toEqual(['201', ...Array(4).fill('409 already-invited')])
    // One that has expired gives way.
    await expireIn(app(), first.id, '-1 second')
    expect(verdictOf(await call({ email }))).toBe('201')
    const names = (await eventsOf(owner, project.id)).map(({ name, payload }) => [name, payload])
    expect(names).toContainEqual(['invitation:expired', { invitationId: first.id }])
    for (let n = 2; n < MAX_INVITATIONS; n++) expect(verdictOf(await call({}))).toBe('201')
    expect(verdictOf(await call({}))).toBe('409 too-many')
    expect(await listOf(owner, project.id)).toHaveLength(50)
  })

  it('W4 made twice with one Idempotency-Key is one, with the same link', async () => {
    const { project, owner } = await createTeam(app())
    const key = { 'idempotency-key': 'invite-once' }
    const path = `/api/projects/${project.id}/invitations`
    const first = await owner.must<NewInvitation>('POST', path, { email: newAddress() }, key)
    expect(await owner.must('POST', path, { email: first.email }, key)).toEqual(first)
    const { rows } = await app().db.query('SELECT answer FROM "IdempotencyKey" WHERE key = $1', ['invite-once'])
    expect(JSON.stringify(rows)).not.toContain(first.token)
    expect(await listOf(owner, project.id)).toHaveLength(1)
  })
})

describe('sent again, revoked, over', () => {
  it('sent again it is good for seven days more, with the link it had, also when it had expired', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const made = await invite(owner, project.id, { email: newAddress() })
    await expireIn(app(), made.id, '-1 hour')
    expect(verdictOf(await preview(made.token))).toBe('410 gone')
    expect(verdictOf(await accept(await register(app()), made.token))).toBe('410 gone')
    expect(verdictOf(await editor.call('POST', `/api/invitations/${made.id}/resend`))).toBe('403 forbidden')
    const again = await owner.must<NewInvitation>('POST', `/api/invitations/${made.id}/resend`)
    expect(again).toMatchObject({ id: made.id, token: made.token, url: made.url, email: made.email, version: 2 })
    expect(Date.parse(again.expiresAt)).toBeGreaterThan(Date.now() + 6 * 86_400_000)
    const [event] = (await eventsOf(owner, project.id)).slice(-1)
    expect(event).toMatchObject({ name: 'invitation:updated', payload: await editor.must('GET', `/api/invitations/${made.id}`) })
    expect((await preview(made.token)).status).toBe(200)
    const stale = await owner.call<{ current: Invitation }>('POST', `/api/invitations/${made.id}/resend`, undefined, {
      'if-match': '"1"',
    })
    expect(verdictOf(stale)).toBe('412 stale')
    expect(JSON.stringify(stale.body)).not.toContain(made.email)
  })

  it('revoked it is unknown, and so is one of a project that was deleted', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const guest = await register(app())
    const [one, two] = [await invite(owner, project.id), await invite(owner, project.id)]
    expect(verdictOf(await editor.call('DELETE', `/api/invitations/${one.id}`))).toBe('403 forbidden')
    expect(verdictOf(await guest.call('DELETE', `/api/invitations/${one.id}`))).toBe('404 not-found')
    expect(verdictOf(await owner.call('DELETE', `/api/invitations/${one.id}`))).toBe('204')
    expect(verdictOf(await owner.call('DELETE', `/api/invitations/${one.id}`))).toBe('404 not-found')
    await owner.must('DELETE', `/api/projects/${project.id}`)
    for (const { token } of [one, two]) {
      expect(verdictOf(await preview(token))).toBe('404 not-found')
      expect(verdictOf(await accept(guest, token))).toBe('404 not-found')
      expect(verdictOf(await registerWith(app(), { invitation: token }))).toBe('404 not-found')
    }
  })

  it('A1 ends when the person who made it is no longer an owner: removed, leaving, or with a lower role', async () => {
    const { project, owner } = await createTeam(app())
    for (const end of ['removed', 'left', 'lower'] as const) {
      const other = await register(app(), 'Otto Owner')
      await addMember(owner, project.id, other, 'owner')
      const mine = await invite(owner, project.id)
      const theirs = [
        await invite(other, project.id, { role: 'owner' }),
        await invite(other, project.id, { email: newAddress() }),
      ]
      const path = `/api/projects/${project.id}/members/${other.id}`
      if (end === 'lower') await owner.must('PATCH', path, { role: 'editor' })
      else await (end === 'left' ? other : owner).must('DELETE', path)
      for (const { token } of theirs) expect(verdictOf(await accept(other, token))).toBe('404 not-found')
      const ended = (await eventsOf(owner, project.id)).filter(({ name }) => name === 'invitation:revoked').slice(-2)
      expect(ended.map(({ payload }) => (payload as { invitationId: string }).invitationId).sort()).toEqual(
        theirs.map(({ id }) => id).sort(),
      )
      expect((await listOf(owner, project.id)).map(({ id }) => id)).toContain(mine.id)
    }
  })

  it('A1 one that is accepted while its maker is removed lets a person in before, or not at all', async () => {
    const { project, owner } = await createTeam(app())
    for (let n = 0; n < 8; n++) {
      const [other, guest] = [await register(app()), await register(app())]
      await addMember(owner, project.id, other, 'owner')
      const { token } = await invite(other, project.id)
      const [accepted, removed] = await Promise.all([
        accept(guest, token),
        owner.call('DELETE', `/api/projects/${project.id}/members/${other.id}`),
      ])
      expect(removed.status).toBe(204)
      const events = await eventsOf(owner, project.id)
      const at = (name: string, userId: string) =>
        events.findIndex((event) => event.name === name && (event.payload as { userId?: string }).userId === userId)
      if (accepted.status === 200) expect(at('member:joined', guest.id)).toBeLessThan(at('member:left', other.id))
      else expect([verdictOf(accepted), at('member:joined', guest.id)]).toEqual(['404 not-found', -1])
    }
  })

  it('A1 one that is accepted while its project is deleted lets no one in after that', async () => {
    for (let n = 0; n < 8; n++) {
      const { project, owner } = await createTeam(app())
      const guest = await register(app())
      const { token } = await invite(owner, project.id)
      const [accepted] = await Promise.all([accept(guest, token), owner.must('DELETE', `/api/projects/${project.id}`)])
      expect(['200', '404 not-found']).toContain(verdictOf(accepted))
      expect((await guest.must<{ data: unknown[] }>('GET', '/api/projects')).data).toEqual([])
      const { rows } = await app().db.query<{ name: string }>(
        'SELECT name FROM "Event" WHERE room = $1 ORDER BY seq DESC LIMIT 1',
        [projectRoom(project.id)],
      )
      expect(rows).toEqual([{ name: 'project:deleted' }])
    }
  })

  it('some time after its end it is removed, with an event; one that was accepted without', async () => {
    const { project, owner } = await createTeam(app())
    const [old, recent, used, stays] = [
      await invite(owner, project.id),
      await invite(owner, project.id),
      await invite(owner, project.id),
      await invite(owner, project.id),
    ]
    await accept(await register(app()), used.token)
    for (const { id } of [old, used]) await expireIn(app(), id, '-8 days')
    await expireIn(app(), recent.id, '-1 day')
    const gone = await createProject(owner)
    const ofGone = await invite(owner, gone.id)
    await expireIn(app(), ofGone.id, '-8 days')
    await app().db.query(`INSERT INTO "PasswordReset" (id, email, "tokenHash", "expiresAt")
      VALUES (gen_random_uuid(), 'a', 'a', now() - interval '25 hours'), (gen_random_uuid(), 'b', 'b', now() - interval '1 hour')`)
    await app().db.query(`INSERT INTO "Due" (consumer, key, at, payload) VALUES ('invitations', 'rest', now(), '{}')`)
    await until(
      'the sweep',
      async () => (await app().db.query('SELECT 1 FROM "Invitation" WHERE id = $1', [old.id])).rowCount === 0,
    )
    const { rows } = await app().db.query('SELECT id FROM "Invitation" WHERE "projectId" = $1 ORDER BY id', [project.id])
    expect(rows.map(({ id }) => id)).toEqual([recent.id, stays.id])
    const expired = (await eventsOf(owner, project.id)).filter(({ name }) => name === 'invitation:expired')
    expect(expired).toMatchObject([{ payload: { invitationId: old.id }, meta: { actor: null } }])
    expect((await app().db.query('SELECT email FROM "PasswordReset"')).rows).toEqual([{ email: 'b' }])
  })

  it('A2 an ended session accepts nothing, nor does an API token', async () => {
    const { project, owner } = await createTeam(app())
    const guest = await register(app())
    const { token } = await invite(owner, project.id)
    const { token: bot } = await guest.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot', role: 'owner' })
    const path = `/api/invitations/by-token/${token}/accept`
    expect(verdictOf(await request(app().url, 'POST', path, { token: bot }))).toBe('403 forbidden')
    const other = await login(app(), guest)
    await other.must('POST', '/api/auth/logout')
    expect(verdictOf(await accept(other, token))).toBe('401 session-revoked')
    expect(verdictOf(await request(app().url, 'POST', path))).toBe('401 token-missing')
    expect(verdictOf(await accept(guest, token))).toBe('200')
  })
})
