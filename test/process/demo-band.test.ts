import { describe, expect, it } from 'vitest'
import { writesOf } from '../../src/cli/band/fill.ts'
import { planBand, sizes } from '../../src/cli/band/plan.ts'
import { createRandom } from '../support/random.ts'

describe('the band of the demo', () => {
  it('is the same for the same seed, and another for another', () => {
    const band = (seed: number) => planBand(createRandom(seed), sizes.quick)
    expect(band(7)).toEqual(band(7))
    expect(band(7).threads).not.toEqual(band(8).threads)
  })

  it('has as many items as asked for, and hardly a text twice', () => {
    const { full } = sizes
    const band = planBand(createRandom(1), full)
    const comments = band.threads.flatMap(({ body, replies }) => [body, ...replies.map((reply) => reply.body)])
    expect([band.vibes.length, band.cuts.length, band.tasks.length, comments.length]).toEqual([
      full.vibes,
      full.cuts,
      full.tasks,
      full.comments,
    ])
    expect(writesOf(band)).toBeGreaterThan(full.vibes + full.cuts + full.tasks + full.comments)
    expect(new Set(band.cuts.map((cut) => cut.name)).size).toBe(full.cuts)
    expect(new Set(band.threads.map((thread) => thread.body)).size).toBeGreaterThan(band.threads.length * 0.8)
    expect(JSON.stringify(band)).not.toMatch(/\[\w+\]|undefined/)
  })
})
