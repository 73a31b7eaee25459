import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { cutIn } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'
import { uploadThroughKills } from '../../support/upload-kills.ts'
import type { Scenario } from '../support/scenario.ts'

export const scenario: Scenario = {
  id: 'M1',
  title: 'kill -9 of the server, 50 times, at any moment of uploads in one form and in parts',
  async run(stage) {
    const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-uploads-'))
    stage.undo(() => rm(dataDir, { recursive: true, force: true }))
    const [node] = await stage.nodes(1, { env: { DATA_DIR: dataDir } })
    if (!node) throw new Error('no node')
    const db = new pg.Pool({ connectionString: stage.databaseUrl, max: 2 })
    stage.undo(() => db.end())
    const { owner, project } = await createTeam(node)
    const kills = stage.short ? 3 : 50
    const { acknowledged, unanswered, faults } = await uploadThroughKills({
      server: node,
      db,
      dataDir,
      person: owner,
      project,
      cutId: await cutIn(owner, project),
      kills,
      random: () => stage.random.int(0, 1_000_000) / 1_000_000,
      onKill: (done) => stage.progress(done / kills),
    })
    stage.zero('files that are lost, doubled, changed or without their row', faults.length, faults)
    stage.holds('each upload in parts became a file', acknowledged >= kills, `${acknowledged} of ${kills}`)
    stage.show('uploads in one form without an answer', `${unanswered} of ${kills}`)
  },
}
