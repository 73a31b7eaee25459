import { readdir } from 'node:fs/promises'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../../support/app.ts'
import { bytesOf, cutIn, download, textOf, uploadFile, zipOf } from '../../support/files.ts'
import { createTeam, login, type Person } from '../../support/people.ts'
import { until } from '../../support/until.ts'

const app = useApp()
/** More than lies in the buffers of two kernels. */
const LARGE = zipOf(16_000_000)

async function given() {
  const team = await createTeam(app(), 'viewer')
  const cutId = await cutIn(team.owner, team.project)
  const file = await uploadFile(app(), team.owner, cutId, LARGE)
  return { ...team, cutId, file }
}

/** A download that has begun, and of which nothing more is read until it is told so. */
async function begin(person: Pick<Person, 'token'>, fileId: string) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpGet(
      `${app().url}/api/files/${fileId}/content`,
      { headers: { authorization: `Bearer ${person.token}` }, agent: false },
      resolve,
    )
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
  let [bytes, isCut] = [0, false]
  answer.on('error', () => {
    isCut = true
  })
  answer.on('close', () => {
    isCut ||= !answer.complete
  })
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    answer.pause()
  })
  await until('the first bytes', () => bytes > 0)
  return { status: answer.statusCode, goOn: () => answer.resume(), isCut: () => isCut, bytes: () => bytes }
}

describe('a download that runs', () => {
  const ends: [string, (world: Awaited<ReturnType<typeof given>>) => Promise<unknown>][] = [
    ['membership', ({ owner, viewer, project }) => owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)],
    ['the file', ({ owner, file }) => owner.must('DELETE', `/api/files/${file.id}`)],
    ['the cut', ({ owner, cutId }) => owner.must('DELETE', `/api/cuts/${cutId}`)],
    ['the project', ({ owner, project }) => owner.must('DELETE', `/api/projects/${project.id}`)],
    ['the session', ({ viewer }) => viewer.must('POST', '/api/auth/logout')],
  ]
  it.each(ends)('M2 ends with %s, and a new one is refused', async (_, end) => {
    const world = await given()
    const running = await begin(world.viewer, world.file.id)
    const stays = await login(app(), world.owner)
    await end(world)
    await until('the cut', () => {
      running.goOn()
      return running.isCut()
    })
    expect(running.bytes()).toBeLessThan(LARGE.length)
    expect((await download(app(), world.viewer, world.file.id)).status).toBeGreaterThanOrEqual(401)
    expect(stays.id).toBe(world.owner.id)
  })

  it('M2 goes on for those whose access has not ended', async () => {
    const world = await given()
    const [owner, viewer] = [await begin(world.owner, world.file.id), await begin(world.viewer, world.file.id)]
    await world.owner.must('DELETE', `/api/projects/${world.project.id}/members/${world.viewer.id}`)
    await until('the cut', () => {
      viewer.goOn()
      return viewer.isCut()
    })
    await until('the whole file', () => {
      owner.goOn()
      return owner.bytes() === LARGE.length
    })
    expect(owner.isCut()).toBe(false)
  })
})

describe('an upload that runs', () => {
  it('M2 M1 becomes no file when access ends before its last byte', async () => {
    const { owner, viewer: editor, project } = await createTeam(app(), 'viewer')
    await owner.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role: 'editor' })
    const cutId = await cutIn(owner, project)
    const head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    const body = Buffer.concat([Buffer.from(head), textOf(300_000), Buffer.from('\r\n--edge--\r\n')])
    let answer = ''
    const socket = connect(Number(new URL(app().url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('data', (data) => {
      answer += data.toString('latin1')
    })
    socket.write(
      `POST /api/cuts/${cutId}/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${editor.token}\r\n` +
        `content-type: multipart/form-data; boundary=edge\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    socket.write(body.subarray(0, 100_000))
    const uploads = join(app().config.dataDir, 'uploads')
    await until('it has begun', async () => (await readdir(uploads)).length > 0)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    socket.write(body.subarray(100_000))
    await until('the answer', () => answer.startsWith('HTTP/1.1 404'))
    const { data } = await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/files`)
    expect(data).toEqual([])
    expect(await readdir(uploads)).toEqual([])
    const objects = await app().db.query('SELECT 1 FROM "StoredObject" WHERE size = 300000')
    expect(objects.rows).toEqual([])
  })
})

describe('parts of a file', () => {
  it('S18 M1 are byte-exact, with a strong tag, for who may read it', async () => {
    const team = await createTeam(app(), 'viewer')
    const bytes = textOf(10_000)
    const file = await uploadFile(app(), team.owner, await cutIn(team.owner, team.project), bytes)
    const part = async (range: string, headers: Record<string, string> = {}) => {
      const answer = await download(app(), team.viewer, file.id, { range, ...headers })
      return { status: answer.status, bytes: await bytesOf(answer), contentRange: answer.headers.get('content-range') }
    }
    const middle = await part('bytes=100-199')
    expect([middle.status, middle.contentRange]).toEqual([206, 'bytes 100-199/10000'])
    expect(middle.bytes.equals(bytes.subarray(100, 200))).toBe(true)
    expect((await part('bytes=-10')).bytes.equals(bytes.subarray(-10))).toBe(true)
    expect((await part('bytes=10000-')).status).toBe(416)
    expect((await part('bytes=0-9', { 'if-range': `"${file.sha256}"` })).status).toBe(206)
    expect((await part('bytes=0-9', { 'if-range': '"another"' })).status).toBe(200)
    const whole = await download(app(), team.viewer, file.id)
    expect(whole.headers.get('content-disposition')).toMatch(/^attachment; /)
    expect((await download(app(), team.viewer, file.id, { 'if-none-match': `"${file.sha256}"` })).status).toBe(304)
  })
})
