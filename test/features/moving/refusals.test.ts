import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { sha256, textOf } from '../../support/files.ts'
import { folderForTest, fullProject, movingOn, rowsOf, writeRows } from '../../support/moving.ts'

describe('an export that is not to be trusted', () => {
  const source = useApp()
  const target = useApp()

  /** A full project, exported. */
  async function exported() {
    const made = await fullProject(source())
    const folder = join(await folderForTest(), 'export')
    await movingOn(source()).out(made.project.id, folder)
    return { ...made, folder }
  }

  it('V3 each bad line has one clear complaint, and nothing is written', async () => {
    const { folder, project } = await exported()
    const rows = await rowsOf(folder)
    const moving = movingOn(target())
    const lineOf = (line: string) => rows.findIndex((row) => row.line === line) + 1
    const end = rows.length
    async function complaints(change: (lines: unknown[]) => unknown[]): Promise<string[]> {
      await writeRows(folder, change(structuredClone(rows)))
      const result = await moving.in(folder)
      if (result.outcome !== 'invalid') throw new Error(`it was ${result.outcome}`)
      return result.complaints.map(({ line, message }) => `${line}: ${message}`)
    }
    const replaced = (type: string, values: object | string) => (lines: unknown[]) =>
      lines.map((line, n) =>
        n + 1 === lineOf(type) ? (typeof values === 'string' ? values : { ...(line as object), ...values }) : line,
      )

    expect(await complaints(replaced('header', { version: 2 }))).toEqual([
      '1: the format has version 2, this program reads 1: use a newer one',
    ])
    expect(await complaints(replaced('header', { format: 'other' }))).toEqual(['1: this is no export of a Cutroom project'])
    expect(await complaints(replaced('task', '{"line":"task",'))).toEqual([`${lineOf('task')}: is no JSON`])
    expect(await complaints(replaced('task', '[]'))).toEqual([`${lineOf('task')}: is no object, or one of too many values`])
    expect(await complaints(replaced('task', { secret: true }))).toEqual([
      expect.stringMatching(/^\d+: Unrecognized key: "secret"$/),
    ])
    expect(await complaints(replaced('task', { status: 'gone' }))).toEqual([
      expect.stringMatching(/^\d+: \/status: Invalid option/),
    ])
    expect(await complaints(replaced('task', { line: 'user' }))).toEqual([expect.stringMatching(/^\d+: \/line: is none of room/)])
    expect(await complaints(replaced('comment', { body: 'a\u0000b' }))).toContainEqual(
      `${lineOf('comment')}: has text with NUL, or with half a character`,
    )
    expect(await complaints(replaced('project', { name: 7 }))).toEqual([expect.stringMatching(/^\d+: \/name: /)])
    const foreign = '0190a1b2-0000-7000-8000-000000000001'
    expect(await complaints(replaced('vibe', { projectId: foreign }))).toContainEqual(
      `${lineOf('vibe')}: /projectId: is another project`,
    )
    expect(await complaints(replaced('comment', { cutId: foreign }))).toContainEqual(
      `${lineOf('comment')}: /cutId: there is no such cut in this export`,
    )
    expect(await complaints(replaced('file', { sha256: '../../../etc/passwd' }))).toContainEqual(
      `${lineOf('file')}: /sha256: must be a SHA-256 in small hexadecimal digits`,
    )
    expect(await complaints(replaced('file', { type: 'text/html' }))).toContainEqual(
      `${lineOf('file')}: /type: is no type of a file here`,
    )
    expect(await complaints(replaced('event', { name: 'session:revoked' }))).toContainEqual(
      `${lineOf('event')}: /name: is no event of a project`,
    )
    const said = rows.findIndex(({ name }) => name === 'comment:created')
    const saying = (payload: object) =>
      complaints((lines) => lines.map((line, n) => (n === said ? { ...(line as object), payload } : line)))
    const { payload } = rows[said] as unknown as { payload: object }
    expect(await saying({ ...payload, id: 7 })).toEqual([expect.stringMatching(`^${said + 1}: /payload/id: `)])
    expect(await saying({ ...payload, author: { id: 'me' } })).toEqual([
      expect.stringMatching(`^${said + 1}: /payload/author/id: `),
    ])
    expect(await saying({})).toEqual([expect.stringMatching(`^${said + 1}: /payload/id: `)])
    expect((await complaints((lines) => lines.filter((_, n) => n + 1 !== lineOf('event'))))[0]).toMatch(
      /\/seq: is 2, where 1 of \d+ was expected/,
    )
    expect(await complaints((lines) => lines.slice(0, -1))).toEqual([
      `${end - 1}: is the last one, and no end: the file is not whole`,
    ])
    expect((await complaints((lines) => [...lines, lines.at(-1)])).at(-1)).toBe(`${end + 1}: /line: end must not stand here`)
    expect(await complaints((lines) => [lines[0], ...lines.slice(2)])).toEqual([expect.stringContaining('stands before room')])
    expect(await complaints((lines) => lines.map((line, n) => (n === 1 ? line : n > 0 && n < 4 ? '{}' : line)))).toHaveLength(2)
    expect(await complaints(() => ['x'.repeat(100)])).toEqual(['1: is no JSON'])
    // Lines are bounded, however long the file.
    const huge = await complaints((lines) => [lines[0], `{"line":"room","x":"${'x'.repeat(10_000_000)}"}`, ...lines.slice(2)])
    expect(huge).toEqual(['2: has more than 8388608 characters'])
    const deep = await complaints((lines) => [
      lines[0],
      `{"line":"room","head":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      ...lines.slice(2),
    ])
    expect(deep[0]).toBe('2: is no object, or one of too many values')
    const { rows: left } = await target().db.query('SELECT 1 FROM "Room" WHERE id = $1', [`project:${project.id}`])
    expect(left).toEqual([])
  })

  it('V3 a content that is missing, a link, of other bytes or of another type is refused, and leaves no object', async () => {
    const { folder, notes } = await exported()
    const moving = movingOn(target())
    const path = join(folder, 'files', notes.sha256)
    const copy = join(await folderForTest(), 'copy')
    await cp(folder, copy, { recursive: true })
    const tried = async (message: string) => {
      await expect(moving.in(folder)).rejects.toThrow(message)
      expect(await moving.in(folder, true)).toMatchObject({
        outcome: 'invalid',
        complaints: [{ message: expect.stringContaining(message) }],
      })
      const { rows } = await target().db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')
      expect(rows).toEqual([])
    }
    for (const bytes of [textOf(499), textOf(500), textOf(501)]) {
      await writeFile(path, bytes)
      await tried('has other bytes')
    }
    await rm(path)
    await tried('is missing, or no file')
    await symlink(join(copy, 'files', notes.sha256), path)
    await tried('is missing, or no file')
    await rm(path)
    await mkdir(path)
    await tried('is missing, or no file')
    await rm(path, { recursive: true })
    // A page under the name of a text, with a hash that is right.
    const page = Buffer.from('<!doctype html><script>alert(1)</script>')
    const rows = await rowsOf(folder)
    const forged = { sha256: sha256(page), size: page.length, type: 'image/png', kind: 'image' }
    await writeRows(
      folder,
      rows.map((row) => (row.line === 'file' && row.id === notes.id ? { ...row, ...forged } : row)),
    )
    await writeFile(join(folder, 'files', sha256(page)), page)
    await tried('not image/png')
    expect(await moving.in(copy)).toMatchObject({ outcome: 'imported' })
  })
})
