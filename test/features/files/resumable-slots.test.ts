import { expect, it, onTestFinished } from 'vitest'
import { problem } from '../../../src/errors.ts'
import type { Storage } from '../../../src/ports/storage/storage.ts'
import { startApp } from '../../support/app.ts'
import { beginUpload, cutIn, textOf, tus } from '../../support/files.ts'
import { gate } from '../../support/log.ts'
import { createTeam } from '../../support/people.ts'
import { until } from '../../support/until.ts'

it('S17 B2 uploads whose bytes are all there become files 20 at a time of one person, also when they are only asked about', async () => {
  let isAway = true
  let running = 0
  const stored = gate()
  const adaptStorage = (storage: Storage): Storage => ({
    ...storage,
    async put(key, file) {
      if (isAway) throw problem('unavailable')
      running++
      await stored.opened
      await storage.put(key, file)
    },
  })
  const app = await startApp({ env: { RATE_LIMIT: '10000' }, seams: { adaptStorage } })
  onTestFinished(() => app.close())
  const { owner, project } = await createTeam(app)
  const cutId = await cutIn(owner, project)
  const paths: string[] = []
  for (let n = 0; n < 25; n++) {
    const path = await beginUpload(app, owner, 100, { cutId, filename: 'a.txt' })
    expect((await tus(app, owner, 'PATCH', path, { 'upload-offset': '0' }, textOf(100))).status).toBe(503)
    paths.push(path)
  }
  isAway = false
  const statuses: number[] = []
  const answers = paths.map(async (path) => statuses.push((await tus(app, owner, 'HEAD', path)).status))
  await until('each is answered, or has its place', () => running + statuses.length === paths.length)
  expect([running, statuses]).toEqual([20, Array(5).fill(429)])
  stored.open()
  await Promise.all(answers)
  expect(statuses.slice(5)).toEqual(Array(20).fill(200))
  // The places are free again.
  for (const path of paths) expect((await tus(app, owner, 'HEAD', path)).headers.get('cutroom-file')).toMatch(/^[0-9a-f-]{36}$/)
})
