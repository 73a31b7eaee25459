import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useCommand } from '../support/command.ts'
import { invite, newAddress, registerWith, verdictOf } from '../support/invitations.ts'
import { createCut, createProject, login, register, request } from '../support/people.ts'
import { startS3 } from '../support/s3.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { addWebhook } from '../support/webhooks.ts'

describe('the command line', () => {
  const { start } = useServers()

  const { open, run } = useCommand()
  const widest = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length))

  it('the help of each command fits 80 columns, and docs/operations.md has a line about it; an unknown command and a missing option say what there is', async () => {
    const documented = await readFile(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
    const commands = [
      '',
      'serve',
      'migrate',
      'user',
      'user add',
      'user password',
      'user reset-link',
      'user list',
      'token',
      'token add',
      'token list',
    ]
    for (const command of [
      ...commands,
      'token revoke',
      'consumers',
      'consumers list',
      'consumers retry',
      'consumers skip',
      'search rebuild',
      'export',
      'import',
      'import photoflow',
      'import bandmate',
      'tail',
      'doctor',
      'seed',
    ]) {
      const { code, out } = await run([...command.split(' ').filter(Boolean), '--help'])
      expect({ command, code, isNarrow: widest(out) <= 80 }).toEqual({ command, code: 0, isNarrow: true })
      expect(out).toContain('Usage: cutroom')
      const isGroup = out.includes('help [command]') && command !== ''
      if (!isGroup) expect(documented, command).toContain(`\`${command || 'cutroom'}`)
    }
    const unknown = await run(['sirve'])
    expect(unknown).toMatchObject({ code: 1, out: '' })
    expect(unknown.notes).toMatch(/unknown command 'sirve'[\s\S]*serve/)
    expect((await run(['user', 'add', 'ann@example.com'])).notes).toContain("required option '-n, --name <name>'")
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect((await run(['migrate'], { DATABASE_POOL: 'many' })).notes).toBe(
      'DATABASE_POOL must be a number of connections, 2 to 500\n',
    )
    expect(await run(['user', 'list'], { DATABASE_URL: 'postgresql://cutroom@127.0.0.1:1/cutroom' })).toMatchObject({
      code: 1,
      notes: expect.stringMatching(/^DATABASE_URL: cannot connect: [^\n]+\n$/),
    })
  })

  it('accounts and tokens are made, listed and ended beside a running server, which follows at once', async () => {
    const databaseUrl = await databaseForTest()
    const env = { DATABASE_URL: databaseUrl }
    expect(await run(['migrate'], env)).toMatchObject({ code: 0, out: 'The database is up to date.\n' })
    const server = await start({ databaseUrl, env: { REGISTRATION: 'invite' } })

    const added = await run(['user', 'add', 'Ann@example.com', '--name', 'Ann Miller'], env)
    expect(added).toMatchObject({ code: 0, notes: expect.stringContaining('Created ann@example.com') })
    const ann = await login(server, { email: 'ann@example.com' }, added.out.trim())
    expect(ann.name).toBe('Ann Miller')
    expect(await run(['user', 'add', 'ann@example.com', '--name', 'Ann'], env)).toMatchObject({
      code: 1,
      notes: 'This e-mail has an account\n',
    })
    expect(await run(['user', 'add', 'bob@', '--name', 'Bob'], env)).toMatchObject({
      code: 1,
      notes: 'email: must be an e-mail address\n',
    })
    const short = await run(['user', 'add', 'bob@example.com', '--name', 'Bob', '--password-stdin'], env, 'short\n')
    expect(short).toMatchObject({ code: 1, notes: 'password: must have 8 to 200 characters\n' })
    const bob = await run(['user', 'add', 'bob@example.com', '--name', 'Bob', '--password-stdin'], env, 'correct horse\n')
    expect(bob).toMatchObject({ code: 0, out: '' })
    await login(server, { email: 'bob@example.com' }, 'correct horse')

    const project = await createProject(ann)
    const made = await run(
      ['token', 'add', 'ann@example.com', '-n', 'Watcher', '-r', 'viewer', '-p', project.id, '-e', '90d'],
      env,
    )
    const token = made.out.trim()
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^cutroom_\S+\n$/) })
    const bot = await connect(server, { token })
    expect(await bot.join(project.id)).toMatchObject({ ok: true, role: 'viewer' })
    const listed = await run(['token', 'list', 'ann@example.com'], env)
    expect(listed.out).toMatch(/^ID +ROLE +IN +ENDS +NAME\n[\w-]{36} +viewer +1 +\d{4}-\d\d-\d\d +Watcher\n$/)
    expect(widest(listed.out)).toBeLessThanOrEqual(80)
    const [row] = (await run(['token', 'list', 'ann@example.com', '--json'], env)).out.split('\n')
    const { id } = JSON.parse(row ?? '') as { id: string }
    const other = { ...env, JWT_SECRET: 'another secret, thirty-two characters or more' }
    expect((await run(['token', 'add', 'ann@example.com', '-n', 'No'], other)).notes).toContain('JWT_SECRET is not the one')
    expect((await run(['token', 'add', 'ann@example.com', '-n', 'No', '-p', id], env)).notes).toContain(
      'not a member of this project',
    )
    expect((await run(['token', 'add', 'ann@example.com', '-n', 'No', '-e', 'soon'], env)).notes).toContain('like 90d')
    const gone = new Promise((resolve) => bot.socket.once('disconnect', resolve))
    expect(await run(['token', 'revoke', id], env)).toMatchObject({ code: 0, out: 'Ended “Watcher” of ann@example.com.\n' })
    expect(await gone).toBe('io server disconnect')
    for (const strange of [id, 'x', project.id]) expect(await run(['token', 'revoke', strange], env)).toMatchObject({ code: 1 })

    const users = await run(['user', 'list'], env)
    expect(users.out).toMatch(/^SINCE +PROJECTS +SESSIONS +EMAIL +NAME\n\S+ +1 +1 +ann@example.com +Ann Miller\n\S+ +0 +1 +bob/)
    expect(widest(users.out)).toBeLessThanOrEqual(80)
    const changed = await run(['user', 'password', 'ann@example.com', '--password-stdin'], env, 'another battery\n')
    expect(changed.notes).toContain('1 sessions and API tokens ended')
    expect((await ann.call('GET', '/api/me')).status).toBe(401)
    await login(server, { email: 'ann@example.com' }, 'another battery')
    expect((await run(['user', 'password', 'cy@example.com'], env)).notes).toContain('There is no account with the e-mail cy@')
  })

  it('R1 tail prints what is kept and what happens, each once, through a restart of the server', async () => {
    const databaseUrl = await databaseForTest()
    const first = await start({ databaseUrl })
    const ann = await register(first, 'Ann')
    const project = await createProject(ann, 'Album')
    const { cut } = await createCut(ann, project.id)
    const { token } = await ann.must<{ token: string }>('POST', '/api/me/tokens', { name: 'tail', role: 'viewer' })
    const env = { CUTROOM_URL: first.url, CUTROOM_TOKEN: token }
    const long = 'Louder here, and then much softer, \u001b[31mas it was before the second verse\u001b[0m, until the end of it'
    const say = (body: string) => ann.must('POST', `/api/cuts/${cut.id}/comments`, { body })
    await say(long)

    const [text, json] = [
      await open(['tail', project.id, '--from', '0'], env),
      await open(['tail', project.id, '--json', '-f', '2'], env),
    ]
    const seqs = () =>
      json
        .out()
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { meta: { seq: number } }).meta.seq)
    await until('it is live', () => text.notes().includes('Album: live'))
    await until('what is kept was printed', () => seqs().length === 1)
    await say('Second')
    await until('what happened was printed', () => text.out().includes('Second') && seqs().length === 2)
    first.signal('SIGTERM')
    await first.exited
    await start({ databaseUrl, port: first.port })
    await say('Third')
    await until('what happened since was printed', () => text.out().includes('Third') && seqs().length === 3, 60_000)
    expect(seqs()).toEqual([3, 4, 5])
    const lines = text.out().trimEnd().split('\n')
    expect(lines.map((line) => line.slice(9, 31).trim())).toEqual([
      expect.stringMatching(/^1 vibe:created/),
      expect.stringMatching(/^2 cut:created/),
      ...[3, 4, 5].map((seq) => expect.stringMatching(new RegExp(`^${seq} comment:creat`))),
    ])
    expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d +3 comment:created {2}Ann: Louder here, and then much softer, as it …$/)
    expect(text.out()).not.toContain('\u001b')
    expect(widest(text.out())).toBeLessThanOrEqual(80)
    text.child.kill('SIGINT')
    expect(await text.exited).toBe(0)

    for (const [args, variables, line] of [
      [['tail', project.id], { CUTROOM_URL: first.url }, /^Set CUTROOM_TOKEN/],
      [['tail', project.id], { ...env, CUTROOM_TOKEN: 'x' }, /not valid here/],
      [['tail', ann.id], env, /^There is no such project/],
      [['tail', project.id, '--from', '99'], env, /^The log ends at 5/],
      [['tail', project.id, '--from', 'now'], env, /^--from is the number/],
      [['tail', project.id], { ...env, CUTROOM_URL: 'http://127.0.0.1:1' }, /^http:\/\/127.0.0.1:1 cannot be reached/],
    ] as [string[], Record<string, string>, RegExp][])
      expect({ args, ...(await run(args, variables)) }).toMatchObject({ code: 1, notes: expect.stringMatching(line) })
    const { data } = await ann.must<{ data: { id: string }[] }>('GET', '/api/me/tokens')
    await ann.must('DELETE', `/api/me/tokens/${data[0]?.id}`)
    expect(await json.exited).toBe(1)
  })

  it('doctor says what is in the way, with the cure, and its status', async () => {
    const databaseUrl = await databaseForTest()
    const env = { DATABASE_URL: databaseUrl }
    const well = await run(['doctor'], { ...env, PORT: '3210' })
    expect(well).toMatchObject({ code: 0, out: expect.stringContaining('Nothing is in the way.') })
    expect(well.out).toContain('PUBLIC_URL is not set: http://localhost:3210\n')
    for (const area of ['version', 'config', 'disk', 'files', 'database', 'clock', 'secret', 'redis', 'origins'])
      expect(well.out).toMatch(new RegExp(`^(ok|warn) +${area} `, 'm'))
    const server = await start({ databaseUrl })
    const ann = await register(server, 'Ann')
    expect(await run(['doctor'], { ...env, EVENT_RETENTION: '3d' })).toMatchObject({ code: 0 })
    await addWebhook(ann, (await createProject(ann)).id, 'https://hooks.example.com/')
    const s3 = await startS3()
    onTestFinished(s3.close)
    const { endpoint, bucket, accessKeyId, secretAccessKey } = s3.config
    const stored = {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: bucket,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    }
    expect((await run(['doctor'], { ...env, ...stored })).out).toMatch(
      /^ok +files +an object was stored, read and removed in http/m,
    )
    const cases: [env: Record<string, string>, line: RegExp][] = [
      [{ ...env, ...stored, S3_BUCKET: 'others' }, /^FAIL +files +http.*others.*NoSuchBucket.*; correct S3_/m],
      [{ ...env, ...stored, S3_ENDPOINT: 'http://127.0.0.1:1' }, /^FAIL +files +http.*ECONNREFUSED/m],
      [{ ...env, PORT: 'x', RATE_LIMIT: 'y' }, /^FAIL +config +PORT [\s\S]*^FAIL +config +RATE_LIMIT /m],
      [{ ...env, EVENT_RETENTION: '3d' }, /^FAIL +config +EVENT_RETENTION must be at least 4d[\s\S]*^ok +secret /m],
      [{ DATABASE_URL: 'postgresql://cutroom@127.0.0.1:1/cutroom' }, /^FAIL +database +DATABASE_URL: cannot connect/m],
      [{ ...env, DATABASE_POOL: '500' }, /^FAIL +database +DATABASE_POOL: 500 connections/m],
      [{ ...env, JWT_SECRET: 'another secret, thirty-two characters or more' }, /^FAIL +secret +JWT_SECRET is not/m],
      [{ ...env, REDIS_URL: 'redis://127.0.0.1:1' }, /^FAIL +redis +REDIS_URL cannot be used/m],
      [{ ...env, DATA_DIR: '/proc/nothing' }, /^FAIL +disk +DATA_DIR \/proc\/nothing cannot be written/m],
    ]
    for (const [given, line] of cases) {
      const { code, out } = await run(['doctor'], given)
      expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(line) })
      expect(out).toContain('Something does not work')
    }
    const production = await run(['doctor'], { ...env, NODE_ENV: 'production', PUBLIC_URL: 'https://example.com' })
    expect(production.out).toMatch(/^warn +origins +TRUST_PROXY is false/m)
  })

  it('a command whose reader is gone, like head, ends without a word', async () => {
    const databaseUrl = await databaseForTest()
    const database = new pg.Client(databaseUrl)
    await database.connect()
    await database.query(`INSERT INTO "User" (id, email, name, "passwordHash")
      SELECT gen_random_uuid(), n || '@example.com', 'Ann', '' FROM generate_series(1, 20000) AS n`)
    await database.end()
    const { child, out, notes, exited } = await open(['user', 'list', '--json'], { DATABASE_URL: databaseUrl })
    await until('the first lines', () => out() !== '')
    child.stdout.destroy()
    expect({ code: await exited, notes: notes() }).toEqual({ code: 0, notes: '' })
  })

  it('seed makes a band to look at, and prints logins that work', async () => {
    const databaseUrl = await databaseForTest()
    const { code, out, notes } = await run(['seed'], { DATABASE_URL: databaseUrl })
    expect({ code, notes }).toMatchObject({ code: 0, notes: expect.stringContaining('writes') })
    expect(widest(out)).toBeLessThanOrEqual(80)
    const email = /\S+@example\.com/.exec(out)?.[0] ?? ''
    const password = /Password of all three: (\S+)/.exec(out)?.[1] ?? ''
    const projectId = /project (\S+)/.exec(out)?.[1] ?? ''
    const server = await start({ databaseUrl })
    const person = await login(server, { email }, password)
    const { body } = await request<{ members: unknown[]; cuts: unknown[]; comments: unknown[] }>(
      server.url,
      'GET',
      `/api/projects/${projectId}/snapshot`,
      { token: person.token },
    )
    expect([body.members.length, body.cuts.length, body.comments.length]).toEqual([3, 24, 120])
  })

  it('an empty installation by invitation prints a code for the first account, on each node and start until there is one', async () => {
    const databaseUrl = await databaseForTest()
    const env = { REGISTRATION: 'invite' }
    const codeOf = (output: string) => /no account yet[^\n]*code:\s+(\S+)\n/.exec(output)?.[1]
    const [one, two] = [await start({ databaseUrl, env }), await start({ databaseUrl, env })]
    await until('both codes', () => [one, two].every((server) => codeOf(server.output()) !== undefined))
    const code = codeOf(one.output())
    expect(codeOf(two.output())).toBe(code)
    expect(verdictOf(await registerWith(two, { code: 'ABCDE' }))).toBe('403 wrong-code')
    const email = newAddress()
    expect(verdictOf(await registerWith(two, { email, code }))).toBe('201')
    expect(verdictOf(await registerWith(one, { code }))).toBe('403 registration-closed')
    const owner = await login(one, { email })
    const { token } = await invite(owner, (await createProject(owner)).id)
    expect(verdictOf(await registerWith(two, { invitation: token }))).toBe('201')
    const three = await start({ databaseUrl, env })
    await until('the start', () => three.output().includes('Health'))
    expect(codeOf(three.output())).toBeUndefined()
  })

  it('a link to a new password is printed, works on a running server, and only for an account', async () => {
    const databaseUrl = await databaseForTest()
    const server = await start({ databaseUrl })
    const ann = await register(server)
    const env = { DATABASE_URL: databaseUrl, PUBLIC_URL: 'https://band.example/studio' }
    const made = await run(['user', 'reset-link', ann.email.toUpperCase()], env)
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^https:\/\/band\.example\/studio\/reset\/[\w-]{43}\n$/) })
    expect(made.notes).toContain(ann.email)
    const body = { token: made.out.trim().split('/').at(-1), password: 'the next horse battery' }
    expect(verdictOf(await request(server.url, 'POST', '/api/auth/reset', { body }))).toBe('204')
    expect((await login(server, ann, body.password)).id).toBe(ann.id)
    expect(verdictOf(await ann.call('GET', '/api/me'))).toBe('401 session-revoked')
    const unknown = await run(['user', 'reset-link', 'nobody@example.com'], env)
    expect(unknown).toMatchObject({ code: 1, out: '', notes: expect.stringContaining('no account') })
  })

  it('with the embedded database, commands work while its server runs, and without one', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-data-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const env = { DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1' }
    expect(await run(['user', 'add', 'ann@example.com', '-n', 'Ann'], env)).toMatchObject({ code: 0 })
    const server = await open(['serve'], env)
    await until('the server is ready', () => server.out().includes('Cutroom is ready'), 60_000)
    expect(await run(['user', 'add', 'bob@example.com', '-n', 'Bob'], env)).toMatchObject({ code: 0 })
    expect((await run(['user', 'list', '--json'], env)).out.trim().split('\n')).toHaveLength(2)
    expect(await run(['doctor'], env)).toMatchObject({ code: 0, out: expect.stringContaining('embedded') })
    const url = `http://127.0.0.1:${/localhost:(\d+)\/docs/.exec(server.out())?.[1]}`
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    expect((await run(['user', 'list', '--json'], env)).out.trim().split('\n')).toHaveLength(2)
  })
})
