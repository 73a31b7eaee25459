import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openDiskStorage } from '../../src/ports/storage/disk.ts'
import { openS3Storage } from '../../src/ports/storage/s3.ts'
import type { LocalFile, Storage } from '../../src/ports/storage/storage.ts'
import { openFiles } from '../support/descriptors.ts'
import { startS3, type TestS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'cutroom-storage-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A local file with these bytes. */
function localFile(bytes: Buffer, where = folder): LocalFile {
  const path = join(where, `${randomUUID()}.part`)
  writeFileSync(path, bytes)
  return { path, size: bytes.length, type: 'audio/wav', sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** All files below a folder. */
const filesBelow = (root: string) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(root, path)).isFile())

interface Kind {
  name: string
  open(): Promise<{ storage: Storage; root: string | null; close(): Promise<void> }>
}

const kinds: Kind[] = [
  {
    name: 'disk',
    async open() {
      const root = join(folder, 'files')
      return { storage: openDiskStorage(root), root, close: async () => {} }
    },
  },
  {
    name: 'S3',
    async open() {
      const s3: TestS3 = await startS3()
      return { storage: openS3Storage(s3.config), root: null, close: s3.close }
    },
  },
]

for (const kind of kinds)
  describe(`the store on ${kind.name}`, () => {
    let opened: Awaited<ReturnType<Kind['open']>>
    const store = () => opened.storage
    beforeAll(async () => {
      opened = await kind.open()
    })
    afterAll(async () => {
      await opened.storage.close()
      await opened.close()
    })

    async function put(bytes: Buffer): Promise<string> {
      const key = randomUUID()
      await store().put(key, localFile(bytes))
      return key
    }
    const read = async (...args: Parameters<Storage['open']>) => buffer(await store().open(...args))

    it('M1 what was put comes back byte for byte, of any size', async () => {
      for (const size of [0, 1, 4095, 65_536, 65_537, 3 * 1024 * 1024 + 7]) {
        const bytes = randomBytes(size)
        const key = await put(bytes)
        expect((await read(key)).equals(bytes), `${size} bytes`).toBe(true)
      }
    })

    it('M1 every part comes back byte for byte', async () => {
      const bytes = randomBytes(300_001)
      const key = await put(bytes)
      const last = bytes.length - 1
      const parts = [
        [0, 1],
        [0, last],
        [1, 1],
        [last, last],
        [65_535, 65_536],
        [131_072, last],
        ...Array.from({ length: 40 }, () =>
          [Math.random(), Math.random()].map((at) => 1 + Math.floor(at * last)).sort((a, b) => a - b),
        ),
      ]
      for (const [start = 0, end = 0] of parts)
        expect((await read(key, { start, end })).equals(bytes.subarray(start, end + 1)), `${start}-${end}`).toBe(true)
    })

    it('M1 100 objects are put and read at once, each with its own bytes', async () => {
      const objects = await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const bytes = Buffer.alloc(50_000, n)
          return { key: await put(bytes), bytes }
        }),
      )
      const found = await Promise.all(objects.map(({ key }) => read(key)))
      expect(found.filter((bytes, n) => !bytes.equals(objects[n]?.bytes ?? Buffer.alloc(0)))).toEqual([])
    })

    it('M1 what is not there is not found; what was removed is gone, and is removed again without an error', async () => {
      const key = await put(randomBytes(10))
      await expect(store().open(randomUUID())).rejects.toMatchObject({ code: 'not-found' })
      await store().remove(key)
      await expect(store().open(key, { start: 1, end: 2 })).rejects.toMatchObject({ code: 'not-found' })
      await store().remove(key)
      await store().remove(randomUUID())
    })

    it('M1 an object that is shorter than its row says fails before a byte is sent', async () => {
      const key = await put(randomBytes(100))
      await expect(store().open(key, { start: 50, end: 100 })).rejects.toMatchObject({ code: 'internal' })
      // S3 refuses a part that begins behind the end.
      await expect(store().open(key, { start: 200, end: 300 })).rejects.toMatchObject({
        code: expect.stringMatching(/^(internal|unavailable)$/),
      })
    })

    it('S15 a key that is no UUID is refused before anything is touched', async () => {
      const before = filesBelow(folder)
      const odd = [
        '',
        '.',
        '..',
        '../../etc/passwd',
        `${randomUUID()}/../x`,
        `/${randomUUID()}`,
        randomUUID().toUpperCase(),
        'a\0b',
      ]
      for (const key of [...odd, `${randomUUID()}%2e`, `${randomUUID()}\n`]) {
        const local = localFile(Buffer.from('x'))
        await expect(store().put(key, local), key).rejects.toThrow('UUID')
        rmSync(local.path)
        await expect(store().open(key), key).rejects.toThrow('UUID')
        await expect(store().remove(key), key).rejects.toThrow('UUID')
        expect(() => store().pathOf(key), key).toThrow('UUID')
      }
      expect(filesBelow(folder)).toEqual(before)
    })

    it('M2 a signal ends a stream that is read, one that waits, and an opening', async () => {
      const key = await put(randomBytes(8 * 1024 * 1024))
      const ended = new AbortController()
      const streams = await Promise.all([1, 2, 3].map(() => store().open(key, undefined, ended.signal)))
      const [first, second] = streams as [Readable, Readable]
      const failures: unknown[] = []
      for (const stream of streams) stream.on('error', (error) => failures.push(error))
      first.resume()
      second.read()
      ended.abort(new Error('over'))
      await until('all to end', () => failures.length === 3)
      await expect(store().open(key, undefined, ended.signal)).rejects.toThrow('over')
      await until('no file to be open', () => openFiles(folder).length === 0)
    })

    it('B1 a reader that stops holds no more than a few chunks of a large object', async () => {
      const key = await put(randomBytes(16 * 1024 * 1024))
      const stream = await store().open(key)
      let taken = 0
      for await (const chunk of stream) {
        taken += chunk.length
        if (taken > 200_000) break
      }
      expect(stream.readableLength).toBeLessThan(512 * 1024)
      await until('no file to be open', () => openFiles(folder).length === 0)
    })

    it('O2 check stores, reads and removes an object', async () => {
      const before = filesBelow(folder)
      await store().check()
      expect(filesBelow(folder)).toEqual(before)
    })
  })

describe('the store on disk', () => {
  it('M1 keys are spread over folders by their random digits, and the local file is gone', async () => {
    const root = join(folder, 'spread')
    const storage = openDiskStorage(root)
    const key = '019f0000-0000-7000-8000-0000000012ab'
    const local = localFile(Buffer.from('song'))
    await storage.put(key, local)
    expect(existsSync(local.path)).toBe(false)
    expect(filesBelow(root)).toEqual([join('12', 'ab', key)])
    expect(storage.pathOf(key)).toBe(join(root, '12', 'ab', key))
    expect(statSync(join(root, '12', 'ab', key)).size).toBe(4)
  })

  it('M1 an upload on another file system is copied, and no draft stays', async ({ skip }) => {
    if (!existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(folder).dev)
      skip('/dev/shm is no file system of its own')
    const other = mkdtempSync('/dev/shm/cutroom-storage-')
    onTestFinished(() => rmSync(other, { recursive: true, force: true }))
    const root = join(folder, 'other')
    const storage = openDiskStorage(root)
    const bytes = randomBytes(1_000_000)
    const local = localFile(bytes, other)
    const key = randomUUID()
    await storage.put(key, local)
    expect((await buffer(await storage.open(key))).equals(bytes)).toBe(true)
    expect(readdirSync(other)).toEqual([])
    expect(filesBelow(root)).toHaveLength(1)
  })

  it('M1 a draft that a crash left is removed with its object', async () => {
    const root = join(folder, 'draft')
    const storage = openDiskStorage(root)
    const key = randomUUID()
    await storage.put(key, localFile(Buffer.from('song')))
    writeFileSync(`${storage.pathOf(key)}.part`, 'so')
    await storage.remove(key)
    expect(filesBelow(root)).toEqual([])
  })

  it('O2 a folder that cannot be used is the store’s fault, not the database’s', async () => {
    const file = join(folder, 'no-folder')
    writeFileSync(file, '')
    expect(() => openDiskStorage(join(file, 'files'))).toThrow('The store of files cannot be reached')
    const root = join(folder, 'lost')
    const storage = openDiskStorage(root)
    rmSync(root, { recursive: true })
    writeFileSync(root, '')
    const local = localFile(Buffer.from('song'))
    for (const work of [() => storage.put(randomUUID(), local), () => storage.check(), () => storage.open(randomUUID())])
      await expect(work()).rejects.toMatchObject({ code: 'unavailable', message: 'The store of files cannot be reached' })
  })
})
