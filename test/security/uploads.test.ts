import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { File } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import {
  beginUpload,
  bytesOf,
  cutIn,
  download,
  sendFile,
  sha256,
  textOf,
  tus,
  uploadFile,
  wavOf,
  zipOf,
} from '../support/files.ts'
import { createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'

const app = useApp()
let owner: Person
let cutId: string
let projectId: string
beforeAll(async () => {
  const team = await createTeam(app())
  owner = team.owner
  projectId = team.project.id
  cutId = await cutIn(owner, team.project)
})

const folder = () => app().config.dataDir
/** Every file below DATA_DIR. */
const onDisk = async (): Promise<string[]> =>
  (await readdir(folder(), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
const staged = async () => (await onDisk()).filter((path) => path.includes('/uploads/'))
const rows = async () => (await app().db.query('SELECT 1 FROM "File" WHERE "projectId" = $1', [projectId])).rows.length

/** One form, written by hand. @param given what stands where fetch would put something sensible */
function formOf(given: { filename?: string; boundary?: string; body?: Buffer; end?: string; disposition?: string } = {}): Buffer {
  const { filename = 'a.txt', boundary = 'edge', body = textOf(100), end = `\r\n--${boundary}--\r\n` } = given
  const disposition = given.disposition ?? `form-data; name="file"; filename="${filename}"`
  const head = `--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: audio/wav\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body, Buffer.from(end)])
}

/** A request by hand. @returns what was answered until the server or `hangUp` ended it */
function raw(
  body: Buffer,
  headers: Record<string, string>,
  pieces = 1,
): { text: () => string; closed: () => boolean; hangUp: () => void } {
  const socket = connect(Number(new URL(app().url).port), '127.0.0.1')
  let [text, closed] = ['', false]
  socket.on('data', (data) => {
    text += data.toString('latin1')
  })
  socket.on('close', () => {
    closed = true
  })
  socket.on('error', () => {})
  const all = {
    host: 'x',
    authorization: `Bearer ${owner.token}`,
    'content-type': 'multipart/form-data; boundary=edge',
    ...headers,
  }
  socket.write(
    `POST /api/cuts/${cutId}/files HTTP/1.1\r\n${Object.entries(all)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  )
  const step = Math.ceil(body.length / pieces)
  let at = 0
  const next = () => {
    if (at >= body.length || socket.destroyed) return
    socket.write(body.subarray(at, at + step))
    at += step
    setImmediate(next)
  }
  next()
  return { text: () => text, closed: () => closed, hangUp: () => socket.destroy() }
}

describe('names of files', () => {
  it('S15 M3 paths, NUL, right-to-left marks and endless names are cleaned, and name nothing on the disk', async () => {
    const before = new Set(await onDisk())
    const names = [
      '../../../../etc/evil.txt',
      '..\\..\\evil.txt',
      '%2e%2e%2fevil.txt',
      'evil\u202etxt.exe',
      `${'x'.repeat(10_000)}.txt`,
      '\u0000.txt',
      '.env',
    ]
    for (const name of names) {
      const file = await uploadFile(app(), owner, cutId, textOf(60), {
        filename: name.replaceAll('\u0000', '') || 'x',
        name: undefined,
      })
      expect(file.name.length, name).toBeLessThanOrEqual(255)
      for (const sign of ['/', '\\', '\u0000', '\u202e']) expect(file.name, name).not.toContain(sign)
      const answer = await download(app(), owner, file.id)
      expect(answer.headers.get('content-disposition'), name).not.toMatch(/[/\\\r\n]/)
      await answer.arrayBuffer()
    }
    for (const path of await onDisk())
      if (!before.has(path)) expect(path).toMatch(/\/files\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f-]{36}$/)
    const path = await beginUpload(app(), owner, 50, { cutId, filename: '../../../etc/evil.txt' })
    const sent = await tus(app(), owner, 'PATCH', path, { 'upload-offset': '0' }, textOf(50))
    expect((await owner.must<File>('GET', `/api/files/${sent.headers.get('cutroom-file')}`)).name).toBe('evil.txt')
  })

  it('S15 M3 a form with a NUL, a bare quote or no name in its header answers, and nothing more', async () => {
    for (const given of [
      { filename: 'a\u0000b.txt' },
      { filename: 'a"; filename="b.txt' },
      { disposition: 'form-data; name="file"' },
      { disposition: 'form-data; name="__proto__"; filename="a.txt"' },
      { disposition: 'attachment' },
      { disposition: `form-data; name="${'n'.repeat(50_000)}"; filename="a.txt"` },
    ]) {
      const body = formOf(given)
      const answer = raw(body, { 'content-length': `${body.length}` })
      await until('an answer', () => /^HTTP\/1\.1 (201|4\d\d) /.test(answer.text()))
      answer.hangUp()
    }
    await until('nothing is left', async () => (await staged()).length === 0)
  })
})

describe('files that are something else', () => {
  it('S16 M3 are taken for what their content is, or refused, whatever they are called', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
    const gif = Buffer.from('GIF89a/*<script>alert(1)</script>*/=1;')
    const cases: [string, Buffer, Record<string, unknown> | 415][] = [
      ['page.png', Buffer.from('<html><body onload=alert(1)>'), 415],
      ['picture.svg', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), 415],
      ['program.wav', Buffer.from('7f454c4602010100', 'hex'), 415],
      ['program.exe', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]), 415],
      ['random.mp3', Buffer.from('00112233445566778899aabbccddeeff', 'hex'), 415],
      ['polyglot.html', Buffer.concat([gif, Buffer.from('<html>')]), { kind: 'image', type: 'image/gif' }],
      ['header.txt', png, { kind: 'image', type: 'image/png' }],
      ['archive.wav', zipOf(200), { kind: 'stems', type: 'application/zip' }],
    ]
    for (const [filename, bytes, expected] of cases) {
      const answer = await sendFile(app(), owner, cutId, bytes, { filename })
      if (expected === 415) expect({ filename, status: answer.status }).toEqual({ filename, status: 415 })
      else {
        expect({ filename, ...answer.body }).toMatchObject({ filename, ...expected })
        const served = await download(app(), owner, answer.body.id)
        expect(served.headers.get('x-content-type-options')).toBe('nosniff')
        expect(served.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
        expect(served.headers.get('content-type')).toBe(answer.body.type)
        if (answer.body.kind !== 'image') expect(served.headers.get('content-disposition')).toMatch(/^attachment/)
        await served.arrayBuffer()
      }
    }
  })
})

describe('uploads that lie', () => {
  it('S17 M1 one that is cut off, or ends before its time, leaves nothing', async () => {
    const before = await rows()
    const body = formOf({ body: textOf(400_000) })
    const cut = raw(body.subarray(0, 200_000), { 'content-length': `${body.length}` })
    await until('it has begun', async () => (await staged()).length > 0)
    cut.hangUp()
    const short = formOf({ body: textOf(1000), end: '' })
    const without = raw(short, { 'content-length': `${short.length}` })
    await until('it is refused', () => /^HTTP\/1\.1 4\d\d /.test(without.text()))
    const chunked = raw(Buffer.from(`${short.length.toString(16)}\r\n${short.toString('latin1')}\r\n0\r\n\r\n`, 'latin1'), {
      'transfer-encoding': 'chunked',
    })
    await until('it is refused', () => /^HTTP\/1\.1 4\d\d /.test(chunked.text()))
    for (const each of [without, chunked]) each.hangUp()
    await until('nothing is left', async () => (await staged()).length === 0)
    expect(await rows()).toBe(before)
  })

  it('S17 M1 one byte at a time is as good as all at once', async () => {
    const bytes = textOf(1500)
    const body = formOf({ body: bytes })
    const answer = raw(body, { 'content-length': `${body.length}` }, body.length)
    await until('it is there', () => answer.text().startsWith('HTTP/1.1 201'))
    expect(answer.text()).toContain(sha256(bytes))
    answer.hangUp()
  })

  it('S17 M3 a body beyond any limit is refused before it is read', async () => {
    const answer = raw(formOf(), { 'content-length': '5000000000' })
    await until('it is refused', () => answer.text().startsWith('HTTP/1.1 413'))
    answer.hangUp()
    expect(await staged()).toEqual([])
  })

  it('S17 M1 many at once are all there, byte for byte, and nothing besides', async () => {
    const many = Array.from({ length: 100 }, () => zipOf(200_000))
    const files = await Promise.all(many.map((bytes) => uploadFile(app(), owner, cutId, bytes)))
    expect(files.map(({ sha256: hash }) => hash)).toEqual(many.map(sha256))
    const some = files[42] as File
    expect((await bytesOf(await download(app(), owner, some.id))).equals(many[42] as Buffer)).toBe(true)
    expect(await staged()).toEqual([])
    expect((await app().db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')).rows).toEqual([])
  })

  it('S17 M3 what would be endless when unpacked is stored as it is, and never unpacked', async () => {
    const bomb = Buffer.concat([zipOf(100), Buffer.alloc(50_000)])
    expect(await uploadFile(app(), owner, cutId, bomb, { filename: 'bomb.zip' })).toMatchObject({
      status: 'ready',
      size: bomb.length,
    })
  })

  it('S17 B2 one person has so many uploads at a time, and others have theirs', async () => {
    const { startApp } = await import('../support/app.ts')
    const limited = await startApp({ env: { RATE_LIMIT: '100000' } })
    try {
      const one = await createTeam(limited)
      const other = await createTeam(limited)
      const path = `/api/cuts/${await cutIn(one.owner, one.project)}/files`
      const socketOf = () => {
        const socket = connect(Number(new URL(limited.url).port), '127.0.0.1')
        let text = ''
        socket.on('data', (data) => {
          text += data.toString('latin1')
        })
        socket.on('error', () => {})
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${one.owner.token}\r\n` +
            `content-type: multipart/form-data; boundary=edge\r\ncontent-length: 100000\r\n\r\n`,
        )
        socket.write(formOf().subarray(0, 150))
        return { socket, text: () => text }
      }
      const slow = Array.from({ length: 21 }, socketOf)
      await until('one too many', () => slow.some(({ text }) => text().startsWith('HTTP/1.1 429')))
      expect(await uploadFile(limited, other.owner, await cutIn(other.owner, other.project), wavOf(0.05))).toMatchObject({
        take: 1,
      })
      // Other requests of theirs do not wait for them.
      expect((await one.owner.call('GET', `/api/projects/${one.project.id}`)).status).toBe(200)
      for (const { socket } of slow) socket.destroy()
    } finally {
      await limited.close()
    }
  })
})
