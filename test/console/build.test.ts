import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { buildConsole } from '../../packages/console/build.ts'

it('the page is built without a warning, by options that are not deprecated', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-console-'))
  const spies = [vi.spyOn(console, 'warn'), vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')]
  try {
    await buildConsole(folder)
    expect(spies.flatMap(({ mock }) => mock.calls.map(String))).toEqual([])
    expect(await readdir(folder)).toContain('index.html')
  } finally {
    for (const spy of spies) spy.mockRestore()
    await rm(folder, { recursive: true, force: true })
  }
})
