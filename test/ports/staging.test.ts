import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'
import { openStaging } from '../../src/ports/storage/staging.ts'
import { openFiles } from '../support/descriptors.ts'
import { until } from '../support/until.ts'

function stage() {
  const dataDir = mkdtempSync(join(tmpdir(), 'cutroom-staging-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const staging = openStaging(dataDir)
  return { staging, left: () => readdirSync(staging.folder) }
}
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A body in pieces of this many bytes. */
const inPieces = (bytes: Buffer, length: number) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
    })(),
    { objectMode: false },
  )

it('S17 M1 what comes is written as it comes: nothing, one byte at a time, up to the limit', async () => {
  const { staging, left } = stage()
  const cases = [
    [0, 1],
    [1, 1],
    [5000, 1],
    [4096, 4096],
    [1_000_000, 65_536],
  ] as const
  for (const [size, length] of cases) {
    const bytes = randomBytes(size)
    const staged = await staging.write(inPieces(bytes, length), { limit: size })
    expect(staged).toMatchObject({ size, sha256: sha256(bytes) })
    expect(staged.head.equals(bytes.subarray(0, 4096))).toBe(true)
    expect(readFileSync(staged.path).equals(bytes)).toBe(true)
    expect(await staging.read(staged.path)).toEqual(staged)
    await staging.remove(staged.path)
    await staging.remove(staged.path)
  }
  expect(left()).toEqual([])
  await expect(staging.read(join(staging.folder, 'none'))).rejects.toMatchObject({ code: 'not-found' })
})

it('M1 many files at a time are each written whole, also beside some that do not come on', async () => {
  const { staging, left } = stage()
  const stalled = Array.from({ length: 20 }, () => {
    const source = new PassThrough()
    source.write('a start')
    return { source, written: staging.write(source, { limit: 1000 }) }
  })
  await Promise.all(
    Array.from({ length: 30 }, async () => {
      const bytes = randomBytes(300_000)
      const { path, size, sha256: found } = await staging.write(inPieces(bytes, 10_000), { limit: bytes.length })
      expect({ size, found }).toEqual({ size: bytes.length, found: sha256(bytes) })
      expect(readFileSync(path).equals(bytes)).toBe(true)
    }),
  )
  expect(left()).toHaveLength(50)
  for (const { source, written } of stalled) {
    source.destroy()
    await expect(written).rejects.toMatchObject({ code: 'bad-request' })
  }
  expect(left()).toHaveLength(30)
})

it('M1 a chunk that cannot be written gives its turn to the next', async () => {
  const { staging } = stage()
  for (let n = 0; n < 5; n++)
    await expect(staging.write(inPieces(randomBytes(10), 10), { limit: 5 })).rejects.toMatchObject({ code: 'too-large' })
  const bytes = randomBytes(10)
  expect(await staging.write(inPieces(bytes, 5), { limit: 10 })).toMatchObject({ size: 10, sha256: sha256(bytes) })
})

it('S17 one byte more than the limit is refused, and nothing is left', async () => {
  const { staging, left } = stage()
  const source = inPieces(randomBytes(1001), 100)
  await expect(staging.write(source, { limit: 1000 })).rejects.toMatchObject({ code: 'too-large' })
  expect(source.destroyed).toBe(true)
  expect(left()).toEqual([])
})

it('S17 uploads that break off, by the client or a signal, leave nothing: 100 at once', async () => {
  const { staging, left } = stage()
  const outcomes: string[] = []
  const server = createServer((incoming) => {
    staging.write(incoming, { limit: 1_000_000 }).then(
      () => outcomes.push('written'),
      (error) => outcomes.push(error.code),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  for (let n = 0; n < 100; n++) {
    const outgoing = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': '500000' } })
    outgoing.on('error', () => {})
    outgoing.write(randomBytes(100_000), () => outgoing.destroy())
  }
  await until('all to have failed', () => outcomes.length === 100)
  expect(new Set(outcomes)).toEqual(new Set(['bad-request']))
  expect(left()).toEqual([])

  const over = new AbortController()
  const endless = new Readable({ read: () => {} })
  const writing = staging.write(endless, { limit: 10, signal: over.signal })
  endless.push(Buffer.from('x'))
  await until('its file', () => left().length === 1)
  over.abort(new Error('access ended'))
  await expect(writing).rejects.toThrow('access ended')
  expect(left()).toEqual([])
  await until('no file to be open', () => openFiles(staging.folder).length === 0)
})

it('S17 a disk that is full is a problem of its own, and leaves nothing', async ({ skip }) => {
  if (!existsSync('/dev/full')) skip('there is no /dev/full')
  const { staging, left } = stage()
  // A device to which every write fails with ENOSPC.
  symlinkSync('/dev/full', join(staging.folder, 'full.part'))
  const source = inPieces(randomBytes(1000), 100)
  await expect(staging.write(source, { limit: 1000, id: 'full' })).rejects.toMatchObject({ code: 'storage-full', status: 507 })
  expect(source.destroyed).toBe(true)
  expect(left()).toEqual([])
  expect(await staging.write(inPieces(randomBytes(1000), 100), { limit: 1000 })).toMatchObject({ size: 1000 })
})

it('S15 the id of an upload is no path', async () => {
  const { staging, left } = stage()
  for (const id of ['', '..', '../x', 'a/b', 'a\0', 'x'.repeat(65)])
    await expect(staging.write(inPieces(Buffer.from('x'), 1), { limit: 1, id }), id).rejects.toThrow('letters')
  expect(left()).toEqual([])
})

it('M1 the sweep removes what a crash left, by age, and nothing else', async () => {
  const { staging, left } = stage()
  const old = `${randomUUID()}.part`
  for (const name of [old, 'new.part', 'other.json']) writeFileSync(join(staging.folder, name), 'x')
  for (const name of [old, 'other.json']) utimesSync(join(staging.folder, name), 1000, 1000)
  expect(await staging.sweep(3_600_000)).toBe(1)
  expect(left().sort()).toEqual(['new.part', 'other.json'])
})
