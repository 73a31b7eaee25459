import { describe, expect, it, onTestFinished } from 'vitest'
import { type Ablation, ablations } from '../../bench/subjects/cutroom/ablations.ts'
import { startApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { createCut, createTeam } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

describe('the server without one optimisation', () => {
  for (const name of Object.keys(ablations) as Ablation[])
    it(`D1 R1 W4 without ${name}: writes are delivered, replayed and listed, and a repeated key gives one answer`, async () => {
      const app = await startApp({ seams: ablations[name] })
      onTestFinished(app.close)
      const { project, owner } = await createTeam(app)
      const { cut } = await createCut(owner, project.id)
      const listener = await connect(app, owner)
      const { head } = await listener.join(project.id)
      const path = `/api/cuts/${cut.id}/comments`
      for (const n of [1, 2, 3, 4, 4]) await owner.must('POST', path, { body: `${n}` }, { 'idempotency-key': `key-${n}` })
      const created = () => listener.events(`project:${project.id}`).map(({ meta }) => meta.seq)
      await until('all are delivered', () => created().length === 4)
      expect(created()).toEqual(upTo(4).map((n) => head + n))
      expect((await owner.must<{ data: unknown[] }>('GET', path)).data).toHaveLength(4)
      const late = await connect(app, owner)
      expect(await late.join(project.id, { after: 0 })).toMatchObject({ mode: 'resumed' })
      expect(late.events(`project:${project.id}`).map(({ meta }) => meta.seq)).toEqual(upTo(head + 4))
    })
})
