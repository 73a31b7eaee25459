import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { request } from '../support/people.ts'

/** Plays the quick demo from the sources, in a folder for temporary files of its own. */
async function play(
  args: string[],
  whileKept?: (text: string) => Promise<void>,
): Promise<{ code: number; text: string; left: string[] }> {
  // Private, so that a root's database has to be elsewhere: that must be removed as well.
  const temp = mkdtempSync(join(tmpdir(), 'demo-test-'))
  onTestFinished(() => rmSync(temp, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: temp, NO_COLOR: '1' }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', 'demo/main.ts', ...args], { env }, (error, stdout, stderr) => {
      const left = readdirSync(temp).filter((name) => name.startsWith('cutroom-demo-'))
      resolve({ code: child.exitCode ?? (error ? 1 : 0), text: stdout + stderr, left })
    })
    let text = ''
    child.stdout?.on('data', (chunk: string) => {
      const isNew = !text.includes('Ctrl-C ends it')
      text += chunk
      if (isNew && text.includes('Ctrl-C ends it')) void whileKept?.(text).finally(() => child.kill('SIGINT'))
    })
  })
}

/** The numbers of a row of the table at the end. */
const row = (text: string, title: string): number[] =>
  (
    text
      .split('\n')
      .find((line) => line.trim().startsWith(title))
      ?.trim()
      .slice(title.length)
      .match(/[\d,]+/g) ?? []
  ).map((cell) => Number(cell.replaceAll(',', '')))

describe('npm run demo', () => {
  it('D1 D3 R1 R4 W4 plays through a cut and a killed server: nothing missing, repeated, disordered or leaked', async () => {
    let login = 0
    const { code, text, left } = await play(['--quick', '--seed', '7', '--keep'], async (printed) => {
      const [url, email, password] = [/http:\S+\/(?=\n)/, /\S+@example.com/, /(?<=three: )\S+/].map(
        (find) => find.exec(printed)?.[0],
      )
      const body = { email, password, delivery: 'body' }
      login = (await request(url?.slice(0, -1) ?? '', 'POST', '/api/auth/login', { body })).status
    })
    expect(text).toContain('--seed 7')
    const committed = row(text, 'events committed')
    expect(committed).toHaveLength(4)
    expect(Math.min(...committed)).toBeGreaterThan(200)
    expect(row(text, 'delivered')).toEqual(committed)
    for (const title of ['missing', 'repeated', 'out of order']) expect(row(text, title), title).toEqual([0, 0, 0, 0])
    expect(row(text, 'leaked to the stranger')).toEqual([0])
    expect(text).toMatch(/state equals a fresh snapshot +yes +yes +yes/)
    expect(text).toMatch(/the server is up again after/)
    expect(text).toContain('✓ Everything that was committed arrived')
    // Kept for those who want to look, until it is stopped.
    expect(login).toBe(200)
    expect(code, text).toBe(130)
    expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80)
    expect(left).toEqual([])
  }, 180_000)

  it('refuses an invalid seed with a message', async () => {
    const { code, text } = await play(['--seed', 'seven'])
    expect(code).toBe(1)
    expect(text).toContain('--seed takes a whole number')
  })
})
