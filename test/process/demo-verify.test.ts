import { describe, expect, it } from 'vitest'
import { samplesOf } from '../../demo/latency.ts'
import { compare, holes, leaks, misfiled } from '../../demo/oracle.ts'
import { percentile } from '../support/statistics.ts'

const entry = (seq: number) => ({ seq, id: `event-${seq}` })
const log = [1, 2, 3, 4, 5].map(entry)
const got = (...seqs: number[]) => compare(log, seqs.map(entry), 1)
const seqs = (entries: { seq: number }[]) => entries.map(({ seq }) => seq)
const clean = { missing: [], repeated: [], outOfOrder: [], unknown: [] }

describe('the oracle of the demo', () => {
  it('accepts a list that is the log after its start', () => {
    expect(got(2, 3, 4, 5)).toEqual({ delivered: 4, ...clean })
    expect(compare(log, [], 5)).toEqual({ delivered: 0, ...clean })
  })

  it('sees a missing event, also the last one', () => {
    expect(got(2, 3, 5)).toEqual({ delivered: 3, ...clean, missing: [entry(4)] })
    expect(seqs(got(2, 3, 4).missing)).toEqual([5])
  })

  it('reports a repeated event, at once or later, and nothing else', () => {
    expect(got(2, 3, 3, 4, 5)).toEqual({ delivered: 4, ...clean, repeated: [entry(3)] })
    expect(got(2, 3, 4, 5, 2)).toEqual({ delivered: 4, ...clean, repeated: [entry(2)] })
  })

  it('sees two events that changed places', () => {
    expect(got(2, 4, 3, 5)).toEqual({ delivered: 4, ...clean, outOfOrder: [entry(3)] })
  })

  it('reports what the log does not have: an unknown id, a wrong position, or an event from before the start', () => {
    const strange = { seq: 3, id: 'event-of-another-room' }
    expect(compare(log, [...log, strange], 0)).toEqual({ delivered: 5, ...clean, unknown: [strange] })
    const moved = { seq: 9, id: 'event-3' }
    expect(compare(log, [entry(1), entry(2), moved, entry(4), entry(5)], 0)).toMatchObject({
      missing: [entry(3)],
      unknown: [moved],
    })
    expect(seqs(got(1, 2, 3, 4, 5).unknown)).toEqual([1])
  })

  it('reports frames that leaked to a person outside, also those that name no room', () => {
    const own = { name: 'project:joined', room: 'user:me' }
    const leaked = [{ name: 'comment:created', room: 'project:theirs' }, { name: 'activity:new' }]
    expect(leaks([own, ...leaked], 'user:me')).toEqual(leaked)
    expect(leaks([own], 'user:me')).toEqual([])
  })

  it('sees a hole in the log, and an answered write that is in it never or twice', () => {
    expect(holes(log)).toEqual([])
    expect(seqs(holes([entry(1), entry(3), entry(4)]))).toEqual([3, 4])
    const written = [{ mutationId: 'a' }, { mutationId: 'b' }, {}, { mutationId: 'b' }]
    expect(misfiled(['a', 'b', 'c'], written)).toEqual(['b', 'c'])
  })
})

describe('times from request to delivery', () => {
  it('counts what came to others, and keeps apart who was away in between', () => {
    const sent = new Map([
      ['one', { by: 'ann', at: 100, crowd: false }],
      ['two', { by: 'ann', at: 200, crowd: true }],
      ['three', { by: 'ann', at: 300, crowd: false }],
    ])
    const arrivals = [
      { mutationId: 'one', at: 105 },
      { mutationId: 'two', at: 220 },
      { mutationId: 'three', at: 900 },
      { at: 950 },
    ]
    const away = [{ from: 250, to: 880 }]
    const ben = { userId: 'ben', arrivals, away }
    expect(samplesOf(sent, [ben, { ...ben, userId: 'ann' }])).toEqual({ alone: [5], crowd: [20], outage: [600] })
  })

  it('takes percentiles by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index)
    expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([100, 198, 200])
    expect(percentile([7], 0.99)).toBe(7)
    expect(percentile([], 0.5)).toBeNaN()
  })
})
